// R radii, Z distances, M components
import { linalg, random } from '@tfsci/tensor-core';
import { sphereCosine } from './sphere-cosine';
import { leastSquares, type Residuals } from './levenberg-marquardt';

/** A kernel (1 - z^2 / a^2)^p of the distance z of unit vectors, 0 <= z <= 2. */
export interface SphericalKernel {
  /** p */
  degree: number;
  /** a */
  a: number;
}

/** A density of the lengths of frequencies, constant in each of R cells of equal width from 0 on. */
export interface RadialDensity {
  /** Width of a cell. */
  width: number;
  /** [R], with sum 1 */
  probabilities: Float64Array;
}

const CELLS = 256;
const COMPONENTS = 10;
/** Widths of the first components: from 1 / 1.3 to 1.3 times that of the Gaussian with the kernel's curvature at 0. */
const SPREAD = Math.log(1.3);
/** Distances at which kernels are compared. */
const DISTANCES = 24;
const STEPS = 100;

/** The densities of so many kernels are kept: to find one takes half a second. */
const KEPT = 16;
const kept = new Map<string, RadialDensity>();

/**
 * The density of a mixture of Gaussians sum_i c_i N(0, sigma_i^2 1), clipped where it is negative and normalised, whose
 * kernel is closest to (1 - z^2 / a^2)^p in the mean square over z from 0 to 2.
 *
 * @param dim  d >= 2
 * @see Pennington, Yu & Kumar, 2015, "Spherical random features for polynomial kernels", section 4
 * @remarks Differs from the paper: the error is that of the clipped and normalised density, not of the mixture before.
 */
export function radialDensity(dim: number, kernel: SphericalKernel): RadialDensity {
  const name = `${dim} ${kernel.degree} ${kernel.a}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const [oldest] = kept.keys();
  if (kept.size >= KEPT) kept.delete(oldest!);
  const density = foundDensity(dim, kernel);
  kept.set(name, density);
  return density;
}

function foundDensity(dim: number, { degree, a }: SphericalKernel): RadialDensity {
  const sigma = Math.sqrt(2 * degree) / a;
  const width = (2 * sigma * (Math.sqrt(dim) + 4)) / CELLS;
  const { nodes, weights } = linalg.sphereQuadrature(3, DISTANCES);
  const kernel = kernelAt({ dim, width }, 2);
  const cosines_ZR = Array.from(nodes, (u) => kernel(1 + u));
  const wanted_Z = nodes.map((u) => (1 - ((1 + u) / a) ** 2) ** degree);
  const residuals = (parameters: Float64Array): Residuals => {
    const { clipped_R, slopes_R } = clippedMixture(dim, width, parameters);
    const mass = sum(clipped_R);
    const slopesOfMass = slopes_R.map(sum);
    const values = new Float64Array(DISTANCES);
    const jacobian = linalg.matrix(DISTANCES, parameters.length);
    cosines_ZR.forEach((cosines_R, z) => {
      const estimate = dot(clipped_R, cosines_R) / mass;
      const root = Math.sqrt(weights[z]!);
      values[z] = root * (estimate - wanted_Z[z]!);
      slopes_R.forEach((slope_R, i) => {
        const slope = (dot(slope_R, cosines_R) - estimate * slopesOfMass[i]!) / mass;
        jacobian.data[z * parameters.length + i] = root * slope;
      });
    });
    return { values, jacobian };
  };
  // c_i, then log sigma_i.
  const start = Float64Array.from({ length: 2 * COMPONENTS }, (_, i) =>
    i < COMPONENTS ? 1 / COMPONENTS : Math.log(sigma) + SPREAD * ((2 * (i - COMPONENTS)) / (COMPONENTS - 1) - 1),
  );
  const { clipped_R } = clippedMixture(dim, width, leastSquares(residuals, start, STEPS));
  const mass = sum(clipped_R);
  return { width, probabilities: clipped_R.map((value) => value / mass) };
}

/** The kernel of a density, E cos(r u z), as a function of the distance z <= `largest`. */
export function densityKernel(
  dim: number,
  { width, probabilities }: RadialDensity,
  largest: number,
): (distance: number) => number {
  const kernel = kernelAt({ dim, width }, largest);
  return (distance) => dot(probabilities, kernel(distance));
}

/** Independent lengths, drawn by the inverse of the distribution function. */
export function drawRadii(key: random.Key, { width, probabilities }: RadialDensity, count: number): Float64Array {
  const below = new Float64Array(probabilities.length + 1);
  probabilities.forEach((probability, cell) => (below[cell + 1] = below[cell]! + probability));
  return random.fillUniform(key, new Float64Array(count)).map((uniform) => {
    // The last cell that begins at or below; rounding may leave the sum of all a little below 1.
    let [cell, beyond] = [0, probabilities.length];
    while (beyond - cell > 1) {
      const middle = (cell + beyond) >> 1;
      if (below[middle]! <= uniform) cell = middle;
      else beyond = middle;
    }
    return width * (cell + Math.min((uniform - below[cell]!) / probabilities[cell]!, 1));
  });
}

/** E cos(r u z) in the middle of each cell, [R], by the distance z <= `largest`. */
function kernelAt({ dim, width }: { dim: number; width: number }, largest: number): (distance: number) => Float64Array {
  const cosine = sphereCosine(dim, CELLS * width * largest);
  return (distance) => Float64Array.from({ length: CELLS }, (_, cell) => cosine((cell + 0.5) * width * distance));
}

/** The clipped density of a mixture, [R], and its derivatives by c_i and log sigma_i, 2 M of [R]. */
export function clippedMixture(dim: number, width: number, parameters: Float64Array) {
  const logs = linalg.logGamma(dim / 2) + (dim / 2 - 1) * Math.LN2;
  const middles = Float64Array.from({ length: CELLS }, (_, cell) => (cell + 0.5) * width);
  const components = Array.from({ length: COMPONENTS }, (_, i) => {
    const logSigma = parameters[COMPONENTS + i]!;
    const square = Math.exp(2 * logSigma);
    // The density of the length of a normal vector: chi with d degrees of freedom.
    const log = (r: number): number => (dim - 1) * Math.log(r) - (r * r) / (2 * square) - logs - dim * logSigma;
    return { coefficient: parameters[i]!, square, density_R: middles.map((r) => width * Math.exp(log(r))) };
  });
  const mixed_R = middles.map((_, cell) =>
    components.reduce((all, { coefficient, density_R }) => all + coefficient * density_R[cell]!, 0),
  );
  const where = (slope: number, cell: number): number => (mixed_R[cell]! > 0 ? slope : 0);
  const byCoefficient = components.map(({ density_R }) => density_R.map(where));
  const byLogSigma = components.map(({ coefficient, square, density_R }) =>
    density_R.map((value, cell) => where(coefficient * value * (middles[cell]! ** 2 / square - dim), cell)),
  );
  return { clipped_R: mixed_R.map((value) => Math.max(value, 0)), slopes_R: [...byCoefficient, ...byLogSigma] };
}

function dot(a: Float64Array, b: Float64Array): number {
  let all = 0;
  for (let i = 0; i < a.length; i++) all += a[i]! * b[i]!;
  return all;
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}
