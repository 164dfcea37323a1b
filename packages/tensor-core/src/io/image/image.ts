// H height, W width, C channels
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, checkShape, ShapeError } from '../../check';

/** A decoded image. */
export interface ImagePixels {
  width: number;
  height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Alpha is not multiplied into the others. */
  channels: 1 | 2 | 3 | 4;
  /** 8 and 16 are integers up to 255 and 65535, 32 is floating point. */
  bitDepth: 8 | 16 | 32;
  /** Row-major [height, width, channels]: Uint8Array, Uint16Array or Float32Array. As stored: not colour-managed. */
  data: Uint8Array | Uint16Array | Float32Array;
}

export interface ImageToTensorOptions {
  /** What 0 and the largest integer become, default [0, 1]. Floating point counts from 0 to 1. */
  range?: readonly [number, number];
  /** 1: luma, see toGrey; 3: RGB, grey repeated. Alpha is dropped. Default: as the image. */
  channels?: 1 | 3;
}

export interface TensorToImageOptions {
  /** The values that become 0 and the largest integer, default [0, 1]. What lies outside is clipped. */
  range?: readonly [number, number];
  /** Bits of the image's numbers, default 8; 32 is floating point and clips nothing. */
  bitDepth?: 8 | 16 | 32;
}

/** Luma of ITU-R BT.601, of gamma-encoded red, green, blue. */
const luma = [0.299, 0.587, 0.114] as const;
const arrays = { 8: Uint8Array, 16: Uint16Array, 32: Float32Array } as const;

/** The number that stands for full intensity. */
function fullScale(bitDepth: ImagePixels['bitDepth']): number {
  return bitDepth === 32 ? 1 : 2 ** bitDepth - 1;
}

/**
 * An image as a tensor.
 *
 *   y = low + (high - low) v / m,  m = 255, 65535, or 1 for floating point
 *
 * @param image             see ImagePixels
 * @param options.range     [low, high], default [0, 1]
 * @param options.channels  1 or 3, default those of the image
 * @returns float32 [H, W, C], the caller's
 * @throws ShapeError when the data do not fit the size, TypeError when their array does not fit the bit depth
 */
export function imageToTensor(image: ImagePixels, options: ImageToTensorOptions = {}): tf.Tensor3D {
  const where = 'tensor-core.imageToTensor';
  const { width, height, channels, bitDepth, data } = checkedImage(where, image);
  const [low, high] = checkedRange(where, options.range);
  const wanted = options.channels === undefined ? channels : checkOneOf(where, 'channels', options.channels, [1, 3]);
  const scale = (high - low) / fullScale(bitDepth);
  const pixels = width * height;
  const values = new Float32Array(pixels * wanted);
  if (wanted === channels) {
    for (let i = 0; i < values.length; i++) values[i] = low + scale * data[i]!;
  } else if (wanted === 1 && channels > 2) {
    const [red, green, blue] = luma;
    for (let i = 0, at = 0; i < pixels; i++, at += channels) {
      values[i] = low + scale * (red * data[at]! + green * data[at + 1]! + blue * data[at + 2]!);
    }
  } else {
    const step = channels > 2 ? 1 : 0;
    for (let i = 0; i < pixels; i++) {
      for (let c = 0; c < wanted; c++) values[i * wanted + c] = low + scale * data[i * channels + c * step]!;
    }
  }
  return tf.tensor3d(values, [height, width, wanted]);
}

/**
 * A tensor as an image.
 *
 *   v = m (x - low) / (high - low), rounded to the nearest integer and clipped to 0 … m, m = 255 or 65535;
 *   for 32 bits (x - low) / (high - low)
 *
 * @param x_HWC             [H, W, C] with C 1 to 4, or [H, W]; it stays the caller's
 * @param options.range     [low, high], default [0, 1]
 * @param options.bitDepth  8 (default), 16 or 32
 * @throws ShapeError for other shapes, RangeError when a value is NaN or infinite
 */
export async function tensorToImage(x_HWC: tf.Tensor, options: TensorToImageOptions = {}): Promise<ImagePixels> {
  const where = 'tensor-core.tensorToImage';
  const bitDepth = checkOneOf(where, 'bitDepth', options.bitDepth ?? 8, [8, 16, 32]);
  const [low, high] = checkedRange(where, options.range);
  checkShape(where, 'x', x_HWC, x_HWC.rank === 2 ? [null, null] : [null, null, null]);
  const [height, width, channels = 1] = x_HWC.shape as [number, number, number?];
  if (channels < 1 || channels > 4 || height < 1 || width < 1) {
    throw new ShapeError(argumentMessage(where, 'x', 'have the shape [H, W, C] with C from 1 to 4', x_HWC));
  }
  const values = await x_HWC.data();
  const data = new arrays[bitDepth](values.length);
  const full = fullScale(bitDepth);
  const scale = full / (high - low);
  for (let i = 0; i < values.length; i++) {
    const value = (values[i]! - low) * scale;
    if (!Number.isFinite(value)) {
      throw new RangeError(argumentMessage(where, 'x', 'have finite values', values[i]));
    }
    data[i] = bitDepth === 32 ? value : Math.min(full, Math.max(0, Math.round(value)));
  }
  return { width, height, channels: channels as ImagePixels['channels'], bitDepth, data };
}

/**
 * The luma of RGB values, as the JPEG standard and most data sets' grey versions have it.
 *
 *   y = 0.299 R + 0.587 G + 0.114 B
 *
 * @param x  [..., 3]
 * @returns float32 [..., 1]
 * @throws ShapeError when the last axis has not 3 entries
 * @see ITU-R BT.601-7, section 2.5.1
 */
export function toGrey(x: tf.Tensor): tf.Tensor {
  const last = x.shape.at(-1);
  if (last !== 3) {
    const fix = 'Slice the alpha channel off first.';
    throw new ShapeError(argumentMessage('tensor-core.toGrey', 'x', 'have the shape [..., 3]', x, fix));
  }
  return tf.tidy(() => {
    const weights = tf.tensor2d([...luma], [3, 1]);
    return tf.reshape(tf.matMul(tf.reshape(tf.cast(x, 'float32'), [-1, 3]), weights), [...x.shape.slice(0, -1), 1]);
  });
}

/** The image, if its fields fit together. */
export function checkedImage(where: string, image: ImagePixels): ImagePixels {
  const { width, height, channels, bitDepth, data } = image;
  checkNumber(where, 'width', width, { min: 1, integer: true });
  checkNumber(where, 'height', height, { min: 1, integer: true });
  checkOneOf(where, 'channels', channels, [1, 2, 3, 4]);
  const type = arrays[checkOneOf(where, 'bitDepth', bitDepth, [8, 16, 32])];
  if (!(data instanceof type)) {
    throw new TypeError(argumentMessage(where, 'data', `be a ${type.name} for bitDepth ${bitDepth}`, data));
  }
  if (data.length !== width * height * channels) {
    const requirement = `have the ${width * height * channels} elements of [${height}, ${width}, ${channels}]`;
    throw new ShapeError(argumentMessage(where, 'data', requirement, data));
  }
  return image;
}

function checkedRange(where: string, range: readonly [number, number] = [0, 1]): readonly [number, number] {
  const low = checkNumber(where, 'range[0]', range[0]);
  const high = checkNumber(where, 'range[1]', range[1]);
  if (low === high) throw new RangeError(argumentMessage(where, 'range', 'have two different ends', range));
  return [low, high];
}
