import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import {
  coverage,
  ecdf,
  ecdfBand,
  hmc,
  randomPointCoverage,
  sbc,
  type SbcOptions,
  sbcRanks,
  type SbcState,
  uniformHistogram,
} from '../src/inference';
import { binomialQuantile, matrix, matrixFromRows, type Matrix64 } from '../src/linalg';
import { fillNormal, fillUniform, foldIn, key, type Key } from '../src/random';

/**
 * A conjugate model: theta_i ~ N(0, 1), one datum y_i ~ N(theta_i, 1) each, so theta_i | y ~ N(y_i / 2, 1 / 2).
 * `scale` stretches the posterior, `shift` moves it: wrong unless 1 and 0.
 */
const conjugate = (scale = 1, shift = 0, dimension = 2): SbcOptions<Float64Array> => ({
  prior: (k) => fillNormal(k, new Float64Array(dimension)),
  simulate: (theta, k) => fillNormal(k, new Float64Array(dimension)).map((noise, i) => theta[i]! + noise),
  posterior: (y, k) => {
    const z = fillNormal(k, new Float64Array(63 * dimension));
    return [
      matrix(
        63,
        dimension,
        z.map((value, at) => y[at % dimension]! / 2 + shift + value * scale * Math.SQRT1_2),
      ),
    ];
  },
  runs: 300,
  key: key(50),
  thin: 1,
});

/** A right posterior has a p-value below this once in ten thousand seeds. */
const NEVER = 1e-4;

describe('sbcRanks', () => {
  it('counts draws below the truth, and every second one of those that equal it', () => {
    const draws = matrixFromRows([
      [1, 5],
      [2, 5],
      [3, 5],
      [4, 7],
    ]);
    expect(sbcRanks([2.5, 5], draws)).toEqual([2, 1]);
    expect(sbcRanks([0, 8], draws)).toEqual([0, 4]);
  });

  it('refuses a truth of another length', () => {
    expect(() => sbcRanks([1], matrix(2, 2))).toThrow(
      'tensor-core.sbcRanks: truth must have 2 entries as the draws, got 1.',
    );
  });
});

