import { existsSync } from 'node:fs';
import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { check, io } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { embeddedDigits, fingerprintOf, imagesFrom } from '../src/image-data';
import { failureOf, stripes, temporaryFolder, writeMnist, type MnistFiles } from './folders';

function countsOf(labels: Uint8Array): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}

describe('embeddedDigits', () => {
  it('has 1437 pictures to train and 360 to test, of 8 x 8 pixels with values k/16', async () => {
    const { train, test, classes } = await embeddedDigits();
    expect([train.count, test.count, classes]).toEqual([1437, 360, 10]);
    for (const part of [train, test]) {
      expect([part.height, part.width, part.size]).toEqual([8, 8, 64]);
      expect(part.pixels).toHaveLength(64 * part.count);
      expect(part.labels).toHaveLength(part.count);
      expect(part.pixels.every((value) => Number.isInteger(16 * value) && value >= 0 && value <= 1)).toBe(true);
    }
    expect(Math.max(...train.pixels)).toBe(1);
  });

  it('splits the files without losing, repeating or moving a row', async () => {
    const { train, test } = await embeddedDigits();
    const read = async (name: string): Promise<Uint8Array> => {
      const file = new URL(`../data/digits-${name}-ubyte.gz`, import.meta.url);
      return io.readIdx(gunzipSync(await readFile(file))).data as Uint8Array;
    };
    const [images, labels] = await Promise.all([read('images-idx3'), read('labels-idx1')]);
    expect([...train.labels, ...test.labels]).toEqual([...labels]);
    expect([...train.pixels, ...test.pixels].map((value) => value * 16)).toEqual([...images]);
  });

  it('has the digits 0 to 9 as often as the UCI archive says of its test file, in pictures that differ by class', async () => {
    const { train, test } = await embeddedDigits();
    const totals = countsOf(Uint8Array.from([...train.labels, ...test.labels]));
    expect(totals).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    // A one has ink in its middle columns, a zero around them: labels that had slipped by a row would blur this.
    const middle = (digit: number): number => {
      let [sum, rows] = [0, 0];
      for (let i = 0; i < train.count; i++) {
        if (train.labels[i] !== digit) continue;
        rows++;
        for (const row of [3, 4]) for (const column of [3, 4]) sum += train.pixels[64 * i + 8 * row + column]!;
      }
      return sum / (4 * rows);
    };
    expect(middle(0)).toBeLessThan(0.2);
    expect(middle(1)).toBeGreaterThan(0.7);
  });
});

