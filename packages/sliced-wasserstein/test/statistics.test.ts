// n points of x, m points of y, d coordinates, L slices
import * as tf from '@tensorflow/tfjs';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWassersteinDetailed, type SliceSampler } from '../src';
import { standardError } from '../src/sliced/standard-error';
import { drawSlices } from '../src/slices/slices';
import { largest, meanOf, normalRows, project, rowsOf, type Rows } from './clouds';

const golden = loadGolden(new URL('./golden/closed_forms.safetensors', import.meta.url));

/** Standard errors that a mean may be off: a normal variable is beyond with probability 7e-6; the keys are fixed. */
const STANDARD_ERRORS = 4.5;
/** Sums of float32. */
const ROUNDING = 1e-5;

function moved(rows: Rows, by: ArrayLike<number>): number[][] {
  return rows.map((row) => Array.from(row, (value, j) => value + by[j]!));
}

/** Rows of a golden tensor. */
function goldenRows(name: string): number[][] {
  const { data, shape } = golden.get(name);
  return rowsOf(data, shape.at(-1)!);
}

function varianceOf(values: ArrayLike<number>): number {
  const mean = meanOf(values);
  return Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Variance of W_1(theta) = |theta.delta| with |delta| = 1: E|theta_1|^2 - (E|theta_1|)^2. */
const SHIFT = {
  2: { mean: 2 / Math.PI, variance: 1 / 2 - 4 / Math.PI ** 2 },
  3: { mean: 1 / 2, variance: 1 / 12 },
} as const;

/** Estimates of SW_1 between a cloud and its translation by a unit vector, with what they say of their own errors. */
async function repeats(
  count: number,
  dim: 2 | 3,
  options: { slices: number; sampler: SliceSampler },
): Promise<{ deviations: number[]; errors: number[] }> {
  const x = normalRows(4, dim, 1);
  const y = moved(x, dim === 2 ? [0.6, 0.8] : [2 / 3, -1 / 3, 2 / 3]);
  const found = { deviations: [] as number[], errors: [] as number[] };
  for (let seed = 0; seed < count; seed++) {
    const key = random.foldIn(random.key(2), seed);
    const estimate = await slicedWassersteinDetailed(x, y, { p: 1, key, ...options });
    found.deviations.push(estimate.value - SHIFT[dim].mean);
    found.errors.push(estimate.standardError);
  }
  return found;
}

describe('estimates of the sliced distance', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([0, 1, 2, 3])('are within 5 standard errors of the closed form of a translation: case %d', async (i) => {
    const x = goldenRows(`shift.x.${i}`);
    const y = moved(x, golden.get(`shift.delta.${i}`).data);
    for (const sampler of ['uniform', 'orthogonal'] as const) {
      for (const p of [1, 2, 3, 4]) {
        const options = { p, sampler, slices: 600, key: random.key(3), root: false };
        const { value, standardError: error } = await slicedWassersteinDetailed(x, y, options);
        const exact = golden.get(`shift.swpp.${i}`).data[p - 1]!;
        expect(Math.abs(value - exact)).toBeLessThan(5 * error + ROUNDING * exact);
        // The bound says something.
        expect(error).toBeLessThan(0.15 * exact);
      }
    }
  });

  it.each([
    { dim: 2, sampler: 'uniform', slices: 16 },
    { dim: 3, sampler: 'uniform', slices: 16 },
    { dim: 2, sampler: 'orthogonal', slices: 16 },
    { dim: 3, sampler: 'orthogonal', slices: 15 },
    { dim: 2, sampler: 'qmc', slices: 16 },
    { dim: 3, sampler: 'qmc', slices: 128 },
  ] as const)('are unbiased, with honest errors: $sampler, d = $dim', async ({ dim, sampler, slices }) => {
    const count = 1000;
    const { deviations, errors } = await repeats(count, dim, { slices, sampler });
    const variance = varianceOf(deviations);
    expect(Math.abs(meanOf(deviations))).toBeLessThan(STANDARD_ERRORS * Math.sqrt(variance / count));
    // With groups of one size se^2 has the variance of the estimate as its mean. Of both, relative to it: a mean of squares
    // of kurtosis k has variance (k - 1) / count, k <= 4 as for means of several groups; se^2 of G groups has about
    // 2 / (G - 1) / count, less. Together at most sqrt((3 + 2) / count).
    const said = meanOf(errors.map((error) => error ** 2));
    expect(Math.abs(said / variance - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(5 / count));
    const uniform = SHIFT[dim].variance / slices;
    if (sampler === 'uniform') {
      // As derived: Var |theta_1| / L.
      expect(Math.abs(variance / uniform - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(3 / count));
      // L = 16 draws of a bounded variable: Student's t of 15 degrees has variance 15 / 13.
      const z = deviations.map((deviation, i) => deviation / errors[i]!);
      expect(varianceOf(z)).toBeGreaterThan(0.8);
      expect(varianceOf(z)).toBeLessThan(1.6);
    } else {
      // Orthogonal axes cannot all be close to the translation; even sets leave no gaps.
      expect(variance).toBeLessThan((sampler === 'qmc' ? 0.1 : 0.5) * uniform);
    }
  });

  it('are of honest errors for the distance itself, by the delta method', async () => {
    const [x, y] = [normalRows(20, 3, 4), normalRows(15, 3, 5, 1)];
    const [deviations, errors] = [[] as number[], [] as number[]];
    for (let seed = 0; seed < 600; seed++) {
      const key = random.foldIn(random.key(6), seed);
      const { value, standardError: error } = await slicedWassersteinDetailed(x, y, { key, slices: 64, p: 3 });
      deviations.push(value);
      errors.push(error);
    }
    const said = meanOf(errors.map((error) => error ** 2));
    // As above; the delta method is off by terms of the size of the squared relative error, 1 / 64 of a few.
    expect(Math.abs(said / varianceOf(deviations) - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(5 / 600) + 0.1);
  });

  it('of even slices without key converge faster than 1 / sqrt(L)', async () => {
    const x = normalRows(3, 3, 7);
    const y = moved(x, [2 / 3, -1 / 3, 2 / 3]);
    for (const slices of [100, 1000]) {
      const { value } = await slicedWassersteinDetailed(x, y, { p: 1, sampler: 'qmc', slices });
      // Random slices would be off by sqrt(1 / 12 / L) = 0.3 / sqrt(L).
      expect(Math.abs(value - 0.5)).toBeLessThan(1 / slices);
    }
  });

  it.each([
    ...[0, 1, 2].map((i) => ({ name: 'gauss2', i, dim: 2, slices: 200 })),
    ...[0, 1].map((i) => ({ name: 'gauss3', i, dim: 3, slices: 500 })),
  ])(
    'of samples of Gaussians are as near to the closed form as the samples are: $name $i',
    async ({ name, i, dim, slices }) => {
      // prettier-ignore
      const [S1, S2] = [goldenRows(`${name}.S1.${i}`), goldenRows(`${name}.S2.${i}`)];
      const mean = golden.get(`${name}.m.${i}`).data;
      const zero = new Array<number>(dim).fill(0);
      const n = 1500;
      const [x, y] = [gaussian(n, zero, S1, 8), gaussian(n, mean, S2, 9)];
      const estimate = await slicedWassersteinDetailed(x, y, { sampler: 'qmc', slices });
      // SW_2 satisfies the triangle inequality: |SW_2(mu_n, nu_n) - SW_2(mu, nu)| <= SW_2(mu_n, mu) + SW_2(nu_n, nu), on the
      // slices that were drawn, and the distance of a sample from its Gaussian is an integral of normal quantiles.
      const theta = estimate.slices;
      const root = (costs: number[]): number => Math.sqrt(meanOf(costs));
      const spread = (S: number[][], t: ArrayLike<number>): number =>
        Math.sqrt(S.reduce((sum, row, r) => sum + t[r]! * project([row], t)[0]!, 0));
      const along = (t: ArrayLike<number>): number => project([mean], t)[0]!;
      const toGaussian = [
        root(theta.map((t) => costToGaussian(project(x, t), 0, spread(S1, t)))),
        root(theta.map((t) => costToGaussian(project(y, t), along(t), spread(S2, t)))),
      ] as const;
      const bound = toGaussian[0] + toGaussian[1];
      const population = root(theta.map((t) => along(t) ** 2 + (spread(S1, t) - spread(S2, t)) ** 2));
      expect(Math.abs(estimate.value - population)).toBeLessThan(bound);
      expect(bound).toBeLessThan(0.2 * Math.sqrt(spread(S1, theta[0]!) ** 2 + largest(mean) ** 2));
      // Even slices integrate the smooth closed form: spectrally in the plane, to O(1 / L) in space.
      const exact = golden.get(`${name}.sw2sq.${i}`).data[0]!;
      expect(population ** 2).toBeAllclose(exact, { rtol: dim === 2 ? ROUNDING : 2 / slices });
    },
  );
});

/** n points of N(mean, S). */
function gaussian(n: number, mean: ArrayLike<number>, S: number[][], seed: number): number[][] {
  const factor = rowsOf(linalg.cholesky(linalg.matrixFromRows(S)).data, S.length);
  return moved(normalRows(n, S.length, seed).map((z) => project(factor, z)), mean); // prettier-ignore
}

/**
 * W_2^2 of n numbers and N(m, s^2): sum_i integral over ((i - 1) / n, i / n) of (x_(i) - m - s z(u))^2 du, with the
 * integral of z(u) between levels the difference of normal densities there.
 */
function costToGaussian(values: number[], m: number, s: number): number {
  const n = values.length;
  const sorted = [...values].sort((u, v) => u - v);
  const density = (level: number): number =>
    level <= 0 || level >= 1 ? 0 : Math.exp(-(linalg.normalQuantile(level) ** 2) / 2) / Math.sqrt(2 * Math.PI);
  const densities = sorted.map((_, i) => density((i + 1) / n));
  let cost = s * s;
  sorted.forEach((value, i) => {
    const centred = value - m;
    const ofQuantiles = (i === 0 ? 0 : densities[i - 1]!) - densities[i]!;
    cost += (centred * centred) / n - 2 * s * centred * ofQuantiles;
  });
  return cost;
}

describe('standardError', () => {
  it('is the usual one for groups of one, and that of the means of groups of equal size', () => {
    const values = [1, 4, 2, 8, 5, 7];
    expect(standardError(values, [1, 1, 1, 1, 1, 1])).toBeAllclose(Math.sqrt(varianceOf(values) / 6), { rtol: 1e-12 });
    const means = [2.5, 5, 6];
    expect(standardError(values, [2, 2, 2])).toBeAllclose(Math.sqrt(varianceOf(means) / 3), { rtol: 1e-12 });
    expect(standardError([3, 3, 3], [1, 2])).toBe(0);
    expect(standardError([3, 4], [2])).toBeNaN();
    expect(standardError([3], [1])).toBeNaN();
  });

  it.each([[[5, 1]], [[7, 2, 1]], [[3, 3, 3, 1]]])(
    'is of the right size on average for groups of sizes %j',
    (groups) => {
      const L = groups.reduce((sum, size) => sum + size, 0);
      const count = 20_000;
      const values = random.fillNormal(random.key(10), new Float64Array(count * L));
      // Independent values have the variance 1 / L of their mean, however they are grouped.
      const squares = Array.from({ length: count }, (_, i) =>
      standardError(values.subarray(i * L, (i + 1) * L), groups) ** 2); // prettier-ignore
      // Chi-squared with at least one degree of freedom: a relative variance of at most 2.
      expect(Math.abs(meanOf(squares) * L - 1)).toBeLessThan(STANDARD_ERRORS * Math.sqrt(2 / count));
    },
  );

  it('counts whole orthogonal blocks: they have no error for a translation and p = 2', async () => {
    await useBackend('cpu');
    const x = normalRows(4, 3, 11);
    const options = { sampler: 'orthogonal', slices: 12, key: random.key(12), root: false } as const;
    const { standardError: error, perSlice } = await slicedWassersteinDetailed(x, moved(x, [1, 2, -1]), options);
    expect(error).toBeLessThan(ROUNDING);
    expect(Math.sqrt(varianceOf(perSlice) / 12)).toBeGreaterThan(0.1);
  });

  it('belongs to the order in which slices are drawn', () => {
    const { groups, theta } = drawSlices('test', 3, { slices: 7, sampler: 'orthogonal', key: random.key(13) });
    expect(groups).toEqual([3, 3, 1]);
    const rows = theta.arraySync();
    theta.dispose();
    // Within a group the squares of one coordinate add up to 1.
    for (const first of [0, 3]) {
      for (const axis of [0, 1, 2]) {
        const sum = rows.slice(first, first + 3).reduce((total, row) => total + row[axis]! ** 2, 0);
        expect(sum).toBeAllclose(1, { rtol: ROUNDING });
      }
    }
  });

  it('needs no tensor', () => {
    const before = tf.memory().numTensors;
    standardError([1, 2, 3], [1, 1, 1]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
