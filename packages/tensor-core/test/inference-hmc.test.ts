import { describe, expect, it } from 'vitest';
import {
  chainsOf,
  type DensityAt,
  energyFraction,
  gibbsDiffusionHmc,
  hmc,
  type HmcOptions,
  type HmcResult,
  mcse,
  rHat,
  startDualAveraging,
  updateDualAveraging,
} from '../src/inference';
import { covariance as sampleCovariance, identityMatrix, matrix, matrixFromRows, type Matrix64 } from '../src/linalg';
import { fillNormal, key } from '../src/random';
import { normalTarget } from './inference-targets';

// Seeds are fixed, so nothing here is flaky; the bounds say how unlikely a correct sampler is to miss them.

/** In Monte Carlo standard errors of the draws' own effective size: a normal variable leaves them with probability 6e-7. */
const SIGMAS = 5;

/** Checks the mean of f over all draws against its exact value. */
function expectMean({ draws }: HmcResult, f: (q: Float64Array) => number, exact: number): void {
  const chains = draws.map(({ rows, cols, data }) =>
    Float64Array.from({ length: rows }, (_, n) => f(data.subarray(n * cols, (n + 1) * cols))),
  );
  const mean =
    chains.reduce((sum, chain) => sum + chain.reduce((a, b) => a + b, 0), 0) / (chains.length * chains[0]!.length);
  expect(Math.abs(mean - exact)).toBeLessThan(SIGMAS * mcse(chains));
}

const dispersed = (dimension: number, scale = 1, chains = 4): Float64Array[] =>
  Array.from({ length: chains }, (_, k) => fillNormal(key(900 + k), new Float64Array(dimension), { std: scale }));

