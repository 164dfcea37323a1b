import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';

/** Scalars on the device, by name. */
export type Scalars = Record<string, tf.Scalar>;

/**
 * What a user's function gave as named scalars; a lone scalar is the loss. They are tensors of their own: among what was
 * given may be variables, and others that live on.
 *
 * @throws TypeError when it is neither a scalar nor a record of scalars
 */
export function scalarsOf(where: string, name: string, result: unknown): Scalars {
  if (isScalar(result)) return { loss: result.clone() };
  const isRecord = typeof result === 'object' && result !== null && !(result instanceof tf.Tensor);
  const wanted = 'return a scalar tensor or a record of scalar tensors';
  if (!isRecord || result instanceof Promise || Array.isArray(result)) {
    throw new TypeError(argumentMessage(where, name, wanted, result, 'Take the mean over the batch.'));
  }
  const named = Object.entries(result).map(([part, value]): [string, tf.Scalar] => {
    if (isScalar(value)) return [part, value.clone()];
    throw new TypeError(argumentMessage(where, `${part} of ${name}`, 'be a scalar tensor', value));
  });
  return Object.fromEntries(named);
}

/** Reads scalars into numbers; they stay the caller's. */
export async function numbersOf(scalars: Scalars): Promise<Record<string, number>> {
  const named = Object.entries(scalars).map(async ([name, scalar]) => [name, (await scalar.data())[0]!] as const);
  return Object.fromEntries(await Promise.all(named));
}

function isScalar(value: unknown): value is tf.Scalar {
  return value instanceof tf.Tensor && value.rank === 0;
}
