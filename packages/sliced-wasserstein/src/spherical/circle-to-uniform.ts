// n points on the circle of circumference 1
import { sortingOrder } from './circle-transport';

/**
 * W_2^2 from points on the circle to the uniform law.
 *
 *   W_2^2 = sum_i a_i (r_i - r)^2 + sum_i a_i^3 / 12,  r_i = u_(i) - (A_(i-1) + A_i) / 2,  r = sum_i a_i r_i
 *
 * with A_i the mass of the i smallest: the variance of F^-1(U) - U, of the best rotation. No term cancels another. Equal
 * masses: Bonet et al., 2023, proposition 1.
 *
 * @param masses  adding up to 1; default 1 / n
 * @param slopes  where dW_2^2 / du is written
 */
export function circleToUniformCost(u: ArrayLike<number>, masses?: Float64Array, slopes?: Float64Array): number {
  const order = sortingOrder(u);
  const massOf = (i: number): number => masses?.[i] ?? 1 / u.length;
  const rests = new Float64Array(u.length);
  let [level, mean, within] = [0, 0, 0];
  for (const i of order) {
    const mass = massOf(i);
    rests[i] = u[i]! - (level + mass / 2);
    level += mass;
    mean += mass * rests[i];
    within += mass ** 3 / 12;
  }
  let between = 0;
  for (const i of order) {
    between += massOf(i) * (rests[i]! - mean) ** 2;
    if (slopes) slopes[i] = 2 * massOf(i) * (rests[i]! - mean);
  }
  return between + within;
}
