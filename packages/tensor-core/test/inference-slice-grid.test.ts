import { describe, expect, it } from 'vitest';
import {
  chainsOf,
  gridPosterior,
  type GridRule,
  mcse,
  sliceSample,
  sliceSampleAsync,
  type SliceOptions,
  type SliceResult,
} from '../src/inference';
import { covariance, erf, matrixFromRows, rowOf } from '../src/linalg';
import { key, type Key } from '../src/random';
import { normalTarget } from './inference-targets';
import { kolmogorov } from './random-oracles';

/** In standard errors: a normal variable leaves them with probability 6e-7. */
const SIGMAS = 5;
/** Kolmogorov's statistic exceeds 2.4 with probability 2e-5. */
const KOLMOGOROV = 2.4;

const meanOf = (chains: Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((a, b) => a + b, 0), 0) / (chains.length * chains[0]!.length);

describe('sliceSample', () => {
  const initial = [
    [-3, 2],
    [3, -2],
    [0, 0],
  ];

  it('has mean and covariance of a correlated normal density', () => {
    const target = normalTarget(
      [1, 2],
      matrixFromRows([
        [4, 1.2],
        [1.2, 1],
      ]),
    );
    const { draws } = sliceSample({ logDensity: (q, k) => target(q, k).value, initial, key: key(1), keep: 3000 });
    const check = (f: (q: Float64Array) => number, exact: number): void => {
      const chains = draws.map((chain) => Float64Array.from({ length: 3000 }, (_, n) => f(rowOf(chain, n))));
      expect(Math.abs(meanOf(chains) - exact)).toBeLessThan(SIGMAS * mcse(chains));
    };
    check(([x]) => x!, 1);
    check(([, y]) => y!, 2);
    check(([x]) => (x! - 1) ** 2, 4);
    check(([x, y]) => (x! - 1) * (y! - 2), 1.2);
  });

  it.each([
    { name: 'a width of its scale', widths: 2, maxWidths: 100 },
    { name: 'a tiny width', widths: 0.05, maxWidths: 1000 },
    { name: 'a huge width, without stepping out', widths: 50, maxWidths: 1 },
    { name: 'a bounded number of widths', widths: 0.5, maxWidths: 3 },
  ])('has the distribution of a density with two modes and a gap, $name', ({ widths, maxWidths }) => {
    // Uniform on [0, 1] and, with twice the density, on [1.5, 2].
    const logDensity = ([x]: Float64Array): number =>
      x! >= 0 && x! <= 1 ? 0 : x! >= 1.5 && x! <= 2 ? Math.LN2 : -Infinity;
    const { draws } = sliceSample({
      logDensity,
      initial: [[0.5], [1.7]],
      key: key(2),
      widths,
      maxWidths,
      keep: 2000,
      thin: widths < 1 ? 20 : 3,
    });
    const inSecond = chainsOf(draws, 0).map((chain) => chain.map((x) => Number(x > 1.4)));
    expect(Math.abs(meanOf(inSecond) - 0.5)).toBeLessThan(SIGMAS * mcse(inSecond));
    const first = chainsOf(draws, 0).map((chain) => chain.filter((x) => x <= 1));
    // Inside a mode a draw hardly remembers the one before.
    expect(
      kolmogorov(
        first.flatMap((chain) => Array.from(chain)),
        (x) => x,
      ),
    ).toBeLessThan(KOLMOGOROV);
  });

  it('stays inside bounds and has the density there', () => {
    const { draws, logDensity } = sliceSample({
      logDensity: ([x]) => -2 * x!,
      initial: [[0.5], [0.1]],
      bounds: [[0, Infinity]],
      key: key(3),
      keep: 4000,
      thin: 2,
    });
    const [chain] = chainsOf(draws, 0) as [Float64Array];
    expect(chain.every((x) => x >= 0)).toBe(true);
    const chains = chainsOf(draws, 0);
    expect(Math.abs(meanOf(chains) - 0.5)).toBeLessThan(SIGMAS * mcse(chains));
    expect(logDensity[0]).toEqual(chain.map((x) => -2 * x));
  });

  it('keeps every thin-th sweep after burn-in, and depends on key and chain only', () => {
    const settings: SliceOptions = {
      logDensity: ([x]) => -(x! ** 2),
      initial: [[0], [1]],
      key: key(4),
      burnIn: 7,
      keep: 5,
    };
    const every = sliceSample({ ...settings, keep: 15 });
    const third = sliceSample({ ...settings, thin: 3 });
    third.draws.forEach(({ data }, k) => {
      expect(data).toEqual(every.draws[k]!.data.filter((_, n) => n % 3 === 2));
    });
    expect(sliceSample({ ...settings, initial: [[0]] }).draws[0]).toEqual(sliceSample(settings).draws[0]);
    expect(sliceSample({ ...settings, burnIn: 0, keep: 12 }).draws[0]!.data.slice(7)).toEqual(
      sliceSample(settings).draws[0]!.data,
    );
  });

  it('can be stopped, and has the same draws asynchronously', async () => {
    const settings: SliceOptions = {
      logDensity: ([x]) => -(x! ** 2),
      initial: [[0]],
      key: key(4),
      burnIn: 2,
      keep: 20,
    };
    const controller = new AbortController();
    const seen: number[] = [];
    const stopped = sliceSample({
      ...settings,
      signal: controller.signal,
      onProgress: ({ iteration, iterations }) => {
        seen.push(iteration, iterations);
        if (iteration === 6) controller.abort();
      },
    });
    expect(seen.slice(-2)).toEqual([6, 22]);
    expect(stopped).toMatchObject({ finished: false, draws: [{ rows: 4, cols: 1 }] });
    const whole: SliceResult = sliceSample(settings);
    expect(whole.finished).toBe(true);
    expect(whole.densityCalls).toBeGreaterThan(22 * 3);
    expect(await sliceSampleAsync(settings)).toEqual(whole);
    await expect(sliceSampleAsync({ ...settings, keep: 0 })).rejects.toThrow('tensor-core.sliceSampleAsync: keep');
  });

  it.each<[string, Partial<SliceOptions>, string]>([
    ['TypeError', { key: undefined as unknown as Key }, 'key must be a Key, got undefined.'],
    ['ShapeError', { initial: [] }, 'initial must hold a point for each chain, got [].'],
    ['RangeError', { widths: 0 }, 'widths must be a finite number > 0, got 0.'],
    ['ShapeError', { widths: [1, 1] }, 'widths must have 1 entries as the points, got 2.'],
    ['RangeError', { maxWidths: 0 }, 'maxWidths must be an integer >= 1, got 0.'],
    ['RangeError', { burnIn: -1 }, 'burnIn must be an integer >= 0, got -1.'],
    ['RangeError', { keep: 0 }, 'keep must be an integer >= 1, got 0.'],
    ['RangeError', { thin: 0 }, 'thin must be an integer >= 1, got 0.'],
    ['ShapeError', { bounds: [] }, 'bounds must have 1 entries as the points, got 0.'],
    ['RangeError', { bounds: [[1, 2]] }, 'initial[0][0] must lie between 1 and 2, got 0.'],
    ['RangeError', { logDensity: () => -Infinity }, 'logDensity at initial[0] must be finite, got -Infinity.'],
  ])('refuses with a %s %o', (name, change, message) => {
    const good: SliceOptions = { logDensity: () => 0, initial: [[0]], key: key(1), keep: 1 };
    const call = (): unknown => sliceSample({ ...good, ...change });
    expect(call).toThrow(`tensor-core.sliceSample: ${message}`);
    expect(call).toThrow(expect.objectContaining({ name }) as Error);
  });

  it('refuses a density that falls from call to call', () => {
    let calls = 0;
    const logDensity = (): number => -(10 ** calls++);
    expect(() => sliceSample({ logDensity, initial: [[0]], key: key(1) })).toThrow(
      'tensor-core.sliceSample: logDensity must be at least as large at a point as when it was called there before, got "a slice that shrank to nothing".',
    );
  });
});

