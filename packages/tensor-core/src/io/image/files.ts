import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, FormatError } from '../../check';
import { pathOf, unusable, type FilePath } from '../file-access';
import { writeFileAtomic } from '../files';
import { checkedImage, tensorToImage, type ImagePixels, type TensorToImageOptions } from './image';
import type { DecodeImageOptions } from './decode';
import { checkPngEnd, imageFormatOf } from './format';
import { importOptional } from '../../check/optional-import';
import { writeTiff } from './tiff';

export interface ReadImageOptions extends DecodeImageOptions {
  /** Which image of a TIFF file with several, default 0. */
  page?: number;
  /** Imports sharp, default `() => import('sharp')`. */
  load?: () => Promise<unknown>;
}

export interface WriteImageOptions extends TensorToImageOptions {
  /** Of JPEG, 1 to 100, default 95. */
  quality?: number;
  /** Imports sharp, default `() => import('sharp')`. Not needed for TIFF. */
  load?: () => Promise<unknown>;
}

/** What is used of sharp. Written down here, so that the types of the package need no sharp. */
interface Pipeline {
  metadata(): Promise<{ space?: string; depth?: string; channels?: number; pages?: number }>;
  autoOrient(): Pipeline;
  toColourspace(space: string): Pipeline;
  raw(options: { depth: string }): Pipeline;
  png(): Pipeline;
  jpeg(options: { quality: number; chromaSubsampling: string }): Pipeline;
  toBuffer(): Promise<Uint8Array>;
  toBuffer(options: {
    resolveWithObject: true;
  }): Promise<{ data: Uint8Array; info: { width: number; height: number } }>;
}
type Sharp = (input: Uint8Array | Uint16Array, options: object) => Pipeline;

/** Spaces of which the numbers are taken as they are. */
const spaces = ['b-w', 'grey16', 'srgb', 'rgb', 'rgb16', 'scrgb'];
const depths: Record<string, 8 | 16 | 32> = { uchar: 8, ushort: 16, float: 32 };

/**
 * Decodes an image by sharp (libvips): PNG and WebP, JPEG, TIFF of 8, 16 and 32 (floating point) bits.
 *
 * The numbers are those of the file: not colour-managed (profiles are ignored), alpha not multiplied in, palettes
 * expanded, grey kept as one channel, 1, 2 and 4 bits scaled to 8. Floating point grey with alpha is not read.
 *
 * @param bytes              the file
 * @param options.orient     turns the image as its EXIF data say, default false
 * @param options.page       of a TIFF file with several images, default 0
 * @param options.maxPixels  largest number of pixels that is decoded, default sharp's 16383^2
 * @throws FormatError when the image is truncated, corrupt, too large or of another format or colour space (CMYK, Lab);
 *   Error when sharp is not installed
 */
export async function decodeImageBytes(bytes: Uint8Array, options: ReadImageOptions = {}): Promise<ImagePixels> {
  return decode('tensor-core.decodeImageBytes', bytes, options);
}

/**
 * Reads an image file, see decodeImageBytes.
 *
 * @param path  path or file: URL
 * @throws FormatError naming the file, Error when it cannot be read
 */
