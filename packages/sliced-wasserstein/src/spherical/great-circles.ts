// L great circles, n points of a cloud, d coordinates
import { check } from '@tfsci/tensor-core';
import type { Frames } from './frames';
import { onCircle } from './circle-transport';

const { argumentMessage } = check;
const TURN = 2 * Math.PI;

/** Squared norms of points may differ from 1 by this: float32 rows that were normalised in float32. */
const UNIT = 1e-4;

/** Cost of points on a circle from the coordinates of each cloud, with its derivatives where room for them is given. */
export type CircleCost = (coordinates: readonly Float64Array[], slopes?: readonly Float64Array[]) => number;

/** @throws RangeError for rows without norm 1, or, where they are to be normalised, without a direction */
export function checkRows(
  where: string,
  name: string,
  values: ArrayLike<number>,
  dim: number,
  normalise: boolean,
): void {
  for (let row = 0; row * dim < values.length; row++) {
    let square = 0;
    for (let i = 0; i < dim; i++) square += values[row * dim + i]! ** 2;
    if (normalise ? square > 0 && square < Infinity : Math.abs(square - 1) <= UNIT) continue;
    const [wanted, fix] = normalise
      ? ['have a finite norm > 0', 'The origin has no direction.']
      : ['have norm 1', 'Use the option normalise.'];
    throw new RangeError(argumentMessage(where, `row ${row} of ${name}`, wanted, Math.sqrt(square), fix));
  }
}

/**
 * The cost of clouds on each great circle.
 *
 *   z = U' x,  t = (pi + atan2(-z_2, -z_1)) / 2 pi,  dt/dx = (z_1 U_2 - z_2 U_1) / (2 pi |z|^2)
 *
 * t is the coordinate of the nearest point of the circle. It is that of x / |x| too, so rows need not be normalised for it,
 * and the derivative is along the sphere. Points with z = 0 are as near to all of the circle; they get t = 0 and derivative
 * 0. That has probability 0 for uniform frames.
 *
 * @param clouds     rows of d numbers, one after the other
 * @param gradients  where the derivatives of the mean over the circles are written, for each cloud
 * @returns costs [L]
 */
export function costsOnCircles(
  clouds: readonly ArrayLike<number>[],
  dim: number,
  { count, values }: Frames,
  cost: CircleCost,
  gradients?: readonly Float64Array[],
): Float64Array {
  const sizes = clouds.map((cloud) => cloud.length / dim);
  const coordinates = sizes.map((n) => new Float64Array(n));
  const slopes = gradients && sizes.map((n) => new Float64Array(n));
  const [first, second] = [new Float64Array(dim), new Float64Array(dim)];
  return Float64Array.from({ length: count }, (_, l) => {
    for (let i = 0; i < dim; i++) {
      first[i] = values[(l * dim + i) * 2]!;
      second[i] = values[(l * dim + i) * 2 + 1]!;
    }
    clouds.forEach((cloud, c) => {
      const out = coordinates[c]!;
      for (let row = 0; row < out.length; row++) {
        const [z1, z2] = projected(cloud, row, first, second);
        out[row] = onCircle((Math.PI + Math.atan2(-z2, -z1)) / TURN);
      }
    });
    const found = cost(coordinates, slopes);
    if (gradients && slopes) {
      clouds.forEach((cloud, c) => addGradients(cloud, first, second, slopes[c]!, count, gradients[c]!));
    }
    return found;
  });
}

function addGradients(
  cloud: ArrayLike<number>,
  first: Float64Array,
  second: Float64Array,
  slopes: Float64Array,
  count: number,
  gradient: Float64Array,
): void {
  const dim = first.length;
  for (let row = 0; row < slopes.length; row++) {
    const [z1, z2] = projected(cloud, row, first, second);
    const square = z1 * z1 + z2 * z2;
    if (square === 0) continue;
    const scale = slopes[row]! / (TURN * square * count);
    for (let i = 0; i < dim; i++) gradient[row * dim + i]! += scale * (z1 * second[i]! - z2 * first[i]!);
  }
}

function projected(cloud: ArrayLike<number>, row: number, first: Float64Array, second: Float64Array): [number, number] {
  const dim = first.length;
  let [z1, z2] = [0, 0];
  for (let i = 0; i < dim; i++) {
    const value = cloud[row * dim + i]!;
    z1 += first[i]! * value;
    z2 += second[i]! * value;
  }
  return [z1, z2];
}
