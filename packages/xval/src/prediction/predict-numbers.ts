import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { inText, type MaskingOptions } from './masked-rows';
import { checkModel } from './model-programs';
import { numberPlaces, type WhichNumbers } from './number-places';
import { runRows, type RunOptions } from './run-rows';

/** Options of `predictNumbers`. */
export interface PredictNumbersOptions extends MaskingOptions, RunOptions, WhichNumbers {}

/** Predicted numbers of many samples; arrays have an entry for each number. */
export interface NumberPredictions {
  /** In the units of the text, NaN where the sample has [MASK] itself. */
  truth: Float64Array;
  /** nu in the units of the text, whatever the token head says. */
  prediction: Float64Array;
  /** Which sample the number is in. */
  sample: Int32Array;
  /** Where in the sample it stands. */
  position: Int32Array;
  /** The probability of [NUM]. */
  numberProbability: Float64Array;
  /** 1 where [NUM] is the most probable token, else 0. */
  saysNumber: Uint8Array;
  /** The mean of saysNumber; 1 for no numbers. */
  numberFraction: number;
}

/**
 * Numbers of samples as a model predicts them when they are masked: an evaluation over a data set.
 *
 *   prediction = nu_t of the text with the number, or all that are asked for, masked
 *
 * @param model    not causal, with a number head
 * @param options  see PredictNumbersOptions; `which` says which numbers
 * @returns typed arrays, as `regressionScores` of tensor-core's metrics takes them
 * @throws TypeError for another model or samples without the masks asked for; RangeError naming sample and position for bad
 *   ids, values and positions, for options outside their ranges, and where answers are not finite; the signal's reason
 * @see Golkar et al., 2023, sec. 3, arXiv:2310.02989
 * @example
 * const { truth, prediction } = await predictNumbers(model, samples, { maskId, scaler });
 * const { r2 } = metrics.regressionScores(prediction, truth);
 */
export async function predictNumbers(
  model: Numformer,
  samples: readonly Sample[],
  options: PredictNumbersOptions,
): Promise<NumberPredictions> {
  const where = 'xval.predictNumbers';
  const { numberId } = checkModel(where, model, { causal: false, numbers: true }).config;
  const { rows, starts, ...places } = numberPlaces(where, model, samples, options);
  const n = places.truth.length;
  const nu = new Float64Array(n);
  const numberProbability = new Float64Array(n);
  const saysNumber = new Uint8Array(n);
  const { maskId } = options;
  await runRows(where, { model, question: 'summary', maskId }, rows, options, (row, answers, width) => {
    for (let i = 0, k = starts[row]!; i < answers.length; i += width, k++) {
      saysNumber[k] = Number(answers[i] === numberId);
      numberProbability[k] = answers[i + 2]!;
      nu[k] = answers[i + 3]!;
    }
  });
  const numberFraction = n === 0 ? 1 : saysNumber.reduce((sum, value) => sum + value, 0) / n;
  return { ...places, prediction: inText(options.scaler, nu), numberProbability, saysNumber, numberFraction };
}
