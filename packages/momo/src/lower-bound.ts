import { check } from '@tfsci/tensor-core';

/**
 * Entropy of soft labels: the least value that cross-entropy with them can have, so their `lowerBound`.
 *
 *   H(p) = -sum_c p_c ln p_c   (nats)
 *
 * @param probabilities  p, non-negative, summing to 1 within 1e-6
 * @returns H, between 0 (hard label) and ln C
 * @throws RangeError when p is no distribution
 */
export function labelEntropy(probabilities: ArrayLike<number>): number {
  const where = 'momo.labelEntropy';
  let total = 0;
  let entropy = 0;
  for (let c = 0; c < probabilities.length; c++) {
    const p = check.checkNumber(where, `probabilities[${c}]`, probabilities[c], { min: 0, max: 1 });
    total += p;
    if (p > 0) entropy -= p * Math.log(p);
  }
  // Rows of float32 softmax outputs sum to 1 within a few 1e-7.
  if (Math.abs(total - 1) > 1e-6) {
    throw new RangeError(
      check.argumentMessage(where, 'the sum of probabilities', 'be 1 within 1e-6', total, 'Normalise them.'),
    );
  }
  return entropy;
}

/**
 * `lowerBound` for cross-entropy with label smoothing.
 *
 *   p_true = 1 - eps + eps / K,  p_other = eps / K;   bound = H(p)
 *
 * @param epsilon  smoothing mass eps, in [0, 1], spread evenly over all K classes (PyTorch's label_smoothing)
 * @param classes  K, at least 2
 * @throws RangeError or TypeError naming the argument
 */
export function labelSmoothingBound(epsilon: number, classes: number): number {
  const where = 'momo.labelSmoothingBound';
  check.checkNumber(where, 'epsilon', epsilon, { min: 0, max: 1 });
  check.checkNumber(where, 'classes', classes, { min: 2, integer: true });
  const other = epsilon / classes;
  const truth = 1 - epsilon + other;
  const plogp = (p: number): number => (p > 0 ? p * Math.log(p) : 0);
  // Kept as a sum: hard labels give exactly 0, never a bound above the loss by rounding.
  return Math.max(0, -(plogp(truth) + (classes - 1) * plogp(other)));
}
