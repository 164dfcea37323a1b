import * as tf from '@tensorflow/tfjs';
import { check, scope } from '@tfsci/tensor-core';
import { CountingTransformer } from '../model/counting-transformer';
import type { ActivationName, Observer } from '../model/observed';
import { VOCABULARY } from '../task/tokens';

const { argumentMessage, checkNumber } = check;

/** Sequences, row by row; what `sampleTask` gives is such. */
export interface TokenRows {
  /** [B, L]. */
  tokens: ArrayLike<number>;
  /** B. */
  batch: number;
  /** L. */
  length: number;
}

/** Values that a model computed. */
export interface Activation {
  shape: number[];
  data: Float32Array;
}

/** Options of `capture`. */
export interface CaptureOptions<N extends ActivationName = ActivationName> {
  /** Which values are kept, default all. */
  names?: readonly N[];
  /** Looks on, and may replace values before they are kept: ablations and patches. */
  observe?: Observer;
}

/**
 * What a model computes on its way from sequences to logits, by the names of ActivationName.
 *
 * @returns copies
 * @throws RangeError for a name that the model has no value of, ids outside the alphabet and rows that do not fit; else as
 *   `CountingTransformer.forward`
 * @example
 * const { 'dec.attn.weights': weights } = await capture(model, samples, { names: ['dec.attn.weights'] }); // [B, H, R, L]
 */
export async function capture<N extends ActivationName>(
  model: CountingTransformer,
  rows: TokenRows,
  { names, observe }: CaptureOptions<N> = {},
): Promise<Record<N, Activation>> {
  const where = 'counting-transformer.capture';
  checkRows(where, model, rows);
  return scope(async (own) => {
    const seen = new Map<string, tf.Tensor>();
    const wanted = names === undefined ? null : new Set<string>(names);
    const look: Observer = (name, value) => {
      const next = observe === undefined ? value : observe(name, value);
      if (wanted === null || wanted.has(name)) seen.set(name, own(tf.keep(next.clone())));
      return next;
    };
    const tokens = own(tf.tensor2d(Int32Array.from(rows.tokens), [rows.batch, rows.length], 'int32'));
    own(model.forward(tokens, { observe: look }));
    for (const name of names ?? []) {
      if (!seen.has(name)) throw new RangeError(argumentMessage(where, 'names', 'be values of the model', name));
    }
    const found = [...seen].map(async ([name, value]): Promise<[string, Activation]> => [
      name,
      { shape: value.shape, data: (await value.data()) as Float32Array },
    ]);
    return Object.fromEntries(await Promise.all(found)) as Record<N, Activation>;
  });
}

/** @throws TypeError, RangeError unless it is a model and rows of ids of the alphabet */
export function checkRows(where: string, model: CountingTransformer, { tokens, batch, length }: TokenRows): void {
  if (!(model instanceof CountingTransformer)) {
    throw new TypeError(argumentMessage(where, 'model', 'be a CountingTransformer', model));
  }
  checkNumber(where, 'batch', batch, { min: 1, integer: true });
  checkNumber(where, 'length', length, { min: 1, integer: true });
  if (tokens.length !== batch * length) {
    throw new RangeError(argumentMessage(where, 'tokens', `be ${batch} rows of ${length}`, tokens.length));
  }
  for (let i = 0; i < tokens.length; i++) {
    checkNumber(where, `token ${i % length} of sequence ${Math.floor(i / length)}`, tokens[i], {
      min: 0,
      below: VOCABULARY,
      integer: true,
    });
  }
}
