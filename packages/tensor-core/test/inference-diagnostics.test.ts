import { describe, expect, it } from 'vitest';
import {
  autocorrelation,
  chainsOf,
  essBulk,
  essMean,
  essQuantile,
  essTail,
  formatSummary,
  hdi,
  mcse,
  mcseQuantile,
  quantile,
  rHat,
  splitRHat,
  summary,
} from '../src/inference';
import { rankNormalised } from '../src/inference/chains';
import { matrix, matrixFromRows, type Matrix64, normalQuantile } from '../src/linalg';
import { fillNormal, key, split } from '../src/random';
import { loadGolden } from '../src/testing';

const golden = loadGolden(new URL('golden/inference/diagnostics.safetensors', import.meta.url));
/** Sums of some hundred float64 numbers in another order. */
const PARITY = { rtol: 1e-10, atol: 0 };

/** Chains x_t = rho x_(t-1) + sqrt(1 - rho^2) z_t of standard normal draws, stationary from the start. */
const autoregressive = (rho: number, n: number, chains: number, seed = 5): Float64Array[] =>
  split(key(seed), chains).map((k) => {
    const z = fillNormal(k, new Float64Array(n));
    for (let t = 1; t < n; t++) z[t] = rho * z[t - 1]! + Math.sqrt(1 - rho * rho) * z[t]!;
    return z;
  });
const asDraws = (...columns: Float64Array[][]): Matrix64[] =>
  columns[0]!.map((_, k) =>
    matrixFromRows(Array.from(columns[0]![k]!, (_x, n) => columns.map((each) => each[k]![n]!))),
  );

describe.each(['iid', 'ar', 'shift', 'two'])('diagnostics of the chains "%s"', (name) => {
  const { data, shape } = golden.get(`${name}.chains`);
  const chains = Array.from({ length: shape[0]! }, (_, k) => data.subarray(k * shape[1]!, (k + 1) * shape[1]!));

  it.each([
    ['rhat_split', splitRHat],
    ['rhat', rHat],
    ['ess_bulk', essBulk],
    ['ess_mean', essMean],
  ] as const)('equal the reference: %s', (statistic, f) => {
    expect(f(chains)).toBeAllclose(golden.get(`${name}.${statistic}`).data[0]!, PARITY);
  });
});

describe('effective sample size', () => {
  // The spread of the estimate of tau over seeds at this length is 5 % at rho = 0.9, and less below.
  const SPREAD = 0.15;

  it.each([0, 0.5, 0.9, -0.5])('of an autoregressive chain with rho %d is S (1 - rho) / (1 + rho)', (rho) => {
    const chains = autoregressive(rho, 5000, 4);
    const exact = (20_000 * (1 - rho)) / (1 + rho);
    expect(essMean(chains)).toBeAllclose(exact, { rtol: SPREAD });
    expect(essBulk(chains)).toBeAllclose(exact, { rtol: SPREAD });
  });

  it('is bounded by S log10 S for chains whose means hardly vary', () => {
    const chains = autoregressive(-0.99, 1000, 4);
    expect(essMean(chains)).toBeAllclose(4000 * Math.log10(4000), { rtol: 1e-12 });
  });

  it('for a quantile is that of the indicator', () => {
    const chains = autoregressive(0.6, 500, 3);
    const bound = quantile(
      chains.flatMap((chain) => Array.from(chain)),
      0.2,
    );
    const indicators = chains.map((chain) => chain.map((x) => Number(x <= bound)));
    expect(essQuantile(chains, 0.2)).toBe(essMean(indicators));
    expect(essTail(chains)).toBe(Math.min(essQuantile(chains, 0.05), essQuantile(chains, 0.95)));
  });

  it('of the bulk is that of the normal scores, and changes with no monotone map', () => {
    const chains = autoregressive(0.7, 400, 4);
    const cubes = chains.map((chain) => chain.map((x) => x ** 3));
    expect(essBulk(cubes)).toBe(essBulk(chains));
    expect(rHat(chains.map((chain) => chain.map((x) => 2 * x + 1)))).toBeAllclose(rHat(chains), PARITY);
    expect(essMean(cubes)).not.toBe(essMean(chains));
  });

  it('is NaN when all draws are equal', () => {
    const still = [new Float64Array(20).fill(3), new Float64Array(20).fill(3)];
    expect([essMean(still), essBulk(still), essTail(still), rHat(still), splitRHat(still)]).toEqual(Array(5).fill(NaN));
  });
});

