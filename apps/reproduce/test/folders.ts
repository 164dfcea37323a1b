import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { io } from '@tfsci/tensor-core';
import { onTestFinished } from 'vitest';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reproduce-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** All files below a folder, as sorted relative paths. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new Error('expected the promise to reject with an Error');
}

/** IDX arrays by file name without ending, in the naming of MNIST. */
export type MnistFiles = Record<string, Parameters<typeof io.writeIdx>[0]>;

/** Pictures of vertical (class 0) and horizontal (class 1) stripes under a deterministic grain. */
export function stripes({ train = 60, test = 20, side = 8 } = {}): MnistFiles {
  const part = (count: number, phase: number): [images: Uint8Array, labels: Uint8Array] => {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
    const images = Uint8Array.from({ length: count * side * side }, (_, at) => {
      const [i, row, column] = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side];
      const bright = (labels[i] === 0 ? column : row) % 2;
      return bright * 155 + ((at * 7919 + phase * 104729) % 101);
    });
    return [images, labels];
  };
  const [trainImages, trainLabels] = part(train, 1);
  const [testImages, testLabels] = part(test, 2);
  return {
    'train-images-idx3-ubyte': { shape: [train, side, side], data: trainImages },
    'train-labels-idx1-ubyte': { shape: [train], data: trainLabels },
    't10k-images-idx3-ubyte': { shape: [test, side, side], data: testImages },
    't10k-labels-idx1-ubyte': { shape: [test], data: testLabels },
  };
}

/** Writes IDX files into a folder, by default a temporary one. @param ending  '' or '.gz' */
export async function writeMnist(files: MnistFiles, ending = '', into?: string): Promise<string> {
  const folder = into ?? (await temporaryFolder());
  await Promise.all(
    Object.entries(files).map(([name, array]) => {
      const bytes = io.writeIdx(array);
      return writeFile(path.join(folder, `${name}${ending}`), ending === '' ? bytes : gzipSync(bytes));
    }),
  );
  return folder;
}
