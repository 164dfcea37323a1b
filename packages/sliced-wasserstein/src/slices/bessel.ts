import { check, linalg } from '@tfsci/tensor-core';

const { checkNumber } = check;

/**
 * From sqrt(v^2 + x^2) - v on the asymptotic expansion has 14 digits, its second derivative 11; below the power series has
 * some hundred terms, all of them positive, and a sum below e^100.
 */
const SERIES_BELOW = 100;

/**
 * log I_v(x) = s + v log(x / (v + s)) - log(2 pi s) / 2 + sum_j D_j(t) / s^j, s = hypot(v, x), t = (v / s)^2: the
 * polynomials D_j, from j = 1 on, as coefficients of powers of t and what they are divided by.
 *
 * They are the cumulants of Debye's u_j: u_1, u_2 - u_1^2 / 2, ...
 */
const DEBYE: readonly { divisor: number; coefficients: readonly number[] }[] = [
  { divisor: 24, coefficients: [3, -5] },
  { divisor: 16, coefficients: [1, -6, 5] },
  { divisor: 5760, coefficients: [375, -4779, 9945, -5525] },
  { divisor: 128, coefficients: [13, -284, 1062, -1356, 565] },
  { divisor: 322560, coefficients: [67599, -2252205, 13077470, -28286370, 26089875, -8696625] },
  { divisor: 192, coefficients: [103, -4860, 40248, -129336, 196155, -141660, 39350] },
];

/** The mean cosine A of a von Mises-Fisher law and what goes with it. */
export interface CosineMoments {
  /** log S = log E exp(kappa u_1) over uniform unit vectors u. */
  logS: number;
  /** A(kappa) = E mu.theta = I_{d/2}(kappa) / I_{d/2-1}(kappa) */
  mean: number;
  /** 1 - A, not by the difference. */
  oneLess: number;
  /** dA / dkappa = Var mu.theta = 1 - A^2 - (d - 1) A / kappa */
  slope: number;
  /** kappa A - log S */
  kl: number;
}

/**
 * log I_v(x) of the modified Bessel function of the first kind, in float64.
 *
 * @param v  order, >= -1/2
 * @param x  >= 0
 * @returns relative error below 1e-13 away from zeros of the logarithm; -Infinity for x = 0 and v > 0, Infinity for x = 0
 *   and v < 0
 * @throws TypeError, RangeError for other numbers
 * @see Olver, 1954, "The asymptotic expansion of Bessel functions of large order"
 */
export function logBesselI(v: number, x: number): number {
  const where = 'sliced-wasserstein.logBesselI';
  checkOrderAndArgument(where, v, x);
  if (x === 0) return v === 0 ? 0 : v > 0 ? -Infinity : Infinity;
  if (inSeries(v, x)) return Math.log1p(seriesLessOne(v, x)) + v * Math.log(x / 2) - linalg.logGamma(v + 1);
  const s = Math.hypot(v, x);
  return s + v * Math.log(x / (v + s)) - Math.log(2 * Math.PI * s) / 2 + debye(v, x).value;
}

/**
 * The ratio I_{v+1}(x) / I_v(x), the mean cosine of a von Mises-Fisher law in d = 2 v + 2 dimensions, in float64.
 *
 * @param v  order, >= -1/2
 * @param x  >= 0
 * @returns in [0, 1), relative error below 1e-13
 * @throws TypeError, RangeError for other numbers
 */
export function besselRatio(v: number, x: number): number {
  checkOrderAndArgument('sliced-wasserstein.besselRatio', v, x);
  return cosineMoments(2 * v + 2, x).mean;
}

/**
 * log S of S = E exp(kappa u_1) over uniform unit vectors u of R^d, in float64.
 *
 *   S = 0F1(; d/2; kappa^2 / 4) = Gamma(d/2) (2 / kappa)^(d/2 - 1) I_{d/2-1}(kappa)
 *
 * @param d      dimension, >= 1
 * @param kappa  >= 0
 * @returns >= 0, relative error below 1e-14
 * @throws TypeError, RangeError for other numbers
 */
export function logSeriesS(d: number, kappa: number): number {
  const where = 'sliced-wasserstein.logSeriesS';
  checkNumber(where, 'd', d, { min: 1 });
  checkNumber(where, 'kappa', kappa, { min: 0 });
  return cosineMoments(d, kappa).logS;
}

