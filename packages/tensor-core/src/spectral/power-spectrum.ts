// B images, H height, W width, M = floor(W / 2) + 1, Q = H M modes of the left half, K bins
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, describeValue, ShapeError } from '../check';
import { floatOf } from './complex';
import { gridAxes } from './fft2';
import { halfLength } from './fft-plan';
import { realGridDft } from './grid-dft';
import type { RadialBins } from './radial-bins';
import { spectrumFactor, type SpectrumOptions } from './spectrum-options';

/** Options of spectra on the device. */
export interface TensorSpectrumOptions extends SpectrumOptions {
  /** Rows and columns, default [-2, -1]; [1, 2] for NHWC images. */
  axes?: readonly [number, number];
}

/** Power spectra on the device: the other axes of the images, then the bins; NaN where a bin has no modes. */
export interface Spectrum {
  /** Mean |k| of the modes of each bin. */
  k: Float64Array;
  /** Modes in each bin, k and -k both counted. */
  counts: Int32Array;
  /** Mean of |F|^2 over the modes of a bin, with the factor of the options. */
  power: tf.Tensor;
  /** Its standard deviation over the modes (divisor n). */
  std: tf.Tensor;
}

/** Cross spectra on the device. */
export interface CrossSpectrum {
  k: Float64Array;
  counts: Int32Array;
  /** Mean of Re(conj(F_a) F_b) over the modes of a bin. */
  cross: tf.Tensor;
  /** Its standard deviation over the modes (divisor n). */
  std: tf.Tensor;
  powerA: tf.Tensor;
  powerB: tf.Tensor;
  /** cross / sqrt(powerA powerB). */
  correlation: tf.Tensor;
}

/**
 * Power spectra of images, averaged over rings of wavenumbers: differentiable, inside `jit`, in float32.
 *
 *   P_b = mean over k in bin b of |fft2(u)[k]|^2 / (h w)
 *
 * @param images  [..., H, W], or with `axes` others; the size is that of the bins
 * @returns the spectra; for [B, H, W, C] with axes [1, 2] power has shape [B, C, K]
 * @throws TypeError, ShapeError for images that do not fit, RangeError for broken options
 * @remarks `hostPowerSpectrum` is the same in float64
 */
export function powerSpectrum(images: tf.Tensor, bins: RadialBins, options: TensorSpectrumOptions = {}): Spectrum {
  const where = 'tensor-core.powerSpectrum';
  const factor = spectrumFactor(where, bins, options);
  const { power, std } = tf.tidy(() => {
    const { modes, shape } = modesOf(where, 'images', images, bins, options);
    const squares = tf.sum(modes.square(), 1).mul<tf.Tensor2D>(factor);
    const { mean, std } = ringMoments(squares, bins);
    return { power: mean.reshape(shape), std: std.reshape(shape) };
  });
  return { k: bins.k, counts: bins.counts, power, std };
}

/**
 * Cross spectra of pairs of images, averaged over rings of wavenumbers: differentiable, inside `jit`, in float32.
 *
 *   C_b = mean over k in bin b of Re(conj(fft2(a)[k]) fft2(b)[k]) / (h w);  rho_b = C_b / sqrt(P_b(a) P_b(b))
 *
 * @param a  images as in `powerSpectrum`
 * @param b  of the same shape
 * @throws as `powerSpectrum`
 */
export function crossSpectrum(
  a: tf.Tensor,
  b: tf.Tensor,
  bins: RadialBins,
  options: TensorSpectrumOptions = {},
): CrossSpectrum {
  const where = 'tensor-core.crossSpectrum';
  const factor = spectrumFactor(where, bins, options);
  const tensors = tf.tidy(() => {
    const first = modesOf(where, 'a', a, bins, options);
    const second = modesOf(where, 'b', b, bins, options);
    if (!tf.util.arraysEqual(a.shape, b.shape)) {
      throw new ShapeError(argumentMessage(where, 'b', `have the shape of a (${describeValue(a)})`, b));
    }
    const ofProducts = (x: tf.Tensor, y: tf.Tensor) => {
      const { mean, std } = ringMoments(tf.sum(x.mul(y), 1).mul<tf.Tensor2D>(factor), bins);
      return { mean: mean.reshape(first.shape), std: std.reshape(first.shape) };
    };
    const { mean: cross, std } = ofProducts(first.modes, second.modes);
    const { mean: powerA } = ofProducts(first.modes, first.modes);
    const { mean: powerB } = ofProducts(second.modes, second.modes);
    // Two roots, as the product of two powers may overflow.
    const correlation = cross.div(powerA.sqrt().mul(powerB.sqrt()));
    return { cross, std, powerA, powerB, correlation };
  });
  return { k: bins.k, counts: bins.counts, ...tensors };
}

