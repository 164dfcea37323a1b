import type { HostComplex } from '../src/spectral';
import { numbers } from './values';

/** The discrete Fourier transform by its definition; `sign` -1 forward, 1 inverse without the factor. */
export function slowDft({ re, im }: HostComplex, sign = -1): HostComplex {
  const n = re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      // The angle of an index reduced modulo n is exact where that of j k would lose digits.
      const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      out.re[k]! += re[j]! * c - im[j]! * s;
      out.im[k]! += re[j]! * s + im[j]! * c;
    }
  }
  return out;
}

/** Of a row-major [h, w] image: rows, then columns. */
export function slowDft2({ re, im }: HostComplex, h: number, w: number, sign = -1): HostComplex {
  const out = { re: Float64Array.from(re), im: Float64Array.from(im) };
  const along = (start: number, stride: number, n: number): void => {
    const at = Array.from({ length: n }, (_, j) => start + j * stride);
    const line = slowDft(
      { re: Float64Array.from(at, (i) => out.re[i]!), im: Float64Array.from(at, (i) => out.im[i]!) },
      sign,
    );
    at.forEach((i, j) => ([out.re[i], out.im[i]] = [line.re[j]!, line.im[j]!]));
  };
  for (let i = 0; i < h; i++) along(i * w, 1, w);
  for (let j = 0; j < w; j++) along(j, w, h);
  return out;
}

/** Deterministic complex numbers. */
export function complexNumbers(n: number, seed = 1): HostComplex {
  return { re: numbers(n, seed), im: numbers(n, seed + 0.5) };
}

export function squaredNorm({ re, im }: HostComplex): number {
  let sum = 0;
  for (let i = 0; i < re.length; i++) sum += re[i]! ** 2 + im[i]! ** 2;
  return sum;
}

/** |a - b| / |b|, Euclidean. */
export function relativeError(a: HostComplex, b: HostComplex): number {
  const difference = { re: a.re.map((x, i) => x - b.re[i]!), im: a.im.map((x, i) => x - b.im[i]!) };
  return Math.sqrt(squaredNorm(difference) / squaredNorm(b));
}

/** A real line or image as a complex one. */
export function complexOf(re: Float64Array): HostComplex {
  return { re, im: new Float64Array(re.length) };
}
