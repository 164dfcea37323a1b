import { checkNumber } from '../check';
import { checkCounts } from './checks';

/** How bicubicWeights resizes. */
export interface BicubicOptions {
  /** The factor that coordinates are scaled by, default to / from. */
  scale?: number | undefined;
  /** Whether a smaller result is averaged over what falls together, default false. */
  antialias?: boolean;
}

/**
 * The weights of bicubic resizing of one axis, as torch.nn.functional.interpolate with align_corners=False.
 *
 * Pixel i of the result lies at (i + 1/2) / scale - 1/2 of the axis, which continues by its last pixels. The kernel is
 * Keys's with a = -0.75, or with antialias a = -0.5, widened by 1 / scale where that is above 1 and normalised.
 *
 * @param from  length of the axis
 * @param to    length of the result
 * @returns [to, from] by rows, float64; each row sums to 1
 * @throws RangeError when a length is not a positive integer or the scale is not positive
 * @see Keys, 1981, IEEE Trans. ASSP 29, 1153
 */
export function bicubicWeights(from: number, to: number, options: BicubicOptions = {}): Float64Array {
  const where = 'tensor-core.bicubicWeights';
  checkCounts(where, { from, to });
  const { scale = to / from, antialias = false } = options;
  checkNumber(where, 'scale', scale, { above: 0 });
  const weights = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const row = weights.subarray(i * from, (i + 1) * from);
    if (antialias) fillSmoothed(row, i, scale);
    else fillInterpolated(row, i, scale);
  }
  return weights;
}

function fillInterpolated(row: Float64Array, i: number, scale: number): void {
  const place = (i + 0.5) / scale - 0.5;
  const left = Math.floor(place);
  for (let j = left - 1; j <= left + 2; j++) {
    const inside = Math.min(Math.max(j, 0), row.length - 1);
    row[inside] = row[inside]! + cubic(place - j, -0.75);
  }
}

function fillSmoothed(row: Float64Array, i: number, scale: number): void {
  const width = Math.max(1, 1 / scale);
  const centre = (i + 0.5) / scale;
  const first = Math.max(0, Math.trunc(centre - 2 * width + 0.5));
  const end = Math.min(row.length, Math.trunc(centre + 2 * width + 0.5));
  let sum = 0;
  for (let j = first; j < end; j++) sum += row[j] = cubic((j + 0.5 - centre) / width, -0.5);
  for (let j = first; j < end; j++) row[j] = row[j]! / sum;
}

/** Keys's kernel: 1 at 0, 0 at the other integers and beyond 2. */
function cubic(x: number, a: number): number {
  const t = Math.abs(x);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? a * (((t - 5) * t + 8) * t - 4) : 0;
}
