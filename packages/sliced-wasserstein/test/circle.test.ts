import { random } from '@tfsci/tensor-core';
import { finiteDifferences, loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { circleToUniformCost } from '../src/spherical/circle-to-uniform';
import { circleCost, circleMasses, onCircle } from '../src/spherical/circle-transport';
import { circleToUniform, circleWasserstein } from '../src/spherical/circle-wasserstein';

/** Sums of a few dozen terms below 1 in float64, in another order. */
const ROUNDING = { rtol: 0, atol: 1e-14 };
/** The golden file holds float64 values of a network simplex. */
const PARITY = { rtol: 0, atol: 1e-15 };
/** Central differences with steps of 1e-6 of functions with curvature of size 10: 1e-11 / 1e-6 of rounding and 1e-5 of p = 1.5. */
const GRADIENTS = { rtol: 0, atol: 2e-5 };

const uniform = (seed: number, count: number): Float64Array =>
  random.fillUniform(random.key(seed), new Float64Array(count));

function distance(s: number, t: number): number {
  const gap = Math.abs(s - t) % 1;
  return Math.min(gap, 1 - gap);
}

/** W_p^p of equally many points of equal mass: the best of all permutations. */
function bestPermutation(u: readonly number[], v: readonly number[], p: number): number {
  if (u.length === 0) return 0;
  const [first, ...rest] = u as [number, ...number[]];
  const costs = v.map((t, j) => distance(first, t) ** p + bestPermutation(rest, v.toSpliced(j, 1), p));
  return Math.min(...costs);
}

/** W_p^p of n and m points of equal mass: copies up to a common number, and the best of all cyclic shifts of sorted copies. */
function bestShift(u: ArrayLike<number>, v: ArrayLike<number>, p: number): number {
  const copies = (points: ArrayLike<number>, times: number): number[] =>
    Array.from(points, onCircle)
      .sort((s, t) => s - t)
      .flatMap((point) => new Array<number>(times).fill(point));
  const [x, y] = [copies(u, v.length), copies(v, u.length)];
  const costs = x.map((_, shift) =>
    x.reduce((sum, point, i) => sum + distance(point, y[(i + shift) % y.length]!) ** p / x.length, 0),
  );
  return Math.min(...costs);
}

/** W_1 = min over alpha of the integral of |F - G - alpha|: alpha the median level, weighted by length. */
function levelMedian(u: readonly number[], v: readonly number[], a: readonly number[], b: readonly number[]): number {
  const cuts = [...u, ...v].sort((s, t) => s - t);
  const cdf = (points: readonly number[], masses: readonly number[], t: number): number =>
    points.reduce((sum, point, i) => sum + (point <= t ? masses[i]! : 0), 0);
  const pieces = cuts.map((cut, k) => ({
    level: cdf(u, a, cut) - cdf(v, b, cut),
    length: (cuts[k + 1] ?? cuts[0]! + 1) - cut,
  }));
  const byLevel = pieces.toSorted((s, t) => s.level - t.level);
  let below = 0;
  const median = byLevel.find(({ length }) => (below += length) >= 0.5)!.level;
  return pieces.reduce((sum, { level, length }) => sum + length * Math.abs(level - median), 0);
}

describe('circleWasserstein', () => {
  it('has the distances of exact optimal transport', () => {
    const golden = loadGolden(new URL('./golden/circle_ot.safetensors', import.meta.url));
    const cases = golden.names.filter((name) => name.startsWith('u.')).map((name) => name.slice(2));
    expect(cases.length).toBeGreaterThan(0);
    for (const i of cases) {
      const of = (name: string): Float64Array => golden.get(`${name}.${i}`).data;
      const weights = { a: of('a'), b: of('b') };
      expect(circleWasserstein(of('u'), of('v'), { ...weights, p: 1 })).toBeAllclose(of('w1')[0], PARITY);
      expect(circleWasserstein(of('u'), of('v'), weights)).toBeAllclose(of('w2sq')[0], PARITY);
    }
  });

  const coordinate = fc.oneof(
    fc.double({ min: -2, max: 2, noNaN: true }),
    // Ties, and points opposite each other.
    fc.integer({ min: -8, max: 8 }).map((k) => k / 8),
  );
  const cloud = (length: number): fc.Arbitrary<number[]> => fc.array(coordinate, { minLength: 1, maxLength: length });
  const order = fc.constantFrom(1, 1.5, 2, 3);

  it('is the best of all permutations', () => {
    const pair = fc.integer({ min: 1, max: 5 }).chain((n) => {
      const points = fc.array(coordinate, { minLength: n, maxLength: n });
      return fc.tuple(points, points);
    });
    fc.assert(
      fc.property(pair, order, ([u, v], p) => {
        expect(circleWasserstein(u, v, { p })).toBeAllclose(bestPermutation(u, v, p) / u.length, ROUNDING);
      }),
      { numRuns: 200 },
    );
  });

  it('is the best of all cyclic shifts for unequal sizes, with equal weights given or not', () => {
    fc.assert(
      fc.property(cloud(7), cloud(7), order, (u, v, p) => {
        const expected = bestShift(u, v, p);
        expect(circleWasserstein(u, v, { p })).toBeAllclose(expected, ROUNDING);
        expect(circleWasserstein(u, v, { p, a: u.map(() => 3) })).toBeAllclose(expected, ROUNDING);
        expect(circleWasserstein(u, v, { p, b: v.map(() => 0.1) })).toBeAllclose(expected, ROUNDING);
      }),
      { numRuns: 200 },
    );
  });

  it('is the integral over the median level for p = 1 and weights', () => {
    for (let seed = 0; seed < 30; seed++) {
      const [u, v, a, b] = [11, 7, 11, 7].map((count, k) => Array.from(uniform(10 * seed + k, count)));
      const normed = (masses: number[]): number[] => masses.map((mass) => mass / masses.reduce((s, t) => s + t, 0));
      const expected = levelMedian(u!, v!, normed(a!), normed(b!));
      expect(circleWasserstein(u!, v!, { p: 1, a: a!, b: b! })).toBeAllclose(expected, ROUNDING);
    }
  });

  it('takes integer weights for copies, and leaves out points without mass', () => {
    const [u, v] = [uniform(1, 4), uniform(2, 3)];
    const copies = [u[0]!, u[1]!, u[1]!, u[3]!, u[3]!, u[3]!];
    for (const p of [1, 2, 3]) {
      const expected = circleWasserstein(copies, v, { p });
      expect(circleWasserstein(u, v, { p, a: [1, 2, 0, 3] })).toBeAllclose(expected, ROUNDING);
      expect(circleWasserstein(v, u, { p, b: [1, 2, 0, 3] })).toBeAllclose(expected, ROUNDING);
    }
  });

  it('is a metric that no rotation or reflection changes, at most 1/2, increasing in p', () => {
    fc.assert(
      fc.property(cloud(6), cloud(6), cloud(6), coordinate, order, (u, v, w, turn, p) => {
        const W = (s: number[], t: number[]): number => circleWasserstein(s, t, { p, root: true });
        // Roots of rounding of 1e-16.
        const slack = 1e-14 ** (1 / p);
        expect(W(u, u)).toBeLessThan(slack);
        expect(Math.abs(W(u, v) - W(v, u))).toBeLessThan(slack);
        expect(W(u, w)).toBeLessThan(W(u, v) + W(v, w) + slack);
        const moved = (s: number[]): number[] => s.map((t) => turn - t);
        expect(Math.abs(W(moved(u), moved(v)) - W(u, v))).toBeLessThan(slack);
        expect(W(u, v)).toBeLessThanOrEqual(0.5);
        expect(circleWasserstein(u, v, { p: 1 })).toBeLessThan(W(u, v) + slack);
      }),
      { numRuns: 100 },
    );
  });

  it('has coordinates in [0, 1), after rounding too', () => {
    expect([-1e-20, -0.25, 0, 1, 3.5].map(onCircle)).toEqual([0, 0.75, 0, 0, 0.5]);
    expect(circleWasserstein([-1e-20, 0.5], [0, 0.5])).toBe(0);
  });

  it('is the shift of a cloud that is far from even', () => {
    const u = uniform(3, 50).map((t) => 0.3 * t);
    for (const p of [1, 2, 3]) {
      const shifted = u.map((t) => t + 0.85);
      expect(circleWasserstein(u, shifted, { p, root: true })).toBeAllclose(0.15, { rtol: 1e-12 });
    }
    expect(circleWasserstein([0], [0.25])).toBe(0.0625);
    expect(circleWasserstein([0.1, 0.5], [0.9, 0.6], { p: 1 })).toBeAllclose(0.15, ROUNDING);
  });

  it.each([
    [8, 8, false],
    [8, 12, false],
    [7, 9, true],
  ])('has the derivatives of %d and %d points, weighted: %s', (n, m, weighted) => {
    const weights = weighted ? { a: uniform(6, n), b: uniform(7, m) } : {};
    const masses = circleMasses('test', n, m, weights);
    const [u, v] = [uniform(4, n), uniform(5, m)];
    for (const p of [1, 1.5, 2, 3]) {
      const slopes = { u: new Float64Array(n).fill(9), v: new Float64Array(m).fill(9) };
      circleCost(u, v, masses, p, slopes);
      const ofU = finiteDifferences((at) => circleCost(at.map(onCircle), v, masses, p), u, 1e-6);
      const ofV = finiteDifferences((at) => circleCost(u, at.map(onCircle), masses, p), v, 1e-6);
      expect(slopes.u).toBeAllclose(ofU, GRADIENTS);
      expect(slopes.v).toBeAllclose(ofV, GRADIENTS);
    }
  });

  it.each<[unknown, unknown, object, ErrorConstructor | string, string]>([
    [3, [0], {}, TypeError, 'u must be an array of numbers, got 3.'],
    [[0], null, {}, TypeError, 'v must be an array of numbers, got null.'],
    [[], [0], {}, 'ShapeError', 'u must have at least one number, got [].'],
    [[0, NaN], [0], {}, RangeError, 'u[1] must be a finite number, got NaN.'],
    [[0], ['1'], {}, TypeError, 'v[0] must be a finite number, got "1".'],
    [[0], [0], { p: 0.9 }, RangeError, 'p must be a finite number >= 1, got 0.9.'],
    [[0], [0], { a: [1, 2] }, 'ShapeError', 'a must have 1 numbers, one for each point, got 2.'],
    [[0], [0], { b: [0] }, RangeError, 'b must have a positive finite sum, got 0.'],
  ])('refuses %o, %o, %o', (u, v, options, error, message) => {
    const make = () => circleWasserstein(u as number[], v as number[], options);
    if (typeof error === 'string') expect(make).toThrow(expect.objectContaining({ name: error }));
    else expect(make).toThrow(error);
    expect(make).toThrow(`sliced-wasserstein.circleWasserstein: ${message}`);
  });
});

describe('circleToUniform', () => {
  it('is the limit of the distance to evenly spread points', () => {
    const m = 5000;
    const even = Float64Array.from({ length: m }, (_, k) => k / m);
    for (const count of [1, 2, 9]) {
      const [u, a] = [uniform(count, count), uniform(count + 20, count)];
      for (const weights of [{}, { a }]) {
        const expected = circleWasserstein(u, even, { ...weights, root: true });
        const found = circleToUniform(u, { ...weights, root: true });
        // The triangle inequality: even points are 1 / (m sqrt 12) from uniform.
        expect(Math.abs(found - expected)).toBeLessThanOrEqual(1 / (m * Math.sqrt(12)) + 1e-12);
      }
    }
  });

  it('is the formula of Bonet et al. for equal weights', () => {
    const u = uniform(5, 40).sort();
    const n = u.length;
    const mean = u.reduce((sum, t) => sum + t, 0) / n;
    const expected = u.reduce((sum, t, k) => sum + (t * t) / n + ((n - 1 - 2 * k) * t) / n ** 2, 1 / 12 - mean * mean);
    expect(circleToUniform(u)).toBeAllclose(expected, ROUNDING);
    expect(circleToUniform(u.map((t) => t + 3.7).reverse())).toBeAllclose(expected, ROUNDING);
    expect(circleToUniform(u, { a: u.map(() => 2) })).toBeAllclose(expected, ROUNDING);
  });

  it('is 1/12 for one point and 1 / (12 n^2) for n evenly spread ones', () => {
    expect(circleToUniform([0.3])).toBeAllclose(1 / 12, ROUNDING);
    expect(circleToUniform([0.1, 0.35, 0.6, 0.85])).toBeAllclose(1 / 192, ROUNDING);
    expect(circleToUniform([0.1, 0.35, 0.6, 0.85], { root: true })).toBeAllclose(1 / Math.sqrt(192), ROUNDING);
  });

  it('has the derivatives of its cost', () => {
    const [u, masses] = [uniform(8, 6), Float64Array.of(0.1, 0.2, 0.1, 0.3, 0.05, 0.25)];
    for (const of of [undefined, masses]) {
      const slopes = new Float64Array(6);
      circleToUniformCost(u, of, slopes);
      const expected = finiteDifferences((at) => circleToUniformCost(at, of), u, 1e-6);
      expect(slopes).toBeAllclose(expected, { rtol: 0, atol: 1e-9 });
    }
  });

  it('refuses what is no cloud', () => {
    const where = 'sliced-wasserstein.circleToUniform';
    expect(() => circleToUniform([Infinity])).toThrow(`${where}: u[0] must be a finite number, got Infinity.`);
    expect(() => circleToUniform([])).toThrow(`${where}: u must have at least one number, got [].`);
    expect(() => circleToUniform([1], { a: [-1] })).toThrow(`${where}: a[0] must be a finite number >= 0, got -1.`);
  });
});
