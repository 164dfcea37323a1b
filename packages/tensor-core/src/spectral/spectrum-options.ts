import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';
import type { RadialBins } from './radial-bins';

/** Options of power and cross spectra. */
export interface SpectrumOptions {
  /** "power" (default): |F|^2 / (h w), which is 1 for white noise of unit variance; "raw": |F|^2. */
  normalisation?: 'power' | 'raw';
  /** Area of a pixel, default 1, a factor of the power: with it the power is a density, such as C_l in uK^2 sr. */
  pixelArea?: number;
  /** Apodisation, row-major [height, width]: a factor of the images, whose mean square the power is divided by. */
  window?: Float64Array | Float32Array;
}

/** The checked options as the factor of |F|^2. */
export function spectrumFactor(where: string, bins: RadialBins, options: SpectrumOptions): number {
  const { normalisation = 'power', pixelArea = 1, window } = options;
  checkOneOf(where, 'normalisation', normalisation, ['power', 'raw']);
  checkNumber(where, 'pixelArea', pixelArea, { above: 0 });
  const size = bins.height * bins.width;
  const factor = normalisation === 'power' ? pixelArea / size : pixelArea;
  if (window === undefined) return factor;
  const isArray = window instanceof Float64Array || (window as unknown) instanceof Float32Array;
  if (!isArray) throw new TypeError(argumentMessage(where, 'window', 'be a Float64Array or Float32Array', window));
  if (window.length !== size) {
    throw new ShapeError(
      argumentMessage(where, 'window', `have ${size} elements, [height, width] of the bins`, window),
    );
  }
  let squares = 0;
  for (const value of window) squares += value * value;
  if (!(squares > 0 && squares < Infinity)) {
    throw new RangeError(argumentMessage(where, 'the mean square of window', 'be finite and > 0', squares / size));
  }
  return (factor * size) / squares;
}