describe('R-hat', () => {
  it('equals its definition on half chains', () => {
    const chains = [
      [1, 2, 4, 3],
      [2, 5, 3, 7],
    ];
    // Half chains: means 1.5, 3.5, 3.5, 5; variances 0.5, 0.5, 4.5, 8.
    const within = (0.5 + 0.5 + 4.5 + 8) / 4;
    const means = [1.5, 3.5, 3.5, 5];
    const grand = 13.5 / 4;
    const between = means.reduce((sum, mean) => sum + (mean - grand) ** 2, 0) / 3;
    expect(splitRHat(chains)).toBeCloseTo(Math.sqrt(0.5 + between / within), 14);
  });

  it('leaves the middle draw of an odd number out', () => {
    const [a, b] = autoregressive(0.3, 100, 2) as [Float64Array, Float64Array];
    const withMiddle = [a, b].map((chain) => Float64Array.from([...chain.subarray(0, 50), 99, ...chain.subarray(50)]));
    expect(splitRHat(withMiddle)).toBe(splitRHat([a, b]));
  });

  it('is near 1 for independent draws, and tells apart chains of other locations and of other scales', () => {
    const chains = autoregressive(0, 1000, 4);
    // sqrt(1 + B / W) with B chi-squared with 7 degrees of freedom over 7 * 500.
    expect(rHat(chains)).toBeLessThan(1.01);
    const moved = chains.map((chain, k) => chain.map((x) => x + (k === 0 ? 2 : 0)));
    expect(rHat(moved)).toBeGreaterThan(1.2);
    const scaled = chains.map((chain, k) => chain.map((x) => x * (k === 0 ? 5 : 1)));
    expect(splitRHat(scaled)).toBeLessThan(1.02);
    expect(rHat(scaled)).toBeGreaterThan(1.1);
  });

  it('sees a drift inside a single chain', () => {
    const [chain] = autoregressive(0, 1000, 1) as [Float64Array];
    expect(rHat([chain.map((x, n) => x + n / 300)])).toBeGreaterThan(1.2);
  });
});

describe('normal scores', () => {
  it('are quantiles of (r - 3/8) / (S + 1/4); equal draws share their mean rank', () => {
    const [scores] = rankNormalised([Float64Array.of(5, 1, 5, 2)]) as [Float64Array];
    const expected = [3.5, 1, 3.5, 2].map((rank) => normalQuantile((rank - 0.375) / 4.25));
    expect(scores).toBeAllclose(expected, { rtol: 1e-14 });
  });
});

describe('autocorrelation', () => {
  it('equals its definition', () => {
    const x = [1, 3, 2, 5, 4];
    const c = x.map((value) => value - 3);
    const sum = (lag: number): number => c.reduce((total, value, i) => total + value * (c[i + lag] ?? 0), 0);
    expect(autocorrelation(x)).toBeAllclose(
      [0, 1, 2, 3, 4].map((lag) => sum(lag) / 10),
      { rtol: 1e-14, atol: 1e-15 },
    );
    expect(autocorrelation(x, 2)).toEqual(autocorrelation(x).slice(0, 3));
    expect(autocorrelation([2, 2, 2], 1)).toEqual(Float64Array.of(NaN, NaN));
  });

  it('of an autoregressive chain is rho^t', () => {
    const [chain] = autoregressive(0.8, 50_000, 1) as [Float64Array];
    // Bartlett: standard errors sqrt((1 + rho^2) / (1 - rho^2) / n) = 0.0096 at most.
    autocorrelation(chain, 10).forEach((found, lag) => expect(Math.abs(found - 0.8 ** lag)).toBeLessThan(5 * 0.0096));
  });
});

