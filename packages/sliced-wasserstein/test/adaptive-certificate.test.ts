import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWassersteinDetailed, type SliceDistribution } from '../src';
import { fitAdaptiveSlices } from '../src/adaptive/fit-adaptive-slices';
import { reachOf } from '../src/adaptive/reach';
import { sliceProblem } from '../src/adaptive/slice-problem';
import { certify } from '../src/certificate/certify';
import { slackOf } from '../src/certificate/pac-bayes-slack';

/** float64 arithmetic in the same order, but for the mean over slices. */
const ROUNDING = 1e-9;

/** Points of the unit square, those of y more to the right. */
function squares(n: number, m: number): [tf.Tensor2D, tf.Tensor2D] {
  return tf.tidy(() => {
    const x = random.uniform(random.key(1), [n, 2]) as tf.Tensor2D;
    const y = random.uniform(random.key(2), [m, 2]) as tf.Tensor2D;
    const [right, up] = tf.split(y, 2, 1);
    return [x.clone(), tf.concat2d([right!.mul(0.2).add<tf.Tensor2D>(0.8), up as tf.Tensor2D], 1)];
  });
}

const bound = { kind: 'bounded', diameter: Math.SQRT2 } as const;
const short = { slices: 16, iterations: 40, finalSlices: 400, key: random.key(3) };

describe('certificates of fitAdaptiveSlices', () => {
  beforeAll(() => useBackend('cpu'));

  it('are those of what was learnt, with nine tenths of delta for the theorem and one for the slices', async () => {
    const [x, y] = squares(400, 300);
    for (const lambda of ['sqrt', 17] as const) {
      const fit = await fitAdaptiveSlices(x, y, { ...short, p: 1, lambda, bound, delta: 0.1 });
      const slices = { count: 400, delta: 0.1 * 0.1, standardError: fit.standardError, range: Math.SQRT2 };
      const laws = { p: 1, n: 400, m: 300, bound, lambda, kl: fit.kl };
      const expected = certify({ ...laws, value: fit.trainValue, delta: 0.9 * 0.1, slices });
      const { sliceError, raw, lowerBound, ...rest } = fit.certificate!;
      const { sliceError: atMost, raw: atLeast, lowerBound: _, ...others } = expected;
      expect(rest).toEqual(others);
      expect(rest).toMatchObject({ rigorous: true, of: 'W_p^p', kl: fit.distribution.klUniform() });
      expect(rest.confidence).toBeAllclose(0.9, { rtol: ROUNDING });
      // The clouds may show a smaller range than the diameter.
      expect(sliceError).toBeLessThanOrEqual(atMost);
      expect(raw).toBeAllclose(atLeast + atMost - sliceError, { rtol: ROUNDING });
      expect(lowerBound).toBe(Math.max(0, raw));
      expect(lowerBound).toBeLessThan(fit.trainValue);
      expect(rest.lambda).toBe(fit.lambda);
    }
    tf.dispose([x, y]);
  });

  it('take the range of the clouds for the error of the slices', async () => {
    // Points at distance 5: no slice shows more.
    const fit = await fitAdaptiveSlices([[0, 0]], [[3, 4]], { ...short, p: 1, bound: { ...bound, diameter: 100 } });
    const slices = { count: 400, delta: 0.005, standardError: fit.standardError, range: 5 };
    const options = { p: 1, n: 1, bound: { ...bound, diameter: 100 }, kl: fit.kl, delta: 0.045 };
    const { sliceError } = certify({ ...options, value: fit.trainValue, slices });
    expect(fit.certificate!.sliceError).toBeAllclose(sliceError, { rtol: 1e-6 });
    expect(sliceError).toBeLessThan(1);
  });

  it("climb themselves with lambda 'grid', to a better one than other lambdas do", async () => {
    const [x, y] = squares(2000, 2000);
    const options = { ...short, p: 1, bound };
    const grid = await fitAdaptiveSlices(x, y, { ...options, lambda: 'grid' });
    const laws = { p: 1, n: 2000, m: 2000, bound, delta: 0.045, lambda: 'grid' } as const;
    for (const { objective, value, kl } of grid.history) {
      expect(objective).toBe(value - slackOf('', { ...laws, kl: kl! }).slack);
    }
    const { lambda } = slackOf('', { ...laws, kl: grid.kl });
    expect(grid.lambda).toBe(lambda);
    expect(grid.certificate!.lambda).toBe(lambda);
    expect(grid.certificate!.lowerBound).toBeGreaterThan(0.1);
    // What is climbed is the certificate: fits to other prices of KL do not get above it, but for the noise of slices.
    for (const factor of [0.25, 4]) {
      const fit = await fitAdaptiveSlices(x, y, { ...options, lambda: factor * lambda });
      const { slack } = slackOf('', { ...laws, kl: fit.kl });
      const noise = 4 * Math.hypot(fit.standardError, grid.standardError);
      expect(fit.trainValue - slack).toBeLessThan(grid.trainValue - grid.certificate!.slack + noise);
    }
    tf.dispose([x, y]);
  });

  it("are the best of the grid for 'dsw', whose lambda is none of KL", async () => {
    const [x, y] = squares(50, 50);
    const fit = await fitAdaptiveSlices(x, y, { ...short, objective: 'dsw', lambda: 0.01, bound });
    const laws = { p: 2, n: 50, m: 50, bound, delta: 0.045, kl: fit.kl, lambda: 'grid' } as const;
    expect(fit.lambda).toBe(0.01);
    expect(fit.certificate!.slack).toBe(slackOf('', laws).slack);
    tf.dispose([x, y]);
  });

  it("are of W_p, slice by slice, for 'gaussianConcentration'", async () => {
    const gaussian = { kind: 'gaussianConcentration', sigmaX: 1, sigmaY: 1 } as const;
    // On a line every slice has the distance 3, and its square 9.
    const { trainValue, certificate } = await fitAdaptiveSlices([[0]], [[3]], { ...short, bound: gaussian });
    expect(trainValue).toBeAllclose(9, { rtol: 1e-6 });
    expect(certificate).toMatchObject({ of: 'W_p', kind: 'gaussianConcentration', vacuous: true });
    expect(certificate!.value).toBeAllclose(3, { rtol: 1e-6 });
    const plane = await fitAdaptiveSlices([[0, 0]], [[3, 0]], { ...short, bound: gaussian });
    expect(plane.certificate!.value).toBeLessThan(Math.sqrt(plane.trainValue));
  });

  it('are there without any error of slices, too, where both clouds are one point', async () => {
    const fit = await fitAdaptiveSlices([[1, 2]], [[1, 2]], { ...short, bound });
    expect(fit.certificate).toMatchObject({ value: 0, sliceError: 0, lowerBound: 0, vacuous: true });
  });

  it('are not there without a bound', async () => {
    expect(await fitAdaptiveSlices([[1, 2]], [[1, 3]], short)).not.toHaveProperty('certificate');
  });
});

