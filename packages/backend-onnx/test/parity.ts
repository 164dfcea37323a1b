import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { expectLowered } from './lowered';

export type Computation = () => tf.Tensor | tf.Tensor[];

interface Result {
  dtype: tf.DataType;
  shape: number[];
  values: number[];
}

/**
 * The computation is lowered and gives the types, shapes and values of TensorFlow.js's cpu backend, and an error
 * where that gives one.
 *
 * @param tolerance  relative to the largest value; 0 asks for the same elements, -0 and NaN included
 * @returns whether there was a result to compare
 */
export async function expectParity(compute: Computation, tolerance = 0): Promise<boolean> {
  await tf.setBackend('cpu');
  const expected = resultsOrNull(compute);
  await tf.setBackend('onnx');
  if (expected === null) {
    expect(() => tf.tidy(() => void compute())).toThrow();
    return false;
  }
  const got = expectLowered(() => resultsOf(compute));
  expect(got.map(({ dtype, shape }) => [dtype, shape])).toEqual(expected.map(({ dtype, shape }) => [dtype, shape]));
  got.forEach(({ values }, i) => {
    const wanted = expected[i]!.values;
    if (tolerance === 0) expect(values).toEqual(wanted);
    else expect(values).toBeAllclose(wanted, { atol: tolerance * largest(wanted), rtol: 0 });
  });
  return got.length > 0;
}

/** The results in plain numbers; no tensor and no data may stay behind. */
export function resultsOf(compute: Computation): Result[] {
  const before = [tf.memory().numTensors, tf.backend().numDataIds()];
  const tensors = [tf.tidy(compute)].flat();
  const results = tensors.map((tensor) => {
    return { dtype: tensor.dtype, shape: tensor.shape, values: Array.from(tensor.dataSync<'float32'>()) };
  });
  tf.dispose(tensors);
  expect([tf.memory().numTensors, tf.backend().numDataIds()]).toEqual(before);
  return results;
}

function resultsOrNull(compute: Computation): Result[] | null {
  try {
    return resultsOf(compute);
  } catch {
    return null;
  }
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