describe('imagesFrom', () => {
  it.each(['', '.gz'])('reads what was written, pixels over 255 (ending %j)', async (ending) => {
    const files = stripes({ train: 6, test: 4, side: 5 });
    const data = await imagesFrom(await writeMnist(files, ending));
    expect(data.classes).toBe(2);
    expect([data.train.count, data.train.size, data.test.count, data.test.size]).toEqual([6, 25, 4, 25]);
    for (const [part, name] of [
      [data.train, 'train'],
      [data.test, 't10k'],
    ] as const) {
      const { data: bytes } = files[`${name}-images-idx3-ubyte`]!;
      expect(part.pixels).toEqual(Float32Array.from(bytes, (value) => value / 255));
      expect(part.labels).toEqual(files[`${name}-labels-idx1-ubyte`]!.data);
    }
  });

  it('counts classes up to the largest label of either part', async () => {
    const files = stripes({ train: 4, test: 2 });
    files['t10k-labels-idx1-ubyte']!.data = Uint8Array.of(0, 6);
    expect((await imagesFrom(await writeMnist(files))).classes).toBe(7);
  });

  it('knows the spelling with a dot before idx, as some mirrors have it', async () => {
    const folder = await writeMnist(stripes({ train: 4, test: 2 }), '.gz');
    const name = path.join(folder, 't10k-images');
    await rename(`${name}-idx3-ubyte.gz`, `${name}.idx3-ubyte.gz`);
    expect((await imagesFrom(folder)).test.count).toBe(2);
  });

  it('lists each missing name and the folder', async () => {
    const folder = await writeMnist(stripes());
    await rm(path.join(folder, 'train-labels-idx1-ubyte'));
    await rm(path.join(folder, 't10k-images-idx3-ubyte'));
    expect((await failureOf(imagesFrom(folder))).message).toBe(
      'reproduce: --data must be a folder with the four IDX files of MNIST or Fashion-MNIST (plain or .gz); ' +
        `${folder} lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte.`,
    );
    const empty = await temporaryFolder();
    const { message } = await failureOf(imagesFrom(empty));
    for (const name of Object.keys(stripes())) expect(message).toContain(name);
  });

  it('tells a folder that does not exist, and a file, from an empty folder', async () => {
    const folder = await writeMnist(stripes());
    const missing = path.join(folder, 'nowhere');
    expect((await failureOf(imagesFrom(missing))).message).toContain(`${missing} does not exist.`);
    const file = path.join(folder, 'train-images-idx3-ubyte');
    expect((await failureOf(imagesFrom(file))).message).toContain(`${file} is a file.`);
  });

  it.each(Object.keys(stripes()))('refuses %s truncated, naming it', async (name) => {
    const [plain, zipped] = [await writeMnist(stripes()), await writeMnist(stripes(), '.gz')];
    await truncate(path.join(plain, name), 15);
    await expectFormatError(plain, path.join(plain, name));
    await truncate(path.join(zipped, `${name}.gz`), 25);
    await expectFormatError(zipped, path.join(zipped, `${name}.gz`));
  });

  it('refuses gzip data whose checksum is wrong, naming the file', async () => {
    const files = stripes();
    const folder = await writeMnist(files, '.gz');
    const file = path.join(folder, 't10k-labels-idx1-ubyte.gz');
    const bytes = gzipSync(io.writeIdx(files['t10k-labels-idx1-ubyte']!));
    bytes[bytes.length - 6]! ^= 1;
    await writeFile(file, bytes);
    await expectFormatError(folder, file);
  });

  it.each<[fault: string, name: string, wrong: MnistFiles[string], got: string]>([
    [
      'pictures of floats',
      'train-images-idx3-ubyte',
      { shape: [60, 8, 8], data: new Float32Array(60 * 64) },
      'Float32Array [60, 8, 8]',
    ],
    [
      'flat pictures',
      'train-images-idx3-ubyte',
      { shape: [60, 64], data: new Uint8Array(60 * 64) },
      'Uint8Array [60, 64]',
    ],
    ['no pictures', 't10k-images-idx3-ubyte', { shape: [0, 8, 8], data: new Uint8Array(0) }, 'Uint8Array [0, 8, 8]'],
    ['pictures of no pixels', 'train-images-idx3-ubyte', { shape: [60, 0, 8], data: new Uint8Array(0) }, '[60, 0, 8]'],
    ['labels of 32 bits', 'train-labels-idx1-ubyte', { shape: [60], data: new Int32Array(60) }, 'Int32Array [60]'],
    ['a label too few', 't10k-labels-idx1-ubyte', { shape: [19], data: new Uint8Array(19) }, 'Uint8Array [19]'],
    ['labels in a column', 't10k-labels-idx1-ubyte', { shape: [20, 1], data: new Uint8Array(20) }, '[20, 1]'],
  ])('refuses %s, naming file and shape', async (_, name, wrong, got) => {
    const folder = await writeMnist({ ...stripes(), [name]: wrong });
    const { message } = await expectFormatError(folder, path.join(folder, name));
    expect(message).toContain(`got ${got.startsWith('[') ? 'Uint8Array ' : ''}${got}.`);
  });

  it('refuses train and test pictures of different sizes, also where the numbers of pixels agree', async () => {
    const { 't10k-images-idx3-ubyte': testImages, ...rest } = stripes();
    for (const shape of [
      [20, 4, 16],
      [20, 8, 7],
    ]) {
      const data = testImages!.data.slice(0, shape[0]! * shape[1]! * shape[2]!);
      const folder = await writeMnist({ ...rest, 't10k-images-idx3-ubyte': { shape, data } });
      const { message } = await expectFormatError(folder, folder);
      expect(message).toContain(`must have one size, got 8 x 8 and ${shape[1]} x ${shape[2]} pixels.`);
    }
  });

  it('refuses labels that are all alike', async () => {
    const files = stripes({ train: 4, test: 2 });
    files['train-labels-idx1-ubyte']!.data.fill(0);
    files['t10k-labels-idx1-ubyte']!.data.fill(0);
    const folder = await writeMnist(files);
    expect((await expectFormatError(folder, folder)).message).toContain('at least two classes, got 1.');
  });

  const fashion = fileURLToPath(new URL('../../../../shared/data/fashion-mnist', import.meta.url));
  it.skipIf(!existsSync(fashion))('reads the pictures of Fashion-MNIST in shared/data, where they are', async () => {
    const { name, train, test, classes } = await imagesFrom(fashion);
    expect([name, classes]).toEqual(['fashion-mnist', 10]);
    expect([train.count, train.height, train.width]).toEqual([600, 28, 28]);
    expect([test.count, test.height, test.width]).toEqual([150, 28, 28]);
    expect(countsOf(train.labels)).toEqual(new Array(10).fill(60));
    expect(countsOf(test.labels)).toEqual(new Array(10).fill(15));
    // As the README beside them says; four digits are given.
    expect(train.pixels.reduce((sum, value) => sum + value, 0) / train.pixels.length).toBeCloseTo(0.2837, 4);
  });
});

describe('fingerprintOf', () => {
  it('depends on every pixel, label and shape, and not on the compression', async () => {
    const files = stripes({ train: 4, test: 2 });
    const of = async (changed: MnistFiles, ending = ''): Promise<string> => {
      const data = await imagesFrom(await writeMnist(changed, ending));
      return fingerprintOf({ ...data, name: 'stripes' });
    };
    const original = await of(files);
    expect(original).toMatch(/^stripes, sha256 [0-9a-f]{16}$/);
    expect(await of(files, '.gz')).toBe(original);
    for (const name of Object.keys(files)) {
      const changed = structuredClone(files);
      changed[name]!.data[1]! ^= 1;
      expect(await of(changed)).not.toBe(original);
    }
    const reshaped = structuredClone(files);
    for (const name of ['train', 't10k']) reshaped[`${name}-images-idx3-ubyte`]!.shape.splice(1, 2, 4, 16);
    expect(await of(reshaped)).not.toBe(original);
  });
});

async function expectFormatError(folder: string, named: string): Promise<Error> {
  const failure = await failureOf(imagesFrom(folder));
  expect(failure).toBeInstanceOf(check.FormatError);
  expect(failure.message).toContain(named);
  return failure;
}
