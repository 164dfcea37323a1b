// N points of x, M of y, D coordinates, L great circles
import * as tf from '@tensorflow/tfjs';
import { backend, check, scope } from '@tfsci/tensor-core';
import { checkOrder, type Cloud, cloudTensor, cloudTensors, normalisedWeights, type Weights } from '../cloud';
import { standardError } from '../sliced/standard-error';
import { isTaped, pthRoot } from '../transport/differentiate';
import { circleToUniformCost } from './circle-to-uniform';
import { circleCost, circleMasses } from './circle-transport';
import { type FrameOptions, type Frames, framesOf } from './frames';
import { checkRows, type CircleCost, costsOnCircles } from './great-circles';

const { argumentMessage, BackendError } = check;

interface SphereOptions extends FrameOptions {
  /** Gives the distance instead of its power, default true; for a loss take false: the power has a gradient everywhere. */
  root?: boolean;
  /** Takes the directions x / |x| of points that are not on the sphere, default false: then every row must have norm 1. */
  normalise?: boolean;
}

/** Options of `sphericalSlicedWasserstein`. */
export interface SphericalSlicedWassersteinOptions extends SphereOptions {
  /** p >= 1, default 2 */
  p?: number;
  /** Masses of the points; default equal. */
  weights?: Weights;
}

/** Options of `sphericalSlicedWassersteinToUniform`. */
export interface SphericalToUniformOptions extends SphereOptions {
  /** Masses of the points; default equal. */
  weights?: Pick<Weights, 'a'>;
}

/** A spherical sliced distance, on the host. */
export interface SphericalSlicedWassersteinEstimate {
  /** SSW_p, or SSW_p^p where `root` is false. */
  value: number;
  /** Of `value`, as great circles are drawn at random: the clouds are as they are. NaN for a single one. */
  standardError: number;
  /** W_p^p on each great circle, [L] */
  perSlice: Float64Array;
  /** The frames, L arrays [d, 2]; `slices` of another call takes them. */
  frames: Float32Array[];
}

/**
 * Spherical sliced Wasserstein distance of two clouds on the unit sphere; differentiable in them.
 *
 *   SSW_p^p(x, y) = mean over frames U of W_p^p(P_U x, P_U y),  P_U x = U'x / |U'x|
 *
 * P_U takes a point to the nearest one of the great circle that the two columns of U span; W_p is that of the circle of
 * circumference 1 with its geodesic distance, exactly, so SSW_p <= 1/2. Work on the host, in float64: O(L (n + m) (d +
 * log(n m))) time, O(n + m) memory whatever L is.
 *
 * @param x  [n, d] tensor or rows of norm 1, d >= 2
 * @param y  [m, d]
 * @returns scalar []
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, rows
 *   without norm 1, p < 1, weights that are negative, all 0 or of another number, and frames that are not orthonormal, or to be
 *   drawn without key; BackendError in compiled functions and on backends that cannot be read at once (webgpu)
 * @see Bonet, Berg, Courty, Septier, Drumetz & Pham, 2023, "Spherical Sliced-Wasserstein", arXiv:2206.08780
 * @remarks The plan on each circle is a constant of the gradient, which is along the sphere. A point orthogonal to a great
 *   circle has no nearest one: it goes to coordinate 0, with gradient 0; that has probability 0. Second derivatives are 0.
 * @example
 * const distance = sphericalSlicedWasserstein(x, y, { slices: 200, key: 0 });
 */
export function sphericalSlicedWasserstein(
  x: Cloud,
  y: Cloud,
  options: SphericalSlicedWassersteinOptions = {},
): tf.Scalar {
  const where = 'sliced-wasserstein.sphericalSlicedWasserstein';
  const { p = 2 } = options;
  return differentiable(where, () => pairProblem(where, cloudTensors(where, x, y), options), p, options);
}

/**
 * `sphericalSlicedWasserstein` with its standard error, its frames and the distance on each great circle; on every backend.
 *
 * @throws as `sphericalSlicedWasserstein`, but BackendError in compiled functions alone
 * @example
 * const { value, standardError } = await sphericalSlicedWassersteinDetailed(x, y, { key: 0 });
 */
export async function sphericalSlicedWassersteinDetailed(
  x: Cloud,
  y: Cloud,
  options: SphericalSlicedWassersteinOptions = {},
): Promise<SphericalSlicedWassersteinEstimate> {
  const where = 'sliced-wasserstein.sphericalSlicedWassersteinDetailed';
  const { p = 2, root = true, normalise = false } = options;
  refuseRecording(where);
  return scope(async (own) => {
    // Copies: the clouds themselves may be what was given.
    const clouds = own(
      tf.tidy(() => cloudTensors(where, x, y).map((cloud) => cloud.clone()) as [tf.Tensor2D, tf.Tensor2D]),
    );
    const read = options.slices instanceof tf.Tensor ? await options.slices.data() : undefined;
    const { dim, frames, cost } = pairProblem(where, clouds, options, read);
    const values = await Promise.all(clouds.map((cloud) => cloud.data()));
    values.forEach((rows, c) => checkRows(where, 'xy'[c]!, rows, dim, normalise));
    const perSlice = costsOnCircles(values, dim, frames, cost);
    const mean = perSlice.reduce((sum, one) => sum + one, 0) / perSlice.length;
    const value = root ? mean ** (1 / p) : mean;
    const error = standardError(perSlice, new Array<number>(perSlice.length).fill(1));
    return {
      value,
      // The delta method: the derivative of mean^(1/p). At 0 every circle has cost 0, and so has every other.
      standardError: !root || error === 0 ? error : (error * value ** (1 - p)) / p,
      perSlice,
      frames: Array.from({ length: frames.count }, (_, l) => frames.values.slice(l * dim * 2, (l + 1) * dim * 2)),
    };
  });
}