export async function readImageFile(path: FilePath, options: ReadImageOptions = {}): Promise<ImagePixels> {
  const file = pathOf(path);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw unusable('readImageFile', 'read', file, cause);
  });
  try {
    return await decode('tensor-core.readImageFile', bytes, options);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${file}: ${cause.message}`, { cause });
  }
}

async function decode(where: string, bytes: Uint8Array, options: ReadImageOptions): Promise<ImagePixels> {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes));
  const limits = { min: 1, integer: true };
  const maxPixels = checkNumber(where, 'maxPixels', options.maxPixels ?? 0x3fff ** 2, limits);
  const page = checkNumber(where, 'page', options.page ?? 0, { min: 0, integer: true });
  const format = imageFormatOf(where, bytes);
  if (format === 'PNG') checkPngEnd(where, bytes);
  const sharp = await loadSharp(where, options.load);
  const input = { ignoreIcc: true, failOn: 'error', limitInputPixels: maxPixels, ...(format === 'TIFF' && { page }) };
  const asking = async <T>(call: Promise<T>): Promise<T> =>
    call.catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message.trim() : String(cause);
      const fix = /pixel limit/.test(reason)
        ? 'Raise maxPixels if you trust the source'
        : 'It is truncated, corrupt or of a rare kind';
      throw new FormatError(`${where}: the ${format} image could not be decoded (${reason}). ${fix}.`, { cause });
    });
  const { space = '', depth = '', channels = 0 } = await asking(sharp(bytes, input).metadata());
  const bitDepth = depths[depth];
  const floatingAlpha = bitDepth === 32 && channels === 2;
  if (bitDepth === undefined || !spaces.includes(space) || channels < 1 || channels > 4 || floatingAlpha) {
    const got = `${channels} channels of ${depth} in the space ${space}`;
    throw new FormatError(
      `${where}: the ${format} image must be grey or RGB of 8 or 16 bits or floating point, got ${got}.`,
    );
  }
  // sharp drops the alpha of 8-bit grey, but not of 16-bit grey, which has 257 times the value.
  const widened = space === 'b-w' && channels === 2;
  const pipeline = options.orient ? sharp(bytes, input).autoOrient() : sharp(bytes, input);
  const raw = pipeline.toColourspace(widened ? 'grey16' : space).raw({ depth: widened ? 'ushort' : depth });
  const { data, info } = await asking(raw.toBuffer({ resolveWithObject: true }));
  const { buffer } = new Uint8Array(data);
  const { width, height } = info;
  const numbers =
    bitDepth === 32
      ? new Float32Array(buffer)
      : bitDepth === 16
        ? new Uint16Array(buffer)
        : widened
          ? Uint8Array.from(new Uint16Array(buffer), (value) => value / 257)
          : new Uint8Array(buffer);
  return checkedImage(where, { width, height, channels: channels as ImagePixels['channels'], bitDepth, data: numbers });
}

/**
 * Writes an image, atomically: PNG of 8 or 16 bits, JPEG of 8 without alpha, TIFF of 8, 16 or 32, not compressed.
 *
 * @param path              path or file: URL that ends with .png, .jpg, .jpeg, .tif or .tiff; its directory must exist
 * @param image             an image, or a tensor [H, W, C] or [H, W], see tensorToImage
 * @param options.range     of a tensor, default [0, 1]
 * @param options.bitDepth  of a tensor, default 8
 * @param options.quality   of JPEG, default 95
 * @throws RangeError for another extension, for what the format cannot hold and for values that are not finite; Error
 *   when the file cannot be written or sharp is not installed
 */
export async function writeImageFile(
  path: FilePath,
  image: ImagePixels | tf.Tensor,
  options: WriteImageOptions = {},
): Promise<void> {
  const where = 'tensor-core.writeImageFile';
  const extension = extname(pathOf(path)).slice(1).toLowerCase();
  const format = checkOneOf(where, 'the extension', extension, ['png', 'jpg', 'jpeg', 'tif', 'tiff']);
  const quality = checkNumber(where, 'quality', options.quality ?? 95, { min: 1, max: 100, integer: true });
  const pixels = checkedImage(where, image instanceof tf.Tensor ? await tensorToImage(image, options) : image);
  const { width, height, channels, bitDepth, data } = pixels;
  if (format === 'tif' || format === 'tiff') return writeFileAtomic(path, writeTiff(pixels));
  if (data instanceof Float32Array || (format !== 'png' && (bitDepth !== 8 || channels % 2 === 0))) {
    const holds = format === 'png' ? 'have 8 or 16 bits for PNG' : 'have 8 bits and 1 or 3 channels for JPEG';
    throw new RangeError(`${where}: the image must ${holds}, got ${bitDepth} bits and ${channels} channels.`);
  }
  const sharp = await loadSharp(where, options.load);
  const space = bitDepth === 16 ? (channels > 2 ? 'rgb16' : 'grey16') : channels > 2 ? 'srgb' : 'b-w';
  const pipeline = sharp(data, { raw: { width, height, channels } }).toColourspace(space);
  const encoded = format === 'png' ? pipeline.png() : pipeline.jpeg({ quality, chromaSubsampling: '4:4:4' });
  await writeFileAtomic(path, await encoded.toBuffer());
}

async function loadSharp(where: string, load: (() => Promise<unknown>) | undefined): Promise<Sharp> {
  return ((await importOptional(where, 'sharp', load ?? (() => import('sharp')))) as { default: Sharp }).default;
}