describe('sbc', () => {
  it('of a right posterior has uniform ranks', async () => {
    const { positions, ranks, sizes, finished } = await sbc(conjugate());
    expect(finished).toBe(true);
    expect(sizes.every((row) => row.every((size) => size === 63))).toBe(true);
    for (const [i, values] of positions.entries()) {
      expect(uniformHistogram(values).pValue).toBeGreaterThan(NEVER);
      expect(ranks.every((row, run) => Math.floor(values[run]! * 64) === row[i])).toBe(true);
      const { at, low, high } = ecdfBand(300, { probability: 0.9999 });
      expect(ecdf(values, at).every((share, n) => share >= low[n]! && share <= high[n]!)).toBe(true);
      const curve = coverage(values, { probability: 0.9999 });
      expect(curve.observed.every((share, n) => share >= curve.low[n]! && share <= curve.high[n]!)).toBe(true);
    }
  });

  it.each([
    { name: 'too narrow', wrong: conjugate(0.6) },
    { name: 'too wide', wrong: conjugate(1.7) },
    { name: 'moved', wrong: conjugate(1, 0.3) },
  ])('finds out a posterior that is $name', async ({ wrong }) => {
    const { positions } = await sbc(wrong);
    expect(uniformHistogram(positions[0]!).pValue).toBeLessThan(NEVER);
    const { at, low, high } = ecdfBand(300);
    expect(ecdf(positions[0]!, at).some((share, n) => share < low[n]! || share > high[n]!)).toBe(true);
  });

  it('thins correlated chains by their effective size', async () => {
    const chains = (rho: number): SbcOptions<Float64Array> => ({
      ...conjugate(1, 0, 1),
      runs: 150,
      posterior: (y, k) =>
        [0, 1].map((chain) => {
          const z = fillNormal(foldIn(k, chain), new Float64Array(400));
          for (let t = 1; t < 400; t++) z[t] = rho * z[t - 1]! + Math.sqrt(1 - rho * rho) * z[t]!;
          return matrix(
            400,
            1,
            z.map((value) => y[0]! / 2 + value * Math.SQRT1_2),
          );
        }),
      thin: 'ess',
    });
    const { positions, sizes } = await sbc(chains(0.9));
    expect(uniformHistogram(positions[0]!, { bins: 10 }).pValue).toBeGreaterThan(NEVER);
    // 800 (1 - 0.9) / (1 + 0.9) = 42 draws count.
    const mean = sizes.reduce((sum, [size]) => sum + size!, 0) / 150;
    expect(mean > 25 && mean < 60).toBe(true);
    expect((await sbc({ ...chains(0), runs: 3 })).sizes.every(([size]) => size! >= 400)).toBe(true);
    expect((await sbc({ ...chains(0.9), runs: 2, thin: 7 })).sizes).toEqual([[116], [116]]);
    const still = { ...chains(0.9), runs: 1, posterior: () => [matrix(400, 1)] };
    expect((await sbc(still)).sizes).toEqual([[1]]);
  });

  it('judges hmc', async () => {
    const { positions } = await sbc({
      ...conjugate(1, 0, 1),
      runs: 120,
      thin: 'ess',
      posterior: (y, k) =>
        hmc({
          logDensity: ([theta]) => ({
            value: -(theta! ** 2) / 2 - (y[0]! - theta!) ** 2 / 2,
            gradient: [y[0]! - 2 * theta!],
          }),
          initial: [[0], [1]],
          key: k,
          warmUp: 60,
          keep: 60,
        }).draws,
    });
    expect(uniformHistogram(positions[0]!, { bins: 8 }).pValue).toBeGreaterThan(NEVER);
  });

  it('can be stopped and goes on with the same results', async () => {
    const options = { ...conjugate(), runs: 12 };
    const whole = await sbc(options);
    const controller = new AbortController();
    const seen: number[] = [];
    const first = await sbc({
      ...options,
      signal: controller.signal,
      onProgress: ({ iteration, iterations }) => {
        seen.push(iteration, iterations);
        if (iteration === 5) controller.abort();
      },
    });
    expect(seen).toEqual([1, 12, 2, 12, 3, 12, 4, 12, 5, 12]);
    expect([first.finished, first.ranks.length]).toEqual([false, 5]);
    const state = JSON.parse(JSON.stringify(first.state)) as SbcState;
    expect(await sbc({ ...options, key: undefined, state })).toEqual(whole);
    expect(state.ranks).toHaveLength(5);
    expect(await sbc({ ...options, signal: AbortSignal.abort() })).toMatchObject({ finished: false, positions: [] });
  });

  it.each<[string, Partial<SbcOptions<Float64Array>>, string]>([
    ['TypeError', { key: undefined }, 'key must be a Key, got undefined.'],
    ['RangeError', { runs: 0 }, 'runs must be an integer >= 1, got 0.'],
    ['RangeError', { thin: 0 }, 'thin must be an integer >= 1, got 0.'],
    ['ShapeError', { posterior: () => [] }, 'draws must hold at least one draw, got [].'],
    ['ShapeError', { posterior: () => [matrix(9, 3)] }, 'posterior draws must have 2 columns as the prior, got 3.'],
    [
      'RangeError',
      { posterior: () => [{ rows: 10, cols: 2, data: new Float64Array(20).fill(NaN) }], thin: 'ess' },
      'must be finite, got NaN.',
    ],
    [
      'FormatError',
      { state: { format: 'x' } as unknown as SbcState },
      'state must be of format "tensor-core.sbc", version 1, got an object. Pass the state that sbc returned.',
    ],
  ])('refuses with a %s %o', async (name, change, message) => {
    const call = sbc({ ...conjugate(), ...change });
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toMatchObject({ name });
  });

  it('refuses a state with tables of different lengths', async () => {
    const { state } = await sbc({ ...conjugate(), runs: 2 });
    await expect(sbc({ ...conjugate(), state: { ...state, sizes: [] } })).rejects.toThrow(FormatError);
    await expect(sbc({ ...conjugate(), state: { ...state, positions: [[0.1], [0.2]] } })).rejects.toThrow(FormatError);
  });
});

