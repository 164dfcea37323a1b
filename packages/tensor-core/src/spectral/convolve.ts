// B images, H height, W width, C channels, P parts, M = floor(W / 2) + 1
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { complexMultiply, floatOf, type Complex } from './complex';
import { checkLineLength } from './fft-plan';
import { irfft, rfft } from './fft';
import { irfft2, rfft2 } from './fft2';

/** Options of `circularConvolve2d`. */
export interface ConvolveOptions {
  /** Row and column of the kernel's element that stands for no shift, default [0, 0]; [1, 1] centres one of 3 x 3. */
  origin?: readonly [number, number];
}

/**
 * Lines convolved with a kernel around the end.
 *
 *   y_i = sum_a kernel_a x_(i - a mod n)
 *
 * @param x       [..., n]
 * @param kernel  [m] with m <= n
 * @returns float32, of x's shape; differentiable in both arguments
 * @throws TypeError when an argument is no tensor of real numbers, ShapeError when the shapes do not fit
 */
export function circularConvolve(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
  const where = 'tensor-core.circularConvolve';
  return tf.tidy(() => {
    const [signal, short] = [floatOf(where, 'x', x), floatOf(where, 'kernel', kernel)];
    if (signal.rank < 1) throw new ShapeError(argumentMessage(where, 'x', 'have at least 1 axes', x));
    const n = checkLineLength(where, 'the length of the last axis', signal.shape.at(-1)!);
    if (short.rank !== 1 || short.size > n) {
      throw new ShapeError(argumentMessage(where, 'kernel', `have shape [m] with m <= ${n}`, kernel));
    }
    const padded = short.pad([[0, n - short.size]]);
    return irfft(complexMultiply(rfft(signal), rfft(padded)), { n });
  });
}

/**
 * Images convolved with a kernel around the edges, by Fourier transforms: for kernels as large as images. Small ones are
 * cheaper by tf.conv2d of an image that is continued periodically.
 *
 *   y_ij = sum_ab kernel_ab x_(i - a + r mod H, j - b + s mod W),  (r, s) the origin
 *
 * @param x       [B, H, W, C]
 * @param kernel  [kh, kw] for all channels, or [kh, kw, C] for one each; kh <= H, kw <= W
 * @returns float32 [B, H, W, C]; differentiable in both arguments
 * @throws TypeError when an argument is no tensor of real numbers, ShapeError when the shapes do not fit, RangeError
 *   when the origin is not in the kernel
 */
export function circularConvolve2d(
  x: tf.Tensor,
  kernel: tf.Tensor,
  { origin = [0, 0] }: ConvolveOptions = {},
): tf.Tensor4D {
  const where = 'tensor-core.circularConvolve2d';
  return tf.tidy(() => {
    const [x_BHWC, small] = [floatOf(where, 'x', x), floatOf(where, 'kernel', kernel)];
    if (x_BHWC.rank !== 4) throw new ShapeError(argumentMessage(where, 'x', 'have shape [B, H, W, C]', x));
    const [, h, w, c] = x_BHWC.shape as [number, number, number, number];
    const [kh, kw, kc] = small.rank === 2 ? [...small.shape, 1] : small.shape;
    if (small.rank < 2 || small.rank > 3 || kh! > h || kw! > w || (small.rank === 3 && kc !== c)) {
      const wanted = `have shape [kh, kw] or [kh, kw, ${c}] with kh <= ${h} and kw <= ${w}`;
      throw new ShapeError(argumentMessage(where, 'kernel', wanted, kernel));
    }
    checkNumber(where, 'origin[0]', origin[0], { min: 0, max: kh! - 1, integer: true });
    checkNumber(where, 'origin[1]', origin[1], { min: 0, max: kw! - 1, integer: true });
    const padding: [number, number][] = [[0, 0], [0, h - kh!], [0, w - kw!], [0, 0]]; // prettier-ignore
    const whole = small.reshape([1, kh!, kw!, kc!]).pad(padding);
    const axes = [1, 2] as const;
    const filter = rfft2(turnedBack(turnedBack(whole, 1, origin[0]), 2, origin[1]), { axes });
    const product: Complex = complexMultiply(rfft2(x_BHWC, { axes }), filter);
    return irfft2(product, { axes, n: w }) as tf.Tensor4D;
  });
}

/** The elements of an axis from `start` on, then those before. */
function turnedBack(x: tf.Tensor, axis: number, start: number): tf.Tensor {
  if (start === 0) return x;
  const parts = tf.split(x, [start, x.shape[axis]! - start], axis);
  return tf.concat([parts[1]!, parts[0]!], axis);
}
