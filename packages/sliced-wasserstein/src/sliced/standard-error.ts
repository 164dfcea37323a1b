/**
 * Standard error of the mean of values that are independent between groups.
 *
 *   se^2 = sum_g (n_g / L)^2 (mean_g - mean)^2 / (1 - sum_g (n_g / L)^2)
 *
 * Its mean is the variance of the mean when the variance of a group's sum grows like its size n_g, and for groups of equal
 * size whatever it is. With groups of one value it is the usual s / sqrt(L). NaN for one group: nothing can be told from it.
 *
 * @param groups  sizes, in the order of the values
 */
export function standardError(values: ArrayLike<number>, groups: readonly number[]): number {
  const count = values.length;
  if (groups.length < 2) return NaN;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += values[i]! / count;
  let sum = 0;
  let shares = 0;
  let at = 0;
  for (const size of groups) {
    let deviation = 0;
    for (const end = at + size; at < end; at++) deviation += values[at]! - mean;
    sum += (deviation / count) ** 2;
    shares += (size / count) ** 2;
  }
  return Math.sqrt(sum / (1 - shares));
}