const line = (low: number, high: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1));

describe('gridPosterior', () => {
  const target = normalTarget(
    [0.3, -0.2],
    matrixFromRows([
      [0.04, 0.012],
      [0.012, 0.01],
    ]),
  );
  const axes = [line(-1, 1.6, 105), line(-0.9, 0.5, 113)];
  const grid = gridPosterior({ axes, logDensity: (q) => target(q, 0).value });

  it('has evidence, moments and marginals of a normal density', () => {
    // The trapezoid rule of a smooth function that vanishes at the ends errs like exp(-2 (pi sigma / step)^2): nothing;
    // 6 standard deviations cut off leave 1e-9 of the mass.
    const tolerance = { rtol: 1e-7, atol: 1e-8 };
    const determinant = 0.04 * 0.01 - 0.012 ** 2;
    expect(grid.logEvidence).toBeAllclose(Math.log(2 * Math.PI * Math.sqrt(determinant)), tolerance);
    expect(grid.mean).toBeAllclose([0.3, -0.2], tolerance);
    expect(grid.covariance.data).toBeAllclose([0.04, 0.012, 0.012, 0.01], tolerance);
    expect(grid.mass.reduce((sum, m) => sum + m, 0)).toBeCloseTo(1, 13);
    const exact = (x: number): number => Math.exp(-0.5 * ((x - 0.3) / 0.2) ** 2) / (0.2 * Math.sqrt(2 * Math.PI));
    expect(grid.marginal(0)).toBeAllclose(axes[0]!.map(exact), tolerance);
    expect(grid.logDensity[0]).toBeCloseTo(target(Float64Array.of(-1, -0.9), 0).value - grid.logEvidence, 12);
    expect(Array.from(grid.mode)).toBeAllclose([0.3, -0.2], { atol: 0.0125 });
  });

  it('takes values in place of a function, the last axis fastest', () => {
    const values = axes[0]!.reduce<number[]>(
      (all, x) => [...all, ...Array.from(axes[1]!, (y) => target(Float64Array.of(x, y), 0).value)],
      [],
    );
    const same = gridPosterior({ axes, logDensity: values });
    expect(same.mass).toEqual(grid.mass);
    expect(same.mean).toEqual(grid.mean);
  });

  it('does not overflow or vanish at any level of the density', () => {
    for (const shift of [-1e5, 1e5]) {
      const shifted = gridPosterior({ axes, logDensity: (q) => target(q, 0).value + shift });
      expect(shifted.logEvidence).toBeAllclose(grid.logEvidence + shift, { rtol: 1e-12 });
      expect(shifted.mean).toBeAllclose(grid.mean, { rtol: 1e-9, atol: 1e-9 });
    }
  });

  it('weighs uneven axes by the volume of their cells', () => {
    const axis = [0, 1, 3];
    const flat = gridPosterior({ axes: [axis], logDensity: () => 0 });
    expect(flat.mass).toBeAllclose([0.5 / 3, 1.5 / 3, 1 / 3], { rtol: 1e-14 });
    expect(flat.mean[0]).toBeCloseTo(1.5, 14);
    const cells = gridPosterior({ axes: [axis], logDensity: () => 0, rule: 'midpoint' });
    // Cells [-0.5, 0.5], [0.5, 2], [2, 4].
    expect(cells.mass).toBeAllclose([1 / 4.5, 1.5 / 4.5, 2 / 4.5], { rtol: 1e-14 });
    expect(cells.logEvidence).toBeCloseTo(Math.log(4.5), 14);
    expect(cells.marginal(0)).toBeAllclose([1 / 4.5, 1 / 4.5, 1 / 4.5], { rtol: 1e-14 });
  });

  it('works in three dimensions', () => {
    const axis = line(-6, 6, 41);
    const { mean, covariance: spread } = gridPosterior({
      axes: [axis, axis, axis],
      logDensity: ([x, y, z]) => -(x! ** 2) / 2 - (y! - 0.5) ** 2 / 2 - (z! + 0.5) ** 2,
    });
    expect(mean).toBeAllclose([0, 0.5, -0.5], { rtol: 0, atol: 1e-6 });
    expect(spread.data).toBeAllclose([1, 0, 0, 0, 1, 0, 0, 0, 0.5], { rtol: 0, atol: 1e-5 });
  });
});

