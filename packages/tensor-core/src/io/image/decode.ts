import { argumentMessage, checkNumber, FormatError } from '../../check';
import type { ImagePixels } from './image';
import { checkPngEnd, imageFormatOf, withoutExif } from './format';

export interface DecodeImageOptions {
  /** Turns the image as its EXIF data say, default false: rows and columns as stored. */
  orient?: boolean;
  /** Largest number of pixels that is decoded, default 2^28. */
  maxPixels?: number;
}

/**
 * Decodes a PNG, JPEG or WebP image by the browser, 8 bits a channel, without colour management.
 *
 * On Node, and for 16 bits and TIFF: decodeImageBytes or readImageFile of '@tfsci/tensor-core/node'.
 *
 * @param bytes              the file
 * @param options.orient     default false
 * @param options.maxPixels  default 2^28
 * @returns RGB, or RGB and alpha when a pixel is not opaque, also for grey images. Of translucent pixels the colours
 *   are rounded, as canvases keep them multiplied by alpha
 * @throws FormatError when the image is truncated, corrupt, too large or of another format; Error outside of browsers
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeImageOptions = {}): Promise<ImagePixels> {
  const where = 'tensor-core.decodeImage';
  const maxPixels = checkNumber(where, 'maxPixels', options.maxPixels ?? 2 ** 28, { min: 1, integer: true });
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes, 'Pass new Uint8Array(arrayBuffer).'));
  }
  const format = imageFormatOf(where, bytes);
  if (format === 'TIFF') throw new FormatError(`${where}: the image must be PNG, JPEG or WebP in a browser, got TIFF.`);
  if (format === 'PNG') checkPngEnd(where, bytes);
  if (typeof createImageBitmap === 'undefined' || typeof OffscreenCanvas === 'undefined') {
    const fix = "On Node, use decodeImageBytes of '@tfsci/tensor-core/node'.";
    throw new Error(`${where}: there must be a browser with createImageBitmap and OffscreenCanvas. ${fix}`);
  }
  const type = `image/${format.toLowerCase()}`;
  const blob = new Blob([options.orient ? new Uint8Array(bytes) : withoutExif(format, bytes)], { type });
  const raw = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;
  const bitmap = await createImageBitmap(blob, raw).catch((cause: unknown) => {
    throw new FormatError(`${where}: the ${format} image must be whole. It is truncated or corrupt.`, { cause });
  });
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) {
      const fix = 'Raise maxPixels if you trust the source.';
      throw new FormatError(
        `${where}: the image must have at most ${maxPixels} pixels, but has ${width} x ${height}. ${fix}`,
      );
    }
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error(`${where}: there must be a 2D canvas of ${width} x ${height} pixels.`);
    context.drawImage(bitmap, 0, 0);
    return withoutOpaqueAlpha(width, height, context.getImageData(0, 0, width, height).data);
  } finally {
    bitmap.close();
  }
}

/** RGB where all pixels are opaque, else RGBA. */
function withoutOpaqueAlpha(width: number, height: number, rgba: Uint8ClampedArray): ImagePixels {
  const pixels = width * height;
  let opaque = true;
  for (let i = 0; i < pixels && opaque; i++) opaque = rgba[4 * i + 3] === 255;
  if (!opaque) return { width, height, channels: 4, bitDepth: 8, data: Uint8Array.from(rgba) };
  const data = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) for (let c = 0; c < 3; c++) data[3 * i + c] = rgba[4 * i + c]!;
  return { width, height, channels: 3, bitDepth: 8, data };
}
