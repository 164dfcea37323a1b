// q sampling rate, z noise multiplier, x output of the mechanism, l privacy loss
import { linalg } from '@tfsci/tensor-core';

const { normalCdf, normalQuantile } = linalg;

/** Which of two neighbours the output comes from: the one with the example that the other lacks, or that other. */
export type LossDirection = 'remove' | 'add';

/** e^-t is below rounding. */
const FAR = 40;

/**
 * The privacy loss l = ln dP/dP' of one use of the sampled Gaussian mechanism, along a coordinate x of the output that is
 * turned so that l grows with it.
 *
 *   remove  P = (1 - q) N(0, z^2) + q N(1, z^2),  P' = N(0, z^2),  l(x) = ln(1 - q + q e^t),  t = (2 x - 1) / (2 z^2)
 *   add     P = N(0, z^2), P' that mixture mirrored,               l(x) = -ln(1 - q + q e^t), t = (-2 x - 1) / (2 z^2)
 *
 * @see Mironov, Talwar & Zhang, 2019, arXiv:1908.10530, section 3
 */
export class PrivacyLoss {
  /** P has at most the probability `tail` below the one, and above the other. */
  readonly lowest: number;
  readonly highest: number;
  /** On panels this wide density and loss are smooth. */
  readonly panel: number;

  /** @param q  in (0, 1] @param z  > 0 @param tail  in (0, 1/2) */
  constructor(
    readonly q: number,
    readonly z: number,
    readonly direction: LossDirection,
    tail: number,
  ) {
    const reach = -normalQuantile(tail) * z;
    const remove = direction === 'remove';
    this.lowest = (remove && q === 1 ? 1 : 0) - reach;
    this.highest = remove ? this.quantileAbove(tail, reach, 1 + reach) : reach;
    this.panel = q === 1 ? z / 8 : Math.min(z / 8, z ** 2 / 2);
  }

  /** l(x), with full relative accuracy. */
  at(x: number): number {
    const { q, z } = this;
    if (this.direction === 'remove') return sampledLoss(q, (2 * x - 1) / (2 * z ** 2));
    return -sampledLoss(q, (-2 * x - 1) / (2 * z ** 2));
  }

  /** The x with l(x) = l; infinite where no output has such a loss. */
  where(l: number): number {
    const { q, z } = this;
    if (this.direction === 'remove') return z ** 2 * unsampledLoss(q, l) + 1 / 2;
    return -(z ** 2) * unsampledLoss(q, -l) - 1 / 2;
  }

  /** Density of P at x, where the loss is l. */
  density(x: number, l: number): number {
    const { z } = this;
    const exponent = -((x / z) ** 2) / 2 + (this.direction === 'remove' ? l : 0);
    return Math.exp(exponent) / (z * Math.sqrt(2 * Math.PI));
  }

  /** P(X < x). */
  below(x: number): number {
    const { q, z } = this;
    if (this.direction === 'add') return normalCdf(x / z);
    return (1 - q) * normalCdf(x / z) + q * normalCdf((x - 1) / z);
  }

  /** P(X > x). */
  above(x: number): number {
    const { q, z } = this;
    if (this.direction === 'add') return normalCdf(-x / z);
    return (1 - q) * normalCdf(-x / z) + q * normalCdf((1 - x) / z);
  }

  /** An x with P(X > x) <= tail, as the upper end of its range has. */
  private quantileAbove(tail: number, from: number, to: number): number {
    let [low, high] = [from, to];
    for (let i = 0; i < 30; i++) {
      const middle = (low + high) / 2;
      if (this.above(middle) > tail) low = middle;
      else high = middle;
    }
    return high;
  }
}

/** The loss ln(1 - q + q e^t) of a sampled use where a use of all data has the loss t. */
export function sampledLoss(q: number, t: number): number {
  if (q === 1) return t;
  if (t > FAR) return t + Math.log(q) + Math.log1p(((1 - q) / q) * Math.exp(-t));
  const change = q * Math.expm1(t);
  return change > -0.5 ? Math.log1p(change) : Math.log(1 - q + q * Math.exp(t));
}

/** The t with ln(1 - q + q e^t) = l; -Infinity for l <= ln(1 - q). */
export function unsampledLoss(q: number, l: number): number {
  if (q === 1) return l;
  if (l > FAR) return l - Math.log(q) + Math.log1p((q - 1) * Math.exp(-l));
  if (q > 0.5 && l < -0.5) return Math.log(Math.max(0, (Math.exp(l) - (1 - q)) / q));
  return Math.log1p(Math.max(-1, Math.expm1(l) / q));
}
