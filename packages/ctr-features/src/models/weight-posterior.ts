// N rows, D features, K outputs
import { linalg } from '@tfsci/tensor-core';
import type { FeatureRows } from '../feature-map';

/** Predictions with one number for each row and output, on the host. */
export interface OutputRows {
  /** Row after row. */
  data: Float64Array;
  /** [n, k] */
  shape: [number, number];
}

/** A normal distribution for each row and output. */
export interface NormalRows {
  mean: OutputRows;
  /** Standard deviation. */
  std: OutputRows;
}

/** What a posterior is made of: sums over rows with variances v_i of their noise. */
export interface PosteriorSums {
  /** Phi^T diag(1 / v) Phi, [D, D] */
  gram: linalg.Matrix64;
  /** Phi^T diag(1 / v) Y, [D, k] */
  cross: linalg.Matrix64;
}

/**
 * The posterior of weights w ~ N(0, I) of features, for outputs that share their noise.
 *
 *   A = Phi^T diag(1 / v) Phi + I = L L^T,  w | y ~ N(A^{-1} Phi^T (y / v), A^{-1})
 */
export class WeightPosterior {
  /** sum_j log L_jj, half the logarithm of the determinant of A. */
  readonly halfLogDet: number;
  /** |L^{-1} Phi^T (y / v)|^2 of each output. */
  readonly explained: Float64Array;
  private readonly factor: linalg.Matrix64;
  /** [D, k] */
  private readonly means: linalg.Matrix64;

  constructor({ gram, cross }: PosteriorSums) {
    this.factor = linalg.cholesky(gram, { jitter: 1 });
    this.means = linalg.choleskySolve(this.factor, cross);
    this.halfLogDet = linalg.choleskyLogDet(this.factor) / 2;
    this.explained = new Float64Array(cross.cols);
    cross.data.forEach((value, at) => (this.explained[at % cross.cols]! += value * this.means.data[at]!));
  }

  /** Means [n, k] and variances [n] of phi(x).w, in float64. */
  predict({ data, shape: [N, D] }: FeatureRows): { means: Float64Array; variances: Float64Array } {
    const K = this.means.cols;
    const means = new Float64Array(N * K);
    const phi_DN = linalg.matrix(D, N);
    for (let n = 0; n < N; n++) {
      for (let j = 0; j < D; j++) {
        const value = data[n * D + j]!;
        phi_DN.data[j * N + n] = value;
        for (let k = 0; k < K; k++) means[n * K + k]! += value * this.means.data[j * K + k]!;
      }
    }
    const variances = new Float64Array(N);
    linalg.solveTriangular(this.factor, phi_DN).data.forEach((value, at) => (variances[at % N]! += value * value));
    return { means, variances };
  }
}

/** Every entry times a number. */
export function scaled({ rows, cols, data }: linalg.Matrix64, factor: number): linalg.Matrix64 {
  return { rows, cols, data: data.map((value) => value * factor) };
}

/** Rows of outputs, as they come block by block. */
export class GrowingRows {
  private readonly blocks: Float64Array[] = [];
  private readonly outputs: number;

  constructor(outputs: number) {
    this.outputs = outputs;
  }

  /** Takes over rows, [n, k]. */
  push(block: Float64Array): void {
    this.blocks.push(block);
  }

  all(): OutputRows {
    const data = new Float64Array(this.blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of this.blocks) {
      data.set(block, at);
      at += block.length;
    }
    return { data, shape: [data.length / this.outputs, this.outputs] };
  }
}
