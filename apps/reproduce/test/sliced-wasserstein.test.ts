import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { checksOf, type SlicedData } from '../src/experiments/sliced-wasserstein/checks';
import { gaussianLaw, sampleOf } from '../src/experiments/sliced-wasserstein/clouds';
import { coverageOf } from '../src/experiments/sliced-wasserstein/coverage';
import { digitsSlices, separation } from '../src/experiments/sliced-wasserstein/digits';
import { coverageFigure } from '../src/experiments/sliced-wasserstein/figures/coverage';
import { digitsFigure } from '../src/experiments/sliced-wasserstein/figures/digits';
import { flowFigure } from '../src/experiments/sliced-wasserstein/figures/flow';
import { gapFigure } from '../src/experiments/sliced-wasserstein/figures/gap';
import { generatorFigure } from '../src/experiments/sliced-wasserstein/figures/generator';
import { sampleSizeFigure } from '../src/experiments/sliced-wasserstein/figures/sample-size';
import { flowTo, TARGETS } from '../src/experiments/sliced-wasserstein/flow';
import { gapOf, METHODS, type Gap } from '../src/experiments/sliced-wasserstein/gap';
import { generatorTrained, TRAININGS } from '../src/experiments/sliced-wasserstein/generator';
import { planOf } from '../src/experiments/sliced-wasserstein/plan';
import { sampleSize, slopeOf } from '../src/experiments/sliced-wasserstein/sample-size';
import { embeddedDigits } from '../src/image-data';

beforeAll(() => useBackend('onnx'));
const images = await embeddedDigits();
const key = random.key(3);
const { signal } = new AbortController();

describe('planOf', () => {
  it('full has more dimensions, runs, slices and pictures', () => {
    const [quick, full] = [planOf('quick'), planOf('full')];
    expect(full.sampleSize.dims).toEqual(expect.arrayContaining(quick.sampleSize.dims));
    expect(full.sampleSize.runs).toBeGreaterThan(quick.sampleSize.runs);
    expect(full.gap.runs).toBeGreaterThan(quick.gap.runs);
    expect(full.gap.slices).toBeGreaterThan(quick.gap.slices);
    expect(full.coverage.repeats).toBeGreaterThan(quick.coverage.repeats);
    expect(full.generator.steps).toBeGreaterThan(quick.generator.steps);
  });
});

describe('sampleOf', () => {
  it('has the mean and the covariance B B^T + I of its law', async () => {
    const dim = 3;
    const law = gaussianLaw(dim, key, 2);
    const n = 20_000;
    const x = sampleOf(law, n, key);
    const values = await x.data();
    x.dispose();
    const columns = [0, 1, 2].map((j) => Float64Array.from({ length: n }, (_, row) => values[row * dim + j]! - 2));
    const meanOf = (of: (row: number) => number): number => {
      let sum = 0;
      for (let row = 0; row < n; row++) sum += of(row) / n;
      return sum;
    };
    const expected = (a: number, b: number): number =>
      [0, 1, 2].reduce((sum, k) => sum + law.factor[a * dim + k]! * law.factor[b * dim + k]!, Number(a === b));
    columns.forEach((one, i) => {
      const spread = Math.sqrt(expected(i, i));
      expect(Math.abs(meanOf((row) => one[row]!))).toBeLessThan((4.5 * spread) / Math.sqrt(n));
      columns.forEach((other, j) => {
        // Products of two normal numbers spread by at most sqrt(2) times the product of their deviations.
        const bound = (4.5 * Math.SQRT2 * spread * Math.sqrt(expected(j, j))) / Math.sqrt(n);
        expect(Math.abs(meanOf((row) => one[row]! * other[row]!) - expected(i, j))).toBeLessThan(bound);
      });
    });
  });
});

describe('sampleSize', () => {
  it('falls with the size of the samples, by the same key to the same numbers', async () => {
    const options = { dim: 3, kappa: 1, n: [20, 400], runs: 4, slices: 20, key };
    const before = tf.memory().numTensors;
    const row = await sampleSize(options);
    expect(tf.memory().numTensors).toBe(before);
    expect(row.mean[1]).toBeLessThan(row.mean[0]!);
    expect(row.std.every((value) => value > 0)).toBe(true);
    expect(await sampleSize(options)).toEqual(row);
  });

  it('slopeOf gives the exponent of a power', () => {
    const n = [10, 100, 1000];
    expect(slopeOf({ dim: 1, kappa: 1, n, mean: n.map((size) => 3 * size ** -0.8), std: [0, 0, 0] })).toBeCloseTo(
      -0.8,
      12,
    );
  });
});

describe('gapOf', () => {
  it('single slices flatter most where they were learned', async () => {
    const before = tf.memory().numTensors;
    const rows = await gapOf({
      dim: 20, gamma: 0, n: 30, testSize: 300, runs: 2, slices: 20, iterations: 20, finalSlices: 50, key, signal,
    }); // prettier-ignore
    expect(tf.memory().numTensors).toBe(before);
    expect(rows.map(({ method }) => method)).toEqual([...METHODS]);
    const lost = Object.fromEntries(rows.map(({ method, train, test }) => [method, train - test]));
    expect(lost['max-SW']).toBeGreaterThan(lost['uniform']!);
    expect(rows.at(-1)!.train).toBeGreaterThan(rows[0]!.train);
  });
});

