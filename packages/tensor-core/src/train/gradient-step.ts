import * as tf from '@tensorflow/tfjs';
import { canCompile, jit } from '../backend';
import { argumentMessage } from '../check';
import type { Key } from '../random';
import { scalarsOf, type Scalars } from './scalars';
import type { StepContext, Stepper } from './stepper';
import type { WeightAverage } from './weight-average';

/** The loss of a batch, a scalar, alone or with further scalars to be logged. */
export type LossFunction<B> = (batch: B, key: Key) => tf.Tensor | ({ loss: tf.Tensor } & Record<string, tf.Tensor>);

/** Changes gradients, by the names of the variables in the model, before the optimiser sees them. */
export type GradientTransform = (gradients: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;

/** What a step is built from. */
export interface GradientStepOptions<B> {
  loss: LossFunction<B>;
  optimizer: tf.Optimizer;
  /** The variables that are trained, with their names in the model. */
  trained: readonly [string, tf.Variable][];
  /** Micro-batches of a step. */
  accumulate: number;
  clipNorm: number | undefined;
  transformGradients: GradientTransform | undefined;
  average: WeightAverage | undefined;
  compile: boolean;
}

/** An optimiser whose step depends on the loss, as momo's does. */
interface LossAwareOptimizer extends tf.Optimizer {
  applyGradientsWithLoss(gradients: { name: string; tensor: tf.Tensor }[], loss: tf.Scalar): void;
}

const WHERE = 'tensor-core.fit';

/**
 * Loss, gradients, clipping and optimiser as compiled functions.
 *
 *   g = sum over the k micro-batches of grad(loss_j / k)
 *   g <- g min(1, clipNorm / (|g| + 1e-6)),  |g| over all variables together, as torch.nn.utils.clip_grad_norm_
 *
 * A variable that the loss does not use has the gradient 0. With k > 1 the gradients of the micro-batches are added up in
 * variables, so that memory is needed for one micro-batch at a time.
 */
export class GradientStep<B extends tf.TensorContainer> implements Stepper<B> {
  /** One whole step on one batch. */
  private readonly whole: (batch: B, key: Key) => Scalars;
  /** Adds the gradients of a micro-batch to the sums. */
  private readonly gather: (batch: B, key: Key) => Scalars;
  /** Steps with the sums and sets them to zero. */
  private readonly apply: () => Scalars;
  /** Sums of gradients, and of the loss as the last one. */
  private readonly sums: tf.Variable[] = [];

  constructor(private readonly options: GradientStepOptions<B>) {
    const compiled = options.compile ? jit : <F>(fn: F): F => fn;
    this.whole = compiled((batch: B, key: Key) => this.wholeStep(batch, key));
    this.gather = compiled((batch: B, key: Key) => this.gatherGradients(batch, key));
    this.apply = compiled(() => this.applySums());
  }

  run(batch: B, { key }: StepContext, isLast: boolean): Scalars[] {
    const { accumulate } = this.options;
    if (accumulate === 1) return [this.counted(() => this.whole(batch, key))];
    if (this.sums.length === 0) this.makeSums();
    const values = this.gather(batch, key);
    return isLast ? [values, this.counted(() => this.apply())] : [values];
  }

  dispose(): void {
    tf.dispose(this.sums.splice(0));
  }

  /** TensorFlow.js's optimisers count steps in JavaScript, which a compiled function runs only at its recording. */
  private counted<T>(step: () => T): T {
    const { optimizer } = this.options;
    const before = optimizer.iterations;
    const result = step();
    const mayBeCompiled = this.options.compile && canCompile(tf.backend());
    if (mayBeCompiled && optimizer.iterations === before) optimizer['incrementIterations']();
    return result;
  }

  private wholeStep(batch: B, key: Key): Scalars {
    return tf.tidy(() => {
      const { values, gradients } = this.gradientsOf(batch, key, 1);
      return { ...values, ...this.update(gradients, values['loss']!) };
    });
  }

  private gatherGradients(batch: B, key: Key): Scalars {
    return tf.tidy(() => {
      const { accumulate } = this.options;
      const { values, gradients } = this.gradientsOf(batch, key, 1 / accumulate);
      const parts = [...gradients, values['loss']!.div(accumulate)];
      this.sums.forEach((sum, i) => sum.assign(sum.add(parts[i]!)));
      return values;
    });
  }

  private applySums(): Scalars {
    return tf.tidy(() => {
      const sums = this.sums.map((sum) => sum.clone());
      const loss = sums.pop() as tf.Scalar;
      const values = this.update(sums, loss);
      for (const sum of this.sums) sum.assign(tf.zerosLike(sum));
      return values;
    });
  }

  /** The gradients in the order of the variables; values of the batch beside them. */
  private gradientsOf(batch: B, key: Key, scale: number): { values: Scalars; gradients: tf.Tensor[] } {
    const { loss, trained } = this.options;
    const variables = trained.map(([, variable]) => variable);
    const values: Scalars = {};
    let failure: { error: unknown } | null = null;
    const scaledLoss = (): tf.Scalar => {
      try {
        Object.assign(values, this.valuesOf(loss(batch, key)));
        // Of what is computed in here only the result would stay.
        for (const scalar of Object.values(values)) tf.keep(scalar);
        return values['loss']!.mul(scale);
      } catch (error) {
        // To throw in here would leave behind what is kept for the gradients.
        failure = { error };
        return variables[0]!.sum();
      }
    };
    try {
      const { value, grads } = tf.variableGrads(scaledLoss, variables);
      value.dispose();
      if (failure !== null) throw (failure as { error: unknown }).error;
      const gradients = variables.map((variable) => grads[variable.name] ?? tf.zerosLike(variable));
      return { values, gradients };
    } catch (error) {
      tf.dispose(values);
      throw error;
    }
  }

  private valuesOf(result: unknown): Scalars {
    const values = scalarsOf(WHERE, 'loss', result);
    if ('loss' in values) return values;
    throw new TypeError(argumentMessage(WHERE, 'loss', 'return a scalar, or a record with a scalar loss', values));
  }

  private update(gradients: tf.Tensor[], loss: tf.Scalar): Scalars {
    const { optimizer, trained, average, clipNorm, transformGradients } = this.options;
    const values: Scalars = {};
    let final = gradients;
    if (transformGradients) {
      const named: Partial<Record<string, unknown>> | null = transformGradients(
        Object.fromEntries(trained.map(([name], i) => [name, gradients[i]!])),
      );
      final = trained.map(([name, variable]) => checkedGradient(name, variable, named?.[name]));
    }
    if (clipNorm !== undefined) {
      const norm = tf.addN(final.map((gradient) => gradient.square().sum())).sqrt();
      const factor = tf.minimum(1, tf.div(clipNorm, norm.add(1e-6)));
      final = final.map((gradient) => gradient.mul(factor));
      values['gradientNorm'] = norm as tf.Scalar;
    }
    const named = final.map((tensor, i) => ({ name: trained[i]![1].name, tensor }));
    if (isLossAware(optimizer)) optimizer.applyGradientsWithLoss(named, loss);
    else optimizer.applyGradients(named);
    average?.update();
    return values;
  }

  private makeSums(): void {
    for (const [, variable] of this.options.trained) {
      this.sums.push(tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)));
    }
    this.sums.push(tf.tidy(() => tf.variable(tf.scalar(0), false)));
  }
}

function checkedGradient(name: string, variable: tf.Variable, gradient: unknown): tf.Tensor {
  const { shape } = variable;
  if (gradient instanceof tf.Tensor && String(gradient.shape) === String(shape)) return gradient as tf.Tensor;
  const wanted = `return a tensor of shape [${shape.join(', ')}] for ${name}`;
  throw new TypeError(argumentMessage(WHERE, 'transformGradients', wanted, gradient));
}

function isLossAware(optimizer: tf.Optimizer): optimizer is LossAwareOptimizer {
  return typeof (optimizer as Partial<LossAwareOptimizer>).applyGradientsWithLoss === 'function';
}
