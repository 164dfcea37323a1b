import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, ShapeError } from '../src/check';
import {
  cholesky,
  choleskyLogDet,
  choleskySolve,
  columnOf,
  covariance,
  eigenSymmetric,
  identityMatrix,
  logDet,
  logSumExp,
  matrix,
  type Matrix64,
  matrixFromRows,
  meanOfRows,
  multiply,
  pseudoInverse,
  qr,
  rowOf,
  solve,
  solveTriangular,
  svd,
  symmetricFunction,
  transposed,
} from '../src/linalg';
import { fillNormal, key } from '../src/random';
import { loadGolden } from '../src/testing';

const golden = loadGolden(new URL('golden/inference/decompositions.safetensors', import.meta.url));
const read = (name: string): Matrix64 => {
  const { shape, data } = golden.get(name);
  return matrix(shape[0]!, shape[1]!, data);
};

/** Backward errors of a few eps times the size, for matrices below 12 x 12 with entries of order 1. */
const ROUNDING = { rtol: 1e-13, atol: 1e-13 };
/** The positive definite matrix of the golden file has condition number 3e6. */
const CONDITIONED = { rtol: 1e-9, atol: 1e-12 };

const of = (rows: number, cols: number, seed = 1): Matrix64 =>
  matrix(rows, cols, fillNormal(key(seed), new Float64Array(rows * cols)));
const positiveDefinite = (n: number, seed = 1): Matrix64 => {
  const half = of(n, n + 2, seed);
  return multiply(half, transposed(half));
};
const isLower = ({ cols, data }: Matrix64): boolean =>
  data.every((entry, at) => at % cols <= Math.floor(at / cols) || entry === 0);
const withOrthonormalColumns = (a: Matrix64): void => {
  expect(multiply(transposed(a), a).data).toBeAllclose(identityMatrix(a.cols).data, ROUNDING);
};
const diagonal = (entries: ArrayLike<number>): Matrix64 => {
  const result = matrix(entries.length, entries.length);
  Array.from(entries, (entry, i) => (result.data[i * (entries.length + 1)] = entry));
  return result;
};

describe('matrices', () => {
  it('are made of values, rows, or zeros, and copy them', () => {
    const source = [1, 2, 3, 4, 5, 6];
    const a = matrix(2, 3, source);
    source[0] = 9;
    expect(a).toEqual({ rows: 2, cols: 3, data: Float64Array.of(1, 2, 3, 4, 5, 6) });
    expect(matrixFromRows([[1, 2, 3], Float64Array.of(4, 5, 6)])).toEqual(a);
    expect(matrix(1, 2).data).toEqual(new Float64Array(2));
    expect(columnOf(a, 1)).toEqual(Float64Array.of(2, 5));
    expect(rowOf(a, 1)).toEqual(Float64Array.of(4, 5, 6));
    expect(transposed(a)).toEqual(
      matrixFromRows([
        [1, 4],
        [2, 5],
        [3, 6],
      ]),
    );
  });

  it('multiply as sums of products', () => {
    const [a, b] = [of(3, 4), of(4, 2, 5)];
    const entry = (i: number, j: number): number =>
      [0, 1, 2, 3].reduce((sum, k) => sum + a.data[i * 4 + k]! * b.data[k * 2 + j]!, 0);
    expect(multiply(a, b).data).toBeAllclose(
      [0, 1, 2].flatMap((i) => [entry(i, 0), entry(i, 1)]),
      ROUNDING,
    );
    expect(multiply(a, identityMatrix(4))).toEqual(a);
  });
});