describe('hmc on a correlated normal density', () => {
  const mean = [1, -2];
  const covariance = matrixFromRows([
    [4, 1.8],
    [1.8, 1],
  ]);
  const target = normalTarget(mean, covariance);
  const run = (options: Partial<HmcOptions> = {}): HmcResult =>
    hmc({ logDensity: target, initial: dispersed(2, 3), key: key(11), warmUp: 400, keep: 1000, ...options });

  it.each<[string, Partial<HmcOptions>]>([
    ['a dense mass', {}],
    ['a diagonal mass', { massAdaptation: { shape: 'diagonal' } }],
    ['no mass adaptation, a fixed length', { massAdaptation: { schedule: 'none' }, leapfrogSteps: 12 }],
    ['shared lengths and another target', { sharedLength: true, stepAdaptation: { target: 0.65 } }],
    ['the conventions of Gibbs diffusion', { ...gibbsDiffusionHmc, initialStep: 0.1 }],
  ])('has its mean and covariance with %s', (_, options) => {
    const result = run(options);
    for (const i of [0, 1]) {
      expectMean(result, (q) => q[i]!, mean[i]!);
      expectMean(result, (q) => (q[i]! - mean[i]!) ** 2, covariance.data[3 * i]!);
      // Means of normal draws with an effective size of 400 at least have R-hat below 1.02.
      expect(rHat(chainsOf(result.draws, i))).toBeLessThan(1.02);
    }
    expectMean(result, (q) => (q[0]! - 1) * (q[1]! + 2), 1.8);
    expect(result.divergences).toEqual([0, 0, 0, 0]);
  });

  it('learns the covariance', () => {
    const { inverseMass } = run({ warmUp: 1000 });
    // 500 draws, of which a quarter count: variances err by sqrt(2 / 125) = 13 %, three times.
    inverseMass.forEach(({ data }) => expect(data).toBeAllclose(covariance.data, { rtol: 0.4, atol: 0 }));
    const { inverseMass: diagonal } = run({ warmUp: 1000, massAdaptation: { shape: 'diagonal' } });
    diagonal.forEach(({ data }) => expect(data).toBeAllclose([4, 0, 0, 1], { rtol: 0.4, atol: 0 }));
  });

  it('takes the covariance of the last window alone, drawn to 0.001 I with the weight of 5 samples', () => {
    const { inverseMass, warmUpTraces } = run({ warmUp: 280, keep: 1, saveWarmUp: true });
    warmUpTraces.forEach(({ draws }, k) => {
      // Windows end after iterations 99 and 229.
      const sample = sampleCovariance(matrix(130, 2, draws.data.subarray(200, 460)));
      const shrunk = sample.data.map((entry, at) => (130 * entry + (at % 3 === 0 ? 0.005 : 0)) / 135);
      expect(inverseMass[k]!.data).toBeAllclose(shrunk, { rtol: 1e-11, atol: 0 });
    });
  });

  it.each([true, false])('learns steps from its acceptances; anew after a window: %s', (restartStep) => {
    const { warmUpTraces, stepSize } = run({
      warmUp: 100,
      keep: 1,
      saveWarmUp: true,
      initialStep: 0.3,
      massAdaptation: { restartStep },
    });
    const [{ step, acceptance }] = warmUpTraces as [HmcResult['traces'][0]];
    let state = startDualAveraging(0.3);
    const followed = Array.from(step, (s, i) => {
      const agrees = Math.abs(Math.log(s) - state.logStep) < 1e-12;
      state = updateDualAveraging(state, acceptance[i]!);
      return agrees;
    });
    // The window ends after iteration 89.
    expect(followed.slice(0, 90)).toEqual(Array(90).fill(true));
    expect(followed.slice(90)).toEqual(Array(10).fill(!restartStep));
    expect(Math.abs(Math.log(stepSize[0]!) - state.logAverage) < 1e-12).toBe(!restartStep);
  });

  it('records energies: H is -log p plus the kinetic energy, of mean 3/2 + constant', () => {
    const result = run();
    result.traces.forEach(({ draws, logDensity, energy, proposalEnergy, acceptance, accepted }, k) => {
      for (const n of [0, 500, 999]) {
        const q = draws.data.slice(2 * n, 2 * n + 2);
        expect(logDensity[n]).toBeCloseTo(target(q, 0).value, 12);
        expect(acceptance[n]).toBeCloseTo(Math.min(1, Math.exp(energy[n]! - proposalEnergy[n]!)), 12);
      }
      const share = accepted.reduce((sum, one) => sum + one, 0) / accepted.length;
      // Accepted or not is a Bernoulli variable of that probability: standard deviation below 0.5 / sqrt(1000).
      expect(Math.abs(share - result.acceptance[k]!)).toBeLessThan((SIGMAS * 0.5) / Math.sqrt(1000));
      expect(result.energyFraction[k]).toBe(energyFraction(energy));
      // Half of the energy's variance is the momentum's, which is new each time: 1 for a normal density.
      expect(result.energyFraction[k]).toBeGreaterThan(0.7);
    });
    // 2 (H + log p's maximum, here 0) is chi-squared with 4 degrees of freedom.
    const energies = result.traces.map(({ energy }) => energy);
    const average = energies.flatMap((each) => Array.from(each)).reduce((sum, value) => sum + value, 0) / 4000;
    expect(Math.abs(average - 2)).toBeLessThan(SIGMAS * mcse(energies));
  });

  it('takes lengths uniformly from the range, the same for all chains where they are shared', () => {
    const { traces } = run({ leapfrogSteps: [3, 6], keep: 2000 });
    const counts = [3, 4, 5, 6].map((length) => traces[0]!.length.filter((l) => l === length).length);
    // A binomial with standard deviation sqrt(2000 3/16) = 19.
    counts.forEach((count) => expect(Math.abs(count - 500)).toBeLessThan(SIGMAS * 19));
    expect(traces[1]!.length).not.toEqual(traces[0]!.length);
    const shared = run({ leapfrogSteps: [3, 6], keep: 50, sharedLength: true });
    expect(shared.traces[1]!.length).toEqual(shared.traces[0]!.length);
  });

  it('takes step sizes and masses of each chain as given when there is no warm-up', () => {
    const inverseMass = [1, 2, 3, 4].map((scale) => {
      const mass = identityMatrix(2);
      return { ...mass, data: mass.data.map((entry) => entry * scale) };
    });
    const result = run({ warmUp: 0, keep: 20, initialStep: [0.1, 0.2, 0.3, 0.4], inverseMass });
    expect(result.stepSize).toEqual([0.1, 0.2, 0.3, 0.4]);
    expect(result.inverseMass).toEqual(inverseMass);
    expect(result.traces.map(({ step }) => step[7])).toEqual([0.1, 0.2, 0.3, 0.4]);
  });

  it('searches for a first step whose acceptance is near 1/2', () => {
    const { stepSize } = run({ warmUp: 0, keep: 1 });
    // A normal density is unstable above 2 standard deviations of its narrowest direction, here 0.43.
    stepSize.forEach((step) => expect(step > 0.1 && step < 4).toBe(true));
    const narrow = hmc({
      logDensity: ([x]) => ({ value: -0.5e12 * x! * x!, gradient: [-1e12 * x!] }),
      initial: [[1e-6]],
      key: key(1),
      warmUp: 0,
      keep: 1,
    });
    expect(narrow.stepSize[0]! > 1e-7 && narrow.stepSize[0]! < 1e-5).toBe(true);
  });

  it('counts calls of the density: one a leapfrog step, and one at each start', () => {
    const { densityCalls } = run({ warmUp: 0, keep: 10, initialStep: 0.1, leapfrogSteps: 7 });
    expect(densityCalls).toBe(4 * (1 + 10 * 7));
  });
});

