import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';

/** Gradients by name or in a list, as tf.variableGrads and tf.grads give them; null ones (unused variables) stay null. */
export type GradientContainer = Record<string, tf.Tensor | null> | readonly (tf.Tensor | null)[];

/** Keeps a quotient finite where all gradients are 0; PyTorch's number. */
const NORM_EPSILON = 1e-6;

/**
 * Gradients scaled down together where their joint norm is above a limit.
 *
 *   norm = sqrt(sum of all g^2),  clipped = g min(1, maxNorm / (norm + 1e-6))
 *
 * @param gradients  by name or in a list; null entries are passed over
 * @param maxNorm    the limit, > 0
 * @returns `clipped`, in the container's form, and `norm` before clipping, a scalar []; both the caller's
 * @throws TypeError, RangeError when maxNorm is not a positive number or there are no gradients
 * @see Pascanu, Mikolov, Bengio, 2013, arXiv:1211.5063
 * @remarks As torch.nn.utils.clip_grad_norm_, 1e-6 included. A norm that is not finite makes gradients NaN or 0, as there.
 */
export function clipByGlobalNorm<G extends GradientContainer>(
  gradients: G,
  maxNorm: number,
): { clipped: G; norm: tf.Scalar } {
  const where = 'tensor-core.clipByGlobalNorm';
  checkNumber(where, 'maxNorm', maxNorm, { above: 0 });
  const tensors = present(where, gradients);
  return tf.tidy(() => {
    const norm = sumOfSquares(tensors).sqrt();
    const factor = clipFactor(norm, maxNorm);
    const clipped = mapped(gradients, (gradient) => gradient.mul(factor)) as tf.TensorContainer;
    return { clipped, norm };
  }) as unknown as { clipped: G; norm: tf.Scalar };
}

/**
 * Gradients with each element cut to [-limit, limit].
 *
 * @returns new tensors in the container's form, the caller's
 * @throws TypeError, RangeError when limit is not a positive number or there are no gradients
 */
export function clipByValue<G extends GradientContainer>(gradients: G, limit: number): G {
  const where = 'tensor-core.clipByValue';
  checkNumber(where, 'limit', limit, { above: 0 });
  present(where, gradients);
  const cut = (gradient: tf.Tensor): tf.Tensor => gradient.clipByValue(-limit, limit);
  return tf.tidy(() => mapped(gradients, cut) as tf.TensorContainer) as unknown as G;
}

/** min(1, maxNorm / (norm + 1e-6)). */
export function clipFactor(norm: tf.Tensor, maxNorm: number): tf.Tensor {
  return tf.scalar(maxNorm).div(norm.add(NORM_EPSILON)).minimum(1);
}

/** The sum of the squares of all elements of all tensors. */
export function sumOfSquares(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tf.addN(tensors.map((x) => tf.tidy(() => total(x.square()))));
}

/** The sum of all elements, rows first: two short float32 sums lose less than one long one. */
export function total(x: tf.Tensor): tf.Tensor {
  return x.rank > 1 ? x.sum(-1).sum() : x.sum();
}

function present(where: string, gradients: GradientContainer): tf.Tensor[] {
  const tensors = Object.values(gradients).filter((gradient): gradient is tf.Tensor => gradient != null);
  if (tensors.length > 0) return tensors;
  throw new RangeError(`${where}: gradients must hold at least one tensor, got none.`);
}

function mapped<G extends GradientContainer>(gradients: G, change: (gradient: tf.Tensor) => tf.Tensor): G {
  const changed = (gradient: tf.Tensor | null): tf.Tensor | null => (gradient == null ? null : change(gradient));
  if (Array.isArray(gradients)) return gradients.map(changed) as unknown as G;
  return Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, changed(gradient)])) as G;
}
