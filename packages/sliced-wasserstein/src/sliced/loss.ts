// N samples of a batch, D numbers of each, L slices
import * as tf from '@tensorflow/tfjs';
import { backend, check, random } from '@tfsci/tensor-core';
import { checkOrder, cloudTensor } from '../cloud';
import { drawSlices, type SliceOptions } from '../slices/slices';
import { transportPlan } from '../transport/transport-plan';
import { checkCosts, meanSlicedCost } from './mean-sliced-cost';

const { argumentMessage, BackendError, checkNumber, ShapeError } = check;
const WHERE = 'sliced-wasserstein.swLoss';

export interface SwLossOptions extends SliceOptions {
  /** p >= 1, default 2 */
  p?: number;
  /** Calls that were made before, default 0: a training that was stopped goes on with the slices it would have had. */
  firstCall?: number;
}

/** A loss as `model.compile` takes it. */
export interface SwLoss {
  /**
   * @param yTrue  [n, ...]
   * @param yPred  [m, ...], of the same trailing lengths
   * @returns scalar []
   */
  (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Scalar;
  /** Calls so far, `firstCall` included. */
  readonly calls: number;
}

/**
 * A loss that compares a batch of samples with a batch of data as two clouds: which sample belongs to which is free.
 *
 *   SW_p^p(yPred, yTrue) in L slices, fresh ones at each call
 *
 * Trailing axes are flattened. Differentiable in both. Call number c, counted from 0, draws its slices with foldIn(key, c).
 *
 * @throws TypeError, RangeError for p < 1, a broken firstCall and a missing key, needed unless slices are given; from the
 *   loss, TypeError, ShapeError, RangeError for what are no batches of finite numbers of the same sizes, BackendError in a
 *   compiled function for slices that are neither given nor of the sampler 'uniform'
 * @see Deshpande, Zhang & Schwing, 2018, "Generative modeling using the sliced Wasserstein distance", arXiv:1803.11188
 * @remarks A compiled function has fresh slices at each of its runs, those that it would have if it was not compiled. Values on
 *   a graphics card are not checked.
 * @example
 * model.compile({ optimizer: 'adam', loss: swLoss({ slices: 64, key: 0 }) });
 */
export function swLoss(options: SwLossOptions): SwLoss {
  const { p = 2, firstCall = 0, slices = 128, sampler = 'uniform' } = options;
  checkOrder(WHERE, p);
  let calls = checkNumber(WHERE, 'firstCall', firstCall, { min: 0, integer: true });
  const key = typeof slices === 'number' ? random.asKey(WHERE, options.key) : undefined;
  /** Calls that have been recorded, in a run that is not yet counted. */
  let ahead = 0;

  const thetaOf = (dim: number): tf.Tensor2D => {
    if (key === undefined) return drawSlices(WHERE, dim, options).theta;
    if (!backend.isRecording()) return drawSlices(WHERE, dim, { ...options, key: random.foldIn(key, calls) }).theta;
    if (sampler !== 'uniform') {
      const wanted = "be 'uniform' in compiled functions, which draw no others afresh";
      throw new BackendError(argumentMessage(WHERE, 'sampler', wanted, sampler));
    }
    const place = ahead;
    const normals = hostInput([slices as number, dim], (out) => {
      random.fillNormal(random.foldIn(key, calls + place), out);
    });
    return normals.div(normals.norm('euclidean', 1, true));
  };

  /** A compiled function runs once in JavaScript, where it is recorded, and counts at each of its runs. */
  const count = (): void => {
    let recorded = true;
    const counted = backend.afterRun(() => {
      calls++;
      if (recorded) ahead--;
      recorded = false;
    });
    if (counted) ahead++;
    else calls++;
  };

  const loss = (yTrue: tf.Tensor, yPred: tf.Tensor): tf.Scalar =>
    tf.tidy(() => {
      const [x, y] = [batchOf('yPred', yPred), batchOf('yTrue', yTrue)];
      const dim = x.shape[1];
      if (y.shape[1] !== dim) {
        const wanted = `have ${dim} numbers a sample, as yPred has`;
        throw new ShapeError(argumentMessage(WHERE, 'yTrue', wanted, yTrue));
      }
      const plan = transportPlan(WHERE, x.shape[0], y.shape[0]);
      const { mean, costs } = meanSlicedCost({ x, y, theta: thetaOf(dim) }, plan, p, ['x', 'y']);
      count();
      if (backend.readsAtOnce()) checkCosts(WHERE, backend.hostValues([costs])[0]!);
      return mean;
    });
  return Object.defineProperty(loss, 'calls', { get: () => calls }) as unknown as SwLoss;
}

/** A batch as a cloud, [N, D]. */
function batchOf(name: string, batch: tf.Tensor): tf.Tensor2D {
  const wanted = 'be a batch [n, ...] of at least two axes';
  if (!((batch as unknown) instanceof tf.Tensor)) throw new TypeError(argumentMessage(WHERE, name, wanted, batch));
  if (batch.rank < 2 || batch.size === 0) throw new ShapeError(argumentMessage(WHERE, name, wanted, batch));
  return cloudTensor(WHERE, name, batch.reshape<tf.Tensor2D>([batch.shape[0], -1]));
}

/** A tensor that is filled anew at each run of the compiled function that is being recorded. */
function hostInput(shape: [number, number], fill: (out: Float32Array) => void): tf.Tensor2D {
  const active = tf.backend() as random.HostInputBackend;
  return active.hostInput(shape, 'float32', fill).as2D(...shape);
}
