import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIdxFile } from '@tfsci/tensor-core/node';
import { check } from '@tfsci/tensor-core';

/** Grey pictures with class labels, on the host. */
export interface LabelledImages {
  /** [N, pixels], scaled to 0..1. */
  pixels: Float32Array;
  labels: Uint8Array;
  count: number;
  /** Pixels of a picture. */
  size: number;
}

/** A data set in two parts. */
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
    pixels: all.pixels.subarray(from * all.size, to * all.size),
    labels: all.labels.subarray(from, to),
    count: to - from,
    size: all.size,
  });
  return { name: 'digits (UCI, 8 x 8, CC BY 4.0)', train: rows(0, 1437), test: rows(1437, all.count), classes: 10 };
}

/** Names of the files that MNIST and Fashion-MNIST come in; each may end in .gz. */
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
  const missing = Object.values(MNIST_FILES)
    .flat()
    .filter((name) => locate(dir, name) === undefined);
  if (missing.length > 0) {
    throw new Error(
      `reproduce: --data must be a folder with the four IDX files of MNIST or Fashion-MNIST (plain or .gz); ` +
        `${path.resolve(dir)} lacks ${missing.join(', ')}.`,
    );
  }
  const [train, test] = await Promise.all([
    readPair(dir, ...MNIST_FILES.train, 255),
    readPair(dir, ...MNIST_FILES.test, 255),
  ]);
  if (train.size !== test.size) {
    throw new check.FormatError(
      `reproduce: train and test pictures in ${dir} must have one size, got ${train.size} and ${test.size} pixels.`,
    );
  }
  const classes = 1 + Math.max(maximum(train.labels), maximum(test.labels));
  return { name: path.basename(path.resolve(dir)), train, test, classes };
}

async function readPair(dir: string, imagesName: string, labelsName: string, white: number): Promise<LabelledImages> {
  const [imagesPath, labelsPath] = [locate(dir, imagesName), locate(dir, labelsName)] as [string, string];
  const [images, labels] = await Promise.all([readIdxFile(imagesPath), readIdxFile(labelsPath)]);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || !(images.data instanceof Uint8Array) || count === 0) {
    throw new check.FormatError(
      `reproduce: ${imagesPath} must hold unsigned bytes of shape [n, height, width], got [${images.shape.join(', ')}].`,
    );
  }
  if (labels.shape.length !== 1 || !(labels.data instanceof Uint8Array) || labels.shape[0] !== count) {
    throw new check.FormatError(
      `reproduce: ${labelsPath} must hold ${count} labels as unsigned bytes, got shape [${labels.shape.join(', ')}].`,
    );
  }
  const pixels = Float32Array.from(images.data, (value) => value / white);
  return { pixels, labels: labels.data, count: count!, size: height! * width! };
}

function locate(dir: string, name: string): string | undefined {
  return [name, `${name}.gz`].map((file) => path.join(dir, file)).find((file) => existsSync(file));
}

function maximum(values: Uint8Array): number {
  return values.reduce((top, value) => Math.max(top, value), 0);
}
