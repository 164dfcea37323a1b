import { argumentMessage, checkNumber } from '../check';

/** Scores of predicted classes. */
export interface ClassificationScores {
  accuracy: number;
  /** F1 of each class, 0 for a class that is neither predicted nor there. */
  f1: number[];
  /** Mean of f1, each class weighted by how often it is there. */
  weightedF1: number;
  /** confusion[t][p]: how often class t was taken for class p. */
  confusion: number[][];
}

/** One bin of predicted probability. */
export interface ReliabilityBin {
  /** Mean predicted probability of the bin's predictions, null when it is empty. */
  confidence: number | null;
  /** Share of them that are right. */
  accuracy: number | null;
  count: number;
}

/** How far predicted probabilities are what they say. */
export interface Calibration {
  /** Bins of equal width on [0, 1], the last one with its upper end. */
  bins: ReliabilityBin[];
  /** ECE: mean over predictions of |accuracy - confidence| of their bin (Guo et al., 2017, arXiv:1706.04599). */
  expectedError: number;
  /** The largest |accuracy - confidence| of a bin. */
  maxError: number;
  /** Mean over predictions of (probability - right)^2. */
  brier: number;
}

/**
 * Accuracy, F1 and confusion matrix of predicted classes.
 *
 * @param prediction  n classes, integers 0 .. classes - 1
 * @param target      n true classes, n >= 1
 * @param classes     how many there are, default the largest that occurs plus one
 * @throws RangeError when the lengths differ or are 0, or a class is not such an integer
 */
export function classificationScores(
  prediction: ArrayLike<number>,
  target: ArrayLike<number>,
  classes?: number,
): ClassificationScores {
  const where = 'tensor-core.classificationScores';
  const n = checkLengths(where, prediction, target);
  let most = 0;
  for (let i = 0; i < n; i++) most = Math.max(most, prediction[i]!, target[i]!);
  const size = classes ?? most + 1;
  checkNumber(where, 'classes', size, { min: 1, integer: true });
  const confusion = Array.from({ length: size }, () => Array.from({ length: size }, () => 0));
  for (let i = 0; i < n; i++) {
    checkNumber(where, `prediction[${i}]`, prediction[i], { min: 0, max: size - 1, integer: true });
    checkNumber(where, `target[${i}]`, target[i], { min: 0, max: size - 1, integer: true });
    confusion[target[i]!]![prediction[i]!]!++;
  }
  const right = confusion.map((row, label) => row[label]!);
  const there = confusion.map((row) => total(row));
  const predicted = right.map((_, label) => total(confusion.map((row) => row[label]!)));
  const f1 = right.map((hits, label) => (hits === 0 ? 0 : (2 * hits) / (there[label]! + predicted[label]!)));
  return {
    accuracy: total(right) / n,
    f1,
    weightedF1: total(f1.map((score, label) => score * there[label]!)) / n,
    confusion,
  };
}

/**
 * Whether things that are given a probability happen that often.
 *
 * @param probability  n predicted probabilities, such as those of the predicted classes
 * @param happened     n values, 1 (or true) where it was so
 * @param bins         how many, default 15
 * @throws RangeError when the lengths differ or are 0, or a probability is outside [0, 1]
 */
export function calibration(
  probability: ArrayLike<number>,
  happened: ArrayLike<number | boolean>,
  bins = 15,
): Calibration {
  const where = 'tensor-core.calibration';
  const n = checkLengths(where, probability, happened);
  checkNumber(where, 'bins', bins, { min: 1, integer: true });
  const sums = Array.from({ length: bins }, () => ({ confidence: 0, right: 0, count: 0 }));
  let brier = 0;
  for (let i = 0; i < n; i++) {
    const p = checkNumber(where, `probability[${i}]`, probability[i], { min: 0, max: 1 });
    const right = checkNumber(where, `happened[${i}]`, Number(happened[i]), { min: 0, max: 1, integer: true });
    const bin = sums[Math.min(Math.floor(p * bins), bins - 1)]!;
    bin.confidence += p;
    bin.right += right;
    bin.count++;
    brier += (p - right) ** 2;
  }
  const gaps = sums.map(({ confidence, right }) => Math.abs(right - confidence));
  return {
    bins: sums.map(({ confidence, right, count }) => ({
      confidence: count === 0 ? null : confidence / count,
      accuracy: count === 0 ? null : right / count,
      count,
    })),
    expectedError: total(gaps) / n,
    maxError: Math.max(...gaps.map((gap, i) => (sums[i]!.count === 0 ? 0 : gap / sums[i]!.count))),
    brier: brier / n,
  };
}

function checkLengths(where: string, given: ArrayLike<unknown>, target: ArrayLike<unknown>): number {
  checkNumber(where, 'the number of values', target.length, { min: 1 });
  if (given.length === target.length) return target.length;
  throw new RangeError(argumentMessage(where, 'the first list', `have ${target.length} values`, given.length));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
