// B examples, H height, W width, C channels, G channels in front of the image, P parts, M = floor(W / 2) + 1
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';
import { normal, type Key } from '../random';
import { floatOf } from './complex';
import { gridAxes } from './fft2';
import { halfLength } from './fft-plan';
import { realGridDft, realGridInverse } from './grid-dft';
import { checkedPower, type PowerArray } from './power-array';

/** Options of `colourNoise` and `gaussianField`. */
export interface ColourOptions {
  /** Rows and columns of the fields; default [1, 2] where there are four axes, NHWC, else the last two. */
  axes?: readonly [number, number];
}

/**
 * Gaussian fields of given power from white noise.
 *
 *   e = Re ifft2( sqrt(P) fft2(w) ),  P[k] = E|fft2(e)[k]|^2 / (h w),  Var e = mean of P
 *
 * Differentiable in the noise, and in a power tensor where that is positive; inside `jit`.
 *
 * @param white  w, independent standard normals: [B, H, W, C], [B, H, W], [H, W], or others with `axes`
 * @param power  P >= 0 in the order of fft2, symmetric, P[k] = P[-k]: a tensor [H, W], or [B, H, W] for one per
 *   example of the first axis, of which columns 0 .. W / 2 are used; or a host array of as many elements, which is checked
 * @returns float32, of the shape of white
 * @throws TypeError when an argument is of another kind, ShapeError when sizes do not fit, RangeError for bad axes and
 *   for host powers that are negative, not finite or asymmetric
 * @see Heurtel-Depeiges et al., 2024, "Listening to the Noise: Blind Denoising with Gibbs Diffusion", arXiv:2402.19455
 */
export function colourNoise(white: tf.Tensor, power: tf.Tensor | PowerArray, options: ColourOptions = {}): tf.Tensor {
  return coloured('tensor-core.colourNoise', white, power, options);
}

/**
 * Gaussian fields of given power: `colourNoise` of `random.normal(key, shape)`.
 *
 * @param key    used for this draw only
 * @param shape  of the result: [B, H, W, C], [B, H, W], [H, W], or others with `axes`
 * @param power  as in `colourNoise`
 * @throws as `colourNoise`, and TypeError when `key` is not a key
 * @example
 * const { norm } = wavenumbers(64, 64);
 * const power = norm.map((k) => (k === 0 ? 0 : k ** -3));
 * const clouds = gaussianField(key(1), [4, 64, 64, 1], power);
 */
export function gaussianField(
  key: Key,
  shape: readonly number[],
  power: tf.Tensor | PowerArray,
  options: ColourOptions = {},
): tf.Tensor {
  return tf.tidy(() => coloured('tensor-core.gaussianField', normal(key, shape), power, options));
}

function coloured(where: string, white: tf.Tensor, power: tf.Tensor | PowerArray, { axes }: ColourOptions): tf.Tensor {
  return tf.tidy(() => {
    const noise = floatOf(where, 'white', white);
    const grid = gridAxes(where, noise, axes ?? (noise.rank === 4 ? [1, 2] : [-2, -1]));
    const [h, w] = grid.lengths as [number, number];
    // Examples are on the first axis, unless that is one of the field.
    const hasExamples = noise.rank > 2 && !(axes ?? []).some((axis) => axis === 0 || axis === -noise.rank);
    const examples = hasExamples ? noise.shape[0] : 1;
    const amplitude = amplitudes(where, power, examples, h, w);
    const spectrum_BPHM = realGridDft(grid.flatten(noise), 1);
    const channels = grid.batch / examples;
    const shape_BGPHM = [examples, channels, 2, h, halfLength(w)];
    const product = spectrum_BPHM.reshape(shape_BGPHM).mul(amplitude).reshape<tf.Tensor4D>(spectrum_BPHM.shape);
    return grid.restore(realGridInverse(product, w, 1 / (h * w)), [h, w]);
  });
}

/** sqrt(P) of columns 0 .. W / 2: [1 or B, 1, 1, H, M]. */
function amplitudes(where: string, power: tf.Tensor | PowerArray, examples: number, h: number, w: number): tf.Tensor {
  const m = halfLength(w);
  const size = h * w;
  if (power instanceof tf.Tensor) {
    const one = tf.util.arraysEqual(power.shape, [h, w]);
    if (!one && !tf.util.arraysEqual(power.shape, [examples, h, w])) {
      const wanted = `have shape [${h}, ${w}]${examples > 1 ? ` or [${examples}, ${h}, ${w}]` : ''}`;
      throw new ShapeError(argumentMessage(where, 'power', wanted, power));
    }
    const count = one ? 1 : examples;
    const kept = floatOf(where, 'power', power).reshape([count, h, w]).slice([0, 0, 0], [count, h, m]);
    return kept.sqrt().reshape([count, 1, 1, h, m]);
  }
  checkedPower(where, power, h, w);
  const count = power.length / size;
  if (count !== 1 && count !== examples) {
    const wanted = `have ${size}${examples > 1 ? ` or ${examples * size}` : ''} elements`;
    throw new ShapeError(argumentMessage(where, 'power', wanted, power));
  }
  const out = new Float32Array(count * h * m);
  for (let row = 0, at = 0; row < count * h; row++) {
    for (let j = 0; j < m; j++, at++) out[at] = Math.sqrt(power[row * w + j]!);
  }
  return tf.tensor(out, [count, 1, 1, h, m]);
}
