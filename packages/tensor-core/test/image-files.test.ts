import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { readSafetensors, type SafetensorsFile } from '../src/io';
import type { ImagePixels } from '../src/io/image/image';
import { imageFormatOf, withoutExif } from '../src/io/image/format';
import { writeTiff } from '../src/io/image/tiff';
import { decodeImageBytes, readImageFile, writeImageFile } from '../src/io/image/files';

// JPEG decoders may round the inverse cosine transform and the colour transform differently.
const JPEG_LEVELS = 2;

const golden = (name: string): URL => new URL(`golden/image/${name}`, import.meta.url);
let expected: SafetensorsFile['tensors'];
let folder: string;
beforeAll(async () => {
  expected = readSafetensors(new Uint8Array(await readFile(golden('expected.safetensors')))).tensors;
  folder = await mkdtemp(path.join(tmpdir(), 'tensor-core-images-'));
  await tf.setBackend('cpu');
});
afterAll(() => rm(folder, { recursive: true }));

const noise = (channels: 1 | 2 | 3 | 4, bitDepth: 8 | 16 | 32): ImagePixels => {
  const value = (i: number): number => Math.sin(12.9898 * i + channels) * 43758.5453;
  const whole = (i: number): number => Math.floor(Math.abs(value(i))) % 2 ** bitDepth;
  const numbers = Array.from({ length: 5 * 7 * channels }, (_, i) => (bitDepth === 32 ? value(i) : whole(i)));
  const data = new { 8: Uint8Array, 16: Uint16Array, 32: Float32Array }[bitDepth](numbers);
  return { width: 7, height: 5, channels, bitDepth, data };
};

