// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import { backend, check, random } from '@tfsci/tensor-core';
import { type Cloud, cloudTensor } from '../cloud';
import type { SliceDistribution } from './slice-distribution';
import { evenSlices, orthogonalSlices, refuseInCompiled, uniformSlices } from './uniform-slices';

const { argumentMessage, checkNumber, checkOneOf, checkShape, ShapeError } = check;

/** Squared norms of given slices may differ from 1 by this: float32 rows that were normalised in float32. */
const UNIT = 1e-4;
/** Random rotations of even slices: enough to tell the error from, few enough that each set stays even. */
const ROTATIONS = 8;

/** How slices are drawn; all of them are uniform but those of a distribution. */
export type SliceSampler = 'uniform' | 'orthogonal' | 'qmc' | SliceDistribution;

export interface SliceOptions {
  /**
   * Their number L, default 128, or slices of your own: unit rows, [L, d]. The error falls like 1 / sqrt(L), the cost grows
   * like L.
   */
  slices?: number | Cloud;
  /**
   * - `uniform` (default): independent
   * - `orthogonal`: in blocks of d orthogonal ones, of smaller error; a QR decomposition a block, O(L d^2)
   * - `qmc`: evenly spread, for d = 2 and 3, of much smaller error; in 8 random rotations, or in one fixed position without key
   * - a distribution, such as `VonMisesFisher`: independent draws from it
   */
  sampler?: SliceSampler;
  /** What they are drawn with; needed unless slices are given or `qmc` may have its fixed position. */
  key?: random.KeyOrSeed;
}

/** Slices and the sizes of the groups, in order, that are independent of each other: what standard errors are told from. */
export interface DrawnSlices {
  theta: tf.Tensor2D;
  groups: number[];
  /** Whether they were given, and so may be differentiated in. */
  given: boolean;
}

/**
 * Slices by options.
 *
 * @throws TypeError, ShapeError, RangeError for slices that are not unit rows of d numbers, for numbers below 1 and unknown
 *   samplers; Error when a key is missing
 */
export function drawSlices(where: string, dim: number, options: SliceOptions): DrawnSlices {
  const { slices = 128, sampler = 'uniform', key } = options;
  if (typeof slices !== 'number') return givenSlices(where, dim, slices);
  checkNumber(where, 'slices', slices, { min: 1, integer: true });
  if (typeof sampler !== 'string') {
    checkDistribution(where, dim, sampler);
    const theta = sampler.sample(slices, random.asKey(where, key));
    checkShape(where, 'sampler.sample(count, key)', theta, [slices, dim]);
    return { theta, groups: ones(slices), given: false };
  }
  checkOneOf(where, 'sampler', sampler, ['uniform', 'orthogonal', 'qmc']);
  if (sampler === 'uniform') {
    return { theta: uniformSlices(slices, dim, random.asKey(where, key)), groups: ones(slices), given: false };
  }
  refuseInCompiled(where, `slices of the sampler '${sampler}'`);
  if (sampler === 'orthogonal') {
    const values = orthogonalSlices(slices, dim, random.asKey(where, key));
    return { theta: tf.tensor2d(values, [slices, dim]), groups: blocksOf(slices, dim), given: false };
  }
  if (dim !== 2 && dim !== 3) {
    const fix = "Take the sampler 'orthogonal' for others.";
    throw new RangeError(argumentMessage(where, "dimension for the sampler 'qmc'", 'be 2 or 3', dim, fix));
  }
  const rotation = key === undefined ? undefined : random.asKey(where, key);
  const groups = rotation ? evenGroups(slices) : [slices];
  const sets = groups.map((size, g) => evenSlices(size, dim, rotation && random.foldIn(rotation, g)));
  const values = Float32Array.from(sets.flatMap((set) => Array.from(set)));
  return { theta: tf.tensor2d(values, [slices, dim]), groups, given: false };
}

function givenSlices(where: string, dim: number, slices: Cloud): DrawnSlices {
  const theta = cloudTensor(where, 'slices', slices);
  if (theta.shape[1] !== dim) {
    throw new ShapeError(argumentMessage(where, 'slices', `have the shape [L, ${dim}], as the clouds have`, theta));
  }
  if (backend.readsAtOnce()) {
    const norms = tf.tidy(() => theta.square().sum(1).dataSync());
    const at = norms.findIndex((square) => Math.abs(square - 1) > UNIT);
    if (at >= 0) {
      const fix = 'Divide each by its norm.';
      throw new RangeError(argumentMessage(where, `row ${at} of slices`, 'have norm 1', Math.sqrt(norms[at]!), fix));
    }
  }
  return { theta, groups: ones(theta.shape[0]), given: true };
}

function checkDistribution(where: string, dim: number, sampler: SliceDistribution): void {
  if (typeof (sampler as SliceDistribution | null)?.sample !== 'function') {
    const wanted = "be 'uniform', 'orthogonal', 'qmc' or a distribution with sample(count, key)";
    throw new TypeError(argumentMessage(where, 'sampler', wanted, sampler));
  }
  if (sampler.dim !== dim) {
    throw new ShapeError(argumentMessage(where, 'sampler.dim', `be ${dim}, as the clouds have`, sampler.dim));
  }
}

function ones(count: number): number[] {
  return new Array<number>(count).fill(1);
}

function blocksOf(count: number, size: number): number[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, block) => Math.min(size, count - block * size));
}

/** Parts of almost equal size. */
function evenGroups(count: number): number[] {
  const groups = Math.min(ROTATIONS, count);
  return Array.from(
    { length: groups },
    (_, g) => Math.floor(((g + 1) * count) / groups) - Math.floor((g * count) / groups),
  );
}