it.each([0.8, 0.9])('hmc reaches the acceptance %d in a long warm-up', (target) => {
  const { acceptance } = hmc({
    logDensity: (q) => ({ value: -q.reduce((sum, x) => sum + x * x, 0) / 2, gradient: q.map((x) => -x) }),
    initial: dispersed(10, 1, 2),
    key: key(12),
    warmUp: 1200,
    keep: 500,
    stepAdaptation: { target },
    massAdaptation: { schedule: 'none' },
  });
  // The average of log s still scatters by 0.02 to 0.03, and acceptance falls with half the slope; its mean over the
  // draws scatters by 0.2 / sqrt(500).
  acceptance.forEach((reached) => expect(Math.abs(reached - target)).toBeLessThan(0.05));
});

it('hmc follows a banana: y = x^2 + noise', () => {
  const banana = ([x, y]: Float64Array): DensityAt => {
    const rest = y! - x! * x!;
    return { value: -(x! * x!) / 2 - 2 * rest * rest, gradient: [-x! + 8 * rest * x!, -4 * rest] };
  };
  const result = hmc({ logDensity: banana, initial: dispersed(2), key: key(3), warmUp: 500, keep: 2000 });
  expectMean(result, ([x]) => x!, 0);
  expectMean(result, ([x]) => x! ** 2, 1);
  expectMean(result, ([, y]) => y!, 1);
  // Var y = Var x^2 + 1/4.
  expectMean(result, ([, y]) => (y! - 1) ** 2, 2.25);
});

describe('hmc inside bounds', () => {
  /** x uniform on [0, 1] but for exp(-3 x), y > 2 exponential with rate 2, z normal: all independent. */
  const density = ([x, y, z]: Float64Array): DensityAt => ({
    value: -3 * x! - 2 * (y! - 2) - z! ** 2 / 2,
    gradient: [-3, -2, -z!],
  });
  const bounds = [
    [0, 1],
    [2, Infinity],
    [-Infinity, Infinity],
  ] as const;
  const initial = [0.2, 0.4, 0.6, 0.8].map((u) => [u, 2 + u, u]);
  // E x of the density 3 exp(-3 x) / (1 - exp(-3)) on [0, 1].
  const meanX = 1 / 3 - Math.exp(-3) / (1 - Math.exp(-3));

  it.each(['logit', 'tangent', 'reflect', 'collision'] as const)('keeps to the density, boundary %s', (boundary) => {
    const result = hmc({
      logDensity: density,
      initial,
      bounds,
      boundary,
      key: key(5),
      warmUp: 500,
      keep: 3000,
      leapfrogSteps: boundary === 'collision' ? [2, 6] : [5, 15],
      stepAdaptation: { target: boundary === 'collision' ? 0.6 : 0.8 },
    });
    for (const { rows, data } of result.draws) {
      for (let n = 0; n < rows; n++) {
        expect(data[3 * n]! >= 0 && data[3 * n]! <= 1 && data[3 * n + 1]! >= 2).toBe(true);
      }
    }
    expectMean(result, ([x]) => x!, meanX);
    expectMean(result, ([, y]) => y!, 2.5);
    expectMean(result, ([, y]) => (y! - 2.5) ** 2, 0.25);
    expectMean(result, ([, , z]) => z! ** 2, 1);
    const { draws, logDensity } = result.traces[0]!;
    expect(logDensity[9]).toBeCloseTo(density(draws.data.slice(27, 30)).value, 10);
  });

  it('rejects a proposal of density 0 without calling it a divergence', () => {
    const half = ([x]: Float64Array): DensityAt => ({ value: x! > 0 ? -x! : -Infinity, gradient: [-1] });
    const { traces, divergences } = hmc({
      logDensity: half,
      initial: [[1]],
      key: key(1),
      initialStep: 0.5,
      warmUp: 0,
      keep: 200,
    });
    expect(divergences).toEqual([0]);
    expect(traces[0]!.proposalEnergy.some((energy) => energy === Infinity)).toBe(true);
    expect(traces[0]!.draws.data.every((x) => x > 0)).toBe(true);
  });
});