describe('cholesky', () => {
  it.each([1, 2, 5, 11, 32, 33, 71, 103])('is lower triangular with positive diagonal, and L L^T = A, n = %i', (n) => {
    const a = positiveDefinite(n);
    const factor = cholesky(a);
    expect(isLower(factor)).toBe(true);
    expect(Array.from({ length: n }, (_, i) => factor.data[i * (n + 1)]! > 0)).toEqual(Array(n).fill(true));
    // Products of n entries are rounded n times.
    const most = a.data.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0);
    expect(multiply(factor, transposed(factor)).data).toBeAllclose(a.data, { rtol: 0, atol: 1e-15 * n * most });
  });

  it('equals that of NumPy, with its solution and determinant', () => {
    const a = read('positive');
    const factor = cholesky(a);
    expect(factor.data).toBeAllclose(read('positive.cholesky').data, CONDITIONED);
    const b = matrix(6, 5, read('tall').data.subarray(0, 30));
    expect(choleskySolve(factor, b).data).toBeAllclose(read('positive.solution').data, CONDITIONED);
    expect(choleskyLogDet(factor)).toBeAllclose(golden.get('positive.logdet').data[0]!, { rtol: 1e-9 });
  });

  it('adds a jitter to the diagonal', () => {
    const singular = matrixFromRows([
      [1, 1],
      [1, 1],
    ]);
    const factor = cholesky(singular, { jitter: 0.5 });
    expect(multiply(factor, transposed(factor)).data).toBeAllclose([1.5, 1, 1, 1.5], ROUNDING);
  });

  it('names the pivot that is not positive', () => {
    const indefinite = matrixFromRows([
      [4, 2, 0],
      [2, 1, 3],
      [0, 3, 9],
    ]);
    expect(() => cholesky(indefinite)).toThrow(
      new RangeError(
        'tensor-core.cholesky: pivot 1 of a must be > 0 (positive definite), got 0. Add a jitter, or drop what depends linearly on the rest.',
      ),
    );
    expect(() => cholesky(matrixFromRows([[-1]]))).toThrow(/pivot 0 of a .* got -1\./);
    const large = diagonal(Array.from({ length: 50 }, (_, i) => (i === 40 ? -2 : 1)));
    expect(() => cholesky(large)).toThrow(/pivot 40 of a .* got -2\./);
  });
});

describe('solveTriangular', () => {
  const full = of(5, 5, 3);
  const t = matrix(
    5,
    5,
    full.data.map((entry, at) => entry + (at % 6 === 0 ? 3 : 0)),
  );
  const part = (keep: (i: number, j: number) => boolean): Matrix64 =>
    matrix(
      5,
      5,
      t.data.map((entry, at) => (keep(Math.floor(at / 5), at % 5) ? entry : 0)),
    );
  const b = of(5, 3, 9);

  it.each([
    { triangle: 'lower', transpose: false, as: part((i, j) => i >= j) },
    { triangle: 'lower', transpose: true, as: transposed(part((i, j) => i >= j)) },
    { triangle: 'upper', transpose: false, as: part((i, j) => i <= j) },
    { triangle: 'upper', transpose: true, as: transposed(part((i, j) => i <= j)) },
  ] as const)('solves for the $triangle triangle alone, transposed: $transpose', ({ triangle, transpose, as }) => {
    expect(multiply(as, solveTriangular(t, b, { triangle, transpose })).data).toBeAllclose(b.data, ROUNDING);
  });

  it('rejects a zero on the diagonal', () => {
    expect(() =>
      solveTriangular(
        matrixFromRows([
          [1, 0],
          [5, 0],
        ]),
        matrix(2, 1),
      ),
    ).toThrow(new RangeError('tensor-core.solveTriangular: t[1, 1] must be other than 0, got 0.'));
  });
});

describe('solve and logDet', () => {
  it('equal NumPy', () => {
    const a = read('square');
    const b = matrix(7, 5, read('tall').data.subarray(0, 35));
    expect(solve(a, b).data).toBeAllclose(read('square.solution').data, { rtol: 1e-11, atol: 1e-12 });
    const [sign, logAbs] = golden.get('square.logdet').data;
    expect(logDet(a).sign).toBe(sign);
    expect(logDet(a).logAbs).toBeAllclose(logAbs!, { rtol: 1e-12 });
  });

  it('of a permutation is its sign, of a product the sum', () => {
    const cycle = matrixFromRows([
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
    const exchange = matrixFromRows([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
    ]);
    expect(logDet(cycle)).toEqual({ sign: 1, logAbs: 0 });
    expect(logDet(exchange)).toEqual({ sign: -1, logAbs: 0 });
    const [a, b] = [of(6, 6, 2), of(6, 6, 4)];
    const product = logDet(multiply(a, b));
    expect(product.sign).toBe(logDet(a).sign * logDet(b).sign);
    expect(product.logAbs).toBeAllclose(logDet(a).logAbs + logDet(b).logAbs, { rtol: 1e-11 });
    expect(logDet(diagonal([1e-200, -1e-200, 3]))).toEqual({
      sign: -1,
      logAbs: expect.closeTo(-919.9354, 3) as number,
    });
  });

  it('of a singular matrix is refused, or -Infinity', () => {
    const singular = matrixFromRows([
      [1, 2],
      [0, 0],
    ]);
    expect(logDet(singular)).toEqual({ sign: 0, logAbs: -Infinity });
    expect(() => solve(singular, matrix(2, 1))).toThrow(
      new RangeError(
        'tensor-core.solve: a must be invertible, got "a singular matrix". Take pseudoInverse(a) for a solution of least squares.',
      ),
    );
  });
});

describe('eigenSymmetric', () => {
  it('equals NumPy, ascending', () => {
    const { values } = eigenSymmetric(read('symmetric'));
    expect(values).toBeAllclose(golden.get('symmetric.eigenvalues').data, ROUNDING);
  });

  it('has orthonormal vectors in the columns, and V diag V^T = A', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 999 }), (n, seed) => {
        const half = of(n, n, seed);
        const a = matrix(
          n,
          n,
          half.data.map((entry, at) => entry + transposed(half).data[at]!),
        );
        const { values, vectors } = eigenSymmetric(a);
        withOrthonormalColumns(vectors);
        expect(multiply(multiply(vectors, diagonal(values)), transposed(vectors)).data).toBeAllclose(a.data, ROUNDING);
        expect([...values].sort((x, y) => x - y)).toEqual([...values]);
      }),
      { numRuns: 40 },
    );
  });

  it('gives functions of a matrix: the square of the root is the matrix', () => {
    const a = positiveDefinite(6);
    const root = symmetricFunction(a, Math.sqrt);
    expect(multiply(root, root).data).toBeAllclose(a.data, ROUNDING);
    expect(root.data).toBeAllclose(transposed(root).data, ROUNDING);
    expect(
      multiply(
        symmetricFunction(a, (x) => 1 / x),
        a,
      ).data,
    ).toBeAllclose(identityMatrix(6).data, { atol: 1e-10 });
  });
});