describe('Monte Carlo standard errors', () => {
  it('of the mean are sd / sqrt(ess)', () => {
    const chains = autoregressive(0.5, 2000, 4);
    // sd 1, S (1 - rho) / (1 + rho) = 2667 draws count, up to the spread of that estimate.
    expect(mcse(chains)).toBeAllclose(1 / Math.sqrt(8000 / 3), { rtol: 0.1 });
  });

  it('of a quantile are sqrt(p (1 - p) / ess) / density', () => {
    const chains = autoregressive(0, 5000, 4);
    const z = normalQuantile(0.9);
    const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
    // The density is estimated from some 300 draws in the interval: 6 %, three times; and the size by 5 %.
    expect(mcseQuantile(chains, 0.9)).toBeAllclose(0.3 / Math.sqrt(20_000) / density, { rtol: 0.25 });
  });
});

describe('quantile and hdi', () => {
  it('interpolate between order statistics, and find the shortest interval', () => {
    expect([0, 0.25, 0.5, 0.9, 1].map((p) => quantile([4, 1, 3, 2], p))).toBeAllclose([1, 1.75, 2.5, 3.7, 4]);
    expect(
      hdi(
        [
          [0, 10, 11],
          [12, 13, 40],
        ],
        0.5,
      ),
    ).toEqual([10, 12]);
    expect(hdi([[3, 1, 2]], 1)).toEqual([1, 3]);
    expect(hdi([[3, 1, 2]], 0.1)).toEqual([1, 1]);
    // 0.07 * 100 is 7.000000000000001 in float64, and asks for 7 draws.
    expect(hdi([Array.from({ length: 100 }, (_, i) => i)], 0.07)).toEqual([0, 6]);
  });

  it('of many normal draws is that of the density', () => {
    const [draws] = autoregressive(0, 100_000, 1) as [Float64Array];
    const [low, high] = hdi([draws], 0.95);
    expect(high - low).toBeAllclose(2 * 1.959964, { rtol: 0.02 });
  });
});

describe('summary', () => {
  const good = autoregressive(0.3, 500, 4);
  const apart = autoregressive(0.3, 500, 4, 6).map((chain, k) => chain.map((x) => x + 3 * k));

  it('has a row for each coordinate', () => {
    const draws = asDraws(good, apart);
    const [first, second] = summary(draws, { names: ['good', 'apart'] }) as [
      ReturnType<typeof summary>[0],
      ReturnType<typeof summary>[0],
    ];
    expect(chainsOf(draws, 1)).toEqual(apart);
    expect(first).toMatchObject({
      name: 'good',
      hdi: hdi(good, 0.94),
      mcse: mcse(good),
      essBulk: essBulk(good),
      essTail: essTail(good),
      rHat: rHat(good),
      warnings: [],
    });
    const all = good.flatMap((chain) => Array.from(chain));
    expect(first.mean).toBeCloseTo(all.reduce((sum, x) => sum + x, 0) / 2000, 12);
    expect(first.std).toBeCloseTo(Math.sqrt(all.reduce((sum, x) => sum + (x - first.mean) ** 2, 0) / 1999), 12);
    expect(first.median).toBe(quantile(all, 0.5));
    expect(second.warnings[0]).toMatch(/^R-hat \d\.\d{3} is above 1\.05: the chains disagree$/);
    expect(second.warnings[1]).toMatch(/^the bulk effective sample size \d+ is below 100$/);
  });

  it('warns of a single chain, of chains that stand still and by the limits given', () => {
    expect(summary(asDraws(good.slice(0, 1)))[0]!.warnings).toEqual([
      'a single chain cannot tell whether it has seen all of the target',
    ]);
    const still = good.map((chain) => chain.map(() => 1));
    expect(summary(asDraws(still))[0]!.warnings).toEqual(['all draws are equal']);
    expect(summary(asDraws(good), { maxRHat: 1, minEss: 1e6 })[0]!.warnings).toHaveLength(3);
    expect(summary(asDraws(good), { probability: 0.5 })[0]!.hdi).toEqual(hdi(good, 0.5));
  });

  it('is written as a table, digits by the Monte Carlo error, warnings below', () => {
    const text = formatSummary(summary(asDraws(good, apart), { names: ['good', 'apart'] }));
    const [head, first, second, ...warnings] = text.split('\n') as [string, string, string, ...string[]];
    expect(head.trim().split(/\s+/)).toEqual([
      'mean',
      'std',
      'median',
      'hdi',
      'low',
      'hdi',
      'high',
      'mcse',
      'ess',
      'bulk',
      'ess',
      'tail',
      'r-hat',
    ]);
    expect(first).toHaveLength(head.length);
    expect(second).toHaveLength(head.length);
    expect(first).toMatch(/^ *good +-?0\.\d{3} +[01]\.\d{3} /);
    expect(warnings[0]).toMatch(/^apart: R-hat/);
  });
});