/**
 * A, 1 - A, A', log S and the divergence from uniform, each without the cancellation that their definitions have.
 *
 * For kappa >> d the expansion is differentiated term by term: what is left of kappa - kappa is never computed.
 *
 * @param d      >= 1
 * @param kappa  >= 0, finite
 */
export function cosineMoments(d: number, kappa: number): CosineMoments {
  const v = d / 2 - 1;
  if (d === 1) return twoPoints(kappa);
  return inSeries(v, kappa) ? seriesMoments(d, kappa) : debyeMoments(v, kappa);
}

/** S = cosh kappa. */
function twoPoints(kappa: number): CosineMoments {
  const tail = Math.exp(-2 * kappa);
  const mean = Math.tanh(kappa);
  const oneLess = (2 * tail) / (1 + tail);
  const logS = logCosh(kappa);
  return { logS, mean, oneLess, slope: oneLess * (1 + mean), kl: kappa * mean - logS };
}

/** log cosh x; what is small stays exact. */
export function logCosh(x: number): number {
  const size = Math.abs(x);
  if (size < 1) return Math.log1p(2 * Math.sinh(size / 2) ** 2);
  return size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
}

function seriesMoments(d: number, kappa: number): CosineMoments {
  const v = d / 2 - 1;
  const lessOne = seriesLessOne(v, kappa);
  const logS = Math.log1p(lessOne);
  const ratio = (1 + seriesLessOne(v + 1, kappa)) / (1 + lessOne);
  const mean = (kappa / d) * ratio;
  const oneLess = 1 - mean;
  // 1 - A^2 - (d - 1) A / kappa, without the division.
  const slope = oneLess * (1 + mean) - (1 - 1 / d) * ratio;
  return { logS, mean, oneLess, slope, kl: kappa * mean - logS };
}

function debyeMoments(v: number, x: number): CosineMoments {
  const s = Math.hypot(v, x);
  const t = (v / s) ** 2;
  const { value, slope, curvature } = debye(v, x);
  // d/dx of s + v log(x / (v + s)) - v log x - log(s) / 2 + the sum.
  const mean = x / (s + v) - x / s / (2 * s) + slope;
  const oneLess = (v + v * (v / (s + x))) / (s + v) + x / s / (2 * s) - slope;
  // s - log S.
  const rest = v * Math.log((v + s) / 2) + Math.log(2 * Math.PI * s) / 2 - value - linalg.logGamma(v + 1);
  return {
    logS: s - rest,
    mean,
    oneLess,
    slope: v / s / (s + v) + (0.5 - t) / s / s + curvature,
    kl: rest - v - (1 - t) / 2 + x * slope,
  };
}

/** sum_j D_j(t) / s^j and its first two derivatives in x. */
function debye(v: number, x: number): { value: number; slope: number; curvature: number } {
  const s = Math.hypot(v, x);
  const t = (v / s) ** 2;
  let [value, slope, curvature] = [0, 0, 0];
  let scale = 1;
  DEBYE.forEach(({ divisor, coefficients }, j) => {
    scale /= s;
    let power = scale / divisor;
    coefficients.forEach((coefficient, i) => {
      // t^i / s^j = v^2i / s^m.
      const m = 2 * i + j + 1;
      const term = coefficient * power;
      value += term;
      slope -= m * term;
      curvature -= m * term * (1 - (m + 2) * (1 - t));
      power *= t;
    });
  });
  return { value, slope: (slope * (x / s)) / s, curvature: curvature / s / s };
}

/** S - 1 = sum_{i >= 1} (x^2 / 4)^i / (i! (v + 1) ... (v + i)) */
function seriesLessOne(v: number, x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 0;
  for (let i = 1; term > sum * 1e-18; i++) {
    term *= quarter / (i * (v + i));
    sum += term;
  }
  return sum;
}

function inSeries(v: number, x: number): boolean {
  return Math.hypot(v, x) - v < SERIES_BELOW;
}

function checkOrderAndArgument(where: string, v: number, x: number): void {
  checkNumber(where, 'v', v, { min: -0.5 });
  checkNumber(where, 'x', x, { min: 0 });
}