describe('gridPosterior.sample', () => {
  const N = 20_000;

  it('draws grid points by their masses when there is no jitter', () => {
    const grid = gridPosterior({
      axes: [
        [0, 1, 2],
        [5, 7],
      ],
      logDensity: [0, 1, 2, 0, -1, 0.5],
    });
    const draws = grid.sample(key(1), N, { jitter: 'none' });
    grid.mass.forEach((mass, flat) => {
      const [x, y] = [Math.floor(flat / 2), [5, 7][flat % 2]];
      let count = 0;
      for (let n = 0; n < N; n++) if (draws.data[2 * n] === x && draws.data[2 * n + 1] === y) count++;
      expect(Math.abs(count / N - mass)).toBeLessThan(SIGMAS * Math.sqrt((mass * (1 - mass)) / N));
    });
  });

  it('draws from the linear interpolation exactly', () => {
    // Density falls linearly from (0, 2) to (1, 0), then rises to (3, 0.5); the area of 1.5 is normalised.
    const grid = gridPosterior({ axes: [[0, 1, 3]], logDensity: [Math.log(2), -Infinity, Math.log(0.5)] });
    const cdf = (x: number): number => (x < 1 ? 2 * x - x * x : 1 + (x - 1) ** 2 / 8) / 1.5;
    expect(kolmogorov(grid.sample(key(2), N).data, cdf)).toBeLessThan(KOLMOGOROV);
  });

  it('draws uniformly in cells for the midpoint rule', () => {
    const grid = gridPosterior({ axes: [[0, 1, 3]], logDensity: [Math.log(2), 0, Math.log(0.5)], rule: 'midpoint' });
    // Cells [-0.5, 0.5], [0.5, 2], [2, 4] of masses 2, 1.5, 1.
    const cdf = (x: number): number => (x < 0.5 ? 2 * (x + 0.5) : x < 2 ? 2 + (x - 0.5) : 3.5 + (x - 2) / 2) / 4.5;
    expect(kolmogorov(grid.sample(key(3), N).data, cdf)).toBeLessThan(KOLMOGOROV);
  });

  it('keeps correlations', () => {
    const axis = line(-5, 5, 101);
    const grid = gridPosterior({
      axes: [axis, axis],
      logDensity: ([x, y]) => -(x! ** 2 - 1.6 * x! * y! + y! ** 2) / 0.72,
    });
    const sample = grid.sample(key(4), N);
    const marginal = sample.data.filter((_, at) => at % 2 === 0);
    // The interpolant of a normal density of steps of a tenth of its width is as good as the density.
    expect(kolmogorov(marginal, (x) => 0.5 * (1 + erf(x / Math.SQRT2)))).toBeLessThan(KOLMOGOROV);
    // Var (x y) = 1 + 0.8^2; the spread of the hats adds step^2 / 6.
    expect(Math.abs(covariance(sample).data[1]! - 0.8)).toBeLessThan(SIGMAS * Math.sqrt(1.64 / N));
  });

  it('depends on the key', () => {
    const grid = gridPosterior({ axes: [[0, 1]], logDensity: [0, 0] });
    expect(grid.sample(key(1), 5)).toEqual(grid.sample(key(1), 5));
    expect(grid.sample(key(1), 5)).not.toEqual(grid.sample(key(2), 5));
  });

  it.each<[string, () => unknown, string]>([
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0, 0] }).sample(key(1), 0),
      'gridPosterior.sample: n must be an integer >= 1, got 0.',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0, 0] }).sample(key(1), 1, { jitter: 'x' as 'none' }),
      'gridPosterior.sample: jitter must be one of "cell", "none", got "x".',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0, 0] }).marginal(1),
      'gridPosterior.marginal: i must be an integer >= 0 and <= 0, got 1.',
    ],
    [
      'ShapeError',
      () => gridPosterior({ axes: [], logDensity: [] }),
      'gridPosterior: axes must be 1 to 3 coordinates, got 0.',
    ],
    [
      'ShapeError',
      () => gridPosterior({ axes: [[0]], logDensity: [0] }),
      'gridPosterior: axes[0] must have at least 2 values, got 1.',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 0]], logDensity: [0, 0] }),
      'gridPosterior: axes[0] must be finite and ascending at 1, got 0.',
    ],
    [
      'ShapeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0] }),
      'gridPosterior: logDensity must have 2 values, one a grid point, got 1.',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0, NaN] }),
      'gridPosterior: logDensity[1] must be below Infinity, got NaN.',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: () => -Infinity }),
      'gridPosterior: logDensity must be above -Infinity somewhere, got -Infinity.',
    ],
    [
      'RangeError',
      () => gridPosterior({ axes: [[0, 1]], logDensity: [0, 0], rule: 'x' as GridRule }),
      'gridPosterior: rule must be one of "trapezoid", "midpoint", got "x".',
    ],
  ])('refuses with a %s: %s', (name, call, message) => {
    expect(call).toThrow(`tensor-core.${message}`);
    expect(call).toThrow(expect.objectContaining({ name }) as Error);
  });
});