describe('readImageFile', () => {
  const exact = [
    'grey8.png',
    'grey-alpha8.png',
    'rgb8.png',
    'rgba8.png',
    'grey16.png',
    'grey-alpha16.png',
    'rgb16.png',
    'rgba16.png',
    'palette.png',
    'bits1.png',
    'profile.png',
    'grey8.tif',
    'grey16.tif',
    'rgb16.tif',
    'grey32.tif',
    'rgb32.tif',
    'rgb.webp',
    'turned.png',
    'turned.webp',
  ];
  it.each(exact)('gives the numbers that Pillow and tifffile read from %s', async (name) => {
    const { width, height, channels, bitDepth, data } = await readImageFile(golden(name));
    const reference = expected[name]!;
    expect([height, width, channels]).toEqual(reference.shape);
    expect(data).toEqual(reference.data);
    expect(bitDepth).toBe({ U8: 8, U16: 16, F32: 32 }[reference.dtype as 'U8']);
  });

  it.each(['rgb.jpg', 'grey.jpg', 'turned.jpg'])('decodes %s as Pillow does, up to rounding', async (name) => {
    const { width, height, channels, data } = await readImageFile(golden(name));
    expect([height, width, channels]).toEqual(expected[name]!.shape);
    const worst = Math.max(...Array.from(data, (value, i) => Math.abs(value - Number(expected[name]!.data[i]))));
    expect(worst).toBeLessThanOrEqual(JPEG_LEVELS);
  });

  it.each(['turned.jpg', 'turned.png', 'turned.webp'])('turns %s as the EXIF data say, on request', async (name) => {
    const stored = await readImageFile(golden(name));
    expect([stored.height, stored.width, stored.channels]).toEqual(expected[name]!.shape);
    const turned = await readImageFile(golden(name), { orient: true });
    expect([turned.width, turned.height]).toEqual([stored.height, stored.width]);
    // Orientation 6: the first row is the left column, read upwards.
    const at = ({ width, data }: ImagePixels, y: number, x: number): number => data[(y * width + x) * 3]!;
    for (let y = 0; y < turned.height; y++) {
      for (let x = 0; x < turned.width; x++) expect(at(turned, y, x)).toBe(at(stored, stored.height - 1 - x, y));
    }
    const bytes = new Uint8Array(await readFile(golden(name)));
    const before = bytes.slice();
    const hidden = withoutExif(imageFormatOf('test', bytes), bytes);
    expect(await decodeImageBytes(hidden, { orient: true })).toEqual(stored);
    expect(bytes).toEqual(before);
  });

  it('reads any page of a TIFF file', async () => {
    expect((await readImageFile(golden('pages.tif'), { page: 1 })).data).toEqual(expected['pages.tif']!.data);
    expect((await readImageFile(golden('pages.tif'))).data).not.toEqual(expected['pages.tif']!.data);
    await expect(readImageFile(golden('pages.tif'), { page: 2 })).rejects.toBeInstanceOf(FormatError);
    await expect(readImageFile(golden('pages.tif'), { page: -1 })).rejects.toBeInstanceOf(RangeError);
  });

  it('names the file in every refusal', async () => {
    const file = path.join(folder, 'x.png');
    await expect(readImageFile(file)).rejects.toThrow(
      `tensor-core.readImageFile: ${file} could not be read. There is no such file: check the path.`,
    );
    await writeFile(file, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(readImageFile(file)).rejects.toThrow(
      new FormatError(
        `${file}: tensor-core.readImageFile: the image must be PNG, JPEG, TIFF or WebP, but it begins with 3c 73 76 67 20 78 6d 6c.`,
      ),
    );
    await expect(readImageFile(golden('cmyk.jpg'))).rejects.toThrow(
      /the JPEG image must be grey or RGB of 8 or 16 bits or floating point, got 4 channels of uchar in the space cmyk\.$/,
    );
    await expect(readImageFile(golden('signed.tif'))).rejects.toThrow(/got 1 channels of short in the space grey16\.$/);
  });
});

describe('decodeImageBytes', () => {
  it('stops at maxPixels, which is itself allowed', async () => {
    const bytes = await readFile(golden('rgb8.png'));
    expect((await decodeImageBytes(bytes, { maxPixels: 35 })).width).toBe(7);
    await expect(decodeImageBytes(bytes, { maxPixels: 34 })).rejects.toThrow(
      /^tensor-core\.decodeImageBytes: the PNG image could not be decoded \(.*pixel limit\)\. Raise maxPixels if you trust the source\.$/,
    );
    await expect(decodeImageBytes(bytes, { maxPixels: 0 })).rejects.toBeInstanceOf(RangeError);
    await expect(decodeImageBytes('x' as unknown as Uint8Array)).rejects.toThrow(
      new TypeError('tensor-core.decodeImageBytes: bytes must be a Uint8Array, got "x".'),
    );
  });

  it('tells how to install sharp', async () => {
    const load = (): Promise<never> => Promise.reject(new Error("Cannot find package 'sharp'"));
    await expect(decodeImageBytes(await readFile(golden('rgb8.png')), { load })).rejects.toThrow(
      'tensor-core.decodeImageBytes: sharp must be installed, and cannot be imported. npm i sharp',
    );
  });

  it.each(['rgb8.png', 'grey16.png', 'rgb.jpg', 'rgb16.tif', 'rgb.webp'])(
    'refuses %s truncated at any byte',
    async (name) => {
      const bytes = await readFile(golden(name));
      for (let length = 0; length < bytes.length; length++) {
        await expect(decodeImageBytes(bytes.subarray(0, length))).rejects.toBeInstanceOf(FormatError);
      }
    },
  );

  it('gives an image or a FormatError when bytes are changed at random', async () => {
    const files = await Promise.all(
      ['rgba8.png', 'rgb.jpg', 'grey32.tif', 'rgb.webp'].map((name) => readFile(golden(name))),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (file, at, flip) => {
          const damaged = Uint8Array.from(file);
          damaged[at % file.length]! ^= flip;
          try {
            const { width, height, channels, data } = await decodeImageBytes(damaged, { maxPixels: 1e6 });
            expect(data).toHaveLength(width * height * channels);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('writeImageFile', () => {
  const kinds = ([1, 2, 3, 4] as const).flatMap((channels) =>
    ([8, 16, 32] as const).flatMap((bitDepth) =>
      (bitDepth < 32 ? ['png', 'tiff'] : channels === 2 ? [] : ['tif']).map(
        (extension) => [channels, bitDepth, extension] as const,
      ),
    ),
  );
  it.each(kinds)('and readImageFile keep %i channels of %i bits in .%s', async (channels, bitDepth, extension) => {
    const file = path.join(folder, `kept.${extension}`);
    const image = noise(channels, bitDepth);
    await writeImageFile(file, image);
    expect(await readImageFile(file)).toEqual(image);
    expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/tmp$/));
    await rm(file);
  });

  it('writes floating point grey with alpha, which sharp does not read', async () => {
    const file = path.join(folder, 'alpha.tif');
    const image = noise(2, 32);
    await writeImageFile(file, image);
    await expect(readImageFile(file)).rejects.toThrow(/got 2 channels of float in the space b-w\.$/);
    const written = await readFile(file);
    expect(written.subarray(-image.data.byteLength)).toEqual(Buffer.from(image.data.buffer));
  });

  it('refuses more than the 4 GB of a TIFF file', () => {
    const data = { byteLength: 2 ** 32 } as Uint8Array;
    expect(() => writeTiff({ width: 2 ** 16, height: 2 ** 16, channels: 1, bitDepth: 8, data })).toThrow(
      /^tensor-core\.writeTiff: the image must have less than 4 GB, got 42949\d{5}\.$/,
    );
  });

  it('writes JPEG near to the image, the nearer the higher the quality', async () => {
    const gradient = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (((i * 37) % 256) >> 2) + (i >> 2));
    const errors: number[] = [];
    for (const quality of [30, 95, 100]) {
      const file = path.join(folder, 'near.JPG');
      const image: ImagePixels = { width: 16, height: 16, channels: 3, bitDepth: 8, data: gradient };
      await writeImageFile(file, image, { quality });
      const data = Array.from((await readImageFile(file)).data);
      errors.push(Math.sqrt(data.reduce((sum, value, i) => sum + (value - gradient[i]!) ** 2, 0) / data.length));
    }
    expect(errors[0]!).toBeGreaterThan(errors[1]!);
    expect(errors[1]!).toBeGreaterThan(errors[2]!);
    // The rounding of YCbCr alone is below one level a channel.
    expect(errors[2]!).toBeLessThan(1.5);
  });

  it('writes tensors, which stay the caller’s', async () => {
    const file = path.join(folder, 'tensor.png');
    const x = tf.tensor3d([0, 0.2, 1, 0.4], [1, 2, 2]);
    await writeImageFile(file, x, { range: [0, 1], bitDepth: 16 });
    expect([...(await readImageFile(file)).data]).toEqual([0, 13107, 65535, 26214]);
    expect(x.isDisposed).toBe(false);
    const grey = tf.zeros([2, 3]);
    await writeImageFile(file, grey);
    expect(await readImageFile(file)).toMatchObject({ width: 3, height: 2, channels: 1, bitDepth: 8 });
    await expect(() => writeImageFile(file, x)).toLeakNothing();
    tf.dispose([x, grey]);
  });

  it('refuses what a format cannot hold, and other extensions', async () => {
    const file = (extension: string): string => path.join(folder, `refused.${extension}`);
    const where = 'tensor-core.writeImageFile:';
    await expect(writeImageFile(file('png'), noise(1, 32))).rejects.toThrow(
      new RangeError(`${where} the image must have 8 or 16 bits for PNG, got 32 bits and 1 channels.`),
    );
    for (const image of [noise(3, 16), noise(4, 8), noise(2, 8), noise(3, 32)]) {
      await expect(writeImageFile(file('jpg'), image)).rejects.toThrow(
        `${where} the image must have 8 bits and 1 or 3 channels for JPEG`,
      );
    }
    await expect(writeImageFile(file('gif'), noise(1, 8))).rejects.toThrow(
      `${where} the extension must be one of "png", "jpg", "jpeg", "tif", "tiff", got "gif".`,
    );
    await expect(writeImageFile(file('jpg'), noise(3, 8), { quality: 101 })).rejects.toThrow(
      `${where} quality must be an integer >= 1 and <= 100, got 101.`,
    );
    await expect(writeImageFile(file('png'), { ...noise(1, 8), width: 3 })).rejects.toThrow(
      /data must have the 15 elements/,
    );
    const load = (): Promise<never> => Promise.reject(new Error('missing'));
    await expect(writeImageFile(file('png'), noise(1, 8), { load })).rejects.toThrow('npm i sharp');
    await writeImageFile(file('tif'), noise(1, 8), { load });
    expect((await readdir(folder)).filter((name) => name.startsWith('refused'))).toEqual(['refused.tif']);
  });
});
