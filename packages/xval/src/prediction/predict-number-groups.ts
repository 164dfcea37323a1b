import { check } from '@tfsci/tensor-core';
import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { readSamples, type MaskedRow, type MaskingOptions } from './masked-rows';
import { checkModel } from './model-programs';
import { maskOf } from './number-places';
import { runRows, type RunOptions } from './run-rows';

const { argumentMessage } = check;

/** Options of `predictNumberGroups`. */
export interface PredictNumberGroupsOptions extends Omit<MaskingOptions, 'scaler'>, RunOptions {
  /** The number that ids write, null for none; `decodeNumber` of a NumberTokenizer. */
  decode: (ids: number[]) => number | null;
}

/** Predicted numbers of models of tokens; arrays have an entry for each sample. */
export interface NumberGroupPredictions {
  truth: Float64Array;
  /** NaN where the tokens write no number. */
  prediction: Float64Array;
  /** How many do not. */
  invalid: number;
  /** Product of the probabilities of the chosen tokens. */
  probability: Float64Array;
}

/**
 * The number of each sample whose tokens are masked, as a model of a rival encoding predicts it: its most probable tokens
 * together.
 *
 *   ids_t = argmax_v p_v for each masked t,  prediction = decode(ids)
 *
 * @param samples  each with a mask over the tokens of one number
 * @throws TypeError for another model or samples without masks; RangeError where a mask is not over a number, naming the
 *   sample, and else as `predictNumbers`
 * @see Golkar et al., 2023, sec. 3, arXiv:2310.02989
 * @remarks As many tokens are predicted as the true number has, each for itself.
 */
export async function predictNumberGroups(
  model: Numformer,
  samples: readonly Sample[],
  options: PredictNumberGroupsOptions,
): Promise<NumberGroupPredictions> {
  const where = 'xval.predictNumberGroups';
  checkModel(where, model, { causal: false, numbers: false });
  const { decode, maskId } = options;
  const rows = readSamples(where, model, samples, options).map((read, b): MaskedRow => {
    const masked = maskOf(where, samples[b]!, b);
    return { ...read, masked, positions: masked };
  });
  const truth = Float64Array.from(rows, ({ ids, positions }, b) => {
    const value = decode(positions.map((t) => ids[t]!));
    if (value !== null) return value;
    throw new RangeError(
      argumentMessage(where, `the mask of sample ${b}`, 'be over the tokens of a number', positions),
    );
  });
  const prediction = new Float64Array(rows.length);
  const probability = new Float64Array(rows.length);
  await runRows(where, { model, question: 'summary', maskId }, rows, options, (row, answers, width) => {
    const tokens: number[] = [];
    probability[row] = 1;
    for (let i = 0; i < answers.length; i += width) {
      tokens.push(answers[i]!);
      probability[row] *= answers[i + 1]!;
    }
    prediction[row] = decode(tokens) ?? NaN;
  });
  return { truth, prediction, invalid: prediction.filter(Number.isNaN).length, probability };
}
