import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { random } from '@tfsci/tensor-core';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import * as radixSort from '../src/transport/radix-sort';
import { rowKernel, type RowKernel } from '../src/transport/wasm/row-kernel';

type Sorts = Pick<RowKernel, 'sortFloats' | 'argsortFloats'>;

const kernelOf = (size: number): RowKernel => rowKernel(size)!;
/** By JavaScript, and by the kernel, made for as many numbers as it is given or for more. */
const WAYS: Record<string, (n: number) => Sorts> = {
  JavaScript: () => radixSort,
  WebAssembly: kernelOf,
  'WebAssembly with room to spare': (n) => kernelOf(3 * n + 100),
};

/** Both sides of every size where another way is taken: by fours, 700, 900, and counters of 5 to 11 bits. */
const SIZES = [
  1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 127, 128, 129, 511, 513, 699, 700, 701, 899, 900, 901, 2049, 8193, 40_000,
];
const TINY = 2 ** -149;
const LARGEST = 3.4028234663852886e38;

const normals = (n: number, seed = 1): Float32Array => random.fillNormal(random.key(seed), new Float32Array(n));

/** Numbers that sorting by parts of the range finds hard, of any count. */
const HARD: Record<string, (n: number) => Float32Array> = {
  'normal numbers': (n) => normals(n),
  'heavy tails': (n) => {
    const divisors = normals(n, 2);
    return normals(n).map((x, i) => x / divisors[i]!);
  },
  'one far away': (n) => normals(n).fill(1e30, n - 1),
  'two clusters that are far apart': (n) => normals(n).map((x, i) => (i % 2 === 0 ? 1e-3 * x : 1e6 + x)),
  'many sizes and both signs': (n) => normals(n).map((x) => Math.sign(x) * 10 ** (12 * x)),
  'few values': (n) => normals(n).map((x) => Math.round(x)),
  'one value': (n) => new Float32Array(n).fill(-2.5),
  ascending: (n) => Float32Array.from({ length: n }, (_, i) => i - n / 2),
  descending: (n) => Float32Array.from({ length: n }, (_, i) => n / 2 - i),
  'denormal numbers': (n) => normals(n).map((x) => Math.round(50 * x) * TINY),
  'the whole range of float32': (n) => normals(n).map((x, i) => (i === 0 ? -LARGEST : i === 1 ? LARGEST : x)),
  'zeros of both signs': (n) => normals(n).map((x, i) => (i % 3 === 0 ? 0 : i % 3 === 1 ? -0 : x)),
};

/** Compares as numbers: 0 and -0 are equal, in any order. */
function expectSorted(sorts: Sorts, values: Float32Array): void {
  const n = values.length;
  const before = values.slice();
  const expected = Array.from(values).sort((a, b) => a - b);
  const sorted = new Float32Array(n).fill(NaN);
  sorts.sortFloats(values, sorted);
  expect(differsAt(sorted, expected)).toBe(-1);

  const order = new Int32Array(n).fill(-1);
  sorted.fill(NaN);
  sorts.argsortFloats(values, sorted, order);
  expect(differsAt(sorted, expected)).toBe(-1);
  expect(
    differsAt(
      Array.from(order, (place) => values[place]!),
      expected,
    ),
  ).toBe(-1);
  expect(new Set(order).size).toBe(n);
  // Equal numbers, but for the two zeros, in the order in which they came.
  expect(sorted.findIndex((x, k) => k > 0 && Object.is(x, sorted[k - 1]) && order[k]! < order[k - 1]!)).toBe(-1);
  expect(differsAt(values, Array.from(before))).toBe(-1);
}

function differsAt(values: ArrayLike<number>, expected: readonly number[]): number {
  if (values.length !== expected.length) return 0;
  return expected.findIndex((x, i) => values[i] !== x);
}

