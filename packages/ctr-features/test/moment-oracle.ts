// Exact moments of products of projections: sums over all weight vectors, with their probabilities.
import type { SketchShape } from '../src/errors/variance';

/** A complex number, real and imaginary part. */
export type Complex = [number, number];

/** One weight vector; probabilities of all add up to 1. */
interface WeightVector {
  w: Complex[];
  probability: number;
}

export const times = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
export const conjugate = ([re, im]: Complex): Complex => [re, -im];
export const power = (z: Complex, exponent: number): Complex =>
  Array.from({ length: exponent }).reduce<Complex>((product) => times(product, z), [1, 0]);

/** sum_j w_j x_j */
export const projected = (w: readonly Complex[], x: ArrayLike<number>): Complex =>
  w.reduce<Complex>(([re, im], weight, j) => [re + weight[0] * x[j]!, im + weight[1] * x[j]!], [0, 0]);

const SIGNS: Complex[] = [[1, 0], [-1, 0], [0, 1], [0, -1]]; // prettier-ignore

/** Nodes and weights of the Gauss-Hermite rule for N(0, 1): five points are exact for polynomials up to degree 9. */
const HERMITE: [number, number][] = [
  [0, 8 / 15],
  ...[1, -1].map((sign): [number, number] => [sign * Math.sqrt(5 - Math.sqrt(10)), (7 + 2 * Math.sqrt(10)) / 60]),
  ...[1, -1].map((sign): [number, number] => [sign * Math.sqrt(5 + Math.sqrt(10)), (7 - 2 * Math.sqrt(10)) / 60]),
];

/** All combinations of one entry a coordinate. */
function vectorsOf(entries: { value: Complex; probability: number }[], dim: number): WeightVector[] {
  let vectors: WeightVector[] = [{ w: [], probability: 1 }];
  for (let j = 0; j < dim; j++) {
    vectors = vectors.flatMap(({ w, probability }) =>
      entries.map((entry) => ({ w: [...w, entry.value], probability: probability * entry.probability })),
    );
  }
  return vectors;
}

/** All weight vectors of independent entries; for moments of up to eight weights where they are normal. */
export function weightVectors(projection: 'gaussian' | 'rademacher', complex: boolean, dim: number): WeightVector[] {
  if (projection === 'rademacher') {
    const values = complex ? SIGNS : SIGNS.slice(0, 2);
    return vectorsOf(
      values.map((value) => ({ value, probability: 1 / values.length })),
      dim,
    );
  }
  const entries = complex
    ? HERMITE.flatMap(([a, p]) => HERMITE.map(([b, q]) => ({ value: [a * Math.SQRT1_2, b * Math.SQRT1_2] as Complex, probability: p * q }))) // prettier-ignore
    : HERMITE.map(([a, p]) => ({ value: [a, 0] as Complex, probability: p }));
  return vectorsOf(entries, dim);
}

/** E of a complex function of a weight vector. */
export function expectation(vectors: readonly WeightVector[], of: (w: Complex[]) => Complex): Complex {
  return vectors.reduce<Complex>(
    ([re, im], { w, probability }) => {
      const value = of(w);
      return [re + probability * value[0], im + probability * value[1]];
    },
    [0, 0],
  );
}

/** An entry of the Sylvester Hadamard matrix: -1 where row and column have an odd number of ones in common. */
export function hadamard(row: number, column: number): number {
  let odd = 1;
  for (let common = row & column; common > 0; common >>= 1) if (common % 2 === 1) odd = -odd;
  return odd;
}

/** For one degree, of two features: E z z'* and E z z', with z = (w.x) (w.y)*. */
interface Together {
  conjugated: Complex;
  plain: Complex;
}

/**
 * E |k_hat - (x.y)^p|^2 by the definition: sums over all weights, and over all pairs of features.
 *
 * @param x  as long as `shape.inputDim`
 */
