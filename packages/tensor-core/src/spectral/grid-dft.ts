// B images, P parts (2, real and imaginary), H height, W width, M = floor(W / 2) + 1 columns of a real image's spectrum
import * as tf from '@tensorflow/tfjs';
import { firstOf, leftMatrix, rightMatrix, type Side, type Span } from './dft-matrix';
import { LARGEST_UNMIRRORED, strategyOf } from './dft-strategy';
import { halfLength } from './fft-plan';
import { lineDft, realLineDft, realLineInverse } from './line-dft';
import { conjugation } from './phases';

/** The left half of the spectra of real images: [B, H, W] to [B, 2, H, M]. */
export function realGridDft(x_BHW: tf.Tensor3D, scale: number): tf.Tensor4D {
  const [b, h, w] = x_BHW.shape;
  const lines = realLineDft(x_BHW.reshape([b * h, w]), 1);
  return columnsOutside(lines.reshape([b, h, 2, halfLength(w)]), -1, scale);
}

/** The real images with the given left half of their spectra: [B, 2, H, M] to [B, H, W]. */
export function realGridInverse(x_BPHM: tf.Tensor4D, w: number, scale: number): tf.Tensor3D {
  const [b, , h, m] = x_BPHM.shape;
  const columns = columnsInside(x_BPHM, 1, scale);
  return realLineInverse(columns.reshape([b * h, 2, m]), w, 1).reshape([b, h, w]);
}

/** All coefficients of real images: [B, H, W] to [B, 2, H, W]. */
export function fullRealGridDft(x_BHW: tf.Tensor3D, scale: number): tf.Tensor4D {
  const [b, h, w] = x_BHW.shape;
  if (w <= LARGEST_UNMIRRORED) {
    return columnsOutside(lineDft(x_BHW.reshape([b * h, 1, w]), -1, 1).reshape([b, h, 2, w]), -1, scale);
  }
  return mirroredGrid(realGridDft(x_BHW, scale), w);
}

/** Complex images, [B, 2, H, W] to [B, H, 2, W]: the parts end up next to the rows. */
export function gridDft(x_BPHW: tf.Tensor4D, sign: 1 | -1, scale: number): tf.Tensor4D {
  const [b, , h, w] = x_BPHW.shape;
  const columns = columnsInside(x_BPHW, sign, scale);
  return lineDft(columns.reshape([b * h, 2, w]), sign, 1).reshape([b, h, 2, w]);
}

/** The rows of lowest frequency, both signs, and the first columns of a spectrum. */
export interface Kept {
  rows: Span;
  columns: number;
}

/** The kept part of the spectra of real images: [B, H, W] to [B, 2, rows, columns]. */
export function truncatedGridDft(x_BHW: tf.Tensor3D, { rows, columns }: Kept, scale: number): tf.Tensor4D {
  const [b, h, w] = x_BHW.shape;
  const right = rightMatrix({ n: w, sign: -1, scale: 1, from: real(w), to: outside(columns) });
  const lines = x_BHW.reshape<tf.Tensor2D>([b * h, w]).matMul(right);
  const left = leftMatrix({ n: h, sign: -1, scale, from: inside(h), to: { span: rows, parts: 'outside' } });
  return left.matMul(lines.reshape<tf.Tensor3D>([b, 2 * h, columns])).reshape([b, 2, rows.count, columns]);
}

/** The real images whose spectra are zero but for the kept part: [B, 2, rows, columns] to [B, H, W]. */
export function truncatedGridInverse(
  x_BPKM: tf.Tensor4D,
  { rows, columns }: Kept,
  [h, w]: [number, number],
  scale: number,
): tf.Tensor3D {
  const [b] = x_BPKM.shape;
  const left = leftMatrix({ n: h, sign: 1, scale, from: { span: rows, parts: 'outside' }, to: inside(h) });
  const lines = left.matMul(x_BPKM.reshape<tf.Tensor3D>([b, 2 * rows.count, columns]));
  const right = rightMatrix({ n: w, sign: 1, scale: 1, from: outside(columns), to: real(w), mirrored: true });
  return lines
    .reshape<tf.Tensor2D>([b * h, 2 * columns])
    .matMul(right)
    .reshape([b, h, w]);
}

const outside = (count: number): Side => ({ span: firstOf(count), parts: 'outside' });
const inside = (count: number): Side => ({ span: firstOf(count), parts: 'inside' });
const real = (count: number): Side => ({ span: firstOf(count), parts: null });

/** Along H: [B, H, 2, W] to [B, 2, H, W]. With the parts inside, the rows of both are those of one matrix. */
function columnsOutside(x_BHPW: tf.Tensor4D, sign: 1 | -1, scale: number): tf.Tensor4D {
  const [b, h, , w] = x_BHPW.shape;
  if (strategyOf(h).kind === 'direct') {
    const matrix = leftMatrix({ n: h, sign, scale, from: inside(h), to: outside(h) });
    return matrix.matMul(x_BHPW.reshape<tf.Tensor3D>([b, 2 * h, w])).reshape([b, 2, h, w]);
  }
  const lines = x_BHPW.transpose([0, 3, 2, 1]).reshape<tf.Tensor3D>([b * w, 2, h]);
  return lineDft(lines, sign, scale).reshape<tf.Tensor4D>([b, w, 2, h]).transpose([0, 2, 3, 1]);
}

/** Along H: [B, 2, H, W] to [B, H, 2, W]. */
function columnsInside(x_BPHW: tf.Tensor4D, sign: 1 | -1, scale: number): tf.Tensor4D {
  const [b, , h, w] = x_BPHW.shape;
  if (strategyOf(h).kind === 'direct') {
    const matrix = leftMatrix({ n: h, sign, scale, from: outside(h), to: inside(h) });
    return matrix.matMul(x_BPHW.reshape<tf.Tensor3D>([b, 2 * h, w])).reshape([b, h, 2, w]);
  }
  const lines = x_BPHW.transpose([0, 3, 1, 2]).reshape<tf.Tensor3D>([b * w, 2, h]);
  return lineDft(lines, sign, scale).reshape<tf.Tensor4D>([b, w, 2, h]).transpose([0, 3, 2, 1]);
}

/** The right half by X_(-k,-l) = conj X_kl: [B, 2, H, M] to [B, 2, H, W]. */
function mirroredGrid(x_BPHM: tf.Tensor4D, w: number): tf.Tensor4D {
  const [b, , h, m] = x_BPHM.shape;
  const first = x_BPHM.slice([0, 0, 0, 1], [b, 2, 1, w - m]);
  const others = h > 1 ? [x_BPHM.slice([0, 0, 1, 1], [b, 2, h - 1, w - m]).reverse(2)] : [];
  const right = tf
    .concat([first, ...others], 2)
    .reverse(3)
    .mul(conjugation().reshape([2, 1, 1]));
  return tf.concat<tf.Tensor4D>([x_BPHM, right as tf.Tensor4D], 3);
}
