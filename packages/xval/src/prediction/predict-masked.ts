import { check } from '@tfsci/tensor-core';
import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { checkPositions, inText, readSamples, rowsOf, type MaskingOptions } from './masked-rows';
import { checkModel } from './model-programs';
import { runRows, type RunOptions } from './run-rows';

const { argumentMessage } = check;

/** Options of `predictMasked`. */
export interface PredictMaskedOptions extends MaskingOptions, RunOptions {
  /**
   * Whether all positions are masked together, default true; else each is predicted from a text in which only it is
   * masked.
   */
  allAtOnce?: boolean;
}

/** What a model says about a masked position. */
export interface MaskedPrediction {
  position: number;
  /** Id of the most probable token. */
  token: number;
  /** Its probability. */
  probability: number;
  /** The probability of [NUM]; 0 for a model of tokens alone. */
  numberProbability: number;
  /** nu in the units of the text, what the value is if the token is [NUM]; null for a model of tokens alone. */
  value: number | null;
  /** What stands there; null where it is [MASK] already. */
  trueToken: number | null;
  /** The value that stands there; null unless it is known and a number. */
  trueValue: number | null;
}

/**
 * Tokens and values that a model predicts for masked positions of a text.
 *
 *   token = argmax_v p_v,  p = softmax(logits_t),  value = nu_t
 *
 * @param model      not a causal one
 * @param sample     a tokenised text
 * @param positions  places in the sample, which are masked
 * @param options    see PredictMaskedOptions
 * @returns one prediction for each position
 * @throws TypeError for another model; RangeError naming sample and position for bad ids, values and positions, for options
 *   outside their ranges, and where the model's answers are not finite; the signal's reason
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @remarks Nothing attends padding. A model that was trained with padMode 'reference' expects padding as in training:
 *   give samples that have theirs.
 */
export async function predictMasked(
  model: Numformer,
  sample: Sample,
  positions: readonly number[],
  options: PredictMaskedOptions,
): Promise<MaskedPrediction[]> {
  const where = 'xval.predictMasked';
  const { allAtOnce = true, maskId, scaler } = options;
  const { numberId } = checkModel(where, model, { causal: false }).config;
  checkFlag(where, 'allAtOnce', allAtOnce);
  const [read] = readSamples(where, model, [sample], options) as [ReturnType<typeof readSamples>[number]];
  checkPositions(where, positions, read.ids.length, 0);
  const predictions: Omit<MaskedPrediction, 'value'>[] = [];
  const values: number[] = [];
  const take = (row: number, answers: Float32Array, width: number): void => {
    for (let i = 0; i * width < answers.length; i++) {
      const position = positions[row + i]!;
      const [token, probability, numberProbability, nu] = answers.subarray(i * width) as unknown as Quadruple;
      const id = read.ids[position]!;
      const trueToken = id === maskId ? null : id;
      const trueValue = id === numberId ? sample.numbers[position]! : null;
      predictions[row + i] = { position, token, probability, numberProbability, trueToken, trueValue };
      values[row + i] = nu;
    }
  };
  const rows = rowsOf(read, positions, allAtOnce);
  await runRows(where, { model, question: 'summary', maskId }, rows, options, take);
  const inUnits = inText(scaler, Float64Array.from(values));
  return predictions.map((prediction, i) => ({ ...prediction, value: numberId === null ? null : inUnits[i]! }));
}

/** What 'summary' answers for a position. */
export type Quadruple = [token: number, probability: number, numberProbability: number, nu: number];

/** @throws TypeError unless it is true or false */
export function checkFlag(where: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new TypeError(argumentMessage(where, name, 'be true or false', value));
}
