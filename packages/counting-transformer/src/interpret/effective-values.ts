// H heads, L tokens, R regions, N the largest count, D width.
import * as tf from '@tensorflow/tfjs';
import { check, nn, scope } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { checkRows } from './capture';

/** What each token of a sequence says to the logits, and how much it is heard. */
export interface EffectiveValues {
  /** [H, L, N + 1]: what the head's value of a token adds to the logits, if it is attended alone. */
  values: number[][][];
  /** [H, R, L], the attention of each region's query. */
  weights: number[][][];
  /** [N + 1]: what biases add whatever is attended. */
  constant: number[];
  /** [R, N + 1]: constant + sum over heads and tokens of weight times value. */
  logits: number[][];
}

/**
 * The logits of a sequence taken apart: by token, and how much each is attended.
 *
 *   logits_k = c + sum_h sum_t weight_hkt value_ht,  value_ht = Head O_h V_h h_t,  c = Head (O b_V + b_O) + b_Head
 *
 * Exact where the decoder is attention and a linear map. The curves of a one and of the bias token over the counts are
 * the balance by which a model counts.
 *
 * @param tokens  one sequence, [L]
 * @throws TypeError for a decoder with an MLP, whose logits are not linear in what is attended; else as `capture`
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export async function effectiveValues(model: CountingTransformer, tokens: ArrayLike<number>): Promise<EffectiveValues> {
  const where = 'counting-transformer.effectiveValues';
  checkRows(where, model, { tokens, batch: 1, length: tokens.length });
  if (model.config.decoder.mlp) {
    const fix = 'With it logits are not linear in what is attended.';
    throw new TypeError(check.argumentMessage(where, 'decoder.mlp', 'be false', true, fix));
  }
  return scope(async (own) => {
    const parts = own(
      tf.tidy(() => {
        const { attention, head } = model.decoder;
        const { heads, v, o } = attention;
        const [D, W] = [v.outFeatures, v.outFeatures / heads];
        let [hidden, weights]: (tf.Tensor | null)[] = [null, null];
        const logits = model.forward(tf.tensor2d(Int32Array.from(tokens), [1, tokens.length], 'int32'), {
          observe: (name, value) => {
            if (name === 'hidden') hidden = tf.keep(value.clone());
            if (name === 'dec.attn.weights') weights = tf.keep(value.clone());
            return value;
          },
        });
        const [states, attended] = [hidden!, weights!] as [tf.Tensor, tf.Tensor];
        const plain_LD = nn.linear(states.squeeze([0]), v.weight);
        // Head h reads its own columns of O.
        const toLogits = tf.matMul<tf.Tensor2D>(head.weight, o.weight);
        const perHead = Array.from({ length: heads }, (_, h) => {
          const values_LW = plain_LD.slice([0, h * W], [-1, W]);
          return tf.matMul(values_LW, toLogits.slice([0, h * W], [-1, W]), false, true);
        });
        const shift = nn.linear(v.bias!.reshape([1, D]), o.weight, o.bias);
        const result = {
          values: tf.stack(perHead),
          weights: attended.squeeze([0]),
          constant: nn.linear(shift, head.weight, head.bias).squeeze([0]),
          logits: logits.squeeze([0]),
        };
        states.dispose();
        attended.dispose();
        return result;
      }),
    );
    return {
      values: (await parts.values.array()) as number[][][],
      weights: (await parts.weights.array()) as number[][][],
      constant: (await parts.constant.array()) as number[],
      logits: (await parts.logits.array()) as number[][],
    };
  });
}

/**
 * Logits by the formula of counting against a bias token: n ones and one bias token, each heard as their scores say.
 *
 *   logits = c + (n e^a1 v1 + e^aB vB) / (n e^a1 + e^aB)
 *
 * @param n   ones
 * @param a1  score of a one, aB of the bias token; v1, vB their effective values, [N + 1]
 * @throws RangeError for a negative n or values of different lengths
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export function formulaLogits(
  n: number,
  { a1, aB, v1, vB, constant }: { a1: number; aB: number; v1: readonly number[]; vB: readonly number[]; constant?: readonly number[] }, // prettier-ignore
): number[] {
  const where = 'counting-transformer.formulaLogits';
  check.checkNumber(where, 'n', n, { min: 0 });
  if (vB.length !== v1.length) {
    throw new RangeError(check.argumentMessage(where, 'vB', `have ${v1.length} values, as v1 has`, vB.length));
  }
  const most = Math.max(a1, aB);
  const [ofOnes, ofBias] = [n * Math.exp(a1 - most), Math.exp(aB - most)];
  return v1.map((own, j) => (constant?.[j] ?? 0) + (ofOnes * own + ofBias * vB[j]!) / (ofOnes + ofBias));
}