describe('generalisation of learnt slices', () => {
  beforeAll(() => useBackend('cpu'));

  it('has a smaller gap from training to test than the best slice: samples of 50 from one law, d = 50', async () => {
    const clouds = [1, 2, 3, 4].map((seed) => random.normal(random.key(seed), [50, 50]) as tf.Tensor2D);
    const [x, y, xTest, yTest] = clouds as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const key = random.key(5);
    const gap = async (sampler: SliceDistribution, trainValue: number): Promise<number> => {
      const options = { sampler, slices: 512, root: false, key: random.key(6) };
      return trainValue - (await slicedWassersteinDetailed(xTest, yTest, options)).value;
    };
    const pac = await fitAdaptiveSlices(x, y, { slices: 32, iterations: 60, key });
    const max = await fitAdaptiveSlices(x, y, { objective: 'max', key });
    const gaps = [await gap(pac.distribution, pac.trainValue), await gap(max.distribution, max.trainValue)] as const;
    expect(Math.abs(gaps[0])).toBeLessThan(0.1);
    expect(gaps[1]).toBeGreaterThan(10 * Math.abs(gaps[0]));
    tf.dispose(clouds);
  });
});

describe('reachOf', () => {
  beforeAll(() => useBackend('cpu'));

  it('is at least the largest distance between the clouds, and at most twice it', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const [xKey, yKey] = random.split(random.key(seed)) as [random.Key, random.Key];
      const x = random.normal(xKey, [3, 2]) as tf.Tensor2D;
      const y = random.normal(yKey, [5, 2], { mean: seed }) as tf.Tensor2D;
      const problem = sliceProblem('test', x, y, { p: 2, weights: undefined });
      const reach = await reachOf(problem);
      const distances = tf.tidy(() => tf.norm(x.expandDims<tf.Tensor3D>(1).sub(y.expandDims(0)), 2, 2).dataSync());
      const largest = Math.max(...distances);
      expect(reach).toBeGreaterThanOrEqual(largest * (1 - 1e-6));
      // The centre is a mean of all points: no point of a cloud is farther from it than from all others.
      expect(reach).toBeLessThanOrEqual(2 * diameter([...rows(x), ...rows(y)]));
      tf.dispose([x, y, problem.x_ND, problem.y_MD]);
    }
  });
});

function rows(x: tf.Tensor2D): number[][] {
  return x.arraySync();
}

function diameter(points: number[][]): number {
  return Math.max(...points.flatMap(([a, b]) => points.map(([c, d]) => Math.hypot(a! - c!, b! - d!))));
}
