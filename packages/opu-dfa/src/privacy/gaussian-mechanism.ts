// z noise multiplier: standard deviation of the noise over the sensitivity
import { check, linalg } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Differences of erfcx over shorter steps are taken from its derivatives: their relative error is below 1e-13. */
const SHORT_STEP = 1e-3;
/** exp(-t^2) is 0 in float64 from here on. */
const FAR = 28;
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/**
 * The least delta for which the Gaussian mechanism is (epsilon, delta)-DP, exactly.
 *
 *   delta = Phi(1 / (2z) - epsilon z) - e^epsilon Phi(-1 / (2z) - epsilon z)
 *
 * @param epsilon          >= 0
 * @param noiseMultiplier  z >= 0
 * @returns 0..1, relative error below 1e-12; 1 for z = 0, 0 where it is below float64
 * @throws TypeError, RangeError for other numbers
 * @see Balle & Wang, 2018, theorem 8, arXiv:1805.06530
 * @example
 * gaussianDelta(1, 4); // 0.00000292
 */
export function gaussianDelta(epsilon: number, noiseMultiplier: number): number {
  const where = 'opu-dfa.gaussianDelta';
  checkNumber(where, 'epsilon', epsilon, { min: 0 });
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  return deltaOf(epsilon, noiseMultiplier);
}

/**
 * The least epsilon for which the Gaussian mechanism is (epsilon, delta)-DP, exactly.
 *
 * @param delta            above 0, below 1
 * @param noiseMultiplier  z >= 0
 * @returns >= 0, rounded up; Infinity for z = 0
 * @throws TypeError, RangeError for other numbers
 * @see Balle & Wang, 2018, theorem 8, arXiv:1805.06530
 * @example
 * gaussianEpsilon(1e-5, 4); // 0.926
 */
export function gaussianEpsilon(delta: number, noiseMultiplier: number): number {
  const where = 'opu-dfa.gaussianEpsilon';
  checkDelta(where, delta);
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  const z = noiseMultiplier;
  if (deltaOf(0, z) <= delta) return 0;
  // By concentrated DP, rho = 1 / (2 z^2): rho + 2 sqrt(rho log(1 / delta)) is enough.
  const enough = 1 / (2 * z) / z + Math.sqrt(-2 * Math.log(delta)) / z;
  if (enough === Infinity) return Infinity;
  return leastThat((epsilon) => deltaOf(epsilon, z) <= delta, 0, enough);
}

/**
 * The least noise with which the Gaussian mechanism is (epsilon, delta)-DP, for every epsilon: the analytic calibration.
 *
 * @param epsilon  >= 0
 * @param delta    above 0, below 1
 * @returns z, rounded up; times the sensitivity it is the standard deviation
 * @throws TypeError, RangeError for other numbers
 * @see Balle & Wang, 2018, algorithm 1, arXiv:1805.06530
 * @example
 * gaussianNoiseMultiplier(1, 1e-5); // 3.73
 */
export function gaussianNoiseMultiplier(epsilon: number, delta: number): number {
  const where = 'opu-dfa.gaussianNoiseMultiplier';
  checkNumber(where, 'epsilon', epsilon, { min: 0 });
  checkDelta(where, delta);
  const isEnough = (z: number): boolean => deltaOf(epsilon, z) <= delta;
  let enough = 1;
  while (!isEnough(enough)) enough *= 2;
  let little = enough / 2;
  while (isEnough(little)) [enough, little] = [little, little / 2];
  return leastThat(isEnough, little, enough);
}

/**
 * The noise that the Gaussian mechanism was given before its exact delta was known. It is proved for epsilon < 1 only: at
 * delta = 1e-5 it is 0.606 for epsilon = 8, where 0.600 is needed, and 0.538 for epsilon = 9, where 0.545 is.
 *
 *   z = sqrt(2 log(1.25 / delta)) / epsilon
 *
 * @param epsilon  > 0
 * @param delta    above 0, below 1
 * @throws TypeError, RangeError for other numbers
 * @see Dwork & Roth, 2014, "The algorithmic foundations of differential privacy", theorem A.1
 * @example
 * classicalGaussianNoiseMultiplier(0.5, 1e-5); // 9.69
 */
export function classicalGaussianNoiseMultiplier(epsilon: number, delta: number): number {
  const where = 'opu-dfa.classicalGaussianNoiseMultiplier';
  checkNumber(where, 'epsilon', epsilon, { above: 0 });
  checkDelta(where, delta);
  return Math.sqrt(2 * Math.log(1.25 / delta)) / epsilon;
}

/**
 * The noise multiplier of the one Gaussian mechanism that costs what several of them cost together, exactly.
 *
 *   1 / z^2 = sum_i 1 / z_i^2
 *
 * @param multipliers  z_i >= 0, at least one
 * @returns z; 0 when one of them is 0
 * @throws TypeError, ShapeError, RangeError for other numbers or none
 * @see Dong, Roth & Su, 2022, corollary 3.3, arXiv:1905.02383
 * @example
 * composeGaussians([3, 4]); // 2.4
 */
export function composeGaussians(multipliers: readonly number[]): number {
  const where = 'opu-dfa.composeGaussians';
  const given: unknown = multipliers;
  const message = (): string => argumentMessage(where, 'multipliers', 'be an array of at least one', multipliers);
  if (!Array.isArray(given)) throw new TypeError(message());
  if (multipliers.length === 0) throw new ShapeError(message());
  multipliers.forEach((z, i) => checkNumber(where, `multipliers[${i}]`, z, { min: 0 }));
  const least = multipliers.reduce((a, b) => Math.min(a, b));
  if (least === 0) return 0;
  return least / Math.sqrt(multipliers.reduce((sum, z) => sum + (least / z) ** 2, 0));
}

/** Returns `delta` if it can be one. @throws TypeError, RangeError otherwise */
export function checkDelta(where: string, delta: unknown): number {
  return checkNumber(where, 'delta', delta, { above: 0, below: 1 });
}

/**
 * As phi(1/(2z) - epsilon z) = e^epsilon phi(-1/(2z) - epsilon z), delta = e^(-t^2) (erfcx(t) - erfcx(t + step)) / 2: no
 * e^epsilon, and little of what cancels.
 */
function deltaOf(epsilon: number, z: number): number {
  const step = Math.SQRT1_2 / z;
  if (step === Infinity) return 1;
  const t = epsilon * z * Math.SQRT1_2 - step / 2;
  if (t > FAR) return 0;
  if (step < SHORT_STEP) return (Math.exp(-t * t) * fallOfErfcx(t + step / 2, step)) / 2;
  if (t >= 0) return (Math.exp(-t * t) * (linalg.erfcx(t) - linalg.erfcx(t + step))) / 2;
  return linalg.erfc(t) / 2 - Math.exp(epsilon + linalg.logErfc(t + step)) / 2;
}

/** erfcx(x - step / 2) - erfcx(x + step / 2) by its first and third derivatives, x >= 0. */
function fallOfErfcx(x: number, step: number): number {
  const value = linalg.erfcx(x);
  const first = 2 * x * value - TWO_OVER_SQRT_PI;
  const second = 2 * value + 2 * x * first;
  const third = 4 * first + 2 * x * second;
  return -step * (first + (third * step * step) / 24);
}

/** The least number in (low, high] that is enough, to the last digit, where high is and larger ones are too. */
function leastThat(isEnough: (x: number) => boolean, low: number, high: number): number {
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
}