describe('hmc in trouble', () => {
  const quartic = ([x]: Float64Array): DensityAt => ({ value: -(x! ** 4), gradient: [-4 * x! ** 3] });

  it('counts divergences of a step that is too long, and stays where it was', () => {
    const { divergences, draws, traces } = hmc({
      logDensity: quartic,
      initial: [[0.5]],
      key: key(2),
      initialStep: 30,
      warmUp: 0,
      keep: 50,
    });
    expect(divergences[0]).toBe(traces[0]!.diverged.reduce((sum, one) => sum + one, 0));
    expect(divergences[0]).toBeGreaterThan(45);
    expect(draws[0]!.data[0]).toBe(0.5);
    expect(traces[0]!.acceptance[0]).toBe(0);
  });

  it('does not count a proposal as accepted that did not move', () => {
    const settings = { logDensity: quartic, initial: [[0.5]], key: key(2), initialStep: 1e-300, warmUp: 0, keep: 5 };
    const [trace] = hmc(settings).traces;
    expect(Array.from(trace!.accepted)).toEqual([0, 0, 0, 0, 0]);
    expect(Array.from(trace!.acceptance)).toEqual([1, 1, 1, 1, 1]);
  });

  it('counts a density that is not a number as a divergence', () => {
    const broken = ([x]: Float64Array): DensityAt => ({ value: x === 1 ? 0 : NaN, gradient: [0] });
    const { divergences } = hmc({
      logDensity: broken,
      initial: [[1]],
      key: key(2),
      initialStep: 1,
      warmUp: 0,
      keep: 5,
    });
    expect(divergences).toEqual([5]);
  });

  it('counts by the largest energy error allowed', () => {
    const settings = { logDensity: quartic, initial: [[0.5]], key: key(2), initialStep: 0.9, warmUp: 0, keep: 300 };
    const [strict, lax] = [0.01, 1000].map((maxEnergyError) => hmc({ ...settings, maxEnergyError })) as [
      HmcResult,
      HmcResult,
    ];
    expect(strict.draws).toEqual(lax.draws);
    const errors = strict.traces[0]!.proposalEnergy.map((energy, n) => energy - strict.traces[0]!.energy[n]!);
    // Where the density has overflowed to 0 the kinetic energy is as large.
    expect(strict.divergences[0]).toBe(errors.filter((error) => !(error <= 0.01)).length);
    expect(strict.divergences[0]).toBeGreaterThan(lax.divergences[0]!);
  });

  it('rejects exp(H0 - H1) = Infinity where the conventions say so', () => {
    // A ramp so steep that any move upwards gains more than 709 in energy.
    const jump = ([x]: Float64Array): DensityAt => ({ value: x! > 1 ? 1000 : 0, gradient: [0] });
    const settings = {
      logDensity: jump,
      initial: [[0.999]],
      key: key(4),
      initialStep: 5,
      leapfrogSteps: 1,
      warmUp: 0,
      keep: 20,
    };
    expect(hmc(settings).draws[0]!.data.at(-1)).toBeGreaterThan(1);
    expect(hmc({ ...settings, rejectOverflow: true }).draws[0]!.data.every((x) => x <= 1)).toBe(true);
  });

  it('gives a chain that stood still the mean of the covariances', () => {
    // Chain 1 sees a density of a single point: it never moves.
    const target = (q: Float64Array, chain: number): DensityAt =>
      chain === 0
        ? { value: -(q[0]! ** 2) / 2, gradient: [-q[0]!] }
        : { value: q[0] === 3 ? 0 : -Infinity, gradient: [0] };
    const { inverseMass, draws } = hmc({
      ...gibbsDiffusionHmc,
      logDensity: target,
      initial: [[0], [3]],
      key: key(6),
      initialStep: 0.1,
      warmUp: 100,
      keep: 3,
    });
    expect(draws[1]!.data).toEqual(Float64Array.of(3, 3, 3));
    expect(inverseMass[1]!.data[0]).toBe(inverseMass[0]!.data[0]! / 2);
  });
});

