import { random } from '@tfsci/tensor-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Weights } from '../src';
import type * as HostRows from '../src/transport/host-rows';
import { type TransportPlan, transportPlan } from '../src/transport/transport-plan';

/** Sums of at most 200 products in float64, in another order: 200 * 2^-53 = 2e-14, of cumulative weights likewise. */
const ROUNDING = 1e-12;
/** Of float32 slopes: 2^-24. */
const SLOPE_ROUNDING = 1e-7;
/** Of central differences: their third derivatives times h^2, and the rounding of float32 numbers. */
const DIFFERENCE = 2e-3;

const normals = (count: number, seed: number): Float32Array =>
  random.fillNormal(random.key(seed), new Float32Array(count));
const uniforms = (count: number, seed: number): Float64Array =>
  random.fillUniform(random.key(seed), new Float64Array(count));

interface Case {
  name: string;
  n: number;
  m: number;
  rows: number;
  weights?: Weights;
  /** Rounds the numbers, so that there are ties. */
  step?: number;
}

const zeros = (count: number): Float64Array => uniforms(count, 8).map((mass, i) => (i % 3 === 0 ? 0 : mass));
const CASES: Case[] = [
  { name: 'one point each', n: 1, m: 1, rows: 2 },
  { name: 'equal sizes', n: 37, m: 37, rows: 5 },
  { name: 'equal sizes with ties', n: 40, m: 40, rows: 3, step: 0.5 },
  { name: 'one point against many', n: 1, m: 23, rows: 3 },
  { name: 'sizes without common divisor', n: 31, m: 44, rows: 4 },
  { name: 'a multiple', n: 60, m: 20, rows: 3 },
  { name: 'weights of x', n: 30, m: 30, rows: 3, weights: { a: uniforms(30, 5) } },
  {
    name: 'weights of both, unequal sizes',
    n: 25,
    m: 40,
    rows: 4,
    weights: { a: uniforms(25, 5), b: uniforms(40, 6) },
  },
  { name: 'weights with zeros and ties', n: 30, m: 21, rows: 3, step: 0.5, weights: { a: zeros(30), b: zeros(21) } },
];

function problemOf({ n, m, rows, weights, step }: Case, p: number): HostRows.RowProblem & { slopes: object } {
  const rounded = (values: Float32Array): Float32Array =>
    step ? values.map((v) => step * Math.round(v / step)) : values;
  return {
    plan: transportPlan('test', n, m, weights),
    p,
    x: rounded(normals(rows * n, 1)),
    y: rounded(normals(rows * m, 2).map((value) => value + 0.4)),
    costs: new Float64Array(rows).fill(NaN),
    slopes: { x: new Float32Array(rows * n).fill(NaN), y: new Float32Array(rows * m).fill(NaN) },
  };
}

/** Each level's quantiles looked up by themselves: integral over u of |F^-1(u) - G^-1(u)|^p between all cumulative weights. */
function integral(x: ArrayLike<number>, y: ArrayLike<number>, p: number, { a, b }: Weights = {}): number {
  const quantiles = (values: ArrayLike<number>, weights?: ArrayLike<number>) => {
    const total = weights ? Array.from(weights).reduce((sum, mass) => sum + mass, 0) : values.length;
    const points = Array.from(values, (value, i) => ({ value, mass: (weights?.[i] ?? 1) / total }));
    points.sort((s, t) => s.value - t.value);
    let level = 0;
    return points.filter(({ mass }) => mass > 0).map(({ value, mass }) => ({ value, level: (level += mass) }));
  };
  const [ofX, ofY] = [quantiles(x, a), quantiles(y, b)];
  const levels = [...ofX, ...ofY].map(({ level }) => level).sort((s, t) => s - t);
  const at = (of: typeof ofX, u: number): number => (of.find(({ level }) => level > u) ?? of.at(-1)!).value;
  let sum = 0;
  levels.forEach((level, k) => {
    const below = levels[k - 1] ?? 0;
    const middle = (level + below) / 2;
    sum += (level - below) * Math.abs(at(ofX, middle) - at(ofY, middle)) ** p;
  });
  return sum;
}

function rowsOf(values: Float32Array, length: number): Float32Array[] {
  return Array.from({ length: values.length / length }, (_, row) => values.slice(row * length, (row + 1) * length));
}

