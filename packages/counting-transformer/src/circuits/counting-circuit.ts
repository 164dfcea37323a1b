// R regions, N the largest count, D = 6 + R channels.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { CountingTransformer } from '../model/counting-transformer';
import { TOKENS } from '../task/tokens';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** The token against which a circuit counts: what it takes as the unit. */
export type BiasToken = 'start' | 'open' | 'close' | 'zero';

/** Options of `buildCountingCircuit`. */
export interface CircuitOptions {
  /** R, default 4. */
  regions?: number;
  /** N, default 255. */
  maxCount?: number;
  /** S: how sharp the distributions of counts are, whose variance is (n + 1) / (2 S) for the start token; default 8. */
  sharpness?: number;
  /** beta: scores of what is attended, against 0; default 30. */
  attention?: number;
  /**
   * b_train: how many bias tokens there are in the sequences that it is right for. Default 1 for 'start' and R for 'open'
   * and 'close'; needed for 'zero', where (T - 2 R) / 2 is the mean.
   */
  trainedBias?: number;
}

/** Channels of the states: five for the token, one for the place, then one for each region. */
const [PLACE, REGIONS] = [5, 6];
/** Channels of what the decoder attends. */
const [ONES, BIAS] = [0, 1];
/** Closes the gate of a hidden unit at tokens other than 1; larger ones would cost digits of the place. */
const GATE = 2;

/**
 * A model of weights that are written by hand, and that counts exactly: the proof by construction.
 *
 * A causal head attends all delimiters before a token equally, with the start token or without. What it finds tells the
 * region: with the start 1 / (m + 1) after m delimiters, which is 1 / (2 k) in region k and 1 / (2 k + 1) behind it; without
 * it the part k / (2 k - 1) of opening ones, and 1/2 between regions. Hidden units make a tent of each region's value, at
 * ones alone. The query of region k then attends its n ones and the b bias tokens equally, so that the logits become
 *
 *   logit_j = S / (n + b) (2 j n - j^2 b / b_train),
 *
 * which are largest at j = n b_train / b. 'start' is right for all sequences, the others only where b = b_train.
 *
 * @param bias     the token against which is counted
 * @param options  see CircuitOptions
 * @returns the model, the caller's to dispose
 * @throws RangeError for options outside their ranges, or 'zero' without its trainedBias
 * @see Golkar et al., 2024, propositions 1 and 2, arXiv:2406.02585, which state that it exists; the weights are ours
 */