describe('bad chains', () => {
  const short = [[1, 2, 3]];
  const ragged = [new Float64Array(12), new Float64Array(11)];
  const broken = [new Float64Array(12), new Float64Array(12).fill(NaN, 5)];
  it.each<[string, () => unknown, string]>([
    ['ShapeError', () => rHat(short), 'rHat: chains must have at least 4 draws each, got 3.'],
    ['ShapeError', () => splitRHat([]), 'splitRHat: chains must have at least 4 draws each, got 0.'],
    ['ShapeError', () => essMean(short), 'essMean: chains must have at least 10 draws each, got 3.'],
    ['ShapeError', () => essBulk(ragged), 'essBulk: chains[1] must have 12 draws as the first, got 11.'],
    ['RangeError', () => essTail(broken), 'essQuantile: chains[1][5] must be finite, got NaN.'],
    ['RangeError', () => essQuantile(ragged, 2), 'essQuantile: p must be a finite number >= 0 and <= 1, got 2.'],
    ['RangeError', () => mcse(broken), 'mcse: chains[1][5] must be finite, got NaN.'],
    [
      'ShapeError',
      () => mcseQuantile([new Float64Array(12)], 0.5),
      'mcseQuantile: chains must have draws on both sides of p, got 0.5.',
    ],
    ['ShapeError', () => autocorrelation([1]), 'autocorrelation: chains must have at least 2 draws each, got 1.'],
    [
      'RangeError',
      () => autocorrelation([1, 2], 2),
      'autocorrelation: maxLag must be an integer >= 0 and <= 1, got 2.',
    ],
    ['ShapeError', () => quantile([], 0.5), 'quantile: chains must have at least 1 draws each, got 0.'],
    ['RangeError', () => quantile([1], 1.5), 'quantile: p must be a finite number >= 0 and <= 1, got 1.5.'],
    ['RangeError', () => hdi([[1]], 0), 'hdi: probability must be a finite number > 0 and <= 1, got 0.'],
    ['ShapeError', () => summary([]), 'summary: draws must hold at least one draw, got [].'],
    [
      'ShapeError',
      () => summary([matrix(12, 2), matrix(11, 2)]),
      'summary: draws[1] must have the shape [12, 2] of the first, got [11, 2].',
    ],
    [
      'ShapeError',
      () => summary([matrix(12, 2)], { names: ['a'] }),
      'summary: names must have 2 entries, one a coordinate, got 1.',
    ],
    ['RangeError', () => chainsOf([matrix(12, 2)], 2), 'chainsOf: coordinate must be an integer >= 0 and <= 1, got 2.'],
  ])('are refused with a %s: %s', (name, call, message) => {
    expect(call).toThrow(`tensor-core.${message}`);
    expect(call).toThrow(expect.objectContaining({ name }) as Error);
  });
});
