// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import { backend, check, linalg, random } from '@tfsci/tensor-core';

const { argumentMessage, BackendError } = check;
/** (3 - sqrt 5) pi: turns by it never come back near to where they were. */
const GOLDEN_ANGLE = (3 - Math.sqrt(5)) * Math.PI;

/** Independent uniform slices: normalised Gaussians, [L, d]. */
export function uniformSlices(count: number, dim: number, key: random.Key): tf.Tensor2D {
  return tf.tidy(() => {
    const normals = random.normal(key, [count, dim]) as tf.Tensor2D;
    return normals.div(normals.norm('euclidean', 1, true));
  });
}

/**
 * Uniform slices in blocks of d that are orthogonal to each other: columns of independent Haar-distributed matrices.
 *
 * Each slice is uniform, so the mean over them is unbiased; within a block they avoid each other, which lowers its variance.
 */
export function orthogonalSlices(count: number, dim: number, key: random.Key): Float32Array {
  const slices = new Float32Array(count * dim);
  for (let first = 0, block = 0; first < count; first += dim, block++) {
    const size = Math.min(dim, count - first);
    slices.set(haarRows(size, dim, random.foldIn(key, block)), first * dim);
  }
  return slices;
}

/** `count` <= d orthonormal vectors, uniform among all such, one after the other. */
export function haarRows(count: number, dim: number, key: random.Key): Float64Array {
  const normals = linalg.matrix(dim, count, random.fillNormal(key, new Float64Array(dim * count)));
  const { q, r } = linalg.qr(normals);
  const rows = new Float64Array(count * dim);
  for (let j = 0; j < count; j++) {
    // The factorisation is unique, and Q uniform, once the diagonal of R is positive.
    const sign = r.data[j * r.cols + j]! < 0 ? -1 : 1;
    for (let i = 0; i < dim; i++) rows[j * dim + i] = sign * q.data[i * q.cols + j]!;
  }
  return rows;
}

/**
 * Slices that fill the sphere evenly: equal angles of a half turn in the plane, a spiral by golden angles in space.
 *
 * @param key  a random rotation, after which the mean over them is unbiased; none without it
 */
export function evenSlices(count: number, dim: 2 | 3, key?: random.Key): Float64Array {
  const points = new Float64Array(count * dim);
  if (dim === 2) {
    // W_p(theta) = W_p(-theta): half a turn is all.
    const start = key ? random.fillUniform(key, new Float64Array(1))[0]! : 0.5;
    for (let k = 0; k < count; k++) {
      const angle = (Math.PI * (k + start)) / count;
      points.set([Math.cos(angle), Math.sin(angle)], 2 * k);
    }
    return points;
  }
  const turn = key ? haarRows(3, 3, key) : Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  for (let k = 0; k < count; k++) {
    const height = (2 * k + 1) / count - 1;
    const radius = Math.sqrt(1 - height * height);
    const point = [radius * Math.cos(GOLDEN_ANGLE * k), radius * Math.sin(GOLDEN_ANGLE * k), height];
    for (let i = 0; i < 3; i++) points[3 * k + i] = point.reduce((sum, c, j) => sum + c * turn[3 * i + j]!, 0);
  }
  return points;
}

/** @throws BackendError in a compiled function, which could not draw them afresh */
export function refuseInCompiled(where: string, what: string): void {
  if (!backend.isRecording()) return;
  throw new BackendError(
    argumentMessage(where, what, 'be drawn outside compiled functions', 'a call while jit records'),
  );
}