describe('coverageOf', () => {
  it('bounds hold, and values themselves are none', async () => {
    const before = tf.memory().numTensors;
    const row = await coverageOf({ n: 500, repeats: 6, key, signal });
    expect(tf.memory().numTensors).toBe(before);
    expect(row.violated).toBe(0);
    expect(row.violatedWithoutSlack).toBeGreaterThan(0);
    expect(row.violatedWithTenth).toBeLessThanOrEqual(row.violatedWithoutSlack);
    // |theta . delta| is at most |delta|, and near it for slices that were learned.
    expect(row.population).toBeGreaterThan(0.4);
    expect(row.population).toBeLessThanOrEqual(0.5);
    expect(row.lowerBound).toBeGreaterThan(0);
    expect(row.lowerBound).toBeLessThan(row.population);
  });
});

describe('digitsSlices', () => {
  it('finds an axis that puts pictures of other writers in order', async () => {
    const before = tf.memory().numTensors;
    const found = await digitsSlices(images, {
      classes: [3, 8], iterations: 60, slices: 50, permutations: 99, limit: 60, key, signal,
    }); // prettier-ignore
    expect(tf.memory().numTensors).toBe(before);
    expect(Math.hypot(...found.mu)).toBeCloseTo(1, 6);
    expect(found.mu).toHaveLength(64);
    expect(found.separation).toBeGreaterThan(0.8);
    expect(found.learned.test).toBeGreaterThan(found.uniform.test);
    expect(found.pValue).toBe(0.01);
    expect(found.pValuesOfHalves.filter((p) => p <= 0.05).length).toBeLessThanOrEqual(4);
    const { caption, svg } = await digitsFigure(found);
    expect(caption).toContain('3 from 8');
    expect(svg).toContain('<svg');
  });

  it('separation is the share of pairs in the more frequent order', () => {
    const points = (...values: number[]): Float32Array[] => values.map((value) => Float32Array.of(value, 9));
    expect(separation(points(1, 2), points(3, 4), [1, 0])).toBe(1);
    expect(separation(points(1, 2), points(3, 4), [-1, 0])).toBe(1);
    expect(separation(points(1, 5), points(3, 4), [1, 0])).toBe(0.5);
    expect(separation(points(1, 3.5), points(3, 4), [1, 0])).toBe(0.75);
  });
});

describe('flowTo', () => {
  it.each(Object.keys(TARGETS))('comes nearer to %s, in the same way in one piece or in two', async (target) => {
    const before = tf.memory().numTensors;
    const options = { points: 60, slices: 16, key, signal };
    const parts = await flowTo(target, { ...options, frames: [0, 5, 40] });
    const whole = await flowTo(target, { ...options, frames: [0, 40] });
    expect(tf.memory().numTensors).toBe(before);
    expect(parts.frames[2]).toEqual(whole.frames[1]);
    expect(parts.frames[2]!.distance).toBeLessThan(0.3 * parts.frames[0]!.distance);
    expect((await flowFigure([parts])).svg).toContain('step 40');
  });
});

