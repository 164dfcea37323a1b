// m examples of the batch, n inputs of a layer (a further one of 1 for the bias), k units
import { check } from '@tfsci/tensor-core';
import { checkRenyiOrders } from './orders';
import { checkedLayer, checkedNoise, momentsOfUnits, type PhotonicLayer, type PhotonicNoise } from './photonic-moments';
import { diagonalPair, gaussianPair, pairDivergence, reversedPair } from './renyi-gaussian';

const { checkOneOf } = check;

/** Options of `photonicRdp`; the divisor `examples` is by default the rows of `batch`, for both batches. */
export interface PhotonicRdpOptions extends PhotonicNoise {
  /** alpha > 1, at least one; Infinity too. */
  orders: readonly number[];
  /**
   * Default 'full'. 'diagonal' drops all covariances between inputs, for comparison with the literature: it understates the
   * cost, and gives numbers where the truth is Infinity. No guarantee may rest on it.
   */
  covariance?: 'full' | 'diagonal';
}

/** Rényi divergences of one order between the updates from two batches. */
export interface PhotonicDivergence {
  order: number;
  /** D_alpha(batch || neighbour) */
  forward: number;
  /** D_alpha(neighbour || batch) */
  reverse: number;
}

/**
 * How well a layer's photonic update tells two batches from each other, exactly: Rényi divergences, summed over units.
 *
 *   sum over k of D_alpha(N(mu_k, S_k) || N(mu'_k, S'_k)),  mu_k and S_k of `photonicMoments`
 *
 * The optical noise comes to the weights through the data: its covariance depends on them, so that batches differ by it too,
 * and the divergence can be Infinity for large batches and moderate orders. With fewer examples than inputs S_k is singular,
 * and optical noise alone protects no example. Divergences of layers add up. A unit whose derivatives are all 0 in both
 * batches, as those of dead rectifiers, tells nothing.
 *
 * @param batch      what the update of the layer is made of
 * @param neighbour  the same for the other batch: an example replaced, left out, added, or with another label
 * @returns of each order both directions
 * @throws RangeError where a covariance is singular, for options outside their ranges and numbers that are not finite,
 *   ShapeError when sizes do not agree or there is no order, TypeError for what are no matrices
 * @see Ohana et al., 2021, arXiv:2106.03645; Gil, Alajaji & Linder, 2013, for the divergence
 * @remarks It tells of these two batches only, and the number itself depends on the data: a diagnostic for whoever may see
 *   them, no guarantee, and not to be published. Cost O(k (m n^2 + n^3)), for 'diagonal' O(k m n).
 */
export function photonicRdp(
  batch: PhotonicLayer,
  neighbour: PhotonicLayer,
  options: PhotonicRdpOptions,
): PhotonicDivergence[] {
  const where = 'opu-dfa.photonicRdp';
  const { orders, covariance = 'full', bias = true } = options;
  checkRenyiOrders(where, orders);
  checkOneOf(where, 'covariance', covariance, ['full', 'diagonal']);
  const data = checkedLayer(where, 'batch', batch, bias);
  const noise = checkedNoise(where, options, data.m);
  const momentsOf = momentsOfUnits(data, noise, covariance);
  const momentsPrimeOf = momentsOfUnits(checkedLayer(where, 'neighbour', neighbour, bias, data), noise, covariance);
  const sums = orders.map((order) => ({ order, forward: 0, reverse: 0 }));
  for (let unit = 0; unit < data.k; unit++) {
    const [own, other] = [momentsOf(unit), momentsPrimeOf(unit)];
    const difference = own.mean.map((value, a) => value - other.mean[a]!);
    if ([difference, own.covariance, other.covariance].every((values) => values.every((value) => value === 0)))
      continue;
    const name = `the photonic covariance of unit ${unit}`;
    const names = [name, `${name} of neighbour`] as const;
    const pair =
      covariance === 'diagonal'
        ? diagonalPair(where, names, difference, own.covariance, other.covariance)
        : gaussianPair(where, names, difference, square(own.covariance, data.n), square(other.covariance, data.n));
    const back = reversedPair(pair);
    for (const sum of sums) {
      sum.forward += pairDivergence(pair, sum.order);
      sum.reverse += pairDivergence(back, sum.order);
    }
  }
  return sums;
}

function square(data: Float64Array, n: number): { rows: number; cols: number; data: Float64Array } {
  return { rows: n, cols: n, data };
}
