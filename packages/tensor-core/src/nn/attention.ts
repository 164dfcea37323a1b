// B batch, H heads, T queries, S keys, D width of queries and keys, E width of values.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkShape, ShapeError } from '../check';
import { bernoulli, type Key } from '../random';
import { additiveMask, checkBroadcast, type MaskOptions } from './attention-mask';

/** Options of scaledDotProductAttention. */
export interface AttentionOptions extends MaskOptions {
  /** Added to the scores, finite; broadcasts to [B, H, T, S]. */
  bias?: tf.Tensor | undefined;
  /** Of the products of queries and keys, default 1 / sqrt(D). */
  scale?: number;
  /** Sets each weight to 0 with probability `rate` and scales the others by 1 / (1 - rate). */
  dropout?: { rate: number; key: Key } | undefined;
  /** Whether to give the weights as well, which costs memory; default false. */
  weights?: boolean;
}

/** What attention gives. */
export interface Attended {
  out: tf.Tensor;
  /** [B, H, T, S] as they were applied, after masks and dropout; only where they were asked for. */
  weights?: tf.Tensor;
}

/**
 * Attention of each query to all keys, for each head.
 *
 *   out = softmax(scale q k^T + bias + mask) v
 *
 * Keys that are masked have weights of exactly 0, and the weights of a query sum to 1.
 *
 * @param q_BHTD  queries
 * @param k_BHSD  keys
 * @param v_BHSE  values
 * @returns out [B, H, T, E], and weights [B, H, T, S] on request; cost O(B H T S (D + E))
 * @throws ShapeError when the shapes do not fit, TypeError when a mask has another dtype, RangeError when `scale` is
 *   not finite or the rate is outside [0, 1)
 * @see Vaswani et al., 2017, eq. (1), arXiv:1706.03762
 * @remarks Differs from torch.nn.functional.scaled_dot_product_attention where a query attends no key at all: its row
 *   is 0, and so are its gradients, instead of NaN. Gradients have no gradients, as with tf.softmax.
 */
export function scaledDotProductAttention(
  q_BHTD: tf.Tensor,
  k_BHSD: tf.Tensor,
  v_BHSE: tf.Tensor,
  options: AttentionOptions = {},
): Attended {
  const where = 'tensor-core.scaledDotProductAttention';
  const [B, H, T, S, D] = lengthsOf(where, q_BHTD, k_BHSD, v_BHSE);
  const { bias, scale = 1 / Math.sqrt(D), dropout, weights: isAsked = false } = options;
  checkNumber(where, 'scale', scale);
  if (dropout) checkNumber(where, 'dropout.rate', dropout.rate, { min: 0, below: 1 });
  if (bias) checkBroadcast(where, 'bias', bias, [B, H, T, S]);
  return tf.tidy(() => {
    const mask = additiveMask(where, options, [B, H, T, S]);
    // Mask and bias are small as long as they broadcast, so they are added to each other first.
    const summands = [bias, mask?.added].filter((summand) => summand !== undefined);
    const summand = summands.length === 2 ? summands[0]!.add(summands[1]!) : summands[0];
    const products = tf.matMul(scale === 1 ? q_BHTD : q_BHTD.mul(scale), k_BHSD, false, true);
    const scores_BHTS = summand ? products.add(summand) : products;
    const kept = dropout && dropout.rate > 0 ? keptWeights(scores_BHTS.shape, dropout) : null;
    const reached = mask?.reached;
    if (!isAsked) {
      const out = average(scores_BHTS, v_BHSE, kept);
      return { out: reached ? out.mul(reached) : out };
    }
    const factors = [kept, reached].filter((factor) => factor != null);
    const weights = factors.reduce((product, factor) => product.mul(factor), tf.softmax(scores_BHTS));
    const out = tf.matMul(weights, v_BHSE);
    return { out, weights };
  });
}

/**
 * softmax(scores) v, where the softmax may be thinned out.
 *
 * Its gradient needs one pass less over the scores than that of its parts: with the weights p (after dropout) and the
 * gradient g of the result o = p v, the sum over keys of p (g v^T), which the softmax asks for, is that of g o over the
 * width of the values.
 */
function average(scores_BHTS: tf.Tensor, v_BHSE: tf.Tensor, kept_BHTS: tf.Tensor | null): tf.Tensor {
  const thinned = (x: tf.Tensor, kept: tf.Tensor | undefined): tf.Tensor => (kept ? x.mul(kept) : x);
  const operation = tf.customGrad((...inputs) => {
    const [scores, v, save] = inputs as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const shares = tf.softmax(scores);
    const out = tf.matMul(thinned(shares, kept_BHTS ?? undefined), v);
    save(kept_BHTS ? [shares, v, out, kept_BHTS] : [shares, v, out]);
    const gradFunc = (g: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [p, values, o, kept] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor?];
      const toWeights = thinned(tf.matMul(g, values, false, true), kept);
      const mean = g.mul(o).sum(-1, true);
      return [p.mul(toWeights.sub(mean)), tf.matMul(thinned(p, kept), g, true)];
    };
    return { value: out, gradFunc };
  });
  return operation(scores_BHTS, v_BHSE);
}

/** 0 with probability `rate`, else 1 / (1 - rate). */
function keptWeights(shape: number[], { rate, key }: { rate: number; key: Key }): tf.Tensor {
  return bernoulli(key, shape, 1 - rate)
    .toFloat()
    .mul(1 / (1 - rate));
}

function lengthsOf(where: string, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): [number, number, number, number, number] {
  checkShape(where, 'q', q, [null, null, null, null], 'Its axes are batch, heads, queries, width.');
  const [B, H, T, D] = q.shape as [number, number, number, number];
  checkShape(where, 'k', k, [B, H, null, D]);
  const S = k.shape[2]!;
  checkShape(where, 'v', v, [B, H, S, null]);
  if (S === 0) throw new ShapeError(argumentMessage(where, 'k', 'have at least one key', k));
  return [B, H, T, S, D];
}
