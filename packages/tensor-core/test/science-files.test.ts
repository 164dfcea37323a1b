import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import {
  readFitsFile,
  readNpyFile,
  readNpzFile,
  readTorchFile,
  writeNpyFile,
  writeNpzFile,
} from '../src/io/science-files';
import { torchStateDict, type ArrayEntry } from '../src/io/torch/torch';
import { goldenFits, image } from './fits-bytes';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensor-core-science-'));
  file = join(folder, 'file');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The error that a promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome: unknown = await promise.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error;
}

const torch = new URL('golden/io/torch/state-dict.pt', import.meta.url);
const vector: ArrayEntry = { dtype: 'F16', shape: [2], data: Float32Array.of(1, -2) };

describe('files of arrays', () => {
  it('are read as they are written: PyTorch', async () => {
    for (const path of [torch, fileURLToPath(torch)]) {
      const state = torchStateDict(await readTorchFile(path));
      expect(state['weight']!.shape).toEqual([2, 3]);
    }
    const half = join(folder, 'half');
    await writeFile(half, (await readFile(torch)).subarray(0, 500));
    const failure = await failureOf(readTorchFile(half));
    expect(failure).toBeInstanceOf(FormatError);
    expect(failure.message).toBe(
      `${half}: tensor-core.readTorch: the file must end with a zip directory. Is it truncated, or not a zip file?`,
    );
    expect(failure.cause).toBeInstanceOf(FormatError);
    await expect(readTorchFile(torch, { maxBytes: NaN })).rejects.toThrow(RangeError);
  });

  it('are read as they are written: NumPy', async () => {
    await writeNpyFile(file, vector);
    expect(await readNpyFile(pathToFileURL(file))).toEqual(vector);
    expect((await readNpyFile(file, { keepBits: true })).data).toEqual(Uint16Array.of(0x3c00, 0xc000));
    expect((await failureOf(readNpzFile(file))).message).toBe(
      `${file}: tensor-core.readNpz: the file must be a zip archive, got one array. Use readNpy.`,
    );
    await writeNpzFile(pathToFileURL(file), { vector }, { compress: true });
    expect(await readNpzFile(file)).toMatchObject({ vector });
    expect((await failureOf(readNpzFile(file, { names: ['w'] }))).message).toContain(
      'the archive must hold "w", got ["vector"]',
    );
    expect((await failureOf(readNpyFile(file))).message).toBe(
      `${file}: tensor-core.readNpy: the file must be one array, got a zip archive. Use readNpz.`,
    );
  });

  it('stay as they were when the new contents are refused', async () => {
    await writeFile(file, 'old');
    await expect(writeNpyFile(file, { ...vector, shape: [3] })).rejects.toThrow(/must have the 3 numbers/);
    await expect(writeNpzFile(file, { a: { ...vector, shape: [3] } })).rejects.toThrow(/must have the 3 numbers/);
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  it('are read as they are written: FITS, plain and compressed', async () => {
    const bytes = image(16, [2], [0, 1, 0, 2]);
    for (const contents of [bytes, gzipSync(bytes)]) {
      await writeFile(file, contents);
      expect([...(await readFitsFile(file)).image().data]).toEqual([1, 2]);
    }
    expect((await readFitsFile(new URL('golden/io/fits/tables.fits.gz', import.meta.url))).table('catalog').rows).toBe(
      3,
    );
    await writeFile(file, gzipSync(goldenFits('tables')));
    const bomb = await failureOf(readFitsFile(file, { maxFileBytes: 1000 }));
    expect(bomb).toBeInstanceOf(FormatError);
    expect(bomb.message).toContain(`${file}: tensor-core.gunzip: the data must decompress to at most 1000 bytes`);
    await expect(readFitsFile(file, { maxFileBytes: -1 })).rejects.toThrow(RangeError);
    await writeFile(file, bytes.subarray(0, 2880));
    expect((await failureOf(readFitsFile(file))).message).toContain(
      `${file}: tensor-core.readFits: the file must have the 2884 bytes that unit 0 ends with, got 2880.`,
    );
  });

  it('that are not there are named, with who wanted them', async () => {
    const none = join(folder, 'none');
    for (const [read, name] of [
      [readTorchFile, 'readTorchFile'],
      [readNpyFile, 'readNpyFile'],
      [readNpzFile, 'readNpzFile'],
      [readFitsFile, 'readFitsFile'],
    ] as const) {
      const failure = await failureOf(read(none));
      expect(failure).not.toBeInstanceOf(FormatError);
      expect(failure.message).toBe(
        `tensor-core.${name}: ${none} could not be read. There is no such file: check the path.`,
      );
    }
    expect((await failureOf(readNpyFile(folder))).message).toContain('It is a directory: name a file.');
  });
});
