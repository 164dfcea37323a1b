import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { checkFinite, eachPair, kernelSquares, pairMoments } from '../src/errors/pair-moments';
import { checkKernel } from '../src/sketches/polynomial-kernel';
import { momentsOf, randomPoints } from './pairs';

/** Sums of some ten float64 numbers in another order. */
const ROUNDING = 1e-12;

const where = 'ctr-features.test';
const kernel = checkKernel(where, { degree: 2, gamma: 0.7, coef0: 1.5 });
const source = { where, columns: 5, kernel };

/** Points whose inner products are gamma x.y + coef0. */
const biased = (x: Float32Array): Float64Array => Float64Array.from([Math.sqrt(1.5), ...x.map(Number)], (value, i) => (i === 0 ? value : value * Math.sqrt(0.7))); // prettier-ignore

const dense = (rows: Float32Array[]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from(rows.flatMap((row) => [...row])),
  shape: [rows.length, rows[0]!.length],
});

/** Rows without their zeros; a value of each row in two halves, and its columns backwards. */
function sparse(rows: Float32Array[]) {
  const entries = rows.map((row) =>
    [...row.entries()]
      .filter(([, value]) => value !== 0)
      .flatMap(([j, value], i) =>
        i === 0
          ? [
              [j, value / 2],
              [j, value / 2],
            ]
          : [[j, value]],
      ) // prettier-ignore
      .reverse(),
  );
  const indptr = entries.reduce<number[]>((ends, row) => [...ends, ends.at(-1)! + row.length], [0]);
  const all = entries.flat() as [number, number][];
  return { indptr, indices: all.map(([j]) => j), data: all.map(([, value]) => value), shape: [rows.length, 5] };
}

/** Points of which about half of the coordinates are 0, one of them with all. */
const holes = (seed: number, count: number): Float32Array[] =>
  randomPoints(seed, count, 5).map((row, i) => row.map((value) => (i === 2 || value < 0 ? 0 : value)));

describe('pairMoments', () => {
  const x = holes(1, 4);
  const y = holes(2, 6);

  it('are s, S and N of all pairs of points with the bias', () => {
    const table = pairMoments(dense(x), dense(y), source);
    expect([table.rows, table.cols]).toEqual([4, 6]);
    const expected = x.flatMap((a) => y.map((b) => momentsOf(biased(a), biased(b))));
    const close = { rtol: ROUNDING, atol: ROUNDING };
    expect(table.s).toBeAllclose(expected.map(({ s }) => s), close); // prettier-ignore
    expect(table.squares).toBeAllclose(expected.map(({ squares }) => squares), close); // prettier-ignore
    const norms = [...table.xNorms].flatMap((a) => [...table.yNorms].map((b) => a * b));
    expect(norms).toBeAllclose(expected.map(({ norms }) => norms), close); // prettier-ignore
  });

  it('are the same for tensors, arrays, lists of rows and sparse rows', () => {
    const expected = pairMoments(dense(x), dense(y), source);
    tf.tidy(() => {
      const [tensorX, tensorY] = [x, y].map((rows) => tf.tensor2d(rows.map((row) => [...row])));
      expect(pairMoments(tensorX!, tensorY, source)).toEqual(expected);
    });
    expect(pairMoments(x, y, source)).toEqual(expected);
    expect(pairMoments(sparse(x), sparse(y), source)).toEqual(expected);
    expect(pairMoments(sparse(x), dense(y), source)).toEqual(expected);
    expect(pairMoments(dense(x), sparse(y), source)).toEqual(expected);
  });

  it('of rows with themselves are those of two copies', () => {
    for (const form of [dense, sparse]) {
      const rows = form(y);
      expect(pairMoments(rows, rows, source)).toEqual(pairMoments(rows, form(y), source));
      expect(pairMoments(rows, undefined, source)).toEqual(pairMoments(rows, form(y), source));
    }
  });

  it('names the rows that are broken', () => {
    const broken = y.map((row, i) => (i === 3 ? row.map(() => NaN) : row));
    const message = 'ctr-features.test: row 3 of y must have finite numbers, got NaN.';
    expect(() => pairMoments(x, broken, source)).toThrow(new RangeError(message));
    expect(() => pairMoments(broken, x, source)).toThrow(new RangeError(message.replace('of y', 'of x')));
    expect(() => pairMoments(x, [[1, 2]], source)).toThrow(
      new check.ShapeError('ctr-features.test: y must have 5 columns, got [1, 2].'),
    );
  });
});

describe('eachPair', () => {
  it('shows the pairs in the order of the table', () => {
    const table = pairMoments(holes(1, 2), holes(2, 3), source);
    const seen: number[][] = [];
    eachPair(table, ({ s, squares, norms }, index) => seen.push([index, s, squares, norms]));
    const expected = [0, 1, 2, 3, 4, 5].map((index) => {
      const norms = table.xNorms[Math.floor(index / 3)]! * table.yNorms[index % 3]!;
      return [index, table.s[index]!, table.squares[index]!, norms];
    });
    expect(seen).toEqual(expected);
  });
});

describe('kernelSquares', () => {
  it('is the sum of squared kernels', () => {
    const table = pairMoments(holes(1, 2), holes(2, 3), source);
    const sum = table.s.reduce((all, s) => all + s ** 6, 0);
    expect([kernelSquares(where, table, 3)]).toBeAllclose([sum], { rtol: ROUNDING, atol: 0 });
  });

  it('must be above 0 and within float64', () => {
    const zero = pairMoments([[0]], undefined, { ...source, columns: 1, kernel: { ...kernel, coef0: 0 } });
    expect(() => kernelSquares(where, zero, 3)).toThrow(
      new RangeError('ctr-features.test: x must have pairs whose kernel is not 0, got 0.'),
    );
    const message =
      'ctr-features.test: x must have kernels whose squares are within float64, got Infinity. Divide x by its largest norm, or lower gamma.';
    const large = pairMoments([[1e30]], undefined, { ...source, columns: 1 });
    expect(() => kernelSquares(where, large, 3)).toThrow(new RangeError(message));
    expect(() => checkFinite(where, NaN)).toThrow(new RangeError(message.replace('Infinity', 'NaN')));
  });
});
