import '@tfsci/backend-onnx';
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../src/backend';
import { FormatError, ShapeError } from '../src/check';
import { imageToTensor, tensorToImage, toGrey, type ImagePixels } from '../src/io/image/image';
import { decodeImage } from '../src/io/image/decode';
import { withoutExif } from '../src/io/image/format';
import { backendsUnderTest, finiteDifferences } from '../src/testing';
import { numbers, values } from './values';

// One float32 rounding of numbers up to 255, relative.
const ROUNDING = { rtol: 2e-7, atol: 1e-7 };
// Sums of three float32 products in another order.
const SUM_OF_THREE = { rtol: 1e-6, atol: 1e-6 };

const image = (channels: 1 | 2 | 3 | 4, data: ImagePixels['data'], bitDepth: 8 | 16 | 32 = 8): ImagePixels => ({
  width: data.length / channels,
  height: 1,
  channels,
  bitDepth,
  data,
});

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe('imageToTensor', () => {
    it('maps 0 and full intensity to the ends of the range', () => {
      const eight = image(1, Uint8Array.of(0, 51, 255));
      expect(imageToTensor(eight)).toBeAllclose([[[0], [0.2], [1]]], ROUNDING);
      expect(imageToTensor(eight, { range: [-1, 1] })).toBeAllclose([[[-1], [-0.6], [1]]], ROUNDING);
      expect(imageToTensor(image(1, Uint16Array.of(0, 13107, 65535), 16), { range: [0, 255] })).toBeAllclose(
        [[[0], [51], [255]]],
        ROUNDING,
      );
      expect(imageToTensor(image(1, Float32Array.of(-3, 0.5, 7), 32))).toBeAllclose([[[-3], [0.5], [7]]], ROUNDING);
    });

    it('is [H, W, C] with the rows of the image', () => {
      const data = Uint8Array.from({ length: 12 }, (_, i) => 5 * i);
      const tensor = imageToTensor({ width: 3, height: 2, channels: 2, bitDepth: 8, data }, { range: [0, 255] });
      expect(tensor.shape).toEqual([2, 3, 2]);
      expect(tensor).toBeAllclose(
        [
          [
            [0, 5],
            [10, 15],
            [20, 25],
          ],
          [
            [30, 35],
            [40, 45],
            [50, 55],
          ],
        ],
        ROUNDING,
      );
    });

    it('makes grey and RGB of each other, and drops alpha', () => {
      const range = [0, 255] as const;
      const rgba = image(4, Uint8Array.of(10, 20, 30, 40, 200, 100, 50, 0));
      const grey = 0.299 * 10 + 0.587 * 20 + 0.114 * 30;
      expect(imageToTensor(rgba, { range, channels: 3 })).toBeAllclose(
        [
          [
            [10, 20, 30],
            [200, 100, 50],
          ],
        ],
        ROUNDING,
      );
      expect(imageToTensor(rgba, { range, channels: 1 })).toBeAllclose([[[grey], [124.2]]], ROUNDING);
      const greyAlpha = image(2, Uint8Array.of(7, 1, 9, 2));
      expect(imageToTensor(greyAlpha, { range, channels: 1 })).toBeAllclose([[[7], [9]]], ROUNDING);
      expect(imageToTensor(greyAlpha, { range, channels: 3 })).toBeAllclose(
        [
          [
            [7, 7, 7],
            [9, 9, 9],
          ],
        ],
        ROUNDING,
      );
      const rgb = image(3, Uint8Array.of(200, 100, 50));
      expect(imageToTensor(rgb, { range, channels: 1 })).toBeAllclose(
        toGrey(imageToTensor(rgb, { range })),
        SUM_OF_THREE,
      );
    });
  });

  describe('tensorToImage', () => {
    it('undoes imageToTensor, for every value of 8 and 16 bits and any range', async () => {
      for (const bitDepth of [8, 16] as const) {
        const data = new (bitDepth === 8 ? Uint8Array : Uint16Array)(
          Array.from({ length: 2 ** bitDepth }, (_, i) => i),
        );
        for (const range of [
          [0, 1],
          [-1, 1],
          [255, 0],
        ] as const) {
          const there = image(1, data, bitDepth);
          const back = await tensorToImage(imageToTensor(there, { range }), { range, bitDepth });
          expect(back).toEqual(there);
        }
      }
    });

    it('rounds to the nearest and clips; 32 bits keep the values', async () => {
      const x = tf.tensor2d([[-1, 0.1, 0.499 / 255, 0.501 / 255, 254.6 / 255, 2]]);
      expect(await tensorToImage(x)).toEqual(image(1, Uint8Array.of(0, 26, 0, 1, 255, 255)));
      const floats = await tensorToImage(x, { bitDepth: 32, range: [0, 2] });
      expect(floats.data).toBeAllclose([-0.5, 0.05, 0.2495 / 255, 0.2505 / 255, 127.3 / 255, 1], ROUNDING);
      expect(floats.data).toBeInstanceOf(Float32Array);
    });

    it('refuses what is no image', async () => {
      const where = 'tensor-core.tensorToImage: x must';
      await expect(tensorToImage(tf.zeros([2, 2, 5]))).rejects.toThrow(
        new ShapeError(
          `${where} have the shape [H, W, C] with C from 1 to 4, got a float32 tensor of shape [2, 2, 5].`,
        ),
      );
      await expect(tensorToImage(tf.zeros([3]))).rejects.toThrow(ShapeError);
      await expect(tensorToImage(tf.zeros([0, 2, 1]))).rejects.toThrow(ShapeError);
      await expect(tensorToImage(tf.tensor2d([[0, NaN]]))).rejects.toThrow(
        new RangeError(`${where} have finite values, got NaN.`),
      );
      await expect(tensorToImage(tf.tensor2d([[0, Infinity]]), { bitDepth: 32 })).rejects.toThrow(RangeError);
      await expect(tensorToImage(tf.zeros([1, 1]), { bitDepth: 4 as 8 })).rejects.toThrow(
        'tensor-core.tensorToImage: bitDepth must be one of 8, 16, 32, got 4.',
      );
      await expect(tensorToImage(tf.zeros([1, 1]), { range: [1, 1] })).rejects.toThrow(
        'tensor-core.tensorToImage: range must have two different ends, got [1, 1].',
      );
    });
  });

  describe('toGrey', () => {
    it('weighs red, green and blue by 0.299, 0.587, 0.114, which sum to 1, on the last axis of any shape', () => {
      expect(toGrey(tf.eye(3).reshape([1, 3, 3]))).toBeAllclose([[[0.299], [0.587], [0.114]]], SUM_OF_THREE);
      expect(toGrey(tf.ones([2, 1, 3]))).toBeAllclose([[[1]], [[1]]], SUM_OF_THREE);
      const x = values([2, 4, 3]);
      const rgb = numbers(24, 1);
      const expected = Array.from(
        { length: 8 },
        (_, i) => 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!,
      );
      expect(toGrey(x).shape).toEqual([2, 4, 1]);
      expect(toGrey(x).flatten()).toBeAllclose(expected, SUM_OF_THREE);
      expect(toGrey(tf.tensor2d([[10, 20, 30]], [1, 3], 'int32'))).toBeAllclose([[18.15]], SUM_OF_THREE);
    });

    it('has the gradient of finite differences', () => {
      const x = values([2, 3]);
      const gradient = tf.grad((y: tf.Tensor) => toGrey(y).square().sum())(x);
      const host = (y: Float64Array): number => {
        const grey = [0, 3].map((at) => 0.299 * y[at]! + 0.587 * y[at + 1]! + 0.114 * y[at + 2]!);
        return grey.reduce((sum, value) => sum + value ** 2, 0);
      };
      // Float32 against float64.
      expect(gradient.flatten()).toBeAllclose(finiteDifferences(host, numbers(6, 1)), { rtol: 1e-5, atol: 1e-6 });
    });

    it('refuses other last axes', () => {
      expect(() => toGrey(tf.zeros([2, 4]))).toThrow(
        new ShapeError(
          'tensor-core.toGrey: x must have the shape [..., 3], got a float32 tensor of shape [2, 4]. Slice the alpha channel off first.',
        ),
      );
      expect(() => toGrey(tf.scalar(1))).toThrow(ShapeError);
    });
  });

  it('leaves nothing behind', async () => {
    const pixels = image(3, Uint8Array.of(1, 2, 3));
    const x = tf.ones([1, 1, 3]);
    expect(() => imageToTensor(pixels)).toLeakNothing();
    expect(() => toGrey(x)).toLeakNothing();
    await expect(() => tensorToImage(x)).toLeakNothing();
    x.dispose();
  });
});

