import { checkOneOf } from '../check';

/**
 * Where the factor of a transform of n points goes: "backward" divides the inverse by n, "forward" the forward
 * transform, "ortho" both by sqrt(n). As in NumPy and PyTorch.
 */
export type FftNorm = 'backward' | 'ortho' | 'forward';

/** What the sums are multiplied by. @throws RangeError for another norm */
export function scaleOf(where: string, norm: FftNorm, n: number, inverse: boolean): number {
  checkOneOf(where, 'norm', norm, ['backward', 'ortho', 'forward']);
  if (norm === 'ortho') return 1 / Math.sqrt(n);
  return (norm === 'backward') === inverse ? 1 / n : 1;
}