export function exactVariance(x: ArrayLike<number>, y: ArrayLike<number>, shape: SketchShape): number {
  const { projection, mode, degree, features, inputDim, srhtBlocks = 'shared' } = shape;
  const complex = mode !== 'real';
  const count = mode === 'ctr' ? features / 2 : features;
  const padded = 2 ** Math.ceil(Math.log2(inputDim));
  const signs = weightVectors(projection === 'gaussian' ? 'gaussian' : 'rademacher', complex, inputDim);
  const product = (w: Complex[]): Complex => times(projected(w, x), conjugate(projected(w, y)));
  const rowOf = (signs: Complex[], row: number): Complex[] =>
    signs.map(([re, im], j): Complex => [re * hadamard(row, j), im * hadamard(row, j)]);
  const together = (pairs: [number, number][]): Together => {
    const mean = (second: (z: Complex) => Complex): Complex => {
      const sum = expectation(signs, (s) =>
        pairs.reduce<Complex>(
          ([re, im], [a, b]) => {
            const value = times(product(rowOf(s, a)), second(product(rowOf(s, b))));
            return [re + value[0], im + value[1]];
          },
          [0, 0],
        ),
      );
      return [sum[0] / pairs.length, sum[1] / pairs.length];
    };
    return { conjugated: mean(conjugate), plain: mean((z) => z) };
  };
  const mean = expectation(signs, product);
  const apart: Together = { conjugated: times(mean, conjugate(mean)), plain: times(mean, mean) };
  const same = together([[0, 0]]);
  /** Pairs of different places of a list of rows. */
  const places = (list: number[]): [number, number][] =>
    list.flatMap((a, i) => list.flatMap((b, j): [number, number][] => (i === j ? [] : [[a, b]])));
  const rows = Array.from({ length: padded }, (_, row) => row);
  const blocks = Math.ceil(count / padded);
  const list = srhtBlocks === 'shared' ? Array.from({ length: blocks }, () => rows).flat() : rows;
  const other = projection === 'srht' && list.length > 1 ? together(places(list)) : apart;
  let [conjugated, plain] = [0, 0];
  for (let l = 0; l < count; l++) {
    for (let m = 0; m < count; m++) {
      const joined = projection === 'srht' && (srhtBlocks === 'shared' || Math.floor(l / padded) === Math.floor(m / padded)); // prettier-ignore
      const moments = l === m ? same : joined ? other : apart;
      conjugated += power(moments.conjugated, degree)[0] / count ** 2;
      plain += power(moments.plain, degree)[0] / count ** 2;
    }
  }
  const kernel = mean[0] ** (2 * degree);
  // (Re Z)^2 = (|Z|^2 + Re Z^2) / 2
  return mode === 'ctr' ? (conjugated + plain) / 2 - kernel : conjugated - kernel;
}

/** E |Z - (x.y)^p|^4 of the estimate by one feature with independent weights; 'ctr': of its real part. */
export function fourthMoment(x: ArrayLike<number>, y: ArrayLike<number>, shape: SketchShape): number {
  const { projection, mode, degree } = shape;
  const vectors = weightVectors(projection as 'gaussian', mode !== 'real', x.length);
  /** E z^a z*^b over all degrees. */
  const moment = (a: number, b: number): number => {
    const once = expectation(vectors, (w) => {
      const z = times(projected(w, x), conjugate(projected(w, y)));
      return times(power(z, a), power(conjugate(z), b));
    });
    return power(once, degree)[0];
  };
  const mean = moment(1, 0);
  if (mode === 'complex') {
    // |Z - k|^4 = ((Z - k)(Z* - k))^2
    let sum = 0;
    for (let a = 0; a <= 2; a++) {
      for (let b = 0; b <= 2; b++) {
        sum += [1, 2, 1][a]! * [1, 2, 1][b]! * (-mean) ** (4 - a - b) * moment(a, b);
      }
    }
    return sum;
  }
  /** E (Re Z)^n, Re Z = (Z + Z*) / 2 */
  const real = (n: number): number => {
    let sum = 0;
    for (let a = 0; a <= n; a++) sum += binomial(n, a) * moment(a, n - a);
    return sum / 2 ** n;
  };
  return [1, 4, 6, 4, 1].reduce((sum, count, n) => sum + count * real(n) * (-mean) ** (4 - n), 0);
}

function binomial(n: number, k: number): number {
  return k === 0 ? 1 : (binomial(n, k - 1) * (n - k + 1)) / k;
}
