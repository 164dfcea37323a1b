import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { slicedWassersteinDetailed, type SliceDistribution } from '../src';
import type { AdaptiveProgress, AdaptiveState } from '../src/adaptive/adaptive-state';
import { fitAdaptiveSlices } from '../src/adaptive/fit-adaptive-slices';
import { NetworkSlices } from '../src/adaptive/network-slices';
import { axialFromJSON } from '../src/slices/axial-json';

/** Sums of float32 costs in another order. */
const ROUNDING = 1e-5;

function gaussian(seed: number, n: number, d: number, shift = 0): tf.Tensor2D {
  return tf.tidy(() => {
    const normals = random.normal(random.key(seed), [n, d]);
    return normals.add<tf.Tensor2D>(tf.oneHot(tf.tensor1d([0], 'int32'), d).mul(shift));
  });
}

const json = (state: AdaptiveState): AdaptiveState => JSON.parse(JSON.stringify(state)) as AdaptiveState;

async function testValue(x: tf.Tensor2D, y: tf.Tensor2D, sampler: SliceDistribution): Promise<number> {
  const options = { sampler, slices: 512, root: false, key: random.key(99) };
  return (await slicedWassersteinDetailed(x, y, options)).value;
}

/** Options that take little time. */
const short = { slices: 16, iterations: 12, finalSlices: 32 };
const discriminator = { steps: 2, slices: 32 };

describe.each(backendsUnderTest())('fitAdaptiveSlices on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('puts the test value of learnt slices between uniform slices and the training value of the best slice', async () => {
    const clouds = [gaussian(1, 50, 10), gaussian(2, 40, 10, 2), gaussian(3, 500, 10), gaussian(4, 500, 10, 2)];
    const [x, y, xTest, yTest] = clouds as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const key = random.key(5);
    const { distribution, trainValue, standardError, kl, lambda, history } = await fitAdaptiveSlices(x, y, {
      ...{ slices: 32, iterations: 60, key },
    });
    const best = await fitAdaptiveSlices(x, y, { objective: 'max', key });
    const uniform = await testValue(xTest, yTest, distribution.with({ kappa: 0 }));
    const test = await testValue(xTest, yTest, distribution);
    // For the laws 2^2 / 10 with uniform slices, 2^2 with the best; of samples a little more.
    expect(uniform).toBeLessThan(0.6);
    expect(test).toBeGreaterThan(2 * uniform);
    expect(test).toBeLessThan(best.trainValue);
    expect(trainValue).toBeLessThan(best.trainValue);
    expect(await testValue(x, y, best.distribution)).toBeAllclose(best.trainValue, { rtol: ROUNDING });
    expect(best).toMatchObject({ standardError: 0, kl: Infinity });
    expect(Math.abs(trainValue - (await testValue(x, y, distribution)))).toBeLessThan(5 * 2 * standardError);
    expect(kl).toBe(distribution.klUniform());
    // The harmonic mean of 50 and 40.
    expect(lambda).toBeAllclose(Math.sqrt(4000 / 90), { rtol: 1e-12 });
    expect(history).toHaveLength(60);
    tf.dispose(clouds);
  });

  it('learns a network of slices for both objectives', async () => {
    const [x, y] = [gaussian(1, 60, 3), gaussian(2, 60, 3, 2)];
    const options = { family: 'network', slices: 32, iterations: 30, learningRate: 0.03, discriminator } as const;
    const before = await fitAdaptiveSlices(x, y, { ...options, iterations: 0, key: random.key(3) });
    const pac = await fitAdaptiveSlices(x, y, { ...options, lambda: 100, key: random.key(3) });
    const dsw = await fitAdaptiveSlices(x, y, { ...options, objective: 'dsw', lambda: 0.5, key: random.key(3) });
    // Of about 4 where all slices are along the shift, 4 / 3 where they are uniform.
    expect(pac.trainValue).toBeGreaterThan(1.3 * before.trainValue);
    expect(dsw.trainValue).toBeGreaterThan(1.3 * before.trainValue);
    expect(Number.isFinite(pac.kl)).toBe(true);
    expect(dsw.kl).toBeUndefined();
    expect([pac.lambda, dsw.lambda]).toEqual([100, 0.5]);
    for (const fit of [before, pac, dsw]) fit.distribution.dispose();
    tf.dispose([x, y]);
  });

  it('leaks nothing', async () => {
    const [x, y] = [gaussian(1, 20, 3), gaussian(2, 25, 3, 2)];
    const key = random.key(0);
    await expect(async () => {
      await fitAdaptiveSlices(x, y, { ...short, key });
      await fitAdaptiveSlices(x, y, { ...short, key, objective: 'dsw' });
      await fitAdaptiveSlices(x, y, { key, objective: 'max' });
      for (const objective of ['pac', 'dsw'] as const) {
        const options = { ...short, objective, key, family: 'network', discriminator } as const;
        const first = await fitAdaptiveSlices(x, y, { ...options, iterations: 3 });
        const fit = await fitAdaptiveSlices(x, y, { ...options, iterations: 5, state: first.state });
        first.distribution.dispose();
        fit.distribution.dispose();
      }
    }).toLeakNothing();
    tf.dispose([x, y]);
  });
});

