import { linalg, random } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import type { Bound } from '../src/certificate/bound';
import { certify } from '../src/certificate/certify';
import { concentration } from '../src/certificate/concentration';
import { sliceError } from '../src/certificate/slice-error';

/** W_p^p of two sorted samples with n dividing m. */
function power(x: Float64Array, y: Float64Array, p: number): number {
  const ratio = y.length / x.length;
  return y.reduce((sum, value, j) => sum + Math.abs(x[Math.floor(j / ratio)]! - value) ** p, 0) / y.length;
}

/** Laws on the line by their quantile functions, with W_p^p between them by the midpoint rule in the level. */
interface Case {
  name: string;
  bound: Bound;
  p: number;
  x: (u: number) => number;
  y: (u: number) => number;
}

const normal = linalg.normalQuantile;
/** The shift apart, all pairs are drawn at the corner of what their constants allow. */
const CASES: Case[] = [
  // Two-point laws move the most mass by one point.
  {
    name: 'two points, W_2^2',
    bound: { kind: 'bounded', diameter: 1 },
    p: 2,
    x: (u) => Number(u > 0.5),
    y: (u) => Number(u > 0.3),
  },
  { name: 'uniform, W_1', bound: { kind: 'bounded', diameter: 1.25 }, p: 1, x: (u) => u, y: (u) => u + 0.25 },
  // Signs are sub-Gaussian with sigma 1.
  {
    name: 'signs, W_1',
    bound: { kind: 'subgaussian', sigmaX: 1, sigmaY: 1 },
    p: 1,
    x: (u) => 2 * Number(u > 0.5) - 1,
    y: (u) => 2 * Number(u > 0.5) + 0.5,
  },
  {
    name: 'normal, W_1',
    bound: { kind: 'subgaussian', sigmaX: 1, sigmaY: 2, gaussian: true },
    p: 1,
    x: normal,
    y: (u) => 2 * normal(u) + 3,
  },
  // Of the exponential law X - X' is a Laplace variable: E |X - X'|^k = k!, so sigma^2 = 2 and b = 1.
  {
    name: 'exponential, W_1',
    bound: { kind: 'bernstein', sigmaX: Math.SQRT2, sigmaY: Math.SQRT2, b: 1 },
    p: 1,
    x: (u) => -Math.log1p(-u),
    y: (u) => 1 - Math.log1p(-u),
  },
  {
    name: 'normal, W_2',
    bound: { kind: 'gaussianConcentration', sigmaX: 1, sigmaY: 1 },
    p: 2,
    x: normal,
    y: (u) => normal(u) + 1,
  },
];