describe.each(['WebAssembly', 'JavaScript'])('solveRows by %s', (way) => {
  let solveRows: typeof HostRows.solveRows;
  beforeAll(async () => {
    if (way === 'JavaScript') vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    ({ solveRows } = await import('../src/transport/host-rows'));
    const { rowKernel } = await import('../src/transport/wasm/row-kernel');
    expect(rowKernel(1) === null).toBe(way === 'JavaScript');
  });
  afterAll(() => vi.unstubAllGlobals());

  describe.each(CASES)('$name', (of) => {
    it.each([1, 1.5, 2, 3])('is the integral over the levels, p = %d', (p) => {
      const problem = problemOf(of, p);
      const [rowsX, rowsY] = [rowsOf(problem.x, of.n), rowsOf(problem.y, of.m)];
      const expected = rowsX.map((row, l) => integral(row, rowsY[l]!, p, of.weights));
      solveRows(problem);
      expect(problem.costs).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING });
      const { slopes: _, ...values } = problem;
      values.costs.fill(NaN);
      solveRows(values);
      expect(problem.costs).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING });
    });

    it.each([1, 1.5, 2, 3])('has the slopes of all points moved together, p = %d', (p) => {
      const problem = problemOf(of, p);
      solveRows(problem);
      const slopes = problem.slopes;
      const sums = (values: Float32Array, length: number): number[] =>
        rowsOf(values, length).map((row) => row.reduce((sum, slope) => sum + slope, 0));
      // d W(x + t, y) / dt = - d W(x, y + t) / dt, as W depends on differences alone.
      const fromX = sums(slopes.x, of.n);
      expect(sums(slopes.y, of.m)).toBeAllclose(
        fromX.map((sum) => -sum),
        { rtol: 0, atol: 40 * SLOPE_ROUNDING },
      );
      if (of.step) return;
      const h = 2 ** -10;
      const costAt = (shift: number): Float64Array => {
        const moved = { ...problemOf(of, p), x: problem.x.map((value) => value + shift) };
        solveRows(moved);
        return moved.costs;
      };
      const [above, below] = [costAt(h), costAt(-h)];
      const expected = Array.from(above, (cost, row) => (cost - below[row]!) / (2 * h));
      // At p = 1 a pair whose order turns within h changes the slope by at most 2 masses.
      expect(fromX).toBeAllclose(expected, { rtol: 0, atol: p === 1 ? 0.1 : 20 * DIFFERENCE });
    });
  });

  it('has the slope of every point', () => {
    const of: Case = { name: '', n: 9, m: 14, rows: 1, weights: { b: uniforms(14, 3) } };
    for (const [p, weights] of [
      [2, undefined],
      [3, of.weights],
    ] as const) {
      const problem = problemOf({ ...of, weights: weights ?? {} }, p);
      solveRows(problem);
      const { x, y } = problem.slopes;
      const h = 2 ** -12;
      const slopesOf = (name: 'x' | 'y'): number[] =>
        Array.from(problem[name], (_, i) => {
          const [above, below] = [h, -h].map((shift) => {
            const moved = problemOf({ ...of, weights: weights ?? {} }, p);
            moved[name][i]! += shift;
            return integral(moved.x, moved.y, p, weights);
          });
          return (above! - below!) / (2 * h);
        });
      expect(x).toBeAllclose(slopesOf('x'), { rtol: 0, atol: DIFFERENCE });
      expect(y).toBeAllclose(slopesOf('y'), { rtol: 0, atol: DIFFERENCE });
    }
  });

  it('solves the rows that it is asked for, and leaves the others', () => {
    const of = { name: '', n: 6, m: 6, rows: 5 };
    const [all, some] = [problemOf(of, 2), problemOf(of, 2)];
    solveRows(all);
    solveRows(some, 1, 3);
    const untouched = (values: ArrayLike<number>, from: ArrayLike<number>, first: number, last: number): number[] =>
      Array.from(values, (value, i) => (i >= first && i < last ? value - from[i]! : Number(Number.isNaN(value))));
    expect(untouched(some.costs, all.costs, 1, 3)).toEqual([1, 0, 0, 1, 1]);
    const [of1, of2] = [all, some].map(({ slopes }) => (slopes as { y: Float32Array }).y);
    expect(untouched(of2!, of1!, 6, 18)).toEqual(Array.from({ length: 30 }, (_, i) => Number(i < 6 || i >= 18)));
  });

  it('keeps problems of different sizes apart', () => {
    const sizes = [
      [5, 5],
      [40, 40],
      [5, 9],
      [9, 5],
      [3, 3],
    ] as const;
    for (const [n, m] of [...sizes, ...sizes]) {
      const problem = problemOf({ name: '', n, m, rows: 2 }, 2);
      solveRows(problem);
      const expected = rowsOf(problem.x, n).map((row, l) => integral(row, rowsOf(problem.y, m)[l]!, 2));
      expect(problem.costs).toBeAllclose(expected, { rtol: ROUNDING, atol: 0 });
    }
  });
});

describe('transportPlan', () => {
  it('moves all mass, whatever the sizes', () => {
    for (const [n, m] of [
      [1, 7],
      [7, 1],
      [6, 9],
      [1000, 999],
    ] as const) {
      const plan = transportPlan('test', n, m) as TransportPlan & { kind: 'uniform' };
      expect(plan.kind).toBe('uniform');
      const [ofX, ofY] = [new Float64Array(n), new Float64Array(m)];
      plan.mass.forEach((mass, k) => {
        ofX[plan.fromX[k]!]! += mass;
        ofY[plan.fromY[k]!]! += mass;
      });
      expect(ofX).toBeAllclose(Array<number>(n).fill(1 / n), { rtol: ROUNDING, atol: 0 });
      expect(ofY).toBeAllclose(Array<number>(m).fill(1 / m), { rtol: ROUNDING, atol: 0 });
    }
  });
});
