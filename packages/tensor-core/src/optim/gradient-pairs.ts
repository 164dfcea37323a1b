import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';

/** Gradients by the names of variables, as tf.variableGrads gives them, or in a list; null for unused variables. */
export type Gradients = Record<string, tf.Tensor | null> | { name: string; tensor: tf.Tensor | null }[];

/** A variable with its gradient. */
export interface GradientPair {
  variable: tf.Variable;
  gradient: tf.Tensor;
}

/** Finds the variables of gradients. @throws RangeError, ShapeError for gradients that fit none, or when there are none */
export function pairsOf(where: string, gradients: Gradients): GradientPair[] {
  const named = Array.isArray(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor] as const)
    : Object.entries(gradients);
  const registered = tf.engine().registeredVariables;
  const pairs = named.flatMap(([name, gradient]): GradientPair[] => {
    if (gradient == null) return [];
    const variable = registered[name];
    if (variable === undefined) {
      throw new RangeError(argumentMessage(where, 'gradients', 'be named after registered variables', name));
    }
    if (String(variable.shape) !== String(gradient.shape)) {
      const wanted = `have its shape [${variable.shape.join(', ')}]`;
      throw new ShapeError(argumentMessage(where, `the gradient of ${name}`, wanted, gradient));
    }
    return [{ variable, gradient }];
  });
  if (pairs.length > 0) return pairs;
  throw new RangeError(`${where}: gradients must name at least one variable, got none.`);
}