describe('fitAdaptiveSlices', () => {
  beforeAll(() => useBackend('cpu'));
  const x = [[0, 0, 0], [1, 0, 2], [0.5, -1, 0], [2, 1, 1]]; // prettier-ignore
  const y = [[3, 0, 1], [4, 0, 2], [5.5, -1, 0]]; // prettier-ignore
  const key = random.key(7);

  it.each([
    { family: 'vmf', objective: 'pac' },
    { family: 'vmfSymmetric', objective: 'dsw', lambda: 0.7 },
    { family: 'powerSpherical', objective: 'pac', learnMu: false, weights: { a: [1, 2, 1, 0] } },
    { family: 'network', objective: 'pac', discriminator },
    { family: 'network', objective: 'dsw' },
  ] as const)('goes on bit for bit from a state that was JSON: $family, $objective', async (kind) => {
    const fit = (options: object): ReturnType<typeof fitAdaptiveSlices> =>
      fitAdaptiveSlices(x, y, { ...short, ...kind, ...options } as never) as never;
    const whole = await fit({ key });
    const first = await fit({ key, iterations: 5 });
    const again = await fit({ state: json(first.state), key: random.key(7) });
    expect(again.history).toEqual(whole.history);
    expect(again.history).toHaveLength(12);
    expect(json(again.state)).toEqual(json(whole.state));
    expect(again.trainValue).toBe(whole.trainValue);
    expect(again.kl).toBe(whole.kl);
    expect(again.trainValue).not.toBe(first.trainValue);
    // There is nothing left to do.
    const after = await fit({ state: again.state });
    expect(after.trainValue).toBe(whole.trainValue);
    for (const { distribution } of [whole, first, again, after]) {
      (distribution as { dispose?: () => void }).dispose?.();
    }
  });

  it('gives a distribution that JSON keeps', async () => {
    const { distribution } = await fitAdaptiveSlices(x, y, { ...short, key });
    const again = axialFromJSON(JSON.parse(JSON.stringify(distribution)));
    expect(again).toEqual(distribution);
  });

  it('measures what it has learnt with fresh independent slices', async () => {
    const fit = await fitAdaptiveSlices(x, y, { ...short, finalSlices: 400, key });
    const options = { sampler: fit.distribution, slices: 20000, root: false, key: random.key(8) };
    const many = await slicedWassersteinDetailed(x, y, options);
    const error = Math.hypot(fit.standardError, many.standardError);
    expect(Math.abs(fit.trainValue - many.value)).toBeLessThan(4 * error);
    expect(fit.standardError).toBeAllclose(many.standardError * Math.sqrt(50), { rtol: 0.3 });
    expect(fit.trainValue).not.toBe(fit.history.at(-1)!.value);
  });

  it('counts the iterations, and says what they measure', async () => {
    const seen: AdaptiveProgress[] = [];
    const fit = await fitAdaptiveSlices(x, y, {
      ...{ ...short, lambda: 3, kappa: 2.5, mu: [1, 0, 0], learnMu: false, key },
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen).toEqual(fit.history);
    expect(seen.map(({ iteration }) => iteration)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(seen[0]!.kappa).toBeAllclose(2.5, { rtol: 1e-12 });
    for (const { objective, value, kl } of seen) expect(objective).toBe(value - kl! / 3);
    expect(Array.from(fit.distribution.mu)).toEqual([1, 0, 0]);
    expect(fit.distribution.kappa).not.toBe(2.5);
  });

  it('draws fresh slices in each iteration, and for each step of the discriminator', async () => {
    const still = { ...short, learningRate: 1e-12, key };
    const { history } = await fitAdaptiveSlices(x, y, still);
    expect(new Set(history.map(({ value }) => value)).size).toBe(12);
    const sample = vi.spyOn(NetworkSlices.prototype, 'sample');
    const { distribution } = await fitAdaptiveSlices(x, y, { ...still, family: 'network', discriminator });
    // Each iteration one and those of two steps, in the end for KL and for the distance.
    const keys = sample.mock.calls.map(([, { word0, word1 }]) => `${word0} ${word1}`);
    expect(new Set(keys).size).toBe(12 * 3 + 2);
    sample.mockRestore();
    distribution.dispose();
  });

  it('does not depend on the unit of the data, with lambda in the matching unit', async () => {
    const scaled = (cloud: number[][]): number[][] => cloud.map((row) => row.map((value) => 1024 * value));
    const options = { slices: 16, iterations: 40, finalSlices: 32, key };
    const one = await fitAdaptiveSlices(x, y, { ...options, lambda: 8 });
    const other = await fitAdaptiveSlices(scaled(x), scaled(y), { ...options, lambda: 8 * 2 ** -20 });
    // Powers of 2 round alike.
    expect(other.distribution.kappa).toBeAllclose(one.distribution.kappa, { rtol: 1e-9 });
    expect(other.trainValue).toBeAllclose(one.trainValue * 2 ** 20, { rtol: 1e-9 });
  });

  it('stops after the iteration in which the signal comes, with all that was done', async () => {
    const controller = new AbortController();
    const onProgress = ({ iteration }: AdaptiveProgress): void => {
      if (iteration === 4) controller.abort();
    };
    const fit = await fitAdaptiveSlices(x, y, { ...short, key, onProgress, signal: controller.signal });
    expect(fit.status).toBe('aborted');
    expect(fit.history).toHaveLength(4);
    expect(Number.isFinite(fit.trainValue)).toBe(true);
    const rest = await fitAdaptiveSlices(x, y, { ...short, state: fit.state });
    const whole = await fitAdaptiveSlices(x, y, { ...short, key });
    expect(rest.status).toBe('finished');
    expect(rest.trainValue).toBe(whole.trainValue);
  });

  it('lets a timer abort it', async () => {
    const options = { slices: 2, iterations: 1e9, finalSlices: 2, key, signal: AbortSignal.timeout(50) };
    const { status } = await fitAdaptiveSlices(x, y, options);
    expect(status).toBe('aborted');
  });

  it('ends where the objective does not rise any more', async () => {
    const start = { kappa: 2, lambda: 1, learningRate: 0.03, slices: 64, finalSlices: 2 };
    const options = { ...start, iterations: 1000, tolerance: 0.01, key };
    const { status, history } = await fitAdaptiveSlices([[0, 0, 0]], [[3, 0, 4]], options);
    expect(status).toBe('converged');
    expect(history.length % 25).toBe(0);
    expect(history.length).toBeGreaterThanOrEqual(100);
    expect(history.length).toBeLessThan(500);
    const mean = (from: number): number =>
      history.slice(from, from + 25).reduce((sum, { objective }) => sum + objective / 25, 0);
    const windows = Array.from({ length: history.length / 25 }, (_, w) => mean(25 * w));
    const risen = (w: number): number => (windows[w]! - windows[w - 1]!) / Math.abs(windows[w]!);
    for (let w = 1; w < windows.length - 1; w++) expect(risen(w)).toBeGreaterThan(0.01);
    expect(risen(windows.length - 1)).toBeLessThanOrEqual(0.01);
  });

  it("has 'dsw' keep slices apart: the larger lambda, the smaller kappa", async () => {
    const kappas: number[] = [];
    for (const lambda of [0.1, 10, 1000]) {
      const options = { objective: 'dsw', lambda, slices: 32, iterations: 100, finalSlices: 2, key } as const;
      const fit = await fitAdaptiveSlices(x, y, options);
      kappas.push(fit.distribution.kappa);
      expect(fit.kl).toBe(fit.distribution.klUniform());
    }
    expect(kappas[0]).toBeGreaterThan(3 * kappas[1]!);
    expect(kappas[1]).toBeGreaterThan(3 * kappas[2]!);
  });

  it('learns clouds that are the same to be told apart by no slice', async () => {
    const { distribution, trainValue } = await fitAdaptiveSlices(x, x, { iterations: 100, slices: 16, key });
    expect(trainValue).toBe(0);
    expect(distribution.klUniform()).toBeLessThan(0.005);
  });

  it('works on a line and with a point a cloud', async () => {
    const fit = await fitAdaptiveSlices([[1]], [[3]], { ...short, key });
    expect(fit.trainValue).toBeAllclose(4, { rtol: 1e-6 });
    expect(fit.standardError).toBe(0);
  });

  it('loses nothing where an iteration is not finite', async () => {
    const options = { family: 'network', ...short, key, discriminator, learningRate: 1e38 } as const;
    const failing = fitAdaptiveSlices(x, y, options);
    await expect(failing).rejects.toThrow(RangeError);
    await expect(failing).rejects.toThrow(
      /fitAdaptiveSlices: the (objective|gradient) of iteration \d must be finite, got /,
    );
    const { state } = (await failing.catch((error: unknown) => error)) as { state: AdaptiveState };
    expect(state.history.length).toBeLessThan(12);
    expect(JSON.stringify(state)).not.toContain('null');
  });
});

describe('options of fitAdaptiveSlices', () => {
  beforeAll(() => useBackend('cpu'));
  const where = 'sliced-wasserstein.fitAdaptiveSlices';
  const cloud = [[0, 1], [2, 1]]; // prettier-ignore
  const key = random.key(0);
  const bound = { kind: 'bounded', diameter: 3 } as const;

  it.each<[object, ErrorConstructor, string]>([
    [{ key: undefined }, TypeError, 'key must be a Key or a number, got undefined. For a start take key: 0.'],
    [{ objective: 'max', key: '1' }, TypeError, 'key must be a Key or a number, got "1". For a start take key: 0.'],
    [
      { family: 'watson' },
      RangeError,
      'family must be one of "vmf", "vmfSymmetric", "powerSpherical", "network", got "watson".',
    ],
    [{ objective: 'sw' }, RangeError, 'objective must be one of "pac", "dsw", "max", got "sw".'],
    [{ p: 0.5 }, RangeError, 'p must be a finite number >= 1, got 0.5.'],
    [{ slices: 1 }, RangeError, 'slices must be an integer >= 2, got 1.'],
    [{ iterations: -1 }, RangeError, 'iterations must be an integer >= 0, got -1.'],
    [{ finalSlices: 1 }, RangeError, 'finalSlices must be an integer >= 2, got 1.'],
    [{ tolerance: -1 }, RangeError, 'tolerance must be a finite number >= 0, got -1.'],
    [{ learningRate: 0 }, RangeError, 'learningRate must be a finite number > 0, got 0.'],
    [{ kappa: 0 }, RangeError, 'kappa must be a finite number > 0, got 0.'],
    [{ delta: 1 }, RangeError, 'delta must be a finite number > 0 and < 1, got 1.'],
    [{ discriminator: { steps: -1 } }, RangeError, 'discriminator.steps must be an integer >= 0, got -1.'],
    [{ discriminator: { slices: 0 } }, RangeError, 'discriminator.slices must be an integer >= 1, got 0.'],
    [
      { discriminator: { learningRate: 0 } },
      RangeError,
      'discriminator.learningRate must be a finite number > 0, got 0.',
    ],
    [{ lambda: 0 }, RangeError, 'lambda must be a finite number > 0, got 0.'],
    [{ lambda: 'best' }, RangeError, 'lambda must be one of "sqrt", "grid", got "best".'],
    [
      { lambda: 'grid' },
      TypeError,
      "bound must be given with lambda 'grid', to choose by, got undefined. Give a bound, or take 'sqrt' or a number.",
    ],
    [
      { lambda: 'grid', family: 'network' },
      TypeError,
      "bound must be given with lambda 'grid', to choose by, got undefined. Give a bound, or take 'sqrt' or a number.",
    ],
    [
      { lambda: 'grid', bound: { kind: 'gaussianConcentration', sigmaX: 1, sigmaY: 1 } },
      RangeError,
      "bound must be one of W_p^p, which is what is learnt, with lambda 'grid' and p > 1, got \"gaussianConcentration\". Take 'sqrt' or a number.",
    ],
    [
      { objective: 'dsw', lambda: 'sqrt' },
      TypeError,
      'lambda of the objective \'dsw\' must be a finite number > 0, got "sqrt".',
    ],
    [{ mu: [1, 2, 3] }, check.ShapeError as never, 'mu must have 2 numbers, as the points have, got 3.'],
    [{ mu: [0, 0] }, RangeError, 'mu must have an entry that is not 0, got [0, 0].'],
    [
      { family: 'network', bound },
      TypeError,
      "bound must be left out for the family 'network': certificates need an upper bound of KL, and it is an estimate, got an object.",
    ],
    [
      { weights: { a: [1, 2] }, bound },
      TypeError,
      'bound must be left out with weights: certificates are for independent points of equal weight, got an object.',
    ],
    [
      { bound: { kind: 'subgaussian', sigmaX: 1, sigmaY: 1 } },
      RangeError,
      "p must be 1 for a bound of kind 'subgaussian': W_p^p of unbounded laws is not Lipschitz, got 2. " +
        "Give { kind: 'bounded', diameter }, or { kind: 'gaussianConcentration', sigmaX, sigmaY }.",
    ],
  ])('refuses %o', async (wrong, error, message) => {
    const fit = (): Promise<unknown> => fitAdaptiveSlices(cloud, cloud, { ...short, key, ...wrong } as never);
    await expect(fit()).rejects.toThrow(error);
    await expect(fit()).rejects.toThrow(`${where}: ${message}`);
    await expect(() => fit().catch(() => undefined)).toLeakNothing();
  });

  it('refuses clouds that cannot be compared', async () => {
    const fit = (x: number[][], y: number[][], family: string): Promise<unknown> =>
      fitAdaptiveSlices(x, y, { ...short, key, family } as never);
    for (const family of ['vmf', 'network']) {
      await expect(fit([[1]], cloud, family)).rejects.toThrow(
        `${where}: y must have the same last dimension as x (1), got [2, 2]. Transpose or slice y first.`,
      );
      await expect(fit([[NaN, 1]], cloud, family)).rejects.toThrow(
        `${where}: row 0 of x must have finite numbers, got NaN.`,
      );
      await expect(fit([[0, 1e30]], cloud, family)).rejects.toThrow(
        /fitAdaptiveSlices: x and y must be finite with p-th powers of distances within float32, got \S+e\+30\. Scale both\./,
      );
    }
  });

  it('refuses states of other fits, and broken ones', async () => {
    const { state } = await fitAdaptiveSlices(cloud, cloud, { ...short, key });
    const resume = (changed: object, options: object = {}): Promise<unknown> =>
      fitAdaptiveSlices(cloud, cloud, { ...short, ...options, state: { ...state, ...changed } } as never);
    const fix = 'Pass the state of a fit of this kind.';
    await expect(resume({ version: 2 })).rejects.toThrow(check.FormatError);
    await expect(resume({ format: 'x' })).rejects.toThrow(
      `${where}: state.format must be "sliced-wasserstein.adaptive", got "x". ${fix}`,
    );
    await expect(resume({ version: 2 })).rejects.toThrow(`${where}: state.version must be 1, got 2. ${fix}`);
    await expect(resume({}, { family: 'network' })).rejects.toThrow(
      `${where}: state.family must be "network", got "vmf". ${fix}`,
    );
    await expect(resume({}, { objective: 'dsw' })).rejects.toThrow(
      `${where}: state.objective must be "dsw", got "pac". ${fix}`,
    );
    await expect(resume({ dim: 3 })).rejects.toThrow(`${where}: state.dim must be 2, got 3. ${fix}`);
    await expect(resume({ history: null })).rejects.toThrow(
      `${where}: state.history must be a list of iterations, got null. ${fix}`,
    );
    await expect(resume({ key: null })).rejects.toThrow(check.FormatError);
    await expect(resume({ learner: { ...state.learner, scale: NaN } })).rejects.toThrow(
      `${where}: state.learner.scale must be a finite number, got [NaN]. ${fix}`,
    );
    await expect(resume({ learner: { ...state.learner, average: { logKappa: 1, mu: [1] } } })).rejects.toThrow(
      `${where}: state.learner.average.mu must be 2 finite numbers, got [1]. ${fix}`,
    );
    await expect(resume({ family: 'network' }, { family: 'network' })).rejects.toThrow(
      `${where}: state.learner must hold networks as lists of { name, shape, data }, got undefined. Pass the state of a fit.`,
    );
    await expect(resume({}, { key: random.key(1) })).rejects.toThrow(`${where}: key must be that of the state, got `);
  });
});
