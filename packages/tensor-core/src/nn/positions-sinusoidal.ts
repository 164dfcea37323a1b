// T tokens, D width of the code.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf } from '../check';
import { checkCounts } from './checks';
import type { PairLayout } from './positions-rope';

/** Options of sinusoidalPositions. */
export interface SinusoidalOptions {
  /** Of the frequencies base^(-2m/D), default 10000. */
  base?: number;
  /** Where a sine and its cosine stand: 2m and 2m + 1 ('interleaved', default), or m and m + D/2 ('half'). */
  layout?: PairLayout;
}

/**
 * The fixed positional code of the first transformer, computed in float64.
 *
 *   code[t][2m] = sin(t base^(-2m/D)),  code[t][2m + 1] = cos(t base^(-2m/D)),  m < D/2
 *
 * @param tokens  T
 * @param width   D, even
 * @returns float32 [T, D], which is added to the embeddings
 * @throws RangeError when a length is not a positive integer, the width is odd or the base is not positive
 * @see Vaswani et al., 2017, sec. 3.5, arXiv:1706.03762
 */
export function sinusoidalPositions(
  tokens: number,
  width: number,
  { base = 10000, layout = 'interleaved' }: SinusoidalOptions = {},
): tf.Tensor2D {
  const where = 'tensor-core.sinusoidalPositions';
  checkCounts(where, { tokens, width });
  if (width % 2 !== 0) throw new RangeError(argumentMessage(where, 'width', 'be even', width));
  checkNumber(where, 'base', base, { above: 0 });
  const isHalf = checkOneOf(where, 'layout', layout, ['half', 'interleaved']) === 'half';
  const half = width / 2;
  const values = Float32Array.from({ length: tokens * width }, (_, n) => {
    const [t, i] = [Math.floor(n / width), n % width];
    const [m, isCosine] = isHalf ? [i % half, i >= half] : [Math.floor(i / 2), i % 2 === 1];
    const angle = t * base ** ((-2 * m) / width);
    return isCosine ? Math.cos(angle) : Math.sin(angle);
  });
  return tf.tensor2d(values, [tokens, width]);
}
