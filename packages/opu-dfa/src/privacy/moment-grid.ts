// q sampling rate, z noise multiplier, w(x) = (1-q) + q exp((2x-1) / (2 z^2)) the ratio of densities, N points

/** Relative error of what is left out: e^-44 from between the points, e^-50 from beyond them. */
const BETWEEN = 44;
const BEYOND = 10;
/** Smaller z need more points than this. */
const MOST_POINTS = 4096;
/** Where |log w^alpha| is below, a power series in w - 1 of eight terms has all digits. */
const SMALL = 0.02;
const SERIES_TERMS = 8;
/** Sums of larger exponentials leave float64. */
const LARGEST_EXPONENT = 600;

/** What the moments of all orders share: log w, w - 1 and the log weight of the trapezoid rule at its points. */
export interface MomentGrid {
  logRatio: Float64Array;
  excess: Float64Array;
  logWeight: Float64Array;
}

/**
 * Points for E_{x ~ N(0, z^2)} of functions of w, for orders up to the largest; null where z is too small for them.
 *
 * w is analytic, and its powers are for |Im x| < pi z^2, where w has zeros. So the trapezoid rule of step h has an error of
 * e^(y^2 / (2 z^2) - 2 pi y / h) relative to the integral for every y up to pi z^2, the best y is 2 pi z^2 / h.
 *
 * @see Trefethen & Weideman, 2014, "The exponentially convergent trapezoidal rule", theorem 5.1
 */
export function momentGrid(q: number, z: number, largestOrder: number): MomentGrid | null {
  const nearby = (z * Math.PI) ** 2;
  const step = Math.min((2 * nearby) / (BETWEEN + nearby / 2), 2);
  const h = step < 2 ? step : z * Math.PI * Math.sqrt(2 / BETWEEN);
  const first = Math.floor((-BEYOND * z) / h);
  const last = Math.ceil((largestOrder + BEYOND * z) / h);
  const count = last - first + 1;
  if (!(count <= MOST_POINTS)) return null;
  const grid: MomentGrid = {
    logRatio: new Float64Array(count),
    excess: new Float64Array(count),
    logWeight: new Float64Array(count),
  };
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  const logScale = Math.log(h / (z * Math.sqrt(2 * Math.PI)));
  for (let i = 0; i < count; i++) {
    const x = (first + i) * h;
    const exponent = (2 * x - 1) / (2 * z * z);
    const excess = q * Math.expm1(exponent);
    const gap = logQ + exponent - logRest;
    grid.excess[i] = excess;
    grid.logRatio[i] = excess < 1 ? Math.log1p(excess) : logRest + gap + Math.log1p(Math.exp(-gap));
    grid.logWeight[i] = logScale - (x * x) / (2 * z * z);
  }
  return grid;
}

/**
 * log A of an order, A = E w^alpha, from the points; exact, also where A is next to 1.
 *
 *   A - 1 = E [w^alpha - 1 - alpha (w - 1)]
 *
 * as E w = 1. What is in the brackets is never negative.
 */
export function gridLogMoment({ logRatio, excess, logWeight }: MomentGrid, order: number): number {
  let largest = -Infinity;
  for (let i = 0; i < logRatio.length; i++) {
    const exponent = order * logRatio[i]! + logWeight[i]!;
    if (exponent > largest) largest = exponent;
  }
  let sum = 0;
  if (largest > LARGEST_EXPONENT) {
    for (let i = 0; i < logRatio.length; i++) sum += Math.exp(order * logRatio[i]! + logWeight[i]! - largest);
    return largest + Math.log(sum);
  }
  for (let i = 0; i < logRatio.length; i++) sum += weighted(order, logRatio[i]!, excess[i]!, logWeight[i]!);
  return Math.log1p(sum);
}

/** (w^alpha - 1 - alpha u) e^logWeight, u = w - 1, as w^alpha - w - (alpha - 1) u: alpha may be next to 1. */
function weighted(order: number, logRatio: number, u: number, logWeight: number): number {
  const power = order * logRatio;
  const rest = order - 1;
  // Each power with the weight in one exponential: alone they may be infinite.
  if (power > 1) {
    const first = Math.exp(power + logWeight) * -Math.expm1(-rest * logRatio);
    return first - rest * (Math.exp(logRatio + logWeight) - Math.exp(logWeight));
  }
  if (Math.abs(power) > SMALL) return ((1 + u) * Math.expm1(rest * logRatio) - rest * u) * Math.exp(logWeight);
  let series = 1;
  for (let k = SERIES_TERMS + 1; k > 1; k--) series = 1 + (((order - k) * u) / (k + 1)) * series;
  return ((order * rest) / 2) * u * u * series * Math.exp(logWeight);
}
