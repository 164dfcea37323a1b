import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIdxFile } from '@tfsci/tensor-core/node';
import { check } from '@tfsci/tensor-core';

/** Grey pictures with class labels, on the host. */
export interface LabelledImages {
  /** [N, height, width], scaled to 0..1. */
  pixels: Float32Array;
  labels: Uint8Array;
  count: number;
  height: number;
  width: number;
  /** Pixels of a picture. */
  size: number;
}

/** A data set in two parts, with pictures of one size. */
export interface ImageData {
  name: string;
  train: LabelledImages;
  test: LabelledImages;
  classes: number;
}

const EMBEDDED = fileURLToPath(new URL('../data/', import.meta.url));

/** The digits that ship with the app: 1437 to train, 360 of other writers to test (attribution in data/README.md). */
export async function embeddedDigits(): Promise<ImageData> {
  const all = await readPair(EMBEDDED, 'digits-images-idx3-ubyte', 'digits-labels-idx1-ubyte', 16);
  const rows = (from: number, to: number): LabelledImages => ({
    ...all,
    pixels: all.pixels.subarray(from * all.size, to * all.size),
    labels: all.labels.subarray(from, to),
    count: to - from,
  });
  return { name: 'digits (UCI, 8 x 8, CC BY 4.0)', train: rows(0, 1437), test: rows(1437, all.count), classes: 10 };
}

/** Names of the files that MNIST and Fashion-MNIST come in; some copies write `.idx3`, and each may end in .gz. */
const MNIST_FILES = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const;

/**
 * A data set in the format of MNIST from a folder of the user's.
 *
 * @throws Error that lists the files which are missing; FormatError naming a file that is damaged
 */
export async function imagesFrom(dir: string): Promise<ImageData> {
  const folder = path.resolve(dir);
  const refuse = (fault: string): Error =>
    new Error(
      'reproduce: --data must be a folder with the four IDX files of MNIST or Fashion-MNIST (plain or .gz); ' +
        `${folder} ${fault}.`,
    );
  if (!existsSync(folder)) throw refuse('does not exist');
  if (!statSync(folder).isDirectory()) throw refuse('is a file');
  const missing = Object.values(MNIST_FILES)
    .flat()
    .filter((name) => locate(folder, name) === undefined);
  if (missing.length > 0) throw refuse(`lacks ${missing.join(', ')}`);
  const [train, test] = await Promise.all([
    readPair(folder, ...MNIST_FILES.train, 255),
    readPair(folder, ...MNIST_FILES.test, 255),
  ]);
  if (train.height !== test.height || train.width !== test.width) {
    throw new check.FormatError(
      `reproduce: train and test pictures in ${folder} must have one size, ` +
        `got ${train.height} x ${train.width} and ${test.height} x ${test.width} pixels.`,
    );
  }
  const classes = 1 + Math.max(maximum(train.labels), maximum(test.labels));
  if (classes < 2) throw new check.FormatError(`reproduce: labels in ${folder} must have at least two classes, got 1.`);
  return { name: path.basename(folder), train, test, classes };
}

/** The name of a data set and a digest of all its pixels and labels. */
export function fingerprintOf({ name, train, test }: ImageData): string {
  const hash = createHash('sha256');
  for (const { count, height, width, pixels, labels } of [train, test]) {
    hash.update(JSON.stringify([count, height, width]));
    hash.update(pixels);
    hash.update(labels);
  }
  return `${name}, sha256 ${hash.digest('hex').slice(0, 16)}`;
}

async function readPair(dir: string, imagesName: string, labelsName: string, white: number): Promise<LabelledImages> {
  const [imagesPath, labelsPath] = [locate(dir, imagesName), locate(dir, labelsName)] as [string, string];
  const [images, labels] = await Promise.all([readIdxFile(imagesPath), readIdxFile(labelsPath)]);
  const got = ({ data, shape }: typeof images): string => `${data.constructor.name} [${shape.join(', ')}]`;
  if (images.shape.length !== 3 || !(images.data instanceof Uint8Array) || images.data.length === 0) {
    throw new check.FormatError(
      `reproduce: ${imagesPath} must hold pictures as unsigned bytes [n, height, width], got ${got(images)}.`,
    );
  }
  const [count, height, width] = images.shape as [number, number, number];
  if (labels.shape.length !== 1 || !(labels.data instanceof Uint8Array) || labels.shape[0] !== count) {
    throw new check.FormatError(
      `reproduce: ${labelsPath} must hold a label for each of the ${count} pictures as unsigned bytes [${count}], ` +
        `got ${got(labels)}.`,
    );
  }
  const pixels = Float32Array.from(images.data, (value) => value / white);
  return { pixels, labels: labels.data, count, height, width, size: height * width };
}

function locate(dir: string, name: string): string | undefined {
  return [name, name.replace('-idx', '.idx')]
    .flatMap((spelling) => [spelling, `${spelling}.gz`])
    .map((file) => path.join(dir, file))
    .find((file) => existsSync(file));
}

function maximum(values: Uint8Array): number {
  return values.reduce((top, value) => Math.max(top, value), 0);
}
