/**
 * The error function and what is made of it, by quotients of polynomials on three intervals.
 * Like the functions of Math they take any number: what is outside their domain gives NaN.
 *
 * See Cody, 1969, "Rational Chebyshev approximations for the error function", Math. Comp. 23.
 */

/** erf x / x in x^2, |x| <= 0.46875; the highest power first, here and below. */
const CENTRE_ABOVE = [
  0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694,
];
const CENTRE_BELOW = [1, 23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
/** exp(x^2) erfc x in x, 0.46875 <= x <= 4. */
const MIDDLE_ABOVE = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
  1712.0476126340707, 2051.0783778260716, 1230.3393547979972,
];
const MIDDLE_BELOW = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];
/** (1 / sqrt(pi) - x exp(x^2) erfc x) x^2 in 1 / x^2, x >= 4. */
const FAR_ABOVE = [
  0.016315387137302097, 0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275,
  0.0006587491615298378,
];
const FAR_BELOW = [
  1, 2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
];

const CENTRE = 0.46875;
const ONE_OVER_SQRT_PI = 0.5641895835477563;

/** erf x = 2 / sqrt(pi) integral_0^x exp(-t^2) dt; relative error below 1e-15. */
export function erf(x: number): number {
  if (Math.abs(x) <= CENTRE) return centreErf(x);
  const rest = 1 - erfc(Math.abs(x));
  return x < 0 ? -rest : rest;
}

/** erfc x = 1 - erf x; relative error below 1e-14 until it is less than float64's smallest normal number, x > 26.5. */
export function erfc(x: number): number {
  if (x < 0) return 1 + erf(-x);
  if (x <= CENTRE) return 1 - centreErf(x);
  return gaussian(x) * scaledErfc(x);
}

/** log erfc x, finite for all finite x. */
export function logErfc(x: number): number {
  if (x <= CENTRE) return Math.log1p(-erf(x));
  return Math.log(scaledErfc(x)) - x * x;
}

/** exp(x^2) erfc x; for x below -26.6 it is Infinity. */
export function erfcx(x: number): number {
  return x <= CENTRE ? Math.exp(x * x) * erfc(x) : scaledErfc(x);
}

function centreErf(x: number): number {
  const z = x * x;
  return (x * polynomial(CENTRE_ABOVE, z)) / polynomial(CENTRE_BELOW, z);
}

/** exp(x^2) erfc x for x > 0.46875. */
function scaledErfc(x: number): number {
  if (x <= 4) return polynomial(MIDDLE_ABOVE, x) / polynomial(MIDDLE_BELOW, x);
  const z = 1 / (x * x);
  return (ONE_OVER_SQRT_PI - (z * polynomial(FAR_ABOVE, z)) / polynomial(FAR_BELOW, z)) / x;
}

/** exp(-x^2) for x >= 0: the square of x rounded to sixteenths is exact, so rounding is not magnified by x^2. */
function gaussian(x: number): number {
  if (x > 28) return 0;
  const near = Math.trunc(x * 16) / 16;
  return Math.exp(-near * near) * Math.exp(-(x - near) * (x + near));
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (const coefficient of coefficients) sum = sum * x + coefficient;
  return sum;
}