describe('svd, qr and pseudoInverse', () => {
  it.each([
    [6, 3],
    [3, 6],
    [4, 4],
    [1, 5],
    [5, 1],
  ])('U diag V^T = A with orthonormal columns and descending values, %i x %i', (rows, cols) => {
    const a = of(rows, cols);
    const { u, values, v } = svd(a);
    expect([u.cols, values.length, v.cols]).toEqual(Array(3).fill(Math.min(rows, cols)));
    withOrthonormalColumns(u);
    withOrthonormalColumns(v);
    expect(multiply(multiply(u, diagonal(values)), transposed(v)).data).toBeAllclose(a.data, ROUNDING);
    expect([...values].sort((x, y) => y - x)).toEqual([...values]);
  });

  it('equal NumPy', () => {
    const tall = read('tall');
    expect(svd(tall).values).toBeAllclose(golden.get('tall.singular_values').data, ROUNDING);
    expect(pseudoInverse(tall).data).toBeAllclose(read('tall.pinv').data, { rtol: 1e-12, atol: 1e-13 });
    const { r } = qr(tall);
    const onDiagonal = Array.from({ length: 5 }, (_, i) => Math.abs(r.data[i * 6]!));
    expect(onDiagonal).toBeAllclose(golden.get('tall.r_diagonal').data, ROUNDING);
  });

  it('Q has orthonormal columns, R is upper triangular, Q R = A', () => {
    const a = of(7, 4, 8);
    const { q, r } = qr(a);
    withOrthonormalColumns(q);
    expect(isLower(transposed(r))).toBe(true);
    expect(multiply(q, r).data).toBeAllclose(a.data, ROUNDING);
  });

  it('the pseudo-inverse fulfils the four equations of Penrose, for deficient rank too', () => {
    const a = multiply(of(6, 2), of(2, 4, 3));
    const inverse = pseudoInverse(a);
    const [left, right] = [multiply(a, inverse), multiply(inverse, a)];
    expect(multiply(left, a).data).toBeAllclose(a.data, ROUNDING);
    expect(multiply(right, inverse).data).toBeAllclose(inverse.data, ROUNDING);
    expect(left.data).toBeAllclose(transposed(left).data, ROUNDING);
    expect(right.data).toBeAllclose(transposed(right).data, ROUNDING);
  });
});

describe('covariance and logSumExp', () => {
  it('equal NumPy and SciPy', () => {
    const tall = read('tall');
    expect(covariance(tall).data).toBeAllclose(read('tall.covariance').data, ROUNDING);
    expect(logSumExp(tall.data)).toBeAllclose(golden.get('tall.logsumexp').data[0]!, { rtol: 1e-15 });
  });

  it('take two passes: a large mean does not cancel the variance', () => {
    const shifted = matrixFromRows([[1e9 + 1], [1e9 + 2], [1e9 + 3]]);
    expect(covariance(shifted).data[0]).toBe(1);
    expect(covariance(shifted, 0).data[0]).toBeCloseTo(2 / 3, 15);
    expect(meanOfRows(shifted)[0]).toBe(1e9 + 2);
  });

  it('overflow nowhere, and of nothing is -Infinity', () => {
    expect(logSumExp([1000, 1000])).toBeCloseTo(1000 + Math.LN2, 12);
    expect(logSumExp([-1e4, -Infinity])).toBe(-1e4);
    expect([logSumExp([]), logSumExp([-Infinity])]).toEqual([-Infinity, -Infinity]);
  });
});

