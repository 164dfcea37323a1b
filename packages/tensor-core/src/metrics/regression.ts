import { argumentMessage, checkNumber } from '../check';

/** Errors of predicted numbers, in float64. */
export interface RegressionScores {
  /** 1 - sum (y - x)^2 / sum (y - mean y)^2; 1 is perfect, 0 what the mean scores. */
  r2: number;
  /** R^2 corrected for the number of features, 1 - (1 - R^2)(n - 1) / (n - p - 1); equals r2 for p = 0. */
  adjustedR2: number;
  meanSquaredError: number;
  meanAbsoluteError: number;
  medianAbsoluteError: number;
  maxAbsoluteError: number;
}

/** Options of regressionScores. */
export interface RegressionOptions {
  /** p, the number of features that the prediction was made from; default 0. */
  features?: number;
}

/**
 * R^2 and errors of predictions.
 *
 * @param prediction  x, n numbers
 * @param target      y, n numbers, n >= 1
 * @returns float64 scores. For a constant target r2 is 1 where the prediction is exact, else 0, as scikit-learn has it
 * @throws RangeError when the lengths differ, are 0, a value is not finite, or features leave no degree of freedom
 */
export function regressionScores(
  prediction: ArrayLike<number>,
  target: ArrayLike<number>,
  { features = 0 }: RegressionOptions = {},
): RegressionScores {
  const where = 'tensor-core.regressionScores';
  const n = checkNumbers(where, prediction, target);
  checkNumber(where, 'features', features, { min: 0, integer: true });
  if (features > 0) checkNumber(where, 'features', features, { max: n - 2 }, 'Adjusting needs n >= features + 2.');
  const errors = Float64Array.from(prediction, (x, i) => Math.abs(x - target[i]!));
  const squares = sum(errors, (error) => error * error);
  const mean = sum(target) / n;
  const spread = sum(target, (y) => (y - mean) ** 2);
  const r2 = spread === 0 ? Number(squares === 0) : 1 - squares / spread;
  const sorted = errors.slice().sort();
  const middle = Math.floor(n / 2);
  return {
    r2,
    adjustedR2: features === 0 ? r2 : 1 - ((1 - r2) * (n - 1)) / (n - features - 1),
    meanSquaredError: squares / n,
    meanAbsoluteError: sum(errors) / n,
    medianAbsoluteError: n % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2,
    maxAbsoluteError: sorted[n - 1]!,
  };
}

/**
 * R^2, the coefficient of determination: 1 - sum (y - x)^2 / sum (y - mean y)^2; see regressionScores.
 *
 * @param prediction  x, n numbers
 * @param target      y, n numbers
 */
export function r2Score(prediction: ArrayLike<number>, target: ArrayLike<number>): number {
  checkNumbers('tensor-core.r2Score', prediction, target);
  return regressionScores(prediction, target).r2;
}

/** The common length. @throws RangeError when lengths differ or are 0, or a value is not finite */
function checkNumbers(where: string, prediction: ArrayLike<number>, target: ArrayLike<number>): number {
  checkNumber(where, 'the number of targets', target.length, { min: 1 });
  if (prediction.length !== target.length) {
    throw new RangeError(argumentMessage(where, 'prediction', `have ${target.length} numbers`, prediction.length));
  }
  for (const [name, values] of Object.entries({ prediction, target })) {
    for (let i = 0; i < values.length; i++) checkNumber(where, `${name}[${i}]`, values[i]);
  }
  return target.length;
}

function sum(values: ArrayLike<number>, of: (value: number) => number = (value) => value): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += of(values[i]!);
  return total;
}
