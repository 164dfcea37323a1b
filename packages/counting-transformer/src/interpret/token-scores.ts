// H heads, W width of a head.
import * as tf from '@tensorflow/tfjs';
import { nn } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { VOCABULARY } from '../task/tokens';

/**
 * How much each token of the encoder wants to attend each other one, by what they are alone: scores before the softmax.
 *
 *   s_h[i][j] = q_h(LN1 E[i]) k_h(LN1 E[j])^T / sqrt(W)
 *
 * Without positions these 25 numbers say all about the encoder's attention; with them they are the part that does not
 * depend on places.
 *
 * @returns [H, 5, 5]: heads, attending tokens, attended tokens, in the order of TOKENS
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export async function tokenScores(model: CountingTransformer): Promise<number[][][]> {
  const scores = tf.tidy(() => {
    const { attention } = model.encoder;
    // Of the tokens alone, whatever is added for their places.
    const embedded = new Map(model.namedParameters()).get('tok.weight')!.expandDims<tf.Tensor>(0);
    const a = model.encoder.normed(embedded.reshape([1, VOCABULARY, -1]));
    const [q, k] = [attention.q, attention.k].map((map) => nn.splitHeads(map.forward(a), attention.heads));
    const scale = 1 / Math.sqrt(q!.shape[3]!);
    return tf.matMul(q!, k!, false, true).mul(scale).squeeze([0]);
  });
  try {
    return (await scores.array()) as number[][][];
  } finally {
    scores.dispose();
  }
}
