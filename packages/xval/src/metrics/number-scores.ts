import { check, metrics } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** How near predicted numbers are; the scores are over those that are numbers, NaN where there are none. */
export interface NumberScores extends metrics.RegressionScores {
  /** Errors larger than the threshold. */
  outliers: number;
  /** Predictions that were no number. */
  invalid: number;
  /** Predictions that were. */
  count: number;
}

/**
 * Scores of predicted numbers; NaN stands for a prediction that is none, is counted and left out.
 *
 * R^2 alone says little of encodings by digits: one wrong exponent outweighs a thousand good predictions.
 *
 * @param options.threshold  of outliers, default 1
 * @throws RangeError when lengths differ or a target is not finite
 */
export function numberScores(
  prediction: ArrayLike<number | null>,
  target: ArrayLike<number>,
  { threshold = 1 }: { threshold?: number } = {},
): NumberScores {
  const where = 'xval.numberScores';
  checkNumber(where, 'threshold', threshold, { min: 0 });
  if (prediction.length !== target.length) {
    throw new RangeError(
      argumentMessage(where, 'prediction', `have ${target.length} values, as target has`, prediction),
    );
  }
  Array.from(target, (value, i) => checkNumber(where, `target[${i}]`, value));
  const valid = Array.from(prediction, (_, i) => i).filter((i) => Number.isFinite(prediction[i]));
  const [ours, theirs] = [valid.map((i) => prediction[i]!), valid.map((i) => target[i]!)];
  const count = valid.length;
  return {
    ...(count === 0 ? NO_SCORES : metrics.regressionScores(ours, theirs)),
    outliers: ours.filter((value, i) => Math.abs(value - theirs[i]!) > threshold).length,
    invalid: target.length - count,
    count,
  };
}

const NO_SCORES: metrics.RegressionScores = {
  r2: NaN,
  adjustedR2: NaN,
  meanSquaredError: NaN,
  meanAbsoluteError: NaN,
  medianAbsoluteError: NaN,
  maxAbsoluteError: NaN,
};
