import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

/** n points on the sphere of R^d, with more weight where all coordinates are positive. */
export function sphere(seed: number, n: number, d: number, mean = 0.5): number[][] {
  const normals = random.fillNormal(random.key(seed), new Float64Array(n * d), { mean });
  return Array.from({ length: n }, (_, i) => {
    const row = Array.from(normals.subarray(i * d, (i + 1) * d));
    const norm = Math.hypot(...row);
    return row.map((value) => value / norm);
  });
}

/** Rows as a tensor. */
export const tensor = (rows: number[][]): tf.Tensor2D => tf.tensor2d(rows);
/** The number that a function makes a tensor of. */
export const valueOf = (make: () => tf.Scalar): number => tf.tidy(() => make().dataSync()[0]!);
