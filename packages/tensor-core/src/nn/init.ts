import * as tf from '@tensorflow/tfjs';
import { normal, truncatedNormal, uniform, type Key, type TruncatedNormalOptions } from '../random';

/** The key of initial weights; null stands for zeros, where weights are loaded afterwards. */
export type InitKey = Key | null;

/** Independent draws on [-bound, bound). @param key  null gives zeros */
export function uniformWithin(key: InitKey, shape: readonly number[], bound: number): tf.Tensor {
  return key === null ? tf.zeros([...shape]) : uniform(key, shape, { low: -bound, high: bound });
}

/**
 * PyTorch's default of linear and convolution layers, for weights and biases: uniform on +-1/sqrt(fanIn), which is
 * torch.nn.init.kaiming_uniform_ with a = sqrt(5).
 *
 * @param fanIn  inputs of one output: in_features, or in_channels * kernel height * kernel width; PyTorch takes
 *   out_channels * kernel height * kernel width for transposed convolutions
 */
export function fanInUniform(key: InitKey, shape: readonly number[], fanIn: number): tf.Tensor {
  return uniformWithin(key, shape, 1 / Math.sqrt(fanIn));
}

/** torch.nn.init.xavier_uniform_: uniform on +-gain sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio, 2010). */
export function xavierUniform(
  key: InitKey,
  shape: readonly number[],
  { fanIn, fanOut, gain = 1 }: { fanIn: number; fanOut: number; gain?: number },
): tf.Tensor {
  return uniformWithin(key, shape, gain * Math.sqrt(6 / (fanIn + fanOut)));
}

/** Normal draws of mean 0, std default 1; PyTorch's default of embeddings. */
export function gaussian(key: InitKey, shape: readonly number[], std = 1): tf.Tensor {
  return key === null ? tf.zeros([...shape]) : normal(key, shape, { std });
}

/** torch.nn.init.trunc_normal_: bounds in the units of the draw, see random.truncatedNormal. */
export function truncatedGaussian(
  key: InitKey,
  shape: readonly number[],
  options: TruncatedNormalOptions = {},
): tf.Tensor {
  return key === null ? tf.zeros([...shape]) : truncatedNormal(key, shape, options);
}
