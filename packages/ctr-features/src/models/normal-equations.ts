// N rows of a chunk, D features, K outputs
import * as tf from '@tensorflow/tfjs';
import { check, linalg, scope } from '@tfsci/tensor-core';
import type { FeatureRows } from '../feature-map';

const { argumentMessage, ShapeError } = check;

/** Sizes of `NormalEquations`. */
export interface NormalEquationsOptions {
  /** D */
  features: number;
  /** k, numbers of targets of a row; default 1. */
  outputs?: number;
}

/**
 * The sums that least squares needs, over rows that come chunk by chunk, with weights w_i (default 1):
 *
 *   gram = Phi^T diag(w) Phi,  cross = Phi^T diag(w) Y,
 *   featureSums = Phi^T w,  targetSums = Y^T w,  targetSquares_k = sum_i w_i Y_ik^2
 *
 * The products of a chunk are computed in float32 on the active backend, and added up in float64 on the host, where
 * memory is O(D^2) whatever the number of rows. So the rounding error does not grow with the number of chunks: it is that
 * of one, at worst N 2^-24 sqrt(gram_ii gram_jj) for chunks of N rows, and for rows in no particular order up
 * to sqrt(N) 2^-25, 7e-7 at N = 512.
 *
 * @throws TypeError, RangeError for sizes outside their ranges
 */
export class NormalEquations {
  readonly features: number;
  readonly outputs: number;
  /** [D, k] */
  readonly cross: linalg.Matrix64;
  readonly featureSums: Float64Array;
  readonly targetSums: Float64Array;
  readonly targetSquares: Float64Array;
  /** Only its lower triangle is kept up. */
  private readonly lower: linalg.Matrix64;
  private rows = 0;
  private weights = 0;

  constructor({ features, outputs = 1 }: NormalEquationsOptions) {
    const where = 'ctr-features.NormalEquations';
    this.features = check.checkNumber(where, 'features', features, { min: 1, integer: true });
    this.outputs = check.checkNumber(where, 'outputs', outputs, { min: 1, integer: true });
    this.lower = linalg.matrix(features, features);
    this.cross = linalg.matrix(features, outputs);
    this.featureSums = new Float64Array(features);
    this.targetSums = new Float64Array(outputs);
    this.targetSquares = new Float64Array(outputs);
  }

  /** n, the number of rows added so far. */
  get count(): number {
    return this.rows;
  }

  /** sum_i w_i */
  get weight(): number {
    return this.weights;
  }

  /** [D, D], symmetric exactly; a copy. */
  get gram(): linalg.Matrix64 {
    const { features: D, lower } = this;
    const data = lower.data.slice();
    for (let i = 0; i < D; i++) for (let j = 0; j < i; j++) data[j * D + i] = data[i * D + j]!;
    return { rows: D, cols: D, data };
  }

  /**
   * Adds the rows of a chunk. Two chunks must not be added at the same time.
   *
   * @param phi      [n, D], n of about 512
   * @param y        [n, k], row after row
   * @param weights  [n], finite and >= 0, default all 1
   * @returns this
   * @throws ShapeError when lengths disagree, RangeError for a number that is not finite or a weight below 0
   */
  async add(phi: FeatureRows, y: ArrayLike<number>, weights?: ArrayLike<number>): Promise<this> {
    const where = 'ctr-features.NormalEquations.add';
    const { features: D, outputs: K } = this;
    const [N, columns] = phi.shape;
    if (columns !== D || phi.data.length !== N * D) {
      throw new ShapeError(argumentMessage(where, 'phi', `have ${D} columns`, phi.shape));
    }
    const wanted = (name: string, values: ArrayLike<number>, length: number): void => {
      if (values.length === length) return;
      throw new ShapeError(argumentMessage(where, name, `have ${length} numbers`, values.length));
    };
    wanted('y', y, N * K);
    if (weights !== undefined) wanted('weights', weights, N);
    if (N === 0) return this;

    // Both sides of the products get the square root of the weight, so that they stay symmetric.
    const left = weights === undefined ? phi.data : new Float32Array(N * D);
    const right = new Float32Array(N * K);
    const sums = new Float64Array(D);
    for (let n = 0; n < N; n++) {
      const w = weights === undefined ? 1 : check.checkNumber(where, `weights[${n}]`, weights[n], { min: 0 });
      const root = Math.sqrt(w);
      for (let j = 0; j < D; j++) {
        const value = phi.data[n * D + j]!;
        sums[j]! += w * value;
        if (weights !== undefined) left[n * D + j] = root * value;
      }
      for (let k = 0; k < K; k++) {
        const value = check.checkNumber(where, `y[${n * K + k}]`, y[n * K + k]);
        right[n * K + k] = root * value;
      }
    }
    const broken = sums.findIndex((sum) => !Number.isFinite(sum));
    if (broken >= 0) {
      throw new RangeError(argumentMessage(where, `column ${broken} of phi`, 'have finite numbers', sums[broken]));
    }
    const [gram, cross] = await products(left, right, N);

    for (let i = 0; i < D; i++) for (let j = 0; j <= i; j++) this.lower.data[i * D + j]! += gram[i * D + j]!;
    for (let at = 0; at < D * K; at++) this.cross.data[at]! += cross[at]!;
    for (let j = 0; j < D; j++) this.featureSums[j]! += sums[j]!;
    for (let n = 0; n < N; n++) {
      const w = weights?.[n] ?? 1;
      this.weights += w;
      for (let k = 0; k < K; k++) {
        this.targetSums[k]! += w * y[n * K + k]!;
        this.targetSquares[k]! += w * y[n * K + k]! ** 2;
      }
    }
    this.rows += N;
    return this;
  }

  /**
   * Adds the sums of other rows.
   *
   * @param sign  -1 takes rows away that are among these, such as those of a fold
   * @returns this
   * @throws ShapeError when the sizes differ
   */
  addAll(other: NormalEquations, sign: 1 | -1 = 1): this {
    if (other.features !== this.features || other.outputs !== this.outputs) {
      const wanted = `have ${this.features} features and ${this.outputs} outputs`;
      const got = [other.features, other.outputs];
      throw new ShapeError(argumentMessage('ctr-features.NormalEquations.addAll', 'other', wanted, got));
    }
    const accumulate = (to: Float64Array, from: Float64Array): void => {
      for (let at = 0; at < to.length; at++) to[at]! += sign * from[at]!;
    };
    accumulate(this.lower.data, other.lower.data);
    accumulate(this.cross.data, other.cross.data);
    accumulate(this.featureSums, other.featureSums);
    accumulate(this.targetSums, other.targetSums);
    accumulate(this.targetSquares, other.targetSquares);
    this.rows += sign * other.rows;
    this.weights += sign * other.weights;
    return this;
  }
}

/** Phi^T Phi and Phi^T Y, in float32 on the active backend. */
function products(phi: Float32Array, y: Float32Array, N: number): Promise<[tf.TypedArray, tf.TypedArray]> {
  return scope(async (own) => {
    const phi_ND = own(tf.tensor2d(phi, [N, phi.length / N]));
    const y_NK = own(tf.tensor2d(y, [N, y.length / N]));
    const gram_DD = own(tf.matMul(phi_ND, phi_ND, true, false));
    const cross_DK = own(tf.matMul(phi_ND, y_NK, true, false));
    return Promise.all([gram_DD.data(), cross_DK.data()]);
  });
}
