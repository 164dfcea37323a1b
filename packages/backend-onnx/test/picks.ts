import * as tf from '@tensorflow/tfjs';

export type DType = 'float32' | 'int32' | 'bool';
export const DTYPES: DType[] = ['float32', 'int32', 'bool'];

/** 1, 2, 3, ...; truth values without a pattern. */
export function counted(shape: readonly number[], dtype: DType = 'float32'): tf.Tensor {
  const size = tf.util.sizeFromShape([...shape]);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => (dtype === 'bool' ? (i * i) % 3 : i + 1)),
    [...shape],
    dtype,
  );
}

/** Numbers below `below` without a pattern, many of them twice. */
export function picks(shape: readonly number[], below: number, seed = 1): tf.Tensor1D {
  const size = tf.util.sizeFromShape([...shape]);
  const values = Array.from({ length: size }, (_, i) => Math.floor(Math.abs(Math.sin((i + 1) * (seed + 0.3))) * below));
  return tf.tensor(values, shape as [number], 'int32');
}

/** The same indices, of which nothing is known before they are computed. */
export const computed = (values: number[]): tf.Tensor1D => tf.tensor1d(values, 'int32').add(tf.scalar(0, 'int32'));

export const valuesOf = (compute: () => tf.Tensor): number[] =>
  Array.from(tf.tidy(() => compute().dataSync() as never));