/** The left half of the spectra, parts apart, [B, 2, Q], and the shape that spectra of the images have. */
function modesOf(
  where: string,
  name: string,
  images: tf.Tensor,
  { height, width, size }: RadialBins,
  { axes = [-2, -1], window }: TensorSpectrumOptions,
): { modes: tf.Tensor3D; shape: number[] } {
  const float = floatOf(where, name, images);
  const grid = gridAxes(where, float, axes);
  if (grid.lengths[0] !== height || grid.lengths[1] !== width) {
    throw new ShapeError(argumentMessage(where, name, `have the size ${height} x ${width} of the bins`, images));
  }
  const u_BHW = grid.flatten<tf.Tensor3D>(float);
  const weighted = window ? u_BHW.mul<tf.Tensor3D>(tf.tensor(Float32Array.from(window), [1, height, width])) : u_BHW;
  const modes = realGridDft(weighted, 1).reshape<tf.Tensor3D>([grid.batch, 2, height * halfLength(width)]);
  const chosen = axes.map((axis) => (axis < 0 ? axis + float.rank : axis));
  return { modes, shape: [...float.shape.filter((_, axis) => !chosen.includes(axis)), size] };
}

/** Mean and standard deviation over the modes of each bin: [B, Q] to [B, K]. */
function ringMoments(x_BQ: tf.Tensor2D, bins: RadialBins): { mean: tf.Tensor; std: tf.Tensor } {
  const { ids, weights, shares } = ringsOf(bins);
  const { size } = bins;
  const ids_Q = tf.tensor1d(ids, 'int32');
  const weights_Q1 = tf.tensor2d(weights, [weights.length, 1]);
  const shares_K1 = tf.tensor2d(shares, [size + 1, 1]);
  const x_QB = x_BQ.transpose();
  const average = (y_QB: tf.Tensor): tf.Tensor =>
    tf.unsortedSegmentSum(y_QB.mul(weights_Q1), ids_Q, size + 1).mul(shares_K1);
  const mean_KB = average(x_QB);
  const variance_KB = average(x_QB.sub(mean_KB.gather(ids_Q)).square());
  const ofBins = (y_KB: tf.Tensor): tf.Tensor => y_KB.slice([0, 0], [size, x_BQ.shape[0]]).transpose();
  return { mean: ofBins(mean_KB), std: ofBins(variance_KB.sqrt()) };
}

interface Rings {
  /** The bin of each mode of the left half; `size` for those in none. */
  ids: Int32Array;
  /** How many modes of the whole spectrum each stands for. */
  weights: Float32Array;
  /** 1 / the number of modes of each bin, NaN of empty ones; 0 of the modes in none. */
  shares: Float32Array;
}

const rings = new WeakMap<RadialBins, Rings>();

function ringsOf(bins: RadialBins): Rings {
  let found = rings.get(bins);
  if (found !== undefined) return found;
  const { height, width, size, index, counts } = bins;
  const m = halfLength(width);
  const modes = Array.from({ length: height * m }, (_, at) => [Math.floor(at / m), at % m] as const);
  found = {
    ids: Int32Array.from(modes, ([i, j]) => (index[i * width + j]! < 0 ? size : index[i * width + j]!)),
    weights: Float32Array.from(modes, ([, j]) => (j === 0 || 2 * j === width ? 1 : 2)),
    shares: Float32Array.from([...counts, Infinity], (count) => (count === 0 ? NaN : 1 / count)),
  };
  rings.set(bins, found);
  return found;
}
