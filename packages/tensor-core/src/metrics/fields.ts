// B samples, H rows, W columns, C fields; axes are those of one field of one sample.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';

/** Options of the errors of fields. */
export interface FieldErrorOptions {
  /** The axes of space, over which errors are averaged; default [1, 2], those of [B, H, W, C]. */
  axes?: readonly number[];
  /** Added to the denominator, in squared units; default 1e-7. */
  eps?: number;
}

const DEFAULT_EPS = 1e-7;

/** Root mean square error of each field: sqrt(mean((x - y)^2)). @returns the shape without `axes`. See nmse. */
export function rmse(prediction: tf.Tensor, target: tf.Tensor, options: FieldErrorOptions = {}): tf.Tensor {
  const axes = checkFields('tensor-core.rmse', prediction, target, options);
  return tf.tidy(() => meanSquare(prediction, target, axes).sqrt());
}

/**
 * Normalised mean square error of each field.
 *
 *   NMSE = mean((x - y)^2) / (mean(y^2) + eps)
 *
 * @param prediction  x, such as [B, H, W, C]
 * @param target      y, of the same shape
 * @returns the shape without `axes`, such as [B, C]; its mean is the loss that Multiple Physics Pretraining trains with
 * @throws ShapeError when shapes differ; RangeError when an axis is none of them, or eps < 0
 * @see McCabe et al., 2023, arXiv:2310.02994
 */
export function nmse(prediction: tf.Tensor, target: tf.Tensor, options: FieldErrorOptions = {}): tf.Tensor {
  const axes = checkFields('tensor-core.nmse', prediction, target, options);
  const eps = options.eps ?? DEFAULT_EPS;
  return tf.tidy(() => meanSquare(prediction, target, axes).div(target.square().mean(axes).add(eps)));
}

/** Normalised root mean square error of each field, sqrt(nmse); see nmse. */
export function nrmse(prediction: tf.Tensor, target: tf.Tensor, options: FieldErrorOptions = {}): tf.Tensor {
  checkFields('tensor-core.nrmse', prediction, target, options);
  return tf.tidy(() => nmse(prediction, target, options).sqrt());
}

/**
 * Variance-scaled root mean square error of each field: predicting the field's mean scores about 1.
 *
 *   VRMSE = sqrt(mean((x - y)^2) / (var(y) + eps)),  var with N - 1
 *
 * @param prediction  x, such as [B, H, W, C]
 * @param target      y, of the same shape, with at least two points in space
 * @returns the shape without `axes`, such as [B, C]
 * @throws ShapeError when shapes differ or space is one point; RangeError when an axis is none of them, or eps < 0
 * @see Ohana et al., 2024, "The Well", arXiv:2412.00568
 */
export function vrmse(prediction: tf.Tensor, target: tf.Tensor, options: FieldErrorOptions = {}): tf.Tensor {
  const where = 'tensor-core.vrmse';
  const axes = checkFields(where, prediction, target, options);
  const points = axes.reduce((product, axis) => product * target.shape[axis]!, 1);
  if (points < 2) throw new ShapeError(argumentMessage(where, 'target', 'have at least two points in space', target));
  return tf.tidy(() => {
    // The mean is taken away first: fields of large offset would cancel in float32.
    const variance = target
      .sub(target.mean(axes, true))
      .square()
      .sum(axes)
      .div(points - 1);
    return meanSquare(prediction, target, axes)
      .div(variance.add(options.eps ?? DEFAULT_EPS))
      .sqrt();
  });
}

/** Largest absolute error of each field. @returns the shape without `axes`. See nmse. */
export function maxError(prediction: tf.Tensor, target: tf.Tensor, options: FieldErrorOptions = {}): tf.Tensor {
  const axes = checkFields('tensor-core.maxError', prediction, target, options);
  return tf.tidy(() => prediction.sub(target).abs().max(axes));
}

function meanSquare(x: tf.Tensor, y: tf.Tensor, axes: number[]): tf.Tensor {
  return tf.squaredDifference(x, y).mean(axes);
}

/** The axes, counted from the front. */
function checkFields(where: string, x: tf.Tensor, y: tf.Tensor, { axes = [1, 2], eps }: FieldErrorOptions): number[] {
  if (String(x.shape) !== String(y.shape)) {
    throw new ShapeError(argumentMessage(where, 'prediction', `have shape [${y.shape.join(', ')}]`, x));
  }
  if (eps !== undefined) checkNumber(where, 'eps', eps, { min: 0 });
  if (axes.length === 0) throw new RangeError(argumentMessage(where, 'axes', 'name at least one axis', axes));
  const counted = axes.map((axis) => {
    checkNumber(where, 'axes', axis, { min: -y.rank, max: y.rank - 1, integer: true });
    return axis < 0 ? axis + y.rank : axis;
  });
  if (new Set(counted).size < axes.length) throw new RangeError(argumentMessage(where, 'axes', 'differ', axes));
  return counted;
}
