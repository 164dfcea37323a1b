/** From here on the asymptotic series to its eighth term is exact to float64. */
const ASYMPTOTIC = 15;

/**
 * psi'(x), the second derivative of log Gamma(x), x > 0; relative error below 1e-14.
 *
 *   psi'(x) = sum_{k=0}^{n-1} 1 / (x + k)^2 + psi'(x + n),  psi'(x) ~ 1/x + 1/(2 x^2) + sum_j B_2j / x^(2j+1)
 */
export function trigamma(x: number): number {
  let sum = 0;
  for (; x < ASYMPTOTIC; x++) sum += 1 / (x * x);
  const r = 1 / (x * x);
  const series =
    r * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r * (1 / 30 - r * (5 / 66 - r * (691 / 2730 - (r * 7) / 6))))));
  return sum + (1 + 0.5 / x + series) / x;
}
