// N points, D coordinates
import * as tf from '@tensorflow/tfjs';
import { linalg, scope } from '@tfsci/tensor-core';
import type { TransportPlan } from '../transport/transport-plan';
import { direction, dot } from './ascent';

/** In more dimensions decompositions of covariances cost more than what they spare the ascent. */
const LARGEST_DIM = 64;
/** Added to covariances, as a fraction of their mean variance: fewer points than dimensions leave them singular. */
const RIDGE = 1e-3;
/** |cosine| from which two directions are one. */
const SAME = 0.999;

/** Where an ascent starts: the difference of the means, a direction in which covariances differ, or a random slice. */
export type StartKind = 'mean difference' | 'covariances' | 'random slice';

export interface Start {
  kind: StartKind;
  /** Unit vector, [D]. */
  theta: Float64Array;
}

/**
 * Unit vectors in which the two clouds may differ most: of their means, and of their covariances S_x and S_y the
 * eigenvectors of S_x - S_y and the generalised ones of S_x v = s S_y v. For Gaussians
 *
 *   W_2^2(theta) = <theta, m_x - m_y>^2 + (sqrt(theta' S_x theta) - sqrt(theta' S_y theta))^2
 */
export async function momentStarts(x_ND: tf.Tensor2D, y_ND: tf.Tensor2D, plan: TransportPlan): Promise<Start[]> {
  const [a, b] = plan.kind === 'weighted' ? [plan.a, plan.b] : [];
  const [ofX, ofY] = [await momentsOf(x_ND, a), await momentsOf(y_ND, b)];
  const between = direction(ofX.mean.map((value, j) => value - ofY.mean[j]!));
  const starts: Start[] = between ? [{ kind: 'mean difference', theta: between }] : [];
  if (!ofX.covariance || !ofY.covariance) return starts;
  const directions = covarianceDirections(ofX.covariance, ofY.covariance);
  return [...starts, ...directions.map((theta): Start => ({ kind: 'covariances', theta }))];
}

/**
 * As many of the candidates as asked for: the difference of the means, for at most half of the others the best directions of
 * the covariances, the best random slices.
 *
 * @param costs  W_p^p of the candidates
 */
export function bestStarts(candidates: readonly Start[], costs: ArrayLike<number>, count: number): number[] {
  const ranked = candidates.map((_, i) => i).sort((i, j) => costs[j]! - costs[i]!);
  const chosen: number[] = [];
  const take = (kind: StartKind, most: number): void => {
    for (const i of ranked) {
      const { theta } = candidates[i]!;
      if (most === 0) return;
      if (candidates[i]!.kind !== kind) continue;
      if (chosen.some((j) => Math.abs(dot(candidates[j]!.theta, theta)) > SAME)) continue;
      chosen.push(i);
      most--;
    }
  };
  take('mean difference', 1);
  take('covariances', Math.floor((count - chosen.length) / 2));
  take('random slice', count - chosen.length);
  return chosen;
}

interface Moments {
  mean: Float64Array;
  /** Of divisor 1; undefined in many dimensions and where it has left float32. */
  covariance?: linalg.Matrix64;
}

function momentsOf(x_ND: tf.Tensor2D, masses: Float64Array | undefined): Promise<Moments> {
  const [n, dim] = x_ND.shape;
  return scope(async (own) => {
    const moments = own(
      tf.tidy(() => {
        const mass_N1 = masses ? tf.tensor2d(Float32Array.from(masses), [n, 1]) : tf.fill([n, 1], 1 / n);
        const mean = x_ND.mul(mass_N1).sum(0);
        if (dim > LARGEST_DIM) return { mean };
        const centred_ND = x_ND.sub<tf.Tensor2D>(mean);
        return { mean, covariance_DD: tf.matMul(centred_ND.mul<tf.Tensor2D>(mass_N1), centred_ND, true) };
      }),
    );
    const mean = Float64Array.from(await moments.mean.data());
    const values = await moments.covariance_DD?.data();
    if (!values?.every(Number.isFinite)) return { mean };
    // Symmetric but for rounding, which linalg does not let pass.
    const covariance = linalg.matrix(dim, dim, values);
    const transposed = linalg.transposed(covariance);
    covariance.data.forEach((value, i) => (covariance.data[i] = (value + transposed.data[i]!) / 2));
    return { mean, covariance };
  });
}

function covarianceDirections(ofX: linalg.Matrix64, ofY: linalg.Matrix64): Float64Array[] {
  const dim = ofX.rows;
  const ridge = (RIDGE * (traceOf(ofX) + traceOf(ofY))) / (2 * dim);
  if (!(ridge > 0)) return [];
  const difference = linalg.matrix(
    dim,
    dim,
    ofX.data.map((value, i) => value - ofY.data[i]!),
  );
  const factor = linalg.cholesky(ofY, { jitter: ridge });
  // L^-1 S_x L^-T of S_y = L L^T; its eigenvectors u are those of the pair as L^-T u.
  const half = linalg.solveTriangular(factor, ofX);
  const whitened = linalg.solveTriangular(factor, linalg.transposed(half));
  const mirrored = linalg.transposed(whitened);
  whitened.data.forEach((value, i) => (whitened.data[i] = (value + mirrored.data[i]!) / 2));
  const vectors = linalg.solveTriangular(factor, linalg.eigenSymmetric(whitened).vectors, { transpose: true });
  return [linalg.eigenSymmetric(difference).vectors, vectors].flatMap((columns) =>
    Array.from({ length: dim }, (_, j) => direction(linalg.columnOf(columns, j))!),
  );
}

function traceOf({ rows, data }: linalg.Matrix64): number {
  let sum = 0;
  for (let j = 0; j < rows; j++) sum += data[j * rows + j]!;
  return sum;
}