/**
 * Spherical sliced Wasserstein distance of a cloud to the uniform law on the sphere, for p = 2; differentiable.
 *
 *   SSW_2^2(x, uniform) = mean over frames U of W_2^2(P_U x, uniform)
 *
 * in closed form on each circle (`circleToUniform`), as every projection of the uniform law is uniform. At most 1 / sqrt(12).
 * As a loss it spreads points over the sphere.
 *
 * @param x  [n, d] tensor or rows of norm 1, d >= 2
 * @returns scalar []
 * @throws as `sphericalSlicedWasserstein`
 * @see Bonet, Berg, Courty, Septier, Drumetz & Pham, 2023, "Spherical Sliced-Wasserstein", arXiv:2206.08780
 */
export function sphericalSlicedWassersteinToUniform(x: Cloud, options: SphericalToUniformOptions = {}): tf.Scalar {
  const where = 'sliced-wasserstein.sphericalSlicedWassersteinToUniform';
  return differentiable(where, () => uniformProblem(where, cloudTensor(where, 'x', x), options), 2, options);
}

/** Clouds, the circles that they are projected on, and what is found there. */
interface SphereProblem {
  clouds: tf.Tensor2D[];
  dim: number;
  frames: Frames;
  cost: CircleCost;
}

function pairProblem(
  where: string,
  clouds: [tf.Tensor2D, tf.Tensor2D],
  options: SphericalSlicedWassersteinOptions,
  read?: ArrayLike<number>,
): SphereProblem {
  const { p = 2, weights } = options;
  checkOrder(where, p);
  const [n, dim] = clouds[0].shape;
  const masses = circleMasses(where, n, clouds[1].shape[0], weights);
  const cost: CircleCost = ([u, v], slopes) =>
    circleCost(u!, v!, masses, p, slopes && { u: slopes[0]!, v: slopes[1]! });
  return { clouds, dim, frames: framesOf(where, dim, options, read), cost };
}

function uniformProblem(where: string, x: tf.Tensor2D, options: SphericalToUniformOptions): SphereProblem {
  const [n, dim] = x.shape;
  const masses = normalisedWeights(where, 'weights.a', options.weights?.a, n);
  const cost: CircleCost = ([u], slopes) => circleToUniformCost(u!, masses, slopes?.[0]);
  return { clouds: [x], dim, frames: framesOf(where, dim, options), cost };
}

function differentiable(
  where: string,
  problem: () => SphereProblem,
  p: number,
  { root = true, normalise = false }: SphereOptions,
): tf.Scalar {
  refuseRecording(where);
  if (!backend.capabilities().readsSynchronously) {
    const fix = "Take sphericalSlicedWassersteinDetailed, or useBackend('wasm').";
    throw new BackendError(argumentMessage(where, 'the backend', 'be read at once', tf.getBackend(), fix));
  }
  return tf.tidy(() => {
    const mean = meanOnCircles(where, problem(), normalise);
    return root ? pthRoot(mean, p) : mean;
  });
}

/** Mean of the costs, with its gradient found on the way where one may be asked for. */
function meanOnCircles(where: string, { clouds, dim, frames, cost }: SphereProblem, normalise: boolean): tf.Scalar {
  const taped = isTaped();
  const mean = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const inputs = args as tf.Tensor2D[];
    const values = backend.hostValues(inputs);
    values.forEach((rows, c) => checkRows(where, 'xy'[c]!, rows, dim, normalise));
    const gradients = taped ? values.map((rows) => new Float64Array(rows.length)) : undefined;
    const costs = costsOnCircles(values, dim, frames, cost, gradients);
    if (gradients) save(gradients.map((of, c) => tf.tensor2d(Float32Array.from(of), inputs[c]!.shape)));
    return {
      value: tf.scalar(costs.reduce((sum, one) => sum + one, 0) / costs.length),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => saved.map((gradient) => gradient.mul(dy)),
    };
  });
  return mean(...clouds);
}

function refuseRecording(where: string): void {
  if (!backend.isRecording()) return;
  const fix = 'Compute it outside of the compiled function.';
  throw new BackendError(argumentMessage(where, 'values of x', 'be read at once', 'a call while jit records', fix));
}
