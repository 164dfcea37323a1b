// B images, H rows, W columns, C channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';

/** Options of psnr. */
export interface PsnrOptions {
  /** The difference between the largest and the smallest possible pixel value, default 1. */
  range?: number;
}

/** Options of ssim. */
export interface SsimOptions extends PsnrOptions {
  /**
   * 'uniform' (default): a square window with sample covariances, scikit-image's default. 'gaussian': weights of
   * standard deviation 1.5 on 11 x 11 pixels with plain covariances, as in the paper.
   */
  weights?: 'uniform' | 'gaussian';
  /** Side of the uniform window in pixels, odd, default 7. */
  window?: number;
}

const K1 = 0.01;
const K2 = 0.03;
const GAUSSIAN_STD = 1.5;
const GAUSSIAN_RADIUS = 5;

/**
 * Peak signal-to-noise ratio in dB.
 *
 *   PSNR = 10 log10(range^2 / mean((x - y)^2))
 *
 * @param prediction_BHWC  x, images [B, H, W, C], or one [H, W, C]
 * @param target_BHWC      y, of the same shape
 * @returns [B], or a scalar for one image; Infinity where the images are equal
 * @throws ShapeError when the shapes differ or are not those of images, RangeError when range <= 0
 */
export function psnr(prediction_BHWC: tf.Tensor, target_BHWC: tf.Tensor, { range = 1 }: PsnrOptions = {}): tf.Tensor {
  checkPair('tensor-core.psnr', prediction_BHWC, target_BHWC);
  checkNumber('tensor-core.psnr', 'range', range, { above: 0 });
  return tf.tidy(() => {
    const mse_B = perImage(tf.squaredDifference(prediction_BHWC, target_BHWC));
    return tf.log(mse_B.div(range * range)).mul(-10 / Math.LN10);
  });
}

/**
 * Structural similarity, the mean over windows and channels.
 *
 *   SSIM = (2 mx my + C1)(2 cov + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)),  C1 = (0.01 range)^2, C2 = (0.03 range)^2
 *
 * @param prediction_BHWC  x, images [B, H, W, C], or one [H, W, C]
 * @param target_BHWC      y, of the same shape
 * @returns [B], or a scalar for one image; 1 where the images are equal. Windows lie inside of the image wholly
 * @throws ShapeError when the shapes differ, are not those of images or smaller than the window; RangeError for options
 * @see Wang, Bovik, Sheikh & Simoncelli, 2004, doi:10.1109/TIP.2003.819861
 */
export function ssim(
  prediction_BHWC: tf.Tensor,
  target_BHWC: tf.Tensor,
  { range = 1, weights = 'uniform', window = 7 }: SsimOptions = {},
): tf.Tensor {
  const where = 'tensor-core.ssim';
  checkPair(where, prediction_BHWC, target_BHWC);
  checkNumber(where, 'range', range, { above: 0 });
  checkNumber(where, 'window', window, { min: 3, integer: true });
  if (window % 2 === 0) throw new RangeError(argumentMessage(where, 'window', 'be odd', window));
  const gaussian = checkOneOf(where, 'weights', weights, ['uniform', 'gaussian']) === 'gaussian';
  const side = gaussian ? 2 * GAUSSIAN_RADIUS + 1 : window;
  const [height, width] = target_BHWC.shape.slice(-3) as [number, number];
  if (height < side || width < side) {
    throw new ShapeError(argumentMessage(where, 'the images', `have at least ${side} x ${side} pixels`, target_BHWC));
  }
  const averaged = gaussian ? gaussianAverage : (x: tf.Tensor4D) => tf.avgPool(x, side, 1, 'valid');
  const bessel = gaussian ? 1 : side ** 2 / (side ** 2 - 1);
  const [c1, c2] = [(K1 * range) ** 2, (K2 * range) ** 2];
  return tf.tidy(() => {
    const batch = [-1, ...target_BHWC.shape.slice(-3)] as [number, number, number, number];
    const x_BHWC = prediction_BHWC.reshape<tf.Tensor4D>(batch);
    const y_BHWC = target_BHWC.reshape<tf.Tensor4D>(batch);
    // Moments about the image's mean: the squares of bright, even pictures would cancel in float32.
    const centre = y_BHWC.mean([1, 2, 3], true);
    const [x, y] = [x_BHWC.sub(centre), y_BHWC.sub(centre)] as [tf.Tensor4D, tf.Tensor4D];
    const [mx, my] = [averaged(x), averaged(y)];
    const vx = averaged(x.square()).sub(mx.square()).mul(bessel);
    const vy = averaged(y.square()).sub(my.square()).mul(bessel);
    const cov = averaged(x.mul(y)).sub(mx.mul(my)).mul(bessel);
    const [ax, ay] = [mx.add(centre), my.add(centre)];
    const likeness = ax.mul(ay).mul(2).add(c1).mul(cov.mul(2).add(c2));
    const size = ax.square().add(ay.square()).add(c1).mul(vx.add(vy).add(c2));
    const ssim_B = perImage(likeness.div(size));
    return target_BHWC.rank === 3 ? ssim_B.reshape([]) : ssim_B;
  });
}

/** The weighted mean around each pixel whose window lies inside, columns first, then rows. */
function gaussianAverage(x_BHWC: tf.Tensor4D): tf.Tensor4D {
  const weights = Array.from({ length: 2 * GAUSSIAN_RADIUS + 1 }, (_, i) =>
    Math.exp(-((i - GAUSSIAN_RADIUS) ** 2) / (2 * GAUSSIAN_STD ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const channels = x_BHWC.shape[3];
  const side = weights.length;
  const line = tf.tensor1d(weights.map((weight) => weight / sum));
  const filter = (shape: [number, number]): tf.Tensor4D => line.reshape([...shape, 1, 1]).tile([1, 1, channels, 1]);
  const columns = tf.depthwiseConv2d(x_BHWC, filter([side, 1]), 1, 'valid');
  return tf.depthwiseConv2d(columns, filter([1, side]), 1, 'valid');
}

function perImage(x: tf.Tensor): tf.Tensor {
  return x.mean(x.rank === 4 ? [1, 2, 3] : undefined);
}

function checkPair(where: string, prediction: tf.Tensor, target: tf.Tensor): void {
  for (const [name, tensor] of Object.entries({ prediction, target })) {
    const isImage = tensor instanceof tf.Tensor && (tensor.rank === 3 || tensor.rank === 4) && tensor.size > 0;
    if (isImage) continue;
    throw new ShapeError(argumentMessage(where, name, 'be images [B, H, W, C] or one image [H, W, C]', tensor));
  }
  if (String(prediction.shape) !== String(target.shape)) {
    throw new ShapeError(argumentMessage(where, 'prediction', `have shape [${target.shape.join(', ')}]`, prediction));
  }
}
