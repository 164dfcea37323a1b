// N tokens of the whole batch, B batch, T tokens of an item, D width, H heads, E width of a head.
import * as tf from '@tensorflow/tfjs';
import { attention, gelu, layerNorm, linear } from './layers';
import type { Parameters } from './parameters';

/** One block of a transformer: x [N, D] to [N, D]. */
export type Block = (x_ND: tf.Tensor2D, mask_TT?: tf.Tensor2D) => tf.Tensor2D;

export interface BlockOptions {
  width: number;
  heads: number;
  batch: number;
  tokens: number;
}

/** x + attention(norm(x)), then x + mlp(norm(x)), whose hidden layer is four times as wide. */
export function transformerBlock(parameters: Parameters, name: string, options: BlockOptions): Block {
  const { width, heads, batch, tokens } = options;
  const norm1 = parameters.norm(width);
  const qkv = parameters.linear(`${name}.qkv`, width, 3 * width);
  const out = parameters.linear(`${name}.out`, width, width);
  const norm2 = parameters.norm(width);
  const up = parameters.linear(`${name}.up`, width, 4 * width);
  const down = parameters.linear(`${name}.down`, 4 * width, width);

  const byHead = (x_ND: tf.Tensor2D): tf.Tensor3D =>
    x_ND
      .reshape([batch, tokens, heads, width / heads])
      .transpose([0, 2, 1, 3])
      .reshape([batch * heads, tokens, width / heads]);

  const attend = (x_ND: tf.Tensor2D, mask_TT?: tf.Tensor2D): tf.Tensor2D => {
    const [q, k, v] = tf.split<tf.Tensor2D>(linear(x_ND, qkv), 3, 1).map(byHead) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const mixed_BHTE = attention(q, k, v, mask_TT).reshape([batch, heads, tokens, width / heads]);
    return linear(mixed_BHTE.transpose([0, 2, 1, 3]).reshape([batch * tokens, width]), out);
  };

  return (x_ND, mask_TT) => {
    const h_ND = x_ND.add<tf.Tensor2D>(attend(layerNorm(x_ND, norm1), mask_TT));
    return h_ND.add(linear(gelu(linear(layerNorm(h_ND, norm2), up)), down));
  };
}
