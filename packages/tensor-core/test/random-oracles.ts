/** Exact distribution functions and test statistics, written for accuracy, not for speed. */

const SQRT_TWO_PI = Math.sqrt(2 * Math.PI);

/** 1 - Phi(x) for x >= 0 with full relative accuracy: series near 0, the continued fraction of Mills' ratio beyond. */
export function normalUpperTail(x: number): number {
  const density = Math.exp(-0.5 * x * x) / SQRT_TWO_PI;
  if (x < 2) {
    // Phi(x) - 1/2 = phi(x) (x + x^3 / 3 + x^5 / (3 5) + ...)
    let sum = 0;
    for (let k = 0, term = x; k < 200; k++, term *= (x * x) / (2 * k + 1)) sum += term;
    return 0.5 - density * sum;
  }
  // (1 - Phi(x)) / phi(x) = 1 / (x + 1 / (x + 2 / (x + 3 / ...)))
  let fraction = x;
  for (let k = 400; k >= 1; k--) fraction = x + k / fraction;
  return density / fraction;
}

/** Phi(x). */
export function normalCdf(x: number): number {
  return x < 0 ? normalUpperTail(-x) : 1 - normalUpperTail(x);
}

/** P(X <= x) of the gamma distribution with shape alpha and rate 1. */
export function gammaCdf(alpha: number, x: number): number {
  if (x <= 0) return 0;
  const scale = Math.exp(alpha * Math.log(x) - x - logGamma(alpha));
  if (x < alpha + 1) {
    let sum = 0;
    for (let k = 0, term = 1 / alpha; k < 400; k++, term *= x / (alpha + k)) sum += term;
    return scale * sum;
  }
  // Legendre's continued fraction of the upper incomplete gamma function, from its end.
  let fraction = 0;
  for (let k = 400; k >= 1; k--) fraction = (k * (k - alpha)) / (x + 2 * k + 1 - alpha - fraction);
  return 1 - scale / (x + 1 - alpha - fraction);
}

/** log Gamma(x) for x > 0 by Stirling's series, moved to x >= 10. */
export function logGamma(x: number): number {
  let shift = 0;
  for (; x < 10; x++) shift += Math.log(x);
  const r = 1 / (x * x);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** Mean and (biased) variance. */
export function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean += values[i]!;
  mean /= values.length;
  let variance = 0;
  for (let i = 0; i < values.length; i++) variance += (values[i]! - mean) ** 2;
  return { mean, variance: variance / values.length };
}

/** Kolmogorov's statistic sqrt(n) sup |F_n - F|; it exceeds t with probability about 2 exp(-2 t^2). */
export function kolmogorov(values: ArrayLike<number>, cdf: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let distance = 0;
  sorted.forEach((x, i) => {
    const p = cdf(x);
    distance = Math.max(distance, p - i / n, (i + 1) / n - p);
  });
  return Math.sqrt(n) * distance;
}

/** Pearson's statistic for equally likely classes. */
export function chiSquared(counts: ArrayLike<number>): number {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  return Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Bounds that a chi-squared variable of k degrees leaves with probability at most 2 exp(-x) (Laurent & Massart, 2000). */
export function chiSquaredBounds(k: number, x: number): [number, number] {
  return [k - 2 * Math.sqrt(k * x), k + 2 * Math.sqrt(k * x) + 2 * x];
}

/** Pearson's correlation coefficient. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [moments(a), moments(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - ma.mean) * (b[i]! - mb.mean);
  return sum / a.length / Math.sqrt(ma.variance * mb.variance);
}
