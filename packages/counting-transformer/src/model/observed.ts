import type * as tf from '@tensorflow/tfjs';

/**
 * What a model computes on its way, by name: B sequences, L tokens, D width, H heads, W width of a head, F hidden units, R
 * regions.
 *
 * - `embedding` [B, L, D]: tokens and, where they are added, positions
 * - `enc.attn.{q,k,v}` [B, H, L, W], `enc.attn.scores` [B, H, L, L] before the causal mask, `enc.attn.weights`,
 *   `enc.attn.out` [B, L, D], what attention adds
 * - `enc.mid` [B, L, D], `enc.mlp.hidden` [B, L, F] after the activation, `enc.mlp.out` [B, L, D], what it adds
 * - `hidden` [B, L, D]: what the decoder reads
 * - `dec.queries` [B, R, D], `dec.attn.{q,k,v}`, `dec.attn.scores` [B, H, R, L], `dec.attn.weights`, `dec.attn.out` [B, R, D]
 * - `dec.self.*` and `dec.mlp.*` where the decoder has them
 * - `logits` [B, R, N + 1]
 */
export type ActivationName = string;

/** Looks at a value on the way and says what is to go on in its place: itself, or another of its shape. */
export type Observer = (name: ActivationName, value: tf.Tensor) => tf.Tensor;
