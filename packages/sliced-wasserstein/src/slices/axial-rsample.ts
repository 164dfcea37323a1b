// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import { backend, check, type random } from '@tfsci/tensor-core';
import type { AxialDraw, AxialGradient } from './axial-draw';
import { norm } from './unit-rows';

const { argumentMessage, BackendError, checkNumber, checkShape } = check;

/** The exponential of more is no float64. */
const LARGEST_LOG = 709;

/** Parameters of `rsample` as tensors. */
export interface AxialParameters {
  /** log kappa; default that of the distribution. */
  logKappa?: tf.Scalar;
  /** [d], of any norm but 0; default that of the distribution. */
  mu?: tf.Tensor1D;
}

/** What drawing and differentiating take of a distribution. */
interface Drawable {
  dim: number;
  with(parameters: { mu?: ArrayLike<number>; kappa?: number }): Drawable;
  draw(count: number, key: random.Key): AxialDraw;
  pullback(draw: AxialDraw, gradient: ArrayLike<number>): AxialGradient;
}

/** Slices as a float32 tensor, [L, d]. */
export function slicesTensor({ theta }: AxialDraw, dim: number): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(theta), [theta.length / dim, dim]);
}

/** See `AxialDistribution.rsample`; the draw's arguments are checked. */
export function differentiableSlices(
  where: string,
  distribution: Drawable,
  { count, key }: { count: number; key: random.Key },
  { logKappa, mu }: AxialParameters,
): tf.Tensor2D {
  const { dim } = distribution;
  const inputs = [logKappa, mu].filter((tensor) => tensor !== undefined);
  if (inputs.length === 0) return slicesTensor(distribution.draw(count, key), dim);
  if (!backend.capabilities().readsSynchronously) {
    const wanted = 'read tensors at once, as parameters are read to draw with them';
    throw new BackendError(argumentMessage(where, 'the backend', wanted, tf.getBackend()));
  }
  const given: { mu?: ArrayLike<number>; kappa?: number } = {};
  if (mu !== undefined) given.mu = checkShape(where, 'mu', mu, [dim]).dataSync();
  if (logKappa !== undefined) given.kappa = kappaOf(where, logKappa);
  const drawnFrom = distribution.with(given);
  const draw = drawnFrom.draw(count, key);
  const length = given.mu === undefined ? 1 : norm(given.mu);
  const withGradient = tf.customGrad(() => ({
    value: slicesTensor(draw, dim),
    gradFunc: (dTheta_Ld: tf.Tensor) => {
      const gradient = drawnFrom.pullback(draw, dTheta_Ld.dataSync());
      const gradients: tf.Tensor[] = [];
      if (logKappa !== undefined) gradients.push(tf.scalar(gradient.logKappa));
      if (mu !== undefined) gradients.push(tf.tensor1d(Float32Array.from(gradient.mu, (g) => g / length)));
      return gradients;
    },
  }));
  return withGradient(...inputs) as tf.Tensor2D;
}

function kappaOf(where: string, logKappa: tf.Scalar): number {
  const [value] = checkShape(where, 'logKappa', logKappa, []).dataSync();
  return Math.exp(checkNumber(where, 'logKappa', value, { max: LARGEST_LOG }));
}
