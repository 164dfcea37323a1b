/**
 * The logarithm of the gamma function, its derivative and the incomplete gamma and beta functions.
 * Like the functions of Math they take any number: what is outside their domain gives NaN.
 */

/** zeta(k) - 1 for k = 2, 3, ... */
const ZETA_LESS_ONE = [
  0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
  0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194645,
  0.0002460865533080483, 0.00012271334757848915, 0.00006124813505870483, 0.00003058823630702049, 0.00001528225940865187,
  0.000007637197637899763, 3.81729326499984e-6, 0.000001908212716553939, 9.539620338727962e-7, 4.769329867878064e-7,
  2.38450502727733e-7, 1.1921992596531106e-7, 5.960818905125948e-8, 2.980350351465228e-8, 1.4901554828365043e-8,
];
const ONE_LESS_EULER = 0.42278433509846713;
const HALF_LOG_TWO_PI = 0.9189385332046728;
/** From here on Stirling's series to its seventh term is exact to float64. */
const STIRLING = 15;

/**
 * log |Gamma(x)|; relative error below 1e-14 for x > 0, near its zeros at 1 and 2 too. Infinity at 0, -1, -2, ...
 *
 * Stirling's series for large x; for 0.5 <= x < 2.5 the series at 2, log Gamma(2 + z) = (1 - gamma) z +
 * sum_{k>=2} (-1)^k (zeta(k) - 1) z^k / k; between by Gamma(x + 1) = x Gamma(x), below 0.5 by reflection.
 */
export function logGamma(x: number): number {
  if (x < 0.5) {
    // |Gamma(x) Gamma(1 - x)| = pi / |sin(pi x)|; the remainder of x is exact, so the sine is near the poles too.
    const sine = Math.abs(Math.sin(Math.PI * (x - Math.round(x))));
    return x === -Infinity ? Infinity : Math.log(Math.PI / sine) - logGamma(1 - x);
  }
  if (x < 1.5) return seriesAtTwo(x - 1) - Math.log1p(x - 1);
  if (x >= STIRLING) return x === Infinity ? x : stirling(x);
  // Downwards, as Gamma grows: a sum of positive terms keeps what the series' difference would cancel.
  let factor = 1;
  while (x >= 2.5) factor *= --x;
  return Math.log(factor) + seriesAtTwo(x - 2);
}

/** The derivative of log Gamma(x); absolute error below 1e-14 (1 + |value|). NaN at 0, -1, -2, ... */
export function digamma(x: number): number {
  if (x <= 0) {
    if (Number.isInteger(x) || x === -Infinity) return NaN;
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  }
  let shift = 0;
  for (; x < STIRLING; x++) shift += 1 / x;
  const r = 1 / (x * x);
  const series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760))))));
  return Math.log(x) - 0.5 / x - series - shift;
}

/**
 * The regularised incomplete gamma functions, P(a, x) = integral_0^x t^(a-1) exp(-t) dt / Gamma(a) and Q = 1 - P, a > 0,
 * x >= 0: the distribution function of the gamma distribution with shape a, and its upper tail.
 * 2 x with 2 a degrees of freedom is chi-squared. Each of the two is computed as such, not as 1 less the other.
 */
export function incompleteGamma(a: number, x: number): { p: number; q: number } {
  if (!(a > 0 && x >= 0)) return { p: NaN, q: NaN };
  if (x === 0) return { p: 0, q: 1 };
  if (x === Infinity) return { p: 1, q: 0 };
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; term > sum * Number.EPSILON; k++) {
      term *= x / (a + k);
      sum += term;
    }
    return { p: scale * sum, q: 1 - scale * sum };
  }
  // Legendre's fraction 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))).
  const q = scale / continuedFraction(x + 1 - a, (k) => [k * (a - k), x + 2 * k + 1 - a]);
  return { p: 1 - q, q };
}

/**
 * The regularised incomplete beta function I_x(a, b) = integral_0^x t^(a-1) (1-t)^(b-1) dt / B(a, b), a, b > 0,
 * 0 <= x <= 1: the distribution function of the beta distribution.
 */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return NaN;
  if (x === 0 || x === 1) return x;
  // The fraction converges fast below the mean only; I_x(a, b) = 1 - I_{1-x}(b, a).
  if (x > (a + 1) / (a + b + 2)) return 1 - betaFraction(b, a, 1 - x, x);
  return betaFraction(a, b, x, 1 - x);
}

/** P(X <= k) of a binomial variable of n trials with probability p; k is rounded down. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (!(n >= 0 && p >= 0 && p <= 1) || Number.isNaN(k)) return NaN;
  k = Math.floor(k);
  if (k < 0) return 0;
  return k >= n ? 1 : incompleteBeta(n - k, k + 1, 1 - p);
}

/** The smallest k with P(X <= k) >= q, of a binomial variable of n trials with probability p; 0 <= q <= 1. */
export function binomialQuantile(q: number, n: number, p: number): number {
  if (!(q >= 0 && q <= 1 && n >= 0 && p >= 0 && p <= 1)) return NaN;
  let below = -1;
  let above = n;
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (binomialCdf(middle, n, p) >= q) above = middle;
    else below = middle;
  }
  return above;
}

/** (1 - gamma) z + sum_{k>=2} (-1)^k (zeta(k) - 1) z^k / k, |z| <= 1/2: terms below 4^-k / k. */
function seriesAtTwo(z: number): number {
  let sum = 0;
  for (let i = ZETA_LESS_ONE.length - 1; i >= 0; i--) sum = ZETA_LESS_ONE[i]! / (i + 2) - z * sum;
  return z * (ONE_LESS_EULER + z * sum);
}

function stirling(x: number): number {
  const r = 1 / (x * x);
  const series =
    (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * (691 / 360360 - r / 156)))))) / x;
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_TWO_PI + series;
}

/** x^a (1-x)^b / (a B(a, b)) over the continued fraction of the incomplete beta function. */
function betaFraction(a: number, b: number, x: number, rest: number): number {
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  const scale = Math.exp(a * Math.log(x) + b * Math.log(rest) - logBeta) / a;
  const fraction = continuedFraction(1, (k) => {
    const m = Math.floor(k / 2);
    const numerator =
      k % 2 === 1
        ? (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
        : (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    return [numerator, 1];
  });
  return scale / fraction;
}

/**
 * b_0 + a_1 / (b_1 + a_2 / (b_2 + ...)), until it stands still.
 *
 * @see Lentz, 1976; Thompson & Barnett, 1986, for the treatment of zeros
 */
function continuedFraction(first: number, part: (k: number) => [number, number]): number {
  const tiny = 1e-300;
  let value = first || tiny;
  let above = value;
  let below = 0;
  for (let k = 1; k < 1e6; k++) {
    const [a, b] = part(k);
    below = 1 / (b + a * below || tiny);
    above = b + a / above || tiny;
    const change = above * below;
    value *= change;
    if (Math.abs(change - 1) < Number.EPSILON) break;
  }
  return value;
}