describe('imageToTensor', () => {
  it.each([
    [{ width: 0 }, RangeError, 'width must be an integer >= 1, got 0.'],
    [{ height: 1.5 }, RangeError, 'height must be an integer >= 1, got 1.5.'],
    [{ channels: 5 }, RangeError, 'channels must be one of 1, 2, 3, 4, got 5.'],
    [{ bitDepth: 12 }, RangeError, 'bitDepth must be one of 8, 16, 32, got 12.'],
    [{ bitDepth: 16 }, TypeError, 'data must be a Uint16Array for bitDepth 16, got Uint8Array(3).'],
    [{ height: 2 }, ShapeError, 'data must have the 6 elements of [2, 1, 3], got Uint8Array(3).'],
  ])('refuses an image with %j', (change, kind, message) => {
    const broken = { ...image(3, Uint8Array.of(1, 2, 3)), ...change } as ImagePixels;
    expect(() => imageToTensor(broken)).toThrow(kind);
    expect(() => imageToTensor(broken)).toThrow(`tensor-core.imageToTensor: ${message}`);
  });

  it('refuses options that mean nothing', () => {
    const one = image(1, Uint8Array.of(1));
    expect(() => imageToTensor(one, { range: [0, NaN] })).toThrow('range[1] must be a finite number, got NaN.');
    expect(() => imageToTensor(one, { range: [2, 2] })).toThrow('range must have two different ends, got [2, 2].');
    expect(() => imageToTensor(one, { channels: 2 as 3 })).toThrow('channels must be one of 1, 3, got 2.');
  });
});