describe('hmc refuses', () => {
  const good: HmcOptions = {
    logDensity: normalTarget([0, 0], identityMatrix(2)),
    initial: [[0, 0]],
    key: key(1),
    warmUp: 0,
    keep: 1,
  };
  it.each<[string, Partial<HmcOptions>, string]>([
    ['ShapeError', { initial: [] }, 'initial must hold a point for each chain, got [].'],
    ['ShapeError', { initial: [[0, 0], [1]] }, 'initial[1] must have 2 entries as the first, got 1.'],
    ['RangeError', { initial: [[0, NaN]] }, 'initial[0] must be finite, got [0, NaN].'],
    ['TypeError', { key: undefined }, 'key must be a Key, got undefined. Make one with key(seed) or split(key).'],
    ['RangeError', { warmUp: -1 }, 'warmUp must be an integer >= 0, got -1.'],
    ['RangeError', { burnIn: 0.5 }, 'burnIn must be an integer >= 0, got 0.5.'],
    ['RangeError', { keep: 0 }, 'keep must be an integer >= 1, got 0.'],
    ['RangeError', { maxEnergyError: 0 }, 'maxEnergyError must be a finite number > 0, got 0.'],
    ['RangeError', { leapfrogSteps: 0 }, 'leapfrogSteps[0] must be an integer >= 1, got 0.'],
    ['RangeError', { leapfrogSteps: [5, 4] }, 'leapfrogSteps[1] must be an integer >= 5 and <= 2147483646, got 4.'],
    [
      'RangeError',
      { boundary: 'mirror' as 'reflect' },
      'boundary must be one of "logit", "tangent", "reflect", "collision", got "mirror".',
    ],
    ['RangeError', { initialStep: 0 }, 'initialStep must be a finite number > 0, got 0.'],
    ['ShapeError', { initialStep: [1, 1] }, 'initialStep must have 1 entries, one a chain, got 2.'],
    ['ShapeError', { inverseMass: [] }, 'inverseMass must have 1 matrices, one a chain, got 0.'],
    ['ShapeError', { inverseMass: identityMatrix(3) }, 'inverseMass must be a matrix of 2 rows, got 3.'],
    ['RangeError', { stepAdaptation: { target: 2 } }, 'target must be a finite number > 0 and < 1, got 2.'],
    [
      'RangeError',
      { massAdaptation: { schedule: 'x' as 'none' } },
      'massAdaptation.schedule must be one of "windows", "three-quarters", "none", got "x".',
    ],
    [
      'RangeError',
      { massAdaptation: { shape: 'x' as 'dense' } },
      'massAdaptation.shape must be one of "dense", "diagonal", got "x".',
    ],
    ['ShapeError', { bounds: [[0, 1]] }, 'bounds must have 2 entries as the points, got 1.'],
    [
      'RangeError',
      {
        bounds: [
          [1, 1],
          [0, 1],
        ],
      },
      'bounds[0] must be [low, high], low < high, got [1, 1].',
    ],
    [
      'RangeError',
      {
        bounds: [
          [-1, 1],
          [0, 1],
        ],
      },
      'initial[0][1] must lie between 0 and 1, got 0.',
    ],
    [
      'RangeError',
      { logDensity: () => ({ value: -Infinity, gradient: [0, 0] }) },
      'logDensity at initial[0] must be finite, got -Infinity.',
    ],
    [
      'RangeError',
      { logDensity: () => ({ value: 0, gradient: [0] }) },
      'logDensity at initial[0] must have a gradient of 2 finite numbers, got [0].',
    ],
    [
      'RangeError',
      { logDensity: () => ({ value: 0, gradient: [0, NaN] }) },
      'logDensity at initial[0] must have a gradient of 2 finite numbers, got [0, NaN].',
    ],
  ])('with a %s %o', (name, change, message) => {
    const call = (): unknown => hmc({ ...good, ...change });
    expect(call).toThrow(`tensor-core.hmc: ${message}`);
    expect(call).toThrow(expect.objectContaining({ name }) as Error);
  });

  it('an inverse mass matrix that is not positive definite', () => {
    const inverseMass: Matrix64 = matrixFromRows([
      [1, 2],
      [2, 1],
    ]);
    expect(() => hmc({ ...good, inverseMass })).toThrow(/pivot 1 of a must be > 0/);
  });
});

describe('energyFraction', () => {
  it('is the ratio of squared changes and spread', () => {
    // Changes 2, -1, 3; mean 2.
    expect(energyFraction([0, 2, 1, 4])).toBeCloseTo((4 + 1 + 9) / (1.75 ** 2 + 0.25 ** 2 + 0.75 ** 2 + 2.25 ** 2), 14);
    expect(energyFraction([1, 1])).toBeNaN();
  });

  it('is small where the energies wander', () => {
    const steps = fillNormal(key(8), new Float64Array(1000));
    let level = 0;
    expect(energyFraction(steps.map((step) => (level += step)))).toBeLessThan(0.1);
    expect(() => energyFraction([1])).toThrow('tensor-core.energyFraction: energies must hold at least 2, got 1.');
  });
});
