import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import { bernoulli, type Key } from '../random';
import { trainingKey } from './keys';
import { Module } from './module';

/**
 * Sets each number to 0 with probability p, in training only, and scales the others by 1 / (1 - p) so that the mean
 * stays, as torch.nn.Dropout.
 *
 * @see Srivastava et al., 2014, JMLR 15, 1929
 */
export class Dropout extends Module {
  /** @param p  in [0, 1) @throws RangeError when it is outside */
  constructor(readonly p: number) {
    super();
    checkNumber('tensor-core.Dropout', 'p', p, { min: 0, below: 1 });
  }

  /**
   * @param key  used for this draw only; without effect in evaluation or with p = 0
   * @returns of x's shape
   * @throws TypeError when the key is missing in training with p > 0
   */
  forward(x: tf.Tensor, key?: Key): tf.Tensor {
    if (!this.training || this.p === 0) return x.clone();
    return dropped(x, x.shape, this.p, trainingKey('tensor-core.Dropout.forward', key));
  }
}

/** Options of DropPath. */
export interface DropPathOptions {
  /** The axis of the examples, default 0. */
  axis?: number;
}

/**
 * Stochastic depth: sets all of an example to 0 with probability p, in training only, and scales the other examples by
 * 1 / (1 - p). It stands at the end of a residual branch.
 *
 * @see Huang et al., 2016, arXiv:1603.09382
 */
export class DropPath extends Module {
  private readonly axis: number;

  /** @param p  in [0, 1) @throws RangeError when it is outside, or the axis is not a natural number */
  constructor(
    readonly p: number,
    { axis = 0 }: DropPathOptions = {},
  ) {
    super();
    checkNumber('tensor-core.DropPath', 'p', p, { min: 0, below: 1 });
    this.axis = checkNumber('tensor-core.DropPath', 'axis', axis, { min: 0, integer: true });
  }

  /**
   * @param key  used for this draw only; without effect in evaluation or with p = 0
   * @returns of x's shape
   * @throws TypeError when the key is missing in training with p > 0, RangeError when x has no such axis
   */
  forward(x: tf.Tensor, key?: Key): tf.Tensor {
    if (!this.training || this.p === 0) return x.clone();
    const where = 'tensor-core.DropPath.forward';
    const drawing = trainingKey(where, key);
    if (this.axis >= x.rank) throw new RangeError(argumentMessage(where, 'x', `have an axis ${this.axis}`, x));
    const shape = x.shape.map((length, axis) => (axis === this.axis ? length : 1));
    return dropped(x, shape, this.p, drawing);
  }
}

/** x times one draw for each element of `shape`, which is 0 or 1 / (1 - p). */
function dropped(x: tf.Tensor, shape: readonly number[], p: number, key: Key): tf.Tensor {
  return tf.tidy(() =>
    x.mul(
      bernoulli(key, shape, 1 - p)
        .toFloat()
        .mul(1 / (1 - p)),
    ),
  );
}
