import type * as tf from '@tensorflow/tfjs';
import { linalg, random } from '@tfsci/tensor-core';
import { FeatureMap, type FeatureMapJson, type Weights } from '../src/index';

/** The map whose features are the rows themselves. */
export class GivenFeatures extends FeatureMap {
  /** How often `fit` was called. */
  fits = 0;

  constructor(features: number) {
    super('GivenFeatures', features, features);
  }

  override fit(x: Parameters<FeatureMap['fit']>[0]): this {
    this.fits++;
    return super.fit(x);
  }

  weights(): Weights {
    return {};
  }

  resample(): this {
    return this;
  }

  toJSON(): FeatureMapJson {
    return { kind: this.kind, options: {} };
  }

  dispose(): void {
    // It keeps nothing.
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    return x_ND.clone();
  }
}

/** Numbers of float32 with a standard normal distribution. */
export function normals(seed: number, ...shape: number[]): Float32Array {
  return random.fillNormal(random.key(seed), new Float32Array(shape.reduce((size, length) => size * length, 1)));
}

export const rowsOf = (data: Float32Array, columns: number): { data: Float32Array; shape: [number, number] } => ({
  data,
  shape: [data.length / columns, columns],
});

/** X of A X = B by elimination with the largest pivots, in float64. */
export function eliminated(a: ArrayLike<number>, b: ArrayLike<number>, n: number): Float64Array {
  const k = b.length / n;
  const A = Float64Array.from(a);
  const X = Float64Array.from(b);
  const subtract = (row: number, from: number, factor: number): void => {
    for (let j = 0; j < n; j++) A[row * n + j]! -= factor * A[from * n + j]!;
    for (let j = 0; j < k; j++) X[row * k + j]! -= factor * X[from * k + j]!;
  };
  const used = new Set<number>();
  const pivotOf: number[] = [];
  for (let column = 0; column < n; column++) {
    let pivot = -1;
    for (let row = 0; row < n; row++) {
      if (used.has(row)) continue;
      if (pivot < 0 || Math.abs(A[row * n + column]!) > Math.abs(A[pivot * n + column]!)) pivot = row;
    }
    used.add(pivot);
    pivotOf.push(pivot);
    for (let row = 0; row < n; row++) {
      if (row !== pivot) subtract(row, pivot, A[row * n + column]! / A[pivot * n + column]!);
    }
  }
  return Float64Array.from({ length: n * k }, (_, at) => {
    const pivot = pivotOf[Math.floor(at / k)]!;
    return X[pivot * k + (at % k)]! / A[pivot * n + Math.floor(at / k)]!;
  });
}

/** A^T B in float64, of row-major A [n, p] and B [n, q]. */
export function crossProduct(a: ArrayLike<number>, b: ArrayLike<number>, n: number): Float64Array {
  const [p, q] = [a.length / n, b.length / n];
  const out = new Float64Array(p * q);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < p; i++) for (let j = 0; j < q; j++) out[i * q + j]! += a[row * p + i]! * b[row * q + j]!;
  }
  return out;
}

export const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

export { linalg };
