import { check, random } from '@tfsci/tensor-core';
import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { inText, type MaskingOptions } from './masked-rows';
import { checkModel } from './model-programs';
import { numberPlaces, type WhichNumbers } from './number-places';
import { runRows, type RunOptions } from './run-rows';

const { argumentMessage, checkNumber } = check;

/** Options of `predictNumberDraws`. */
export interface PredictNumberDrawsOptions extends MaskingOptions, RunOptions, WhichNumbers {
  /** For dropout, which is then on; default: none drops, and models differ in their weights alone. */
  key?: random.KeyOrSeed;
  /** Draws of each model, default 20 with a key and 1 without. */
  draws?: number;
}

/** Numbers of samples as several models, or one with dropout, predict them; arrays have an entry for each number. */
export interface NumberDraws {
  /** In the units of the text, NaN where the sample has [MASK] itself. */
  truth: Float64Array;
  /** Which sample the number is in. */
  sample: Int32Array;
  /** Where in the sample it stands. */
  position: Int32Array;
  /** Predictions in the units of the text, those of each draw. */
  draws: Float64Array[];
  /** Their mean. */
  prediction: Float64Array;
  /** Their standard deviation, with n - 1. */
  deviation: Float64Array;
}

/**
 * How sure a model is of masked numbers: predictions with dropout on, or of several models that were trained apart.
 *
 *   prediction = mean_d nu^(d),  deviation = sqrt(sum_d (nu^(d) - prediction)^2 / (D - 1))
 *
 * The deviation tells certain from uncertain numbers; `conformalIntervals` makes intervals of it that cover as often as
 * they say.
 *
 * @param models   one with dropout and a key, or several
 * @param options  see PredictNumberDrawsOptions
 * @throws RangeError for less than two draws in all, TypeError for dropout in a model without; else as `predictNumbers`
 * @see Gal and Ghahramani, 2016, arXiv:1506.02142, for dropout; Lakshminarayanan et al., 2017, arXiv:1612.01474, for ensembles
 * @example
 * const { prediction, deviation } = await predictNumberDraws(model, samples, { maskId, scaler, key: 0 });
 */
export async function predictNumberDraws(
  models: Numformer | readonly Numformer[],
  samples: readonly Sample[],
  options: PredictNumberDrawsOptions,
): Promise<NumberDraws> {
  const where = 'xval.predictNumberDraws';
  const all: readonly Numformer[] = Array.isArray(models) ? (models as readonly Numformer[]) : [models as Numformer];
  const { key, draws = key === undefined ? 1 : 20, maskId, scaler, onProgress, ...rest } = options;
  checkNumber(where, 'draws', draws, { min: 1, max: key === undefined ? 1 : 2 ** 20, integer: true });
  if (all.length * draws < 2) {
    const fix = 'Give a key, for dropout, or several models.';
    throw new RangeError(argumentMessage(where, 'models', 'make at least two draws', all.length * draws, fix));
  }
  const own = key === undefined ? undefined : random.asKey(where, key);
  // Each model checks the samples against its own vocabulary and context.
  const [places] = all.map((model, m) => {
    const { dropout } = checkModel(where, model, { causal: false, numbers: true }).config;
    if (own !== undefined && dropout === 0) {
      const fix = 'Without a key several models can be asked.';
      throw new TypeError(argumentMessage(where, `dropout of model ${m}`, 'be more than 0', dropout, fix));
    }
    return numberPlaces(where, model, samples, options);
  }) as [ReturnType<typeof numberPlaces>];
  const { rows, starts, ...found } = places;
  const n = found.truth.length;
  const total = rows.length * all.length * draws;
  const made: Float64Array[] = [];
  for (const model of all) {
    for (let draw = 0; draw < draws; draw++) {
      const nu = new Float64Array(n);
      const dropping = own === undefined ? undefined : random.foldIn(own, made.length);
      const before = rows.length * made.length;
      const run = { ...rest, onProgress: ({ done }: { done: number }) => onProgress?.({ done: before + done, total }) };
      await runRows(where, { model, question: 'summary', maskId, key: dropping }, rows, run, (row, answers, width) => {
        for (let i = 0, k = starts[row]!; i < answers.length; i += width, k++) nu[k] = answers[i + 3]!;
      });
      made.push(inText(scaler, nu));
    }
  }
  return { ...found, draws: made, ...moments(made, n) };
}

function moments(draws: readonly Float64Array[], n: number): { prediction: Float64Array; deviation: Float64Array } {
  const prediction = new Float64Array(n);
  const deviation = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const mean = draws.reduce((sum, values) => sum + values[k]!, 0) / draws.length;
    const squares = draws.reduce((sum, values) => sum + (values[k]! - mean) ** 2, 0);
    prediction[k] = mean;
    deviation[k] = Math.sqrt(squares / (draws.length - 1));
  }
  return { prediction, deviation };
}
