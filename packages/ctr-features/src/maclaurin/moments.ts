import type { SketchMode } from '../sketches/projected-sketch';
import type { ProjectionKind } from '../sketches/projection';
import type { DotProductKernel } from './kernel';
import { featureCovariance, featureVariance, sharedRows } from '../errors/variance';

/** Points on the host, float64. */
export interface Points {
  count: number;
  columns: number;
  /** [count, columns], row after row */
  data: Float64Array;
}

/** How features estimate the powers of inner products. */
export interface MomentsOptions {
  projection: ProjectionKind;
  mode: SketchMode;
  /** n is taken from 1 to it. */
  maxDegree: number;
}

/** Expectations over pairs of points; entry n - 1 is that of degree n. */
export interface DegreeMoments {
  /** Of the estimate of w(u) w(v) (u.v)^n by one feature, for 'ctr' one complex feature. */
  variance: Float64Array;
  /** Of the estimates by two features of one Hadamard matrix; 0 for independent rows. */
  covariance: Float64Array;
  /** (k(x, y) - w(u) w(v) sum_{m <= n} a_m (u.v)^m)^2, a point with itself among the pairs. */
  squaredBias: Float64Array;
}

/**
 * The variance of the features of each degree, and the squared error of each cut-off, averaged over pairs of points.
 *
 * What overflows is left out of the means.
 *
 * @param u  points divided by the lengthscale
 * @see Wacker, Kanagawa & Filippone, 2022, section 5, arXiv:2201.08712
 */
export function degreeMoments(u: Points, kernel: DotProductKernel, options: MomentsOptions): DegreeMoments {
  const { projection, mode, maxDegree } = options;
  const { share, beta } = sharedRows(2, u.columns, 'independent');
  const dependent = projection === 'srht' && share > 0;
  // Of 'ctr' the variance is that of a real feature: two make a complex one.
  const perFeature = mode === 'ctr' ? 1 / 2 : 1;
  const means = { variance: new Means(maxDegree), covariance: new Means(maxDegree), squaredBias: new Means(maxDegree) };
  for (let i = 0; i < u.count; i++) {
    for (let j = 0; j <= i; j++) {
      const pair = momentsOfPair(u, i, j);
      const weight = kernel.gaussian ? Math.exp(-(pair.squareOfI + pair.squareOfJ) / 2) : 1;
      let bias = kernel.series(pair.s) - kernel.coefs[0]!;
      let power = 1;
      for (let n = 1; n <= maxDegree; n++) {
        power *= pair.s;
        bias -= kernel.coefs[n]! * power;
        means.squaredBias.add(n, (weight * bias) ** 2, i === j ? 1 : 2);
        if (i === j) continue;
        const kind = { projection, mode, degree: n };
        means.variance.add(n, weight ** 2 * perFeature * featureVariance(pair, kind));
        if (dependent) means.covariance.add(n, weight ** 2 * featureCovariance(pair, kind, beta));
      }
    }
  }
  return {
    variance: means.variance.values(),
    covariance: means.covariance.values(),
    squaredBias: means.squaredBias.values(),
  };
}

/**
 * The median of the distances between points, a point to itself among them: the lower one of two.
 *
 * @see Garreau, Jitkrittum & Kanagawa, 2017, "Large sample analysis of the median heuristic", arXiv:1707.07269
 */
export function medianDistance(points: Points): number {
  const { count } = points;
  const distances = new Float64Array((count * (count - 1)) / 2);
  let next = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      let square = 0;
      for (let k = 0; k < points.columns; k++) {
        square += (points.data[i * points.columns + k]! - points.data[j * points.columns + k]!) ** 2;
      }
      distances[next++] = Math.sqrt(square);
    }
  }
  distances.sort();
  // In the order of all count^2 distances there are `count` zeros, and then every other one twice.
  const middle = Math.floor((count * count - 1) / 2) - count;
  return middle < 0 ? 0 : distances[Math.floor(middle / 2)]!;
}

function momentsOfPair({ columns, data }: Points, i: number, j: number) {
  let [s, squares, squareOfI, squareOfJ] = [0, 0, 0, 0];
  for (let k = 0; k < columns; k++) {
    const x = data[i * columns + k]!;
    const y = data[j * columns + k]!;
    s += x * y;
    squares += x * x * y * y;
    squareOfI += x * x;
    squareOfJ += y * y;
  }
  return { s, squares, squareOfI, squareOfJ, norms: squareOfI * squareOfJ };
}

/** A mean for each degree, of the values that are finite. */
class Means {
  private readonly sums: Float64Array;
  private readonly counts: Float64Array;

  constructor(maxDegree: number) {
    this.sums = new Float64Array(maxDegree);
    this.counts = new Float64Array(maxDegree);
  }

  add(degree: number, value: number, times = 1): void {
    if (!Number.isFinite(value)) return;
    this.sums[degree - 1]! += times * value;
    this.counts[degree - 1]! += times;
  }

  values(): Float64Array {
    return this.sums.map((sum, i) => sum / Math.max(this.counts[i]!, 1));
  }
}
