import { normalQuantile as centredQuantile } from '../random/inverse-normal';
import { erfc, erfcx, logErfc } from './error-function';

/** From here on a probability less one half is rounded by less than the quantile's own error. */
const LOWER_TAIL = 0.075;
const SQRT_HALF = Math.SQRT1_2;
const SQRT_TWO_OVER_PI = 0.7978845608028654;

/** Phi(x) = P(Z <= x) of a standard normal variable, with full relative accuracy in the lower tail; 1 - Phi(x) = Phi(-x). */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x * SQRT_HALF);
}

/** log Phi(x), finite for all finite x. */
export function logNormalCdf(x: number): number {
  return logErfc(-x * SQRT_HALF) - Math.LN2;
}

/** z with Phi(z) = p; -Infinity at 0, Infinity at 1, NaN outside; relative error below 1e-14 in z, in the far lower tail too. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  if (p >= LOWER_TAIL) return centredQuantile(p - 0.5);
  // Newton's method on log Phi, which is concave: from below the root every step stays below it.
  const target = Math.log(p);
  let z = -Math.sqrt(-2 * target);
  for (let step = 0; step < 20; step++) {
    // d/dz log Phi = phi / Phi = sqrt(2 / pi) / erfcx(-z / sqrt 2)
    const change = ((target - logNormalCdf(z)) * erfcx(-z * SQRT_HALF)) / SQRT_TWO_OVER_PI;
    z += change;
    if (Math.abs(change) < 1e-15 * Math.abs(z)) break;
  }
  return z;
}