describe('decodeImage', () => {
  const golden = async (name: string): Promise<Uint8Array> =>
    new Uint8Array(await readFile(new URL(`golden/image/${name}`, import.meta.url)));
  afterEach(() => vi.unstubAllGlobals());

  /** A browser whose decoder gives these pixels, or fails. Chromium itself is asked in browser.test.ts. */
  function stubBrowser(width: number, height: number, rgba: number[] | null): { asked: unknown[]; closed: number } {
    const seen = { asked: [] as unknown[], closed: 0 };
    vi.stubGlobal('createImageBitmap', async (blob: Blob, options: object) => {
      seen.asked.push([blob.type, new Uint8Array(await blob.arrayBuffer()), options]);
      if (!rgba) throw new Error('The source image could not be decoded.');
      return { width, height, close: () => void seen.closed++ };
    });
    vi.stubGlobal(
      'OffscreenCanvas',
      class {
        getContext = () => ({
          drawImage: () => undefined,
          getImageData: () => ({ data: Uint8ClampedArray.from(rgba!) }),
        });
      },
    );
    return seen;
  }

  it('asks for no colour management and no premultiplication, hides EXIF data, and drops alpha where all is opaque', async () => {
    const seen = stubBrowser(2, 1, [1, 2, 3, 255, 4, 5, 6, 255]);
    const bytes = await golden('rgb8.png');
    expect(await decodeImage(bytes)).toEqual({
      width: 2,
      height: 1,
      channels: 3,
      bitDepth: 8,
      data: Uint8Array.of(1, 2, 3, 4, 5, 6),
    });
    const options = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' };
    expect(seen).toEqual({ asked: [['image/png', bytes, options]], closed: 1 });
    const turned = await golden('turned.jpg');
    await decodeImage(turned, { orient: true });
    await decodeImage(turned);
    expect(seen.asked.slice(1)).toEqual([
      ['image/jpeg', turned, options],
      ['image/jpeg', withoutExif('JPEG', turned), options],
    ]);
  });

  it('keeps alpha where a pixel is not opaque', async () => {
    stubBrowser(2, 1, [1, 2, 3, 255, 4, 5, 6, 254]);
    const { channels, data } = await decodeImage(await golden('rgba8.png'));
    expect([channels, [...data]]).toEqual([4, [1, 2, 3, 255, 4, 5, 6, 254]]);
  });

  it('refuses images that are too large, corrupt, truncated or of another format', async () => {
    const seen = stubBrowser(4, 3, new Array<number>(48).fill(255));
    const bytes = await golden('rgb8.png');
    const where = 'tensor-core.decodeImage:';
    expect((await decodeImage(bytes, { maxPixels: 12 })).width).toBe(4);
    await expect(decodeImage(bytes, { maxPixels: 11 })).rejects.toThrow(
      new FormatError(
        `${where} the image must have at most 11 pixels, but has 4 x 3. Raise maxPixels if you trust the source.`,
      ),
    );
    expect(seen.closed).toBe(2);
    await expect(decodeImage(bytes, { maxPixels: 0 })).rejects.toThrow(RangeError);
    await expect(decodeImage(bytes.subarray(0, bytes.length - 5))).rejects.toThrow(
      new FormatError(`${where} the image must be whole PNG, but it ends before its IEND chunk. It is truncated.`),
    );
    await expect(decodeImage(await golden('grey8.tif'))).rejects.toThrow(
      `${where} the image must be PNG, JPEG or WebP in a browser, got TIFF.`,
    );
    await expect(decodeImage(new TextEncoder().encode('<svg xmlns='))).rejects.toThrow(
      new FormatError(
        `${where} the image must be PNG, JPEG, TIFF or WebP, but it begins with 3c 73 76 67 20 78 6d 6c.`,
      ),
    );
    await expect(decodeImage(new Uint8Array(0))).rejects.toThrow('but it begins with nothing.');
    await expect(decodeImage('x' as unknown as Uint8Array)).rejects.toThrow(TypeError);
    vi.stubGlobal(
      'OffscreenCanvas',
      class {
        getContext = () => null;
      },
    );
    await expect(decodeImage(bytes)).rejects.toThrow(`${where} there must be a 2D canvas of 4 x 3 pixels.`);
    expect(seen.closed).toBe(3);
    stubBrowser(1, 1, null);
    await expect(decodeImage(bytes)).rejects.toThrow(
      new FormatError(`${where} the PNG image must be whole. It is truncated or corrupt.`),
    );
  });

  it('names the function for Node outside of browsers', async () => {
    await expect(decodeImage(await golden('rgb8.png'))).rejects.toThrow(
      "tensor-core.decodeImage: there must be a browser with createImageBitmap and OffscreenCanvas. On Node, use decodeImageBytes of '@tfsci/tensor-core/node'.",
    );
  });
});
