import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, it } from 'vitest';
import '../src/index';
import { sameAsCpu } from './same-as-cpu';

/** Single precision. */
const ROUNDING = 2e-6;
/** Logarithms, exponentials and sums of dozens of them in a chain. */
const CHAINED = 2e-5;

/** Numbers without a pattern, of size 2. */
function numbers(shape: readonly number[], seed = 1): tf.Tensor {
  const size = tf.util.sizeFromShape([...shape]);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => 2 * Math.sin((i + 1) * (seed + 0.7))),
    [...shape],
  );
}

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe('normalisation', () => {
  it.each([[[5]], [[3, 1]], [[4, 10]], [[2, 3, 4]], [[2, 700]]])('softmax of %o is that of the cpu backend', (shape) =>
    sameAsCpu(() => [tf.softmax(numbers(shape)), tf.logSoftmax(numbers(shape).mul(50))], ROUNDING),
  );

  it('softmax takes NaN and infinities as the cpu backend does', () =>
    sameAsCpu(() =>
      tf.softmax(tf.tensor2d([1, NaN, 2, Infinity, 1, 2, -Infinity, -Infinity, -Infinity, -Infinity, 7, 7], [4, 3])),
    ));

  it('refuses the softmax over another axis', () => sameAsCpu(() => tf.softmax(numbers([2, 3]), 0)));

  it.each([[[4, 3]], [[2, 3, 3]], [[2, 3, 4, 3]]])('of batches %o is that of the cpu backend', (shape) =>
    sameAsCpu(() => {
      const x = numbers(shape).add(100);
      const [mean, variance] = [numbers([3], 2).add(100), numbers([3], 3).abs()] as [tf.Tensor1D, tf.Tensor1D];
      const [offset, scale] = [numbers([3], 4), numbers([3], 5)] as [tf.Tensor1D, tf.Tensor1D];
      return [
        tf.batchNorm(x, mean, variance),
        tf.batchNorm(x, mean, variance, offset),
        tf.batchNorm(x, mean, variance, undefined, scale, 0.1),
        tf.batchNorm(x, mean, variance, offset, scale, 0),
        tf.batchNorm(x, tf.onesLike(x), x, x, x, 2),
      ];
    }, CHAINED),
  );

  it('of batches has the gradients of the cpu backend', () =>
    sameAsCpu(() => {
      const parameters = [numbers([3], 2).add(100), numbers([3], 3).abs(), numbers([3], 4), numbers([3], 5)];
      return tf.grads((x: tf.Tensor, ...[mean, variance, offset, scale]: tf.Tensor[]) =>
        tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset, scale),
      )([numbers([2, 3, 4, 3]).add(100), ...parameters]);
    }, CHAINED));

  it.each([
    [5, 1, 1, 0.5],
    [2, 0.5, 0.3, 0.75],
    [1, 2, 0.1, 1],
    [0, 1, 1, 0.5],
  ])('of channels at most %i away has the values and gradients of the cpu backend', (radius, bias, alpha, beta) =>
    sameAsCpu(() => {
      const x = numbers([2, 3, 2, 7]) as tf.Tensor4D;
      const normal = (z: tf.Tensor): tf.Tensor =>
        tf.localResponseNormalization(z as tf.Tensor4D, radius, bias, alpha, beta);
      return [normal(x), normal(x.slice(0, [2, 3, 2, 1])), tf.grad(normal)(x)];
    }, CHAINED),
  );
});