describe('uniformHistogram', () => {
  it('counts values in bins, with binomial quantiles and Pearson statistic', () => {
    const found = uniformHistogram([0, 0.1, 0.24, 0.25, 0.99, 0.5], { bins: 4, probability: 0.9 });
    expect(Array.from(found.counts)).toEqual([3, 1, 1, 1]);
    expect(found.expected).toBe(1.5);
    expect(found.chiSquared).toBeCloseTo((1.5 ** 2 + 3 * 0.5 ** 2) / 1.5, 14);
    // 3 degrees of freedom: erfc(sqrt(x / 2)) + sqrt(2 x / pi) exp(-x / 2) at x = 2.
    expect(found.pValue).toBeCloseTo(0.5724067, 7);
    expect(found.band).toEqual([binomialQuantile(0.05, 6, 0.25), binomialQuantile(0.95, 6, 0.25)]);
  });

  it('has p-values that are uniform for uniform values', () => {
    const small = Array.from(
      { length: 400 },
      (_, i) => uniformHistogram(fillUniform(foldIn(key(9), i), new Float64Array(300))).pValue,
    ).filter((p) => p < 0.1).length;
    // A binomial with mean 40 and standard deviation 6.
    expect(Math.abs(small - 40)).toBeLessThan(5 * 6);
  });

  it.each<[() => unknown, string]>([
    [() => uniformHistogram([]), 'values must hold at least one, got 0.'],
    [() => uniformHistogram([1]), 'values[0] must be a finite number >= 0 and < 1, got 1.'],
    [() => uniformHistogram([0.5], { bins: 1 }), 'bins must be an integer >= 2, got 1.'],
    [() => uniformHistogram([0.5], { probability: 1 }), 'probability must be a finite number > 0 and < 1, got 1.'],
  ])('refuses: %s', (call, message) => {
    expect(call).toThrow(`tensor-core.uniformHistogram: ${message}`);
  });
});

describe('ecdfBand', () => {
  it('holds whole distribution functions with the probability asked for', () => {
    const [n, runs] = [60, 4000];
    for (const probability of [0.5, 0.9]) {
      const { at, low, high, pointwise } = ecdfBand(n, { probability, points: 30 });
      expect(pointwise).toBeGreaterThan(probability);
      const uniforms = fillUniform(key(21), new Float64Array(n * runs));
      let inside = 0;
      for (let run = 0; run < runs; run++) {
        const shares = ecdf(uniforms.subarray(n * run, n * (run + 1)), at);
        if (shares.every((share, i) => share >= low[i]! && share <= high[i]!)) inside++;
      }
      // At least the probability, up to five standard errors; the steps of the binomial leave it at most 0.05 above.
      const error = 5 * Math.sqrt((probability * (1 - probability)) / runs);
      expect(inside / runs).toBeGreaterThan(probability - error);
      expect(inside / runs).toBeLessThan(probability + 0.05 + error);
    }
  });

  it('equals the enumeration of all cases for two values and two intervals', () => {
    // N(1/2) is 0, 1, 2 with probabilities 1/4, 1/2, 1/4: a band of probability 0.4 is [1, 1], one of 0.6 is [0, 2].
    expect(ecdfBand(2, { points: 2, probability: 0.4 })).toMatchObject({
      at: Float64Array.of(0.5),
      low: Float64Array.of(0.5),
      high: Float64Array.of(0.5),
    });
    expect(ecdfBand(2, { points: 2, probability: 0.6 })).toMatchObject({
      low: Float64Array.of(0),
      high: Float64Array.of(1),
    });
  });

  it('works for thousands of values', () => {
    const { low, high } = ecdfBand(5000, { points: 50 });
    // Kolmogorov's band of 95 % has half width 1.36 / sqrt(n) everywhere; this one is about as wide in the middle.
    const half = (high[24]! - low[24]!) / 2;
    expect(half * Math.sqrt(5000) > 1.2 && half * Math.sqrt(5000) < 1.6).toBe(true);
  });

  it('refuses bad numbers', () => {
    expect(() => ecdfBand(1)).toThrow('tensor-core.ecdfBand: n must be an integer >= 2, got 1.');
    expect(() => ecdfBand(9, { points: 1 })).toThrow('tensor-core.ecdfBand: points must be an integer >= 2, got 1.');
    expect(() => ecdfBand(9, { probability: 0 })).toThrow(
      'tensor-core.ecdfBand: probability must be a finite number > 0 and < 1, got 0.',
    );
  });
});

describe('ecdf', () => {
  it('counts values up to each point, in any order', () => {
    expect(ecdf([0.2, 0.2, 0.7, 0.9], [0.7, 0.1, 0.2, 1])).toEqual(Float64Array.of(0.75, 0, 0.5, 1));
    expect(() => ecdf([2], [0.5])).toThrow('tensor-core.ecdf: values[0] must be');
  });
});

