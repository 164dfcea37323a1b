import { checkNumber, checkOneOf } from '../check';
import { checkLineLength } from './fft-plan';

/** Units of wavenumbers: cycles or radians per `spacing`, or modes, whole cycles per side. */
export type WavenumberUnit = 'cycles' | 'radians' | 'modes';

/** Options of `wavenumbers`. */
export interface WavenumberOptions {
  /** Default "cycles". */
  unit?: WavenumberUnit;
  /**
   * Length of a pixel, default 1; without meaning for modes. With radians and the pixel's angle in radians, |k| is the
   * multipole l of the flat sky.
   */
  spacing?: number;
}

/** Wavenumbers of the coefficients of `fft2`, in its order. */
export interface Wavenumbers {
  height: number;
  width: number;
  /** Of each row, [height], and each column, [width]; negative in the second half. */
  rows: Float64Array;
  columns: Float64Array;
  /** sqrt(rows^2 + columns^2), row-major [height, width]. */
  norm: Float64Array;
}

/**
 * The wavenumber of each coefficient of `fft2`.
 *
 *   cycles: k_i = i / (n spacing), i = 0 .. ceil(n/2) - 1, -floor(n/2) .. -1, as numpy.fft.fftfreq
 *   radians: 2 pi times that;  modes: i
 *
 * @param height  number of rows
 * @param width   number of columns
 * @throws RangeError when a number is not positive or the unit another
 */
export function wavenumbers(
  height: number,
  width: number,
  { unit = 'cycles', spacing = 1 }: WavenumberOptions = {},
): Wavenumbers {
  const where = 'tensor-core.wavenumbers';
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  checkOneOf(where, 'unit', unit, ['cycles', 'radians', 'modes']);
  checkNumber(where, 'spacing', spacing, { above: 0 });
  const factor = (n: number): number => (unit === 'modes' ? 1 : (unit === 'radians' ? 2 * Math.PI : 1) / (n * spacing));
  const frequencies = (n: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => (2 * i < n ? i : i - n) * factor(n));
  const rows = frequencies(height);
  const columns = frequencies(width);
  const norm = new Float64Array(height * width);
  for (let i = 0, at = 0; i < height; i++) {
    for (let j = 0; j < width; j++, at++) norm[at] = Math.sqrt(rows[i]! ** 2 + columns[j]! ** 2);
  }
  return { height, width, rows, columns, norm };
}