describe.each(Object.entries(WAYS))('sorting by %s', (_, sortsOf) => {
  it.each(Object.entries(HARD))('sorts %s of all sizes', (_name, make) => {
    for (const n of SIZES) expectSorted(sortsOf(n), make(n));
  });

  it('sorts any float32', () => {
    const floats = fc.float({ noNaN: true, noDefaultInfinity: true });
    const rows = fc.oneof(
      fc.array(floats, { minLength: 1, maxLength: 40 }),
      // Longer ones, of few values among which there are many ties.
      fc.array(fc.constantFrom(0, -0, 1, -1, TINY, -TINY, LARGEST, -LARGEST, 1.5), { minLength: 600, maxLength: 1000 }),
    );
    fc.assert(
      fc.property(rows, (row) => expectSorted(sortsOf(row.length), Float32Array.from(row))),
      { numRuns: 200, endOnFailure: true },
    );
  });

  it('ends with a permutation of numbers that are not finite', () => {
    for (const n of [3, 50, 1000]) {
      const values = normals(n).map((x, i) => [NaN, Infinity, -Infinity, x][i % 4]!);
      const [sorted, order] = [new Float32Array(n), new Int32Array(n)];
      sortsOf(n).argsortFloats(values, sorted, order);
      expect(new Set(order)).toEqual(new Set(Array.from({ length: n }, (_unused, i) => i)));
      expect(sorted).toEqual(Float32Array.from(order, (place) => values[place]!));
    }
  });
});

describe('rowKernel', () => {
  /** Both are sums of at most 1000 float64 products: 1000 roundings of 2^-53 = 1.1e-13. */
  const ROUNDING = 2e-13;

  it.each(SIZES.slice(0, 21))('finds the cost of %i numbers, and slopes at their places', (n) => {
    const [x, y] = [normals(n, 3), normals(n, 4).map((value) => value + 0.3)];
    const places = (values: Float32Array): number[] =>
      Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
    const [fromX, fromY] = [places(x), places(y)];
    for (const p of [1, 2] as const) {
      let sum = 0;
      const expected = { x: new Float32Array(n), y: new Float32Array(n) };
      for (let k = 0; k < n; k++) {
        const difference = x[fromX[k]!]! - y[fromY[k]!]!;
        sum += Math.abs(difference) ** p;
        const slope = (p === 2 ? 2 * difference : Math.sign(difference)) / n;
        expected.x[fromX[k]!] = slope;
        expected.y[fromY[k]!] = -slope;
      }
      const slopes = { x: new Float32Array(n).fill(NaN), y: new Float32Array(n).fill(NaN) };
      expect(kernelOf(n).equalCost(x, y, p, slopes)).toBeAllclose(sum / n, { rtol: ROUNDING, atol: 0 });
      expect(slopes).toEqual(expected);
      expect(kernelOf(n).equalCost(x, y, p)).toBeAllclose(sum / n, { rtol: ROUNDING, atol: 0 });
    }
  });

  it('has slope 0 of equal numbers', () => {
    const slopes = { x: new Float32Array(2).fill(NaN), y: new Float32Array(2).fill(NaN) };
    expect(kernelOf(2).equalCost(Float32Array.of(1, 2), Float32Array.of(2, 1), 1, slopes)).toBe(0);
    expect(Array.from(slopes.x, Math.abs)).toEqual([0, 0]);
    expect(Array.from(slopes.y, Math.abs)).toEqual([0, 0]);
  });

  it('is left out where it would need more than 64 MiB', () => {
    // 28 bytes for each number, and 24 KiB.
    expect(rowKernel(2_400_000)).toBeNull();
    expect(rowKernel(2_390_000)).not.toBeNull();
  });

  it('is left out where there is no WebAssembly', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    try {
      const fresh = await import('../src/transport/wasm/row-kernel');
      expect(fresh.rowKernel(10)).toBeNull();
      expect(fresh.rowKernel(10)).toBeNull();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('is what wasm/rows.ts compiles to', () => {
    const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    const compiled = execFileSync(process.execPath, [fileOf('../wasm/build.mjs')], { encoding: 'utf8' });
    const built = readFileSync(fileOf('../src/transport/wasm/rows-wasm.ts'), 'utf8');
    expect(compiled).toBe(built.replaceAll('\r\n', '\n'));
  });
});
