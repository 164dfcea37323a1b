import { biasedDim } from '../sketches/polynomial-kernel';
import type { CheckedPlan } from './sketch-plan';

/**
 * Multiplications (for Hadamard transforms additions) that the D features of one dense point take, about:
 *
 *   dense         p (d D_f + D_f),                        complex: twice the first, four times the second
 *   srht          p (B d' log2 d' + D_f),                 complex likewise; B = 1 with shared signs, else ceil(D_f / d')
 *   TensorSketch  p (d + 2 D) + (p + 1) D log2 D,         p = 1: d
 *
 * d with the bias, d' the next power of two. For comparisons: what a machine makes of them differs.
 *
 * @param inputDim  d, without the bias
 */
export function sketchCost(plan: CheckedPlan, inputDim: number, features: number): number {
  const { kind, kernel, mode, projection, srhtBlocks } = plan;
  const { degree } = kernel;
  const biased = biasedDim(inputDim, kernel);
  if (kind === 'TensorSketch') {
    if (degree === 1) return biased;
    return degree * (biased + 2 * features) + (degree + 1) * features * Math.log2(features);
  }
  const projected = mode === 'ctr' ? features / 2 : features;
  const [parts, products] = mode === 'real' ? [1, 1] : [2, 4];
  const padded = 2 ** Math.ceil(Math.log2(biased));
  const blocks = srhtBlocks === 'shared' ? 1 : Math.ceil(projected / padded);
  const projecting = projection === 'srht' ? blocks * padded * Math.log2(padded) : biased * projected;
  return degree * (parts * projecting + products * projected);
}
