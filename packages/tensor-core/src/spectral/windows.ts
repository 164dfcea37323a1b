import { checkNumber } from '../check';
import { checkLineLength } from './fft-plan';
import { wavenumbers } from './wavenumbers';

/**
 * A window that falls to zero at both ends by half a cosine.
 *
 *   a_i = (1 - cos(pi (i + 1/2) / width)) / 2 for i < width, and mirrored; 1 between
 *
 * @param n      length
 * @param width  of each flank, 0 .. n / 2
 * @throws RangeError when they are not such integers
 */
export function cosineTaper(n: number, width: number): Float64Array {
  return taper('tensor-core.cosineTaper', n, width);
}

/** The product of `cosineTaper`s along rows and columns, row-major [height, width]: a window for spectra of cut-out images. */
export function cosineTaper2d(height: number, width: number, flank: number): Float64Array {
  const where = 'tensor-core.cosineTaper2d';
  const [rows, columns] = [taper(where, height, flank), taper(where, width, flank)];
  return Float64Array.from({ length: height * width }, (_, at) => rows[Math.floor(at / width)]! * columns[at % width]!);
}

/**
 * What a Gaussian beam leaves of the amplitude at multipoles; the power has its square.
 *
 *   B_l = exp(-l (l + 1) s^2 / 2),  s = fwhm / sqrt(8 log 2)
 *
 * @param ell   multipoles
 * @param fwhm  full width at half maximum, in radians
 * @throws RangeError when fwhm is negative or not finite
 */
export function gaussianBeam(ell: ArrayLike<number>, fwhm: number): Float64Array {
  checkNumber('tensor-core.gaussianBeam', 'fwhm', fwhm, { min: 0 });
  const variance = fwhm ** 2 / (8 * Math.LN2);
  return Float64Array.from(ell, (l) => Math.exp((-l * (l + 1) * variance) / 2));
}

/**
 * What averaging over square pixels leaves of the amplitude of each coefficient of fft2.
 *
 *   sinc(k_row D / 2) sinc(k_column D / 2),  sinc x = sin(x) / x,  D the side of a pixel
 *
 * @returns row-major [height, width]
 * @throws RangeError for broken sizes
 */
export function pixelWindow(height: number, width: number): Float64Array {
  const where = 'tensor-core.pixelWindow';
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  const { rows, columns } = wavenumbers(height, width, { unit: 'radians' });
  const sinc = (k: number): number => (k === 0 ? 1 : Math.sin(k / 2) / (k / 2));
  const [ofRows, ofColumns] = [rows.map(sinc), columns.map(sinc)];
  return Float64Array.from(
    { length: height * width },
    (_, at) => ofRows[Math.floor(at / width)]! * ofColumns[at % width]!,
  );
}

function taper(where: string, n: number, width: number): Float64Array {
  checkLineLength(where, 'the length', n);
  checkNumber(where, 'the width of a flank', width, { min: 0, max: Math.floor(n / 2), integer: true });
  return Float64Array.from({ length: n }, (_, i) => {
    const fromEnd = Math.min(i, n - 1 - i);
    return fromEnd < width ? (1 - Math.cos((Math.PI * (fromEnd + 0.5)) / width)) / 2 : 1;
  });
}