describe('coverage', () => {
  it('is the share of truths in central intervals', () => {
    const curve = coverage([0.5, 0.3, 0.95, 0.02], { levels: [0.1, 0.5, 0.9, 0.97], probability: 0.8 });
    expect(curve.observed).toEqual(Float64Array.of(0.25, 0.5, 0.75, 1));
    expect(curve.low[1]).toBe(binomialQuantile(0.1, 4, 0.5) / 4);
    expect(curve.high[1]).toBe(binomialQuantile(0.9, 4, 0.5) / 4);
    expect(coverage([0.5]).levels).toBeAllclose(Array.from({ length: 19 }, (_, i) => 0.05 * (i + 1)));
  });

  it('refuses levels and positions outside', () => {
    expect(() => coverage([0.5], { levels: [1] })).toThrow(
      'tensor-core.coverage: levels must be a finite number > 0 and < 1, got 1.',
    );
    expect(() => coverage([])).toThrow('tensor-core.coverage: values must hold at least one, got 0.');
    expect(() => coverage([0.5], { probability: 2 })).toThrow('tensor-core.coverage: probability must be');
  });
});

describe('randomPointCoverage', () => {
  const runs = 300;
  const dimension = 3;
  /** Truths and posterior draws of the conjugate model in three dimensions. */
  const sampled = (scale: number, shift = 0): [Matrix64, Matrix64[]] => {
    const theta = matrix(runs, dimension, fillNormal(key(1), new Float64Array(runs * dimension)));
    const noise = fillNormal(key(2), new Float64Array(runs * dimension));
    const draws = Array.from({ length: runs }, (_, run) => {
      const z = fillNormal(foldIn(key(3), run), new Float64Array(100 * dimension));
      return matrix(
        100,
        dimension,
        z.map((value, at) => {
          const i = run * dimension + (at % dimension);
          return (theta.data[i]! + noise[i]!) / 2 + shift + value * scale * Math.SQRT1_2;
        }),
      );
    });
    return [theta, draws];
  };
  const outside = ({ observed, low, high }: ReturnType<typeof coverage>): number =>
    observed.filter((share, n) => share < low[n]! || share > high[n]!).length;

  it('is right for a right posterior, and finds out one that is too narrow, too wide or moved', () => {
    // Each level's band holds with probability 0.9999.
    const options = { key: key(4), probability: 0.9999 };
    expect(outside(randomPointCoverage(...sampled(1), options))).toBe(0);
    expect(outside(randomPointCoverage(...sampled(0.5), options))).toBeGreaterThan(3);
    expect(outside(randomPointCoverage(...sampled(2), options))).toBeGreaterThan(3);
    expect(outside(randomPointCoverage(...sampled(0.7, 0.7), options))).toBeGreaterThan(3);
  });

  it('counts draws nearer to the reference point than the truth', () => {
    const truth = matrixFromRows([[0], [1]]);
    // Every point of [0, 1] is farther from the draws at -5 than from the truth, and nearer to a draw at the other end
    // or at itself with the coin's chance.
    const far = randomPointCoverage(truth, [matrix(4, 1, [-5, -5, -5, -5]), matrix(1, 1, [9])], { key: key(1) });
    expect(far.observed).toEqual(new Float64Array(19).fill(1));
    const [u] = fillUniform(key(1), new Float64Array(1));
    const near = randomPointCoverage(truth, [matrix(1, 1, [u!]), matrix(1, 1, [9])], { key: key(1) });
    expect(near.observed).toEqual(new Float64Array(19).fill(0.5));
  });

  it.each<[string, () => unknown, string]>([
    [
      'TypeError',
      () => randomPointCoverage(matrix(1, 1), [], { key: undefined as unknown as Key }),
      'key must be a Key',
    ],
    [
      'ShapeError',
      () => randomPointCoverage(matrix(2, 1), [], { key: key(1) }),
      'draws must have 2 entries, one a row of truth, got 0.',
    ],
    [
      'RangeError',
      () => randomPointCoverage(matrix(2, 1), [matrix(1, 1), matrix(1, 1)], { key: key(1) }),
      'truth must vary in every coordinate, got [0].',
    ],
    [
      'ShapeError',
      () => randomPointCoverage(matrix(2, 1, [0, 1]), [matrix(1, 1), matrix(1, 2)], { key: key(1) }),
      'draws[1] must have 1 columns as truth, got 2.',
    ],
  ])('refuses with a %s: %s', (name, call, message) => {
    expect(call).toThrow(`tensor-core.randomPointCoverage: ${message}`);
    expect(call).toThrow(expect.objectContaining({ name }) as Error);
  });
});
