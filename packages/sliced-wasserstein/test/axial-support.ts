import type { AxialDistribution, AxialFamily } from '../src/slices/axial-distribution';
import { makeAxial } from '../src/slices/axial-json';

export const FAMILIES: AxialFamily[] = ['vmf', 'vmfSymmetric', 'powerSpherical'];

/** The distribution around e_1 turned a little: no coordinate is special. */
export function distributionOf(family: AxialFamily, d: number, kappa: number): AxialDistribution {
  const mu = Float64Array.from({ length: d }, (_, j) => Math.cos(1 + 2 * j) + (j === 0 ? 1 : 0));
  return makeAxial('test', family, mu, kappa);
}

/** Mean of numbers and its standard error, as they show it. */
export function meanOf(values: ArrayLike<number>): { mean: number; standardError: number } {
  const n = values.length;
  const numbers = Array.from(values);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / n;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, standardError: Math.sqrt(variance / n) };
}

/**
 * The law of w = mu.theta by brute force: Simpson's rule over angles, of the density that `logProb` tells.
 *
 * @param panels  even; errors fall like panels^-4
 */
export class CosineOracle {
  /** Masses of angles phi_i = pi i / panels, with sum 1. */
  readonly masses: Float64Array;
  readonly cosines: Float64Array;
  /** int rho, 1 if the density is one. */
  readonly total: number;
  /** log of the density relative to the uniform one. */
  readonly logRatios: Float64Array;
  private readonly densities: Float64Array;
  private readonly step: number;

  constructor(distribution: AxialDistribution, panels = 4000) {
    const { dim, mu } = distribution;
    // A unit vector across mu.
    const least = mu.reduce((at, entry, j) => (Math.abs(entry) < Math.abs(mu[at]!) ? j : at), 0);
    const across = mu.map((entry, j) => (j === least ? 1 : 0) - mu[least]! * entry);
    const length = Math.hypot(...across);
    this.step = Math.PI / panels;
    const angles = Float64Array.from({ length: panels + 1 }, (_, i) => i * this.step);
    const slices = Array.from(angles, (phi) => {
      return mu.map((entry, j) => Math.cos(phi) * entry + (Math.sin(phi) * across[j]!) / length);
    });
    const uniform = distribution.with({ kappa: 0 }).logProb(slices);
    const simpson = angles.map((_, i) => (i === 0 || i === panels ? 1 : i % 2 === 0 ? 2 : 4));
    const weights = angles.map((phi, i) => simpson[i]! * Math.sin(phi) ** (dim - 2));
    const mass = weights.reduce((sum, weight) => sum + weight, 0);
    this.logRatios = distribution.logProb(slices).map((value, i) => value - uniform[i]!);
    this.cosines = angles.map(Math.cos);
    const raw = this.logRatios.map((ratio, i) => (Math.exp(ratio) * weights[i]!) / mass);
    this.total = raw.reduce((sum, value) => sum + value, 0);
    this.masses = raw.map((value) => value / this.total);
    const height = (mass * this.step) / 3;
    this.densities = angles.map((phi, i) => (Math.exp(this.logRatios[i]!) * Math.sin(phi) ** (dim - 2)) / height);
  }

  /** E f(w, log ratio) */
  mean(f: (w: number, logRatio: number) => number): number {
    return this.masses.reduce(
      (sum, mass, i) => sum + (mass === 0 ? 0 : mass * f(this.cosines[i]!, this.logRatios[i]!)),
      0,
    );
  }

  /** P(angle <= phi) = P(w >= cos phi), by cubic interpolation of cumulated panels. */
  upper(phi: number): number {
    const cumulated = (this.cumulated ??= this.cumulate());
    const i = Math.min(Math.floor(phi / this.step), this.densities.length - 2);
    const t = phi / this.step - i;
    const [a, b] = [this.densities[i]!, this.densities[i + 1]!];
    // Hermite's cubic: values of the integral and of its derivative, the density, at both ends.
    const [p, q] = [cumulated[i]!, cumulated[i + 1]!];
    const rise = q - p;
    return p + t * (this.step * a + t * (3 * rise - this.step * (2 * a + b) + t * (this.step * (a + b) - 2 * rise)));
  }

  /** Density of the angle. */
  density(phi: number): number {
    const at = phi / this.step;
    const i = Math.min(Math.max(Math.floor(at) - 1, 0), this.densities.length - 4);
    // Lagrange's cubic through four neighbours.
    let sum = 0;
    for (let j = 0; j < 4; j++) {
      let factor = this.densities[i + j]!;
      for (let k = 0; k < 4; k++) if (k !== j) factor *= (at - i - k) / (j - k);
      sum += factor;
    }
    return sum;
  }

  private cumulated: Float64Array | undefined;

  /** Integrals up to each angle: of the cubic through the density at a panel's ends and their neighbours. */
  private cumulate(): Float64Array {
    const f = this.densities;
    const last = f.length - 1;
    const sums = new Float64Array(f.length);
    for (let i = 0; i < last; i++) {
      // The density is even around 0 and around pi.
      const before = f[Math.abs(i - 1)]!;
      const after = f[i + 2 > last ? last - 1 : i + 2]!;
      sums[i + 1] = sums[i]! + (this.step / 24) * (13 * (f[i]! + f[i + 1]!) - before - after);
    }
    return sums;
  }
}