describe('concentration', () => {
  it.each(CASES)('holds for $name: mgf, and bias to both sides', ({ bound, p, x, y }) => {
    const [n, m, repeats, nodes] = [20, 40, 4000, 20000];
    const { of, phi, size, psi, upperPsi } = concentration('test', { p, bound, n, m });
    const rooted = (value: number): number => (of === 'W_p' ? value ** (1 / p) : value);
    const levels = Float64Array.from({ length: nodes }, (_, k) => (k + 0.5) / nodes);
    const population = rooted(power(levels.map(x), levels.map(y), p));
    const [keyX, keyY] = random.split(random.key(1)) as [random.Key, random.Key];
    const allX = random.fillUniform(keyX, new Float64Array(repeats * n)).map(x);
    const allY = random.fillUniform(keyY, new Float64Array(repeats * m)).map(y);
    const values = Float64Array.from({ length: repeats }, (_, i) =>
      rooted(power(allX.slice(i * n, (i + 1) * n).sort(), allY.slice(i * m, (i + 1) * m).sort(), p)),
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / repeats;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (repeats - 1);
    // The second derivative of the mgf at 0; the relative error of a variance is sqrt((kurtosis - 1) / repeats), 5 % at 10.
    expect(variance).toBeLessThan((2 * phi * 1.15) / size);
    for (const sign of [-1, 1]) {
      // lambda of one standard deviation of the bound: the mean of exp has a relative error below e / sqrt(repeats) = 0.04.
      const lambda = Math.sqrt(size / (2 * phi));
      const mgf = values.reduce((sum, value) => sum + Math.exp(sign * lambda * (value - mean)), 0) / repeats;
      expect(Math.log(mgf)).toBeLessThan((lambda ** 2 * phi) / size + 0.1);
    }
    const fiveErrors = 5 * Math.sqrt(variance / repeats);
    expect(mean - population).toBeLessThan(psi + fiveErrors);
    expect(population - mean).toBeLessThan(upperPsi + fiveErrors);
  });

  it('is sharp up to constants: Gaussian W_1 far apart has half the variance allowed', () => {
    // W_1 of samples far apart is the difference of their means, of variance sX^2 / n + sY^2 / m = 2 phi / N exactly.
    const bound: Bound = { kind: 'subgaussian', sigmaX: 1, sigmaY: 2, gaussian: true };
    const { phi, size } = concentration('test', { p: 1, bound, n: 20, m: 40 });
    expect((2 * phi) / size).toBeAllclose(1 / 20 + 4 / 40, { rtol: 1e-13 });
  });
});

describe('certify', () => {
  // x uniform on [0, 1]^4, y on the box of sides SCALES that begins at STARTS; slices are the 4 axes, so every projection is
  // a uniform law on an interval, and all projected points lie in [0, 1.2].
  const SCALES = [1, 0.9, 1.1, 0.8];
  const STARTS = [0, 0.1, 0.1, 0];
  const [n, m, repeats, delta] = [200, 400, 200, 0.1];
  const bound: Bound = { kind: 'bounded', diameter: 1.2 };
  // W_2^2 of the intervals [0, 1] and [c, c + s]: the integral of (c + (s - 1) u)^2.
  const population = SCALES.map((s, j) => STARTS[j]! ** 2 + STARTS[j]! * (s - 1) + (s - 1) ** 2 / 3);

  /** The best rho for lambda, rho prop exp(lambda W), with its KL to the uniform prior, by the same data that it is used on. */
  function repeat(key: random.Key): { value: number; truth: number; kl: number } {
    const [keyX, keyY] = random.split(key) as [random.Key, random.Key];
    const x = random.fillUniform(keyX, new Float64Array(4 * n));
    const y = random.fillUniform(keyY, new Float64Array(4 * m));
    const costs = SCALES.map((s, j) => {
      const ofY = y.slice(j * m, (j + 1) * m).map((u) => STARTS[j]! + s * u);
      return power(x.slice(j * n, (j + 1) * n).sort(), ofY.sort(), 2);
    });
    const lambda = Math.sqrt(2 / (1 / n + 1 / m));
    const weights = costs.map((cost) => Math.exp(lambda * cost));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const rho = weights.map((weight) => weight / total);
    const mean = (of: readonly number[]): number => of.reduce((sum, value, j) => sum + rho[j]! * value, 0);
    return { value: mean(costs), truth: mean(population), kl: mean(rho.map((share) => Math.log(4 * share))) };
  }

  const draws = random.split(random.key(7), repeats).map(repeat);
  const violations = (share: number): { lower: number; upper: number } => {
    let [lower, upper] = [0, 0];
    for (const { value, truth, kl } of draws) {
      const found = certify({ value, kl, n, m, p: 2, bound, delta, upperDelta: delta, slices: 'exact' });
      if (value - share * (value - found.raw) > truth) lower++;
      if (value + share * (found.upper!.bound - value) < truth) upper++;
    }
    return { lower: lower / repeats, upper: upper / repeats };
  };

  it('covers: bounds fail in at most delta of the repeats, though rho is fitted to the data', () => {
    expect(draws.some(({ kl }) => kl > 1e-3)).toBe(true);
    const { lower, upper } = violations(1);
    expect(lower).toBeLessThanOrEqual(delta);
    expect(upper).toBeLessThanOrEqual(delta);
  });

  it('would not cover with a hundredth of the slack', () => {
    expect(violations(0.01).lower).toBeGreaterThan(delta);
  });
});

describe('sliceError', () => {
  it('covers means over slices, to both sides', () => {
    // Costs of a slice in [0, 2]: 2 u^8, of mean 2/9.
    const [count, delta, repeats] = [50, 0.1, 2000];
    const all = random.fillUniform(random.key(3), new Float64Array(count * repeats)).map((u) => 2 * u ** 8);
    const failures = { range: 0, both: 0, normal: 0 };
    for (let i = 0; i < repeats; i++) {
      const costs = all.subarray(i * count, (i + 1) * count);
      const mean = costs.reduce((sum, cost) => sum + cost, 0) / count;
      const variance = costs.reduce((sum, cost) => sum + (cost - mean) ** 2, 0) / (count - 1);
      const standardError = Math.sqrt(variance / count);
      const off = Math.abs(mean - 2 / 9);
      if (off > sliceError('test', { count, delta, range: 2 }).error) failures.range++;
      if (off > sliceError('test', { count, delta, range: 2, standardError }).error) failures.both++;
      if (off > sliceError('test', { count, delta, standardError }).error) failures.normal++;
    }
    // Each side fails with delta at most; the approximation fails at about 2 delta, so the test sees a missing share.
    expect(failures.range / repeats).toBeLessThan(2 * delta);
    expect(failures.both / repeats).toBeLessThan(2 * delta);
    expect(failures.normal / repeats).toBeGreaterThan(delta);
  });
});