describe('bad matrices', () => {
  const broken = { rows: 2, cols: 2, data: Float64Array.of(1, 2, 2, NaN) };
  const asymmetric = matrixFromRows([
    [1, 2],
    [2.1, 1],
  ]);
  it.each<[() => unknown, new (message: string) => Error, string]>([
    [() => matrix(0, 2), RangeError, 'tensor-core.matrix: rows must be an integer >= 1, got 0.'],
    [() => matrix(2, 2, [1]), ShapeError, 'tensor-core.matrix: values must have 4 entries, got 1.'],
    [() => matrix(1, 2, [1, NaN]), RangeError, 'tensor-core.matrix: values[0, 1] must be finite, got NaN.'],
    [() => matrixFromRows([]), ShapeError, 'tensor-core.matrixFromRows: rows must hold at least one number, got 0.'],
    [
      () => matrixFromRows([[1, 2], [3]]),
      ShapeError,
      'tensor-core.matrixFromRows: rows[1] must have 2 entries as the first, got 1.',
    ],
    [
      () => transposed([[1]] as unknown as Matrix64),
      TypeError,
      'tensor-core.transposed: a must be a Matrix64, got [an array of 1]. Make one with matrix(rows, cols, values).',
    ],
    [
      () => transposed({ rows: 2, cols: 2, data: new Float64Array(3) }),
      ShapeError,
      'tensor-core.transposed: a must have rows * cols > 0 entries, got "[2, 2] with 3 entries".',
    ],
    [() => cholesky(broken), RangeError, 'tensor-core.cholesky: a[1, 1] must be finite, got NaN.'],
    [() => cholesky(of(2, 3)), ShapeError, 'tensor-core.cholesky: a must be square, got [2, 3].'],
    [
      () => cholesky(asymmetric),
      RangeError,
      'tensor-core.cholesky: a must be symmetric at [1, 0], got [2.1, 2]. Take (A + A^T) / 2.',
    ],
    [
      () => cholesky(identityMatrix(2), { jitter: -1 }),
      RangeError,
      'tensor-core.cholesky: jitter must be a finite number >= 0, got -1.',
    ],
    [
      () => choleskyLogDet(matrix(1, 1)),
      RangeError,
      'tensor-core.choleskyLogDet: factor[0, 0] must be a finite number > 0, got 0.',
    ],
    [
      () => eigenSymmetric(asymmetric),
      RangeError,
      'tensor-core.eigenSymmetric: a must be symmetric at [1, 0], got [2.1, 2]. Take (A + A^T) / 2.',
    ],
    [
      () => multiply(of(2, 3), of(2, 3)),
      ShapeError,
      'tensor-core.multiply: b must have 3 rows, as many as a has columns, got [2, 3].',
    ],
    [() => solve(of(2, 2), of(3, 1)), ShapeError, 'tensor-core.solve: b must have 2 rows as a, got [3, 1].'],
    [
      () => solveTriangular(of(2, 2), of(3, 1)),
      ShapeError,
      'tensor-core.solveTriangular: b must have 2 rows as t, got [3, 1].',
    ],
    [() => logDet(of(2, 3)), ShapeError, 'tensor-core.logDet: a must be square, got [2, 3].'],
    [() => qr(of(2, 3)), ShapeError, 'tensor-core.qr: a must have at least as many rows as columns, got [2, 3].'],
    [() => svd(broken), RangeError, 'tensor-core.svd: a[1, 1] must be finite, got NaN.'],
    [
      () => pseudoInverse(of(2, 2), 2),
      RangeError,
      'tensor-core.pseudoInverse: tolerance must be a finite number >= 0 and < 1, got 2.',
    ],
    [() => covariance(of(1, 3)), ShapeError, 'tensor-core.covariance: samples must have more than 1 rows, got 1.'],
    [() => meanOfRows(broken), RangeError, 'tensor-core.meanOfRows: samples[1, 1] must be finite, got NaN.'],
    [() => logSumExp([0, NaN]), RangeError, 'tensor-core.logSumExp: values[1] must be below Infinity, got NaN.'],
  ])('are refused: %s', (call, type, message) => {
    expect(call).toThrow(type);
    expect(call).toThrow(message);
    expect(call).not.toThrow(FormatError);
  });

  it('leave the arguments as they were', () => {
    const a = positiveDefinite(4);
    const b = of(4, 2, 6);
    const [beforeA, beforeB] = [a.data.slice(), b.data.slice()];
    choleskySolve(cholesky(a), b);
    solve(a, b);
    eigenSymmetric(a);
    svd(a);
    qr(a);
    expect([a.data, b.data]).toEqual([beforeA, beforeB]);
  });
});
