import type { DensityAt, LogDensity } from '../src/inference';
import { cholesky, choleskySolve, matrix, type Matrix64 } from '../src/linalg';

/** A normal density with its exact gradient. */
export function normalTarget(mean: ArrayLike<number>, covariance: Matrix64): LogDensity {
  const factor = cholesky(covariance);
  return (q) => {
    const difference = q.map((value, i) => value - mean[i]!);
    const { data } = choleskySolve(factor, matrix(q.length, 1, difference));
    const value = -0.5 * difference.reduce((sum, d, i) => sum + d * data[i]!, 0);
    return { value, gradient: data.map((entry) => -entry) };
  };
}

/**
 * The posterior of coloured noise with spectrum k^phi / mean(k^phi): parameters u = (phi + 1) / 2 and sigma, uniform
 * prior on [0, 1] x [low, high]. Gradients are those of the likelihood, also outside.
 *
 * @param noise  one picture [N, N]
 */
export function colouredNoiseTarget(
  noise: Float64Array,
  [low, high]: readonly [number, number],
): (q: Float64Array) => DensityAt {
  const n = Math.sqrt(noise.length);
  const power = powerSpectrum(noise, n);
  const logK = Float64Array.from(power, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n].map((index) => (index < n / 2 ? index : index - n) / n) as [
      number,
      number,
    ];
    // The zero mode has the value 1 whatever the power.
    return at === 0 ? 0 : 0.5 * Math.log(i * i + j * j);
  });
  return (q) => {
    const [u, sigma] = q as unknown as [number, number];
    const phi = 2 * u - 1;
    const raw = logK.map((value) => Math.exp(phi * value));
    const total = raw.reduce((sum, value) => sum + value, 0);
    const meanLogK = raw.reduce((sum, value, at) => sum + value * logK[at]!, 0) / total;
    let value = -0.5 * n * n * Math.log(2 * Math.PI);
    const gradient = new Float64Array(2);
    power.forEach((p, at) => {
      const spectrum = (raw[at]! * n * n) / total;
      const ratio = p / (sigma * sigma * spectrum);
      value -= 0.5 * (Math.log(sigma * sigma * spectrum) + ratio);
      gradient[0]! -= (1 - ratio) * (logK[at]! - meanLogK);
      gradient[1]! -= (1 - ratio) / sigma;
    });
    const inside = u >= 0 && u <= 1 && sigma >= low && sigma <= high;
    return { value: inside ? value : -Infinity, gradient };
  };
}

/** |DFT|^2 / N^2, from its definition, row by row and column by column. */
function powerSpectrum(x: Float64Array, n: number): Float64Array {
  const cosine = Float64Array.from({ length: n * n }, (_, at) =>
    Math.cos((2 * Math.PI * (Math.floor(at / n) * (at % n))) / n),
  );
  const sine = Float64Array.from({ length: n * n }, (_, at) =>
    Math.sin((2 * Math.PI * (Math.floor(at / n) * (at % n))) / n),
  );
  const along = (re: Float64Array, im: Float64Array): [Float64Array, Float64Array] => {
    const [outRe, outIm] = [new Float64Array(n * n), new Float64Array(n * n)];
    for (let row = 0; row < n; row++) {
      for (let k = 0; k < n; k++) {
        for (let j = 0; j < n; j++) {
          const [a, b, c, s] = [re[row * n + j]!, im[row * n + j]!, cosine[k * n + j]!, sine[k * n + j]!];
          // Written to the transposed place, so that the next call goes along the columns.
          outRe[k * n + row]! += a * c + b * s;
          outIm[k * n + row]! += b * c - a * s;
        }
      }
    }
    return [outRe, outIm];
  };
  const [re, im] = along(...along(x, new Float64Array(n * n)));
  return re.map((value, at) => (value * value + im[at]! ** 2) / (n * n));
}
