/**
 * Standard error of the mean of values that are independent between groups.
 *
 *   se^2 = G / (G - 1) sum_g (n_g / L)^2 (mean_g - mean)^2
 *
 * With groups of one value it is the usual s / sqrt(L). NaN for one group: nothing can be told from it.
 *
 * @param groups  sizes, in the order of the values
 */
export function standardError(values: ArrayLike<number>, groups: readonly number[]): number {
  const count = values.length;
  const G = groups.length;
  if (G < 2) return NaN;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += values[i]! / count;
  let sum = 0;
  let at = 0;
  for (const size of groups) {
    let deviation = 0;
    for (const end = at + size; at < end; at++) deviation += values[at]! - mean;
    sum += (deviation / count) ** 2;
  }
  return Math.sqrt((G / (G - 1)) * sum);
}
