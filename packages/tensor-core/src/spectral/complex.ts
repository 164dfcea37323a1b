import * as tf from '@tensorflow/tfjs';
import { argumentMessage, describeValue, ShapeError } from '../check';

/** Complex numbers on the device: two float32 tensors of one shape, real and imaginary parts. */
export type Complex = {
  re: tf.Tensor;
  im: tf.Tensor;
};

/** What transforms take: a real tensor, or a complex one as its parts. */
export type Signal = tf.Tensor | Complex;

/** The product a b; shapes broadcast. */
export function complexMultiply(a: Complex, b: Complex): Complex {
  return tf.tidy(() => ({
    re: a.re.mul(b.re).sub(a.im.mul(b.im)),
    im: a.re.mul(b.im).add(a.im.mul(b.re)),
  }));
}

/** |z|^2 = re^2 + im^2. */
export function squaredModulus({ re, im }: Complex): tf.Tensor {
  return tf.tidy(() => re.square().add(im.square()));
}

/** The float32 parts of a signal, `im` null for a real one, with every check that a transform needs. */
export function partsOf(where: string, x: Signal): { re: tf.Tensor; im: tf.Tensor | null; shape: number[] } {
  if (isComplex(x)) {
    const [re, im] = [floatOf(where, 'x.re', x.re), floatOf(where, 'x.im', x.im)];
    if (!tf.util.arraysEqual(re.shape, im.shape)) {
      throw new ShapeError(argumentMessage(where, 'x.re', `have the shape of x.im (${describeValue(im)})`, re));
    }
    return { re, im, shape: re.shape };
  }
  const re = floatOf(where, 'x', x);
  return { re, im: null, shape: re.shape };
}

/** A non-empty tensor of numbers as float32. @throws TypeError, ShapeError for anything else */
export function floatOf(where: string, name: string, x: tf.Tensor): tf.Tensor {
  if (!((x as unknown) instanceof tf.Tensor)) {
    throw new TypeError(argumentMessage(where, name, 'be a tensor', x, 'Complex values are pairs { re, im }.'));
  }
  if (x.dtype === 'complex64' || x.dtype === 'string') {
    const fix = x.dtype === 'complex64' ? 'Pass { re: tf.real(x), im: tf.imag(x) }.' : '';
    throw new TypeError(argumentMessage(where, name, 'have real numbers', x, fix));
  }
  if (x.size === 0) throw new ShapeError(argumentMessage(where, name, 'have no axis of length 0', x));
  return x.dtype === 'float32' ? x : x.toFloat();
}

function isComplex(x: Signal): x is Complex {
  return typeof x === 'object' && x !== null && !(x instanceof tf.Tensor) && 're' in x && 'im' in x;
}
