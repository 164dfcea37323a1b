import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { expectLowered } from './lowered';
import { resultsOf, type Computation } from './parity';

/** A few units of float32's last place, 6e-8; TensorFlow.js's cpu backend computes in float64. */
export const ROUNDING = 1e-6;
/** Below float32's normal numbers the relative error grows. */
export const SMALLEST_NORMAL = 2 ** -126;

export const FINITE = [0, -0, 1e-37, -1e-37, 1e-10, 0.5, 1, -1, 1.5, 2.5, -2.5, 7, -88, 90, 1e5, 3e38, -3e38];
export const FLOATS = [NaN, Infinity, -Infinity, ...FINITE];
export const INTEGERS = [0, 1, -1, 2, -3, 7, -10, 46341, 2 ** 31 - 1, -(2 ** 31)];
/** Products of two are exact in float64, in which the cpu backend multiplies integers. */
export const FACTORS = INTEGERS.filter((value) => Math.abs(value) < 2 ** 26);
export const BOOLEANS = [0, 1];

export const run = (kernel: string, inputs: object, attributes: object = {}): tf.Tensor =>
  tf.engine().runKernel<tf.Tensor>(kernel, inputs as tf.NamedTensorMap, attributes as tf.NamedAttrMap);

/** The computation is lowered and gives types, shapes and values of the cpu backend, each value within `rtol`. */
export async function expectSame(
  compute: Computation,
  rtol = 0,
  atol = rtol === 0 ? 0 : SMALLEST_NORMAL,
): Promise<void> {
  const expected = await onCpu(compute);
  const got = expectLowered(() => resultsOf(compute));
  expect(got.map(({ dtype, shape }) => [dtype, shape])).toEqual(expected.map(({ dtype, shape }) => [dtype, shape]));
  got.forEach(({ values }, i) => expect(values).toBeAllclose(expected[i]!.values, { rtol, atol }));
}

async function onCpu(compute: Computation): Promise<ReturnType<typeof resultsOf>> {
  await tf.setBackend('cpu');
  try {
    return resultsOf(compute);
  } finally {
    await tf.setBackend('onnx');
  }
}
