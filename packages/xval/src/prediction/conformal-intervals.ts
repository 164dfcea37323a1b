import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** Predictions of numbers that are known; `predictNumbers` and `predictNumberDraws` give such. */
export interface CalibrationNumbers {
  prediction: ArrayLike<number>;
  truth: ArrayLike<number>;
  /** How uncertain each is, in any unit: intervals are then as wide as they have to be, each for itself. */
  deviation?: ArrayLike<number>;
}

/** Intervals that cover the truth with a probability. */
export interface ConformalIntervals {
  /** Half the width of an interval, in units of the text, or of the deviations if there are such. */
  radius: number;
  /** Ends of the intervals about predictions; deviations are needed if the calibration had them. */
  around: (
    prediction: ArrayLike<number>,
    deviation?: ArrayLike<number>,
  ) => {
    low: Float64Array;
    high: Float64Array;
  };
}

/**
 * Intervals about predictions that hold the truth as often as they say, whatever the model is worth: split conformal
 * prediction.
 *
 *   radius = the ceil((n + 1) c)-th smallest of |truth - prediction| / deviation over n known numbers
 *
 * A fresh number lies within its interval with a probability of at least c, and of at most c + 1 / (n + 1) where scores do
 * not tie, if it and the known ones could have come in any order: fresh samples of the same kind, not those of the training.
 *
 * @param known             of samples that were not trained on; truths that are NaN are left out
 * @param options.coverage  c, default 0.9
 * @returns a radius that is infinite where n < c / (1 - c): so few numbers cannot promise that much
 * @throws RangeError when lengths differ, nothing is known, a number is not finite or a deviation not positive
 * @see Lei et al., 2018, sec. 2 and 5.2, arXiv:1604.04173
 * @example
 * const intervals = conformalIntervals(await predictNumbers(model, held, options), { coverage: 0.95 });
 * const { low, high } = intervals.around((await predictNumbers(model, fresh, options)).prediction);
 */
export function conformalIntervals(
  known: CalibrationNumbers,
  { coverage = 0.9 }: { coverage?: number } = {},
): ConformalIntervals {
  const where = 'xval.conformalIntervals';
  checkNumber(where, 'coverage', coverage, { above: 0, below: 1 });
  const { prediction, truth, deviation } = known;
  checkLength(where, 'truth', truth, prediction);
  const widths = widthsOf(where, prediction, deviation);
  const scores: number[] = [];
  for (let i = 0; i < prediction.length; i++) {
    if (Number.isNaN(truth[i])) continue;
    const error = checkNumber(where, `truth[${i}]`, truth[i]) - checkNumber(where, `prediction[${i}]`, prediction[i]);
    scores.push(Math.abs(error) / widths(i));
  }
  if (scores.length === 0) throw new RangeError(argumentMessage(where, 'truth', 'have at least one number', truth));
  // 0.9 * 20 is more than 18 in floating point by less than this.
  const rank = Math.ceil((scores.length + 1) * coverage - 1e-9);
  const radius = rank > scores.length ? Infinity : Float64Array.from(scores).sort()[rank - 1]!;
  return {
    radius,
    around: (fresh, uncertain) => {
      if ((uncertain === undefined) !== (deviation === undefined)) {
        const wanted = `be ${deviation === undefined ? 'left out' : 'given'}, as in the calibration`;
        throw new RangeError(argumentMessage(`${where}: around`, 'deviation', wanted, uncertain));
      }
      const own = widthsOf(`${where}: around`, fresh, uncertain);
      const end = (sign: number): Float64Array =>
        Float64Array.from(fresh, (value, i) => checkNumber(where, `prediction[${i}]`, value) + sign * radius * own(i));
      return { low: end(-1), high: end(1) };
    },
  };
}

function widthsOf(
  where: string,
  prediction: ArrayLike<number>,
  deviation: ArrayLike<number> | undefined,
): (index: number) => number {
  if (deviation === undefined) return () => 1;
  checkLength(where, 'deviation', deviation, prediction);
  return (i) => checkNumber(where, `deviation[${i}]`, deviation[i], { above: 0 });
}

function checkLength(where: string, name: string, values: ArrayLike<number>, prediction: ArrayLike<number>): void {
  if (values.length === prediction.length) return;
  const wanted = `have ${prediction.length} values, as prediction has`;
  throw new RangeError(argumentMessage(where, name, wanted, values.length));
}