describe('generatorTrained', () => {
  it.each(TRAININGS)('learns with %s slices', async (training) => {
    const before = tf.memory().numTensors;
    const options = { training, steps: 10, batch: 64, slices: 32, innerIterations: 2, limit: 200, key, signal };
    const row = await generatorTrained(images, options);
    expect(tf.memory().numTensors).toBe(before);
    expect(row.steps).toEqual([0, 2, 4, 6, 8, 10]);
    expect(row.distance.at(-1)).toBeLessThan(row.distance[0]!);
    expect(row.floor).toBeLessThan(row.distance.at(-1)!);
    expect(row.samples.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect((await generatorFigure([row])).svg).toContain(training);
  });
});

/** Data that agree with every check. */
function agreeing(): SlicedData {
  const n = [50, 100, 500];
  const sampleSizes = [5, 50].flatMap((dim) =>
    [0.1, 10].map((kappa) => ({ dim, kappa, n, mean: n.map((size) => dim / size ** 0.9), std: [0.1, 0.1, 0.1] })),
  );
  const gap = (gamma: number, dim: number, values: [number, number][]): Gap[] =>
    METHODS.map((method, i) => {
      const [train, test] = values[i]!;
      return { dim, gamma, n: 500, method, train, test, trainStd: 0, testStd: 0 };
    });
  const digits = {
    classes: [3, 8] as [number, number],
    height: 1,
    width: 2,
    mu: [0.6, 0.8],
    kappa: 50,
    kl: 3,
    meanDifference: [0.1, -0.2],
    uniform: { train: 0.1, test: 0.1 },
    learned: { train: 0.4, test: 0.3 },
    separation: 0.97,
    pValue: 0.001,
    pValuesOfHalves: [0.01, 0.05, 0.05, 0.05, 0.06, 0.5],
  };
  const frame = (step: number, distance: number) => ({ step, distance, particles: [0, 0] });
  return {
    sampleSize: sampleSizes,
    gap: [2, 3].flatMap((gamma) => gap(gamma, 5, [[gamma, gamma], [gamma + 2, gamma + 1.9], [gamma + 1, gamma + 0.9], [gamma + 3, gamma + 2.5]])), // prettier-ignore
    sameLaw: gap(0, 50, [[0.5, 0.1], [0.8, 0.3], [0.9, 0.3], [1.5, 0.3]]), // prettier-ignore
    coverage: [50, 200].map((size) => ({
      n: size, repeats: 200, delta: 0.05, violated: 0, violatedWithoutSlack: 0.9, violatedWithTenth: 0.1,
      value: 0.5, population: 0.48, lowerBound: 0.1, kl: 1,
    })), // prettier-ignore
    digits,
    flow: [{ target: 'rings', points: [0, 0], frames: [frame(0, 1), frame(10, 0.01)] }],
    generator: TRAININGS.map((training) => ({
      training, steps: [0, 10], distance: [1, 0.4], floor: 0.1, samples: new Array<number>(24).fill(0.5), height: 1, width: 2,
    })), // prettier-ignore
  };
}

const failing = (data: SlicedData): string[] => checksOf(data).flatMap(({ holds, claim }) => (holds ? [] : [claim]));

describe('checksOf', () => {
  it('hold where all is as it should be', () => {
    expect(failing(agreeing())).toEqual([]);
  });

  it.each<[string, (data: SlicedData) => void, claim: string]>([
    ['a slope', ({ sampleSize: [row] }) => (row!.mean[2] = row!.mean[0]!), 'd = 5: SW₂² between samples of one law'],
    ['a slope too steep', ({ sampleSize: [row] }) => (row!.mean[2]! /= 10), 'd = 5: SW₂² between samples of one law'],
    ['the dimension', ({ sampleSize }) => sampleSize.forEach((row) => (row.mean = [0.09, 0.05, 0.011])), 'It is larger for d = 50'],
    ['uniform above learned', ({ gap }) => (gap[0]!.train = 9), 'd = 5: uniform, PAC-SW and the best slice'],
    ['uniform above learned on fresh points', ({ gap }) => (gap[0]!.test = 9), 'd = 5: on fresh points PAC-SW slices'],
    ['learned above max', ({ gap }) => (gap[3]!.train = 3.5), 'd = 5: uniform, PAC-SW and the best slice'],
    ['no growth', ({ gap }) => (gap[5]!.train = 3), 'd = 5: PAC-SW grows'],
    ['no growth on fresh points', ({ gap }) => (gap[5]!.test = 3.5), 'd = 5: PAC-SW grows'],
    ['over-fitting', ({ sameLaw }) => (sameLaw[1]!.train = 2), 'Equal laws, n = 500, d = 50'],
    ['wrong bounds', ({ coverage }) => (coverage[1]!.violated = 0.06), 'Lower bounds from slices'],
    ['bounds for nothing', ({ coverage }) => (coverage[0]!.violatedWithoutSlack = 0.01), 'They say something at the largest n'],
    ['bounds that say nothing', ({ coverage }) => (coverage[1]!.lowerBound = 0), 'They say something at the largest n'],
    ['separation', ({ digits }) => (digits.separation = 0.89), 'The axis learned on classes 3 and 8'],
    ['discrimination', ({ digits }) => (digits.learned.test = 0.05), 'On fresh pictures of classes 3 and 8'],
    ['a blind test', ({ digits }) => (digits.pValue = 0.2), 'The permutation test tells classes 3 and 8 apart'],
    ['a test that sees ghosts', ({ digits }) => (digits.pValuesOfHalves[5] = 0.01), 'It does not tell apart random halves'],
    ['a flow that stays', ({ flow }) => (flow[0]!.frames[1]!.distance = 0.06), 'Particles that follow the gradient'],
    ['a generator that does not learn', ({ generator }) => (generator[1]!.distance[1] = 0.6), 'A generator of pictures learns by the sliced distance, adaptive'],
  ])('miss %s', (_, spoil, claim) => {
    const data = agreeing();
    spoil(data);
    const claims = failing(data);
    expect(claims).toHaveLength(1);
    expect(claims[0]).toContain(claim);
  }); // prettier-ignore
});

describe('figures', () => {
  it('are drawn from the data', async () => {
    const data = agreeing();
    const figures = await Promise.all([
      sampleSizeFigure(data.sampleSize),
      gapFigure(data.gap),
      coverageFigure(data.coverage),
      generatorFigure(data.generator),
    ]);
    const words = ['κ = 0.1', 'max-SW', 'certified', 'adaptive'];
    figures.forEach(({ svg }, i) => expect(svg).toContain(words[i]));
  });
});
