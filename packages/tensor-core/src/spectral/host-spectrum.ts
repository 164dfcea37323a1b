import { argumentMessage, ShapeError } from '../check';
import { halfLength } from './fft-plan';
import { fftPlan2 } from './fft-plan-2d';
import type { RadialBins } from './radial-bins';
import { spectrumFactor, type SpectrumOptions } from './spectrum-options';

/** Power spectra of images on the host; an array per image, an element per bin, NaN where a bin has no modes. */
export interface HostSpectrum {
  /** Mean |k| of the modes of each bin. */
  k: Float64Array;
  /** Modes in each bin, k and -k both counted. */
  counts: Int32Array;
  /** Mean of |F|^2 over the modes of a bin, with the factor of the options. */
  power: Float64Array[];
  /** Its standard deviation over the modes (divisor n). */
  std: Float64Array[];
}

/** Cross spectra of pairs of images on the host. */
export interface HostCrossSpectrum {
  k: Float64Array;
  counts: Int32Array;
  /** Mean of Re(conj(F_a) F_b) over the modes of a bin. */
  cross: Float64Array[];
  /** Its standard deviation over the modes (divisor n). */
  std: Float64Array[];
  powerA: Float64Array[];
  powerB: Float64Array[];
  /** cross / sqrt(powerA powerB), in [-1, 1]. */
  correlation: Float64Array[];
}

/** Row-major images, one after the other. */
export type HostImages = Float64Array | Float32Array;

interface Moments {
  mean: Float64Array;
  std: Float64Array;
}

/**
 * Power spectra of images, averaged over rings of wavenumbers, in float64.
 *
 *   P_b = mean over k in bin b of |fft2(u)[k]|^2 / (h w)
 *
 * @param images  of the size of the bins
 * @throws TypeError, ShapeError for arrays that do not fit, RangeError for broken options
 * @example
 * const { k, power } = hostPowerSpectrum(image, radialBins(256, 256));
 */
export function hostPowerSpectrum(images: HostImages, bins: RadialBins, options: SpectrumOptions = {}): HostSpectrum {
  const where = 'tensor-core.hostPowerSpectrum';
  const factor = spectrumFactor(where, bins, options);
  const fields = checkedImages(where, 'images', images, bins);
  const spectra = fields.map((field) => {
    const { re, im } = spectrumOf(field, bins, options.window);
    return ringMoments(bins, (at) => factor * (re[at]! ** 2 + im[at]! ** 2));
  });
  const { k, counts } = bins;
  return { k, counts, power: spectra.map(({ mean }) => mean), std: spectra.map(({ std }) => std) };
}

/**
 * Cross spectra of pairs of images, averaged over rings of wavenumbers, in float64.
 *
 *   C_b = mean over k in bin b of Re(conj(fft2(a)[k]) fft2(b)[k]) / (h w);  rho_b = C_b / sqrt(P_b(a) P_b(b))
 *
 * @param a  images of the size of the bins
 * @param b  as many
 * @throws as `hostPowerSpectrum`
 */
export function hostCrossSpectrum(
  a: HostImages,
  b: HostImages,
  bins: RadialBins,
  options: SpectrumOptions = {},
): HostCrossSpectrum {
  const where = 'tensor-core.hostCrossSpectrum';
  const factor = spectrumFactor(where, bins, options);
  const first = checkedImages(where, 'a', a, bins);
  const second = checkedImages(where, 'b', b, bins);
  if (first.length !== second.length)
    throw new ShapeError(argumentMessage(where, 'b', `be as long as a (${a.length})`, b));
  const { k, counts } = bins;
  const result: HostCrossSpectrum = { k, counts, cross: [], std: [], powerA: [], powerB: [], correlation: [] };
  first.forEach((field, i) => {
    const f = spectrumOf(field, bins, options.window);
    const g = spectrumOf(second[i]!, bins, options.window);
    const cross = ringMoments(bins, (at) => factor * (f.re[at]! * g.re[at]! + f.im[at]! * g.im[at]!));
    const powerA = ringMoments(bins, (at) => factor * (f.re[at]! ** 2 + f.im[at]! ** 2)).mean;
    const powerB = ringMoments(bins, (at) => factor * (g.re[at]! ** 2 + g.im[at]! ** 2)).mean;
    result.cross.push(cross.mean);
    result.std.push(cross.std);
    result.powerA.push(powerA);
    result.powerB.push(powerB);
    result.correlation.push(cross.mean.map((c, bin) => c / Math.sqrt(powerA[bin]! * powerB[bin]!)));
  });
  return result;
}

/** Mean and standard deviation over the modes of each bin of a function of the left half of a spectrum. */
function ringMoments({ height, width, size, index, counts }: RadialBins, valueAt: (at: number) => number): Moments {
  const m = halfLength(width);
  const eachMode = (visit: (bin: number, weight: number, value: number) => void): void => {
    for (let i = 0, at = 0; i < height; i++) {
      for (let j = 0; j < m; j++, at++) {
        const bin = index[i * width + j]!;
        // Columns with a mirror image in the right half stand for two modes.
        if (bin >= 0) visit(bin, j === 0 || 2 * j === width ? 1 : 2, valueAt(at));
      }
    }
  };
  const [mean, std] = [new Float64Array(size), new Float64Array(size)];
  eachMode((bin, weight, value) => (mean[bin]! += weight * value));
  for (let bin = 0; bin < size; bin++) mean[bin]! /= counts[bin]!;
  eachMode((bin, weight, value) => (std[bin]! += weight * (value - mean[bin]!) ** 2));
  for (let bin = 0; bin < size; bin++) std[bin] = Math.sqrt(std[bin]! / counts[bin]!);
  return { mean, std };
}

function spectrumOf(
  field: HostImages,
  { height, width }: RadialBins,
  window: SpectrumOptions['window'],
): { re: Float64Array; im: Float64Array } {
  const m = halfLength(width);
  const x = Float64Array.from(field);
  if (window) x.forEach((value, i) => (x[i] = value * window[i]!));
  const out = { re: new Float64Array(height * m), im: new Float64Array(height * m) };
  fftPlan2(height, width).forwardReal(x, out.re, out.im);
  return out;
}

function checkedImages(where: string, name: string, images: HostImages, { height, width }: RadialBins): HostImages[] {
  if (!(images instanceof Float64Array) && !((images as unknown) instanceof Float32Array)) {
    throw new TypeError(argumentMessage(where, name, 'be a Float64Array or Float32Array', images));
  }
  const size = height * width;
  if (images.length === 0 || images.length % size !== 0) {
    const wanted = `have a multiple of ${size} elements, [height, width] of the bins`;
    throw new ShapeError(argumentMessage(where, name, wanted, images));
  }
  return Array.from({ length: images.length / size }, (_, i) => images.subarray(i * size, (i + 1) * size));
}
