// B batch, T tokens, D width of all heads together.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { fanInUniform, xavierUniform, type InitKey } from './init';
import { splitKey } from './keys';
import { linear } from './linear';

/**
 * The names of an attention's four maps in a state dict.
 *
 * - 'torch', as torch.nn.MultiheadAttention: in_proj_weight [3 D, D] with queries, keys and values below each other, or
 *   q_proj_weight, k_proj_weight, v_proj_weight where keys or values are made from other widths; in_proj_bias [3 D];
 *   out_proj.{weight,bias}. They start as in PyTorch: Xavier uniform, biases 0, out_proj.weight as that of Linear.
 * - One linear layer for all three, such as { packed: 'qkv', out: 'proj' }, or one each, such as { query: 'q', key: 'k',
 *   value: 'v', out: 'o' }: NAME.{weight,bias}, which start as those of Linear.
 */
export type AttentionNames =
  'torch' | { packed: string; out: string } | { query: string; key: string; value: string; out: string };

/** The maps to queries, keys and values. */
export interface InProjections {
  /** One of [3 D, D], or three of [D, width]. */
  readonly weights: readonly tf.Variable[];
  /** One of [3 D], three of [D], or none. */
  readonly biases: readonly tf.Variable[];
}

/** What InProjections are made of. */
export interface InProjectionOptions {
  key: InitKey;
  names: AttentionNames;
  bias: boolean;
  /** D. */
  embedDim: number;
  /** Widths of what queries, keys and values are made from. */
  widths: readonly [number, number, number];
}

/**
 * The initial maps, as parameters of a module.
 *
 * @param adopt  makes a tensor a parameter
 * @throws RangeError when the names are for one layer and the widths differ
 */
export function inProjections(
  where: string,
  { key, names, bias, embedDim: D, widths }: InProjectionOptions,
  adopt: (name: string, value: tf.Tensor) => tf.Variable,
): InProjections {
  const isPacked = widths.every((width) => width === D);
  const isTorch = names === 'torch';
  if (!isTorch && 'packed' in names && !isPacked) {
    const wanted = `be all ${D} where one layer is for all three`;
    const fix = "Take 'torch' or { query, key, value, out } as names.";
    throw new RangeError(argumentMessage(where, 'widths of queries, keys and values', wanted, widths, fix));
  }
  const { weights, biases } = namesOf(names, isPacked);
  const keys = splitKey(key, 6);
  return {
    weights: weights.map((name, i) => {
      const shape = [(3 * D) / weights.length, widths[i]!] as const;
      const [fanOut, fanIn] = shape;
      return adopt(
        name,
        isTorch ? xavierUniform(keys[i]!, shape, { fanIn, fanOut }) : fanInUniform(keys[i]!, shape, fanIn),
      );
    }),
    biases: (bias ? biases : []).map((name, i) => {
      const shape = [(3 * D) / biases.length];
      return adopt(name, isTorch ? tf.zeros(shape) : fanInUniform(keys[3 + i]!, shape, widths[i]!));
    }),
  };
}

/**
 * Queries, keys and values.
 *
 * @param sources  what they are made from, [B, T or S, width] each
 * @returns [B, T or S, D] each
 */
export function project(
  { weights, biases }: InProjections,
  sources: readonly [tf.Tensor, tf.Tensor, tf.Tensor],
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  // Cutting packed weights costs less than cutting the product of all three, which is longer.
  const [matrices, shifts] = [weights, biases].map((packed) =>
    packed.length === 1 ? tf.split(packed[0]!, 3) : packed,
  );
  const map = (i: 0 | 1 | 2): tf.Tensor => linear(sources[i], matrices![i]!, shifts![i] ?? null);
  return [map(0), map(1), map(2)];
}

function namesOf(names: AttentionNames, isPacked: boolean): { weights: string[]; biases: string[] } {
  if (names === 'torch') {
    const separate = ['q_proj_weight', 'k_proj_weight', 'v_proj_weight'];
    return { weights: isPacked ? ['in_proj_weight'] : separate, biases: ['in_proj_bias'] };
  }
  const layers = 'packed' in names ? [names.packed] : [names.query, names.key, names.value];
  return { weights: layers.map((name) => `${name}.weight`), biases: layers.map((name) => `${name}.bias`) };
}