export function buildCountingCircuit(bias: BiasToken, options: CircuitOptions = {}): CountingTransformer {
  const where = 'counting-transformer.buildCountingCircuit';
  checkOneOf(where, 'bias', bias, ['start', 'open', 'close', 'zero']);
  const { regions = 4, maxCount = 255, sharpness = 8, attention = 30 } = options;
  checkNumber(where, 'regions', regions, { min: 1, integer: true });
  checkNumber(where, 'sharpness', sharpness, { above: 0 });
  checkNumber(where, 'attention', attention, { above: 0 });
  const trainedBias = options.trainedBias ?? { start: 1, open: regions, close: regions, zero: undefined }[bias];
  if (trainedBias === undefined) {
    const fix = 'Its mean is (T - 2 R) / 2.';
    throw new RangeError(argumentMessage(where, 'trainedBias', "be given for 'zero'", trainedBias, fix));
  }
  checkNumber(where, 'trainedBias', trainedBias, { above: 0 });
  const width = REGIONS + regions;
  const hasStart = bias === 'start';
  const weights = new Weights();
  for (let token = 0; token < 5; token++) weights.set('tok.weight', token, token, 1);

  // The encoder's head: all delimiters, and the start, are attended with the score beta.
  weights.set('enc.attn.q.bias', 0, null, Math.sqrt(width));
  for (const token of [TOKENS.open, TOKENS.close, ...(hasStart ? [TOKENS.start] : [])]) {
    weights.set('enc.attn.k.weight', 0, token, attention);
  }
  weights.set('enc.attn.v.weight', PLACE, hasStart ? TOKENS.start : TOKENS.open, 1);
  weights.set('enc.attn.o.weight', PLACE, PLACE, 1);

  for (let k = 1; k <= regions; k++) {
    const { left, top, right } = placesOf(k, hasStart);
    const [up, down] = [1 / (top - left), 1 / (right - top)];
    const corners = [
      [left, up],
      [top, -(up + down)],
      [right, down],
    ] as const;
    for (const [unit, [start, slope]] of corners.entries()) {
      const hidden = 3 * (k - 1) + unit;
      weights.set('enc.mlp.0.weight', hidden, PLACE, 1);
      weights.set('enc.mlp.0.weight', hidden, TOKENS.one, GATE);
      weights.set('enc.mlp.0.bias', hidden, null, -start - GATE);
      weights.set('enc.mlp.2.weight', REGIONS + k - 1, hidden, slope);
    }
  }

  // The decoder's head: query k scores the ones of region k and the bias tokens alike.
  const token = TOKENS[bias];
  for (let k = 0; k < regions; k++) {
    weights.set('dec.query.weight', k, REGIONS + k, 1);
    weights.set('dec.query.weight', k, token, 1);
    weights.set('dec.attn.k.weight', REGIONS + k, REGIONS + k, attention);
    weights.set('dec.attn.q.weight', REGIONS + k, REGIONS + k, Math.sqrt(width));
  }
  weights.set('dec.attn.k.weight', token, token, attention);
  weights.set('dec.attn.q.weight', token, token, Math.sqrt(width));
  weights.set('dec.attn.v.weight', ONES, TOKENS.one, 1);
  weights.set('dec.attn.v.weight', BIAS, token, 1);
  for (const channel of [ONES, BIAS]) weights.set('dec.attn.o.weight', channel, channel, 1);
  for (let j = 0; j <= maxCount; j++) {
    weights.set('dec.head.weight', j, ONES, 2 * sharpness * j);
    weights.set('dec.head.weight', j, BIAS, (-sharpness * j * j) / trainedBias);
  }

  const size = { regions, maxCount, width, feedForward: 3 * regions, heads: 1 };
  const kind = { start: hasStart, causal: true, layerNorm: false, activation: 'relu' } as const;
  const model = new CountingTransformer({ ...size, ...kind }, null);
  weights.writeTo(model);
  return model;
}

/** What the head finds inside region k, counted from 1, and at the two places next to it on either side. */
function placesOf(k: number, hasStart: boolean): { left: number; top: number; right: number } {
  if (hasStart) return { left: 1 / (2 * k + 1), top: 1 / (2 * k), right: 1 / (2 * k - 1) };
  const inside = (region: number): number => region / (2 * region - 1);
  return { left: inside(k + 1), top: inside(k), right: k === 1 ? 4 / 3 : inside(k - 1) };
}

/** Entries of parameters that are zero elsewhere. */
class Weights {
  private readonly entries = new Map<string, [row: number, column: number | null, value: number][]>();

  /** @param column  null for a vector */
  set(name: string, row: number, column: number | null, value: number): void {
    const own = this.entries.get(name);
    if (own === undefined) this.entries.set(name, [[row, column, value]]);
    else own.push([row, column, value]);
  }

  /** Sets the parameters of a model that is all zeros. */
  writeTo(model: CountingTransformer): void {
    const parameters = new Map(model.namedParameters());
    for (const [name, entries] of this.entries) {
      const parameter = parameters.get(name)!;
      const columns = parameter.shape[1] ?? 1;
      const values = new Float32Array(parameter.size);
      for (const [row, column, value] of entries) values[row * columns + (column ?? 0)] = value;
      tf.tidy(() => parameter.assign(tf.tensor(values, parameter.shape)));
    }
  }
}
