import * as tf from '@tensorflow/tfjs';
import type { Golden } from '@tfsci/tensor-core/testing';
import { CountingTransformer, type CountingConfig } from '../src';

/** A tensor of a golden file. */
export function tensorOf(file: Golden, name: string, dtype: 'float32' | 'int32' = 'float32'): tf.Tensor {
  const { data, shape } = file.get(name);
  return tf.tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), shape, dtype);
}

/** The model of a golden file, which holds positions and layer norms for models that have none as well. */
export function modelOf(file: Golden, config: CountingConfig): CountingTransformer {
  const model = new CountingTransformer(config, null);
  const names = model.namedParameters().map(([name]) => name);
  tf.tidy(() => void model.loadStateDict(Object.fromEntries(names.map((name) => [name, tensorOf(file, `w.${name}`)]))));
  return model;
}
