// N = n + m pooled points, D coordinates, L slices of which C are projected on at a time
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import { checkOrder, type Cloud, cloudTensors } from '../cloud';
import { drawSlices, type SliceOptions } from '../slices/slices';
import { checkCosts } from '../sliced/mean-sliced-cost';
import { normalised, type Normalisation } from '../sliced/normalisation';
import { transportPlan, type TransportPlan } from '../transport/transport-plan';
import { turns } from '../turns';
import { labelledCosts, sortedRows, type SortedProjections } from './labelled-cost';

const { checkNumber, checkOneOf } = check;
const WHERE = 'sliced-wasserstein.slicedTwoSampleTest';

/** Projections held at a time: 4 MB, and as much for their order, which caches hold from one permutation to the next. */
const LARGEST_CHUNK = 2 ** 20;

/** SW_p, or the largest W_p over the drawn slices. */
export type TwoSampleStatistic = 'sliced' | 'maxSlice';

export interface TwoSampleTestOptions extends SliceOptions {
  /** B >= 1, default 999; the smallest p-value is 1 / (1 + B). */
  permutations?: number;
  /** p >= 1, default 2 */
  p?: number;
  /** Default 'sliced'; 'maxSlice' has more power where the clouds differ in few directions and many slices are drawn. */
  statistic?: TwoSampleStatistic;
  /** Scales the coordinates by the range of both clouds together, default 'none'. The level stays exact. */
  normalise?: Normalisation;
  /** What slices and permutations are drawn with. */
  key: random.KeyOrSeed;
  /** Told the share of the work that is done, in (0, 1]. */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

export interface TwoSampleTest {
  /** (1 + number of permutations whose statistic is at least the observed one) / (1 + B) */
  pValue: number;
  /** Of `pValue`, as permutations are drawn at random: sqrt(B p (1 - p)) / (1 + B). */
  standardError: number;
  /** The observed statistic. */
  statistic: number;
  /** The statistic of each permutation, [B]. */
  null: Float64Array;
}

/**
 * Permutation test of whether two samples are of the same law.
 *
 *   p-value = (1 + #{b : T_b >= T}) / (1 + B)
 *
 * T is the sliced distance of the samples, T_b that of a random division of the pooled points into n and m. Where the laws
 * are equal, P(p-value <= alpha) <= alpha for every alpha and any sample sizes, with equality at multiples of 1 / (1 + B)
 * if ties have probability 0. Projections are sorted once: O(L N (d + log N)) before and O(L N) for a permutation.
 *
 * @param x  [n, d] tensor or rows, independent draws
 * @param y  [m, d]
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, options
 *   outside their ranges, and a missing key; the signal's reason
 * @see Phipson & Smyth, 2010, "Permutation p-values should never be zero", for the 1 +
 * @remarks All statistics use the same slices. Slices of your own must not have been chosen by looking at which point is of
 *   which sample, as those of `maxSlicedWasserstein` are: choose them from other points.
 * @example
 * const { pValue } = await slicedTwoSampleTest(x, y, { key: 0 });
 */
export async function slicedTwoSampleTest(x: Cloud, y: Cloud, options: TwoSampleTestOptions): Promise<TwoSampleTest> {
  const { permutations = 999, p = 2, statistic = 'sliced', normalise = 'none', signal } = options;
  checkOrder(WHERE, p);
  checkNumber(WHERE, 'permutations', permutations, { min: 1, integer: true });
  checkOneOf(WHERE, 'statistic', statistic, ['sliced', 'maxSlice']);
  checkOneOf(WHERE, 'normalise', normalise, ['none', 'standard', 'minmax']);
  const key = random.asKey(WHERE, options.key);
  signal?.throwIfAborted();
  return scope(async (own) => {
    let n = 0;
    const { pooled, theta } = own(
      tf.tidy(() => {
        const clouds = normalised(...cloudTensors(WHERE, x, y), normalise);
        n = clouds[0].shape[0];
        const slices = drawSlices(WHERE, clouds[0].shape[1], { ...options, key: random.foldIn(key, 0) });
        return { pooled: tf.concat<tf.Tensor2D>(clouds, 0), theta: slices.theta.clone() };
      }),
    );
    const N = pooled.shape[0];
    const costOf = labelledCosts(transportPlan(WHERE, n, N - n) as UniformPlan, p);
    const add =
      statistic === 'sliced'
        ? (a: number, b: number): number => a + b
        : (a: number, b: number): number => Math.max(a, b);
    // Of the observed labels, then of each permutation: the sum or the largest of the costs so far.
    const totals = new Float64Array(1 + permutations);
    const turn = turns(signal);
    const [L, dim] = theta.shape;
    const step = Math.max(1, Math.floor(LARGEST_CHUNK / N));
    for (let first = 0; first < L; first += step) {
      const count = Math.min(step, L - first);
      const projections = await projectionsOf(pooled, theta, [first, 0], [count, dim]);
      for (let b = 0; b <= permutations; b++) {
        await turn();
        // Drawn again for each chunk: labels of all permutations could fill the memory, and take less time than costs.
        const labels = labelsOf(n, N, b === 0 ? undefined : random.foldIn(random.foldIn(key, 1), b));
        const costs = projections.map((sorted) => costOf(sorted, labels));
        if (b === 0) checkCosts(WHERE, costs);
        totals[b] = costs.reduce((total, cost) => add(total, cost), totals[b]!);
        options.onProgress?.((first + (count * (b + 1)) / (1 + permutations)) / L);
      }
    }
    const atLeast = totals.subarray(1).reduce((sum, total) => sum + Number(total >= totals[0]!), 0);
    const pValue = (1 + atLeast) / (1 + permutations);
    const [observed, ...rest] = Array.from(totals, (total) => (statistic === 'sliced' ? total / L : total) ** (1 / p));
    return {
      pValue,
      standardError: Math.sqrt(permutations * pValue * (1 - pValue)) / (1 + permutations),
      statistic: observed!,
      null: Float64Array.from(rest),
    };
  });
}

type UniformPlan = Exclude<TransportPlan, { kind: 'weighted' }>;

function projectionsOf(
  pooled_ND: tf.Tensor2D,
  theta_LD: tf.Tensor2D,
  begin: [number, number],
  size: [number, number],
): Promise<SortedProjections[]> {
  return scope(async (own) => {
    const projected_CN = own(
      tf.tidy(() => tf.matMul<tf.Tensor2D>(tf.slice2d(theta_LD, begin, size), pooled_ND, false, true)),
    );
    return sortedRows((await projected_CN.data()) as Float32Array, pooled_ND.shape[0]);
  });
}

/** 1 for n of the N points: the first ones, or with a key any n of them, all choices equally likely. */
function labelsOf(n: number, N: number, key: random.Key | undefined): Uint8Array {
  const labels = new Uint8Array(N);
  if (key === undefined) return labels.fill(1, 0, n);
  const order = random.permutation(key, N);
  for (let i = 0; i < n; i++) labels[order[i]!] = 1;
  return labels;
}
