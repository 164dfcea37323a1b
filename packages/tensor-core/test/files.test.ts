import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { writeIdx } from '../src/io';
import {
  readIdxFile,
  readJsonFile,
  readSafetensorsFile,
  writeFileAtomic,
  writeJsonFile,
  writeSafetensorsFile,
} from '../src/node';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tensor-core-files-'));
  file = join(folder, 'file');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The error that a promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error;
}

describe('writeFileAtomic', () => {
  it('writes bytes and text, new and over an old file, and leaves nothing else', async () => {
    await writeFileAtomic(file, 'größer');
    expect(await readFile(file, 'utf8')).toBe('größer');
    await writeFileAtomic(pathToFileURL(file), Uint8Array.of(1, 0, 255).subarray(1));
    expect([...(await readFile(file))]).toEqual([0, 255]);
    await writeFileAtomic(relative(process.cwd(), file), '');
    expect(await readFile(file)).toHaveLength(0);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('keeps permissions and follows links', async () => {
    await writeFile(file, 'old');
    await chmod(file, 0o640);
    await symlink(file, join(folder, 'link'));
    await writeFileAtomic(join(folder, 'link'), 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await readdir(folder)).sort()).toEqual(['file', 'link']);
  });

  it('replaces the file, so that one who has the old file open still reads the whole old file', async () => {
    await writeFile(file, 'old');
    const before = (await stat(file)).ino;
    await writeFileAtomic(file, 'new');
    expect((await stat(file)).ino).not.toBe(before);
  });

  it('lets many write at once: one of them wins whole', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(50_000 + i));
    await Promise.all(texts.map((text) => writeFileAtomic(file, text)));
    expect(texts).toContain(await readFile(file, 'utf8'));
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('leaves the old file and no temporary when the contents cannot be written', async () => {
    await writeFile(file, 'old');
    const failure = await failureOf(writeFileAtomic(file, { bad: true } as unknown as string));
    expect(failure.message).toContain(`tensor-core.writeFileAtomic: ${file} could not be written. `);
    expect(failure.cause).toBeInstanceOf(TypeError);
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('leaves no temporary when the rename fails', async () => {
    await mkdir(file);
    await writeFile(join(file, 'inside'), 'kept');
    await expect(writeFileAtomic(file, 'x')).rejects.toThrow(`${file} could not be written. It is a directory`);
    expect(await readdir(folder)).toEqual(['file']);
    expect(await readdir(file)).toEqual(['inside']);
  });

  it('names a missing directory', async () => {
    const path = join(folder, 'missing', 'file');
    const failure = await failureOf(writeFileAtomic(path, 'x'));
    expect(failure.message).toBe(
      `tensor-core.writeFileAtomic: ${path} could not be written. Create its directory first.`,
    );
    expect(failure.cause).toMatchObject({ code: 'ENOENT' });
  });
});

describe('reading what is not there', () => {
  it.each([
    ['readJsonFile', readJsonFile],
    ['readSafetensorsFile', readSafetensorsFile],
    ['readIdxFile', readIdxFile],
  ] as const)('%s names the path and what to do', async (name, read) => {
    const missing = await failureOf(read(file));
    expect(missing.message).toBe(
      `tensor-core.${name}: ${file} could not be read. There is no such file: check the path.`,
    );
    expect(missing).not.toBeInstanceOf(FormatError);
    expect(missing.cause).toMatchObject({ code: 'ENOENT' });
    await expect(read(folder)).rejects.toThrow(`${folder} could not be read. It is a directory: name a file.`);
    await expect(read(relative(process.cwd(), file))).rejects.toThrow(file);
  });
});

describe('JSON files', () => {
  it('keep the value', async () => {
    const value = { a: [1, null, { b: 'é\u2028' }], c: -0.5, d: true };
    await writeJsonFile(file, value);
    expect(await readJsonFile(file)).toEqual(value);
    expect(await readFile(file, 'utf8')).toBe(`${JSON.stringify(value, null, 2)}\n`);
  });

  it('are refused by name when truncated, empty or not UTF-8', async () => {
    for (const [contents, reason] of [
      ['{"a": [1, 2', /must be JSON, but .*JSON.* It is truncated or corrupt\.$/],
      ['', /must be JSON/],
      [Uint8Array.of(0x22, 0xff, 0x22), /must be JSON, but it is not UTF-8 text/],
    ] as const) {
      await writeFile(file, contents);
      const failure = await failureOf(readJsonFile(file));
      expect(failure).toBeInstanceOf(FormatError);
      expect(failure.message).toMatch(reason);
      expect(failure.message.startsWith(`${file}: tensor-core.readJsonFile: `)).toBe(true);
      expect(failure.cause).toBeInstanceOf(Error);
    }
  });

  it('are not written for values that JSON would lose; the old file stays', async () => {
    await writeFile(file, 'old');
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const where = `tensor-core.writeJsonFile: ${file}: value must be what JSON can hold`;
    for (const [value, kind, message] of [
      [{ metrics: { loss: NaN } }, RangeError, `${where}: loss must be finite, got NaN. Store it as a string.`],
      [[1, Infinity], RangeError, `${where}: 1 must be finite, got Infinity.`],
      [NaN, RangeError, `${where}: the number must be finite, got NaN.`],
      [1n, TypeError, `${where}: `],
      [cycle, TypeError, `${where}: `],
      [undefined, TypeError, `${where}, got undefined.`],
    ] as const) {
      const failure = await failureOf(writeJsonFile(file, value));
      expect(failure).toBeInstanceOf(kind);
      expect(failure.message).toContain(message);
    }
    expect(await readFile(file, 'utf8')).toBe('old');
  });
});

describe('safetensors files', () => {
  const tensors = { w: { dtype: 'F16', shape: [2], data: Float32Array.of(1, -2) } } as const;
  const mutable = (): Parameters<typeof writeSafetensorsFile>[1] => ({ w: { ...tensors.w, shape: [2] } });

  it('keep tensors and metadata', async () => {
    await writeSafetensorsFile(file, mutable(), { step: '3' });
    const back = await readSafetensorsFile(pathToFileURL(file));
    expect(back.tensors['w']).toEqual(tensors.w);
    expect({ ...back.metadata }).toEqual({ step: '3' });
    const raw = await readSafetensorsFile(file, { keepBits: true });
    expect(raw.tensors['w']!.data).toEqual(Uint16Array.of(0x3c00, 0xc000));
  });

  it('are refused by name when truncated, with the reason', async () => {
    await writeSafetensorsFile(file, mutable());
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, whole.length - 1));
    const failure = await failureOf(readSafetensorsFile(file));
    expect(failure).toBeInstanceOf(FormatError);
    expect(failure.message).toContain(`${file}: tensor-core.readSafetensors: tensor "w" must end within the 3 bytes`);
    expect(failure.cause).toBeInstanceOf(FormatError);
  });

  it('keep the old file when the tensors are refused', async () => {
    await writeFile(file, 'old');
    const wrong = { w: { ...tensors.w, shape: [3] } };
    await expect(writeSafetensorsFile(file, wrong)).rejects.toThrow(/must have the 3 elements/);
    expect(await readFile(file, 'utf8')).toBe('old');
  });
});

describe('readIdxFile', () => {
  const digits = { shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };

  it('reads plain and compressed files alike, whatever their names', async () => {
    await writeFile(file, writeIdx(digits));
    expect(await readIdxFile(file)).toEqual(digits);
    await writeFile(file, gzipSync(writeIdx(digits)));
    const { shape, data } = await readIdxFile(file);
    expect([shape, [...data]]).toEqual([digits.shape, [...digits.data]]);
  });

  it('names the file in every refusal', async () => {
    const packed = gzipSync(writeIdx(digits));
    const corrupt = Uint8Array.from(packed);
    corrupt[corrupt.length - 6]! ^= 1;
    for (const [contents, message] of [
      [writeIdx(digits).subarray(0, 17), 'tensor-core.readIdx: the file must have the 18 bytes'],
      [gzipSync(writeIdx(digits).subarray(0, 17)), 'tensor-core.readIdx: the file must have the 18 bytes'],
      [
        packed.subarray(0, 15),
        'tensor-core.readIdxFile: the file must be whole gzip data. It is truncated or corrupt.',
      ],
      [packed.subarray(0, 2), 'tensor-core.readIdxFile: the file must be whole gzip data.'],
      [corrupt, 'tensor-core.readIdxFile: the file must be whole gzip data.'],
    ] as const) {
      await writeFile(file, contents);
      const failure = await failureOf(readIdxFile(file));
      expect(failure).toBeInstanceOf(FormatError);
      expect(failure.message).toContain(`${file}: ${message}`);
      expect(failure.cause).toBeInstanceOf(Error);
    }
  });

  it('stops a bomb at maxBytes, which is itself allowed', async () => {
    await writeFile(file, gzipSync(writeIdx(digits)));
    expect((await readIdxFile(file, { maxBytes: 18 })).shape).toEqual([2, 3]);
    const failure = await failureOf(readIdxFile(file, { maxBytes: 17 }));
    expect(failure).toBeInstanceOf(FormatError);
    expect(failure.message).toContain(`${file}: tensor-core.readIdxFile: the file must decompress to at most 17 bytes`);
    await expect(readIdxFile(file, { maxBytes: 0 })).rejects.toThrow(RangeError);
    await expect(readIdxFile(file, { maxBytes: 2 ** 53 })).rejects.toThrow(RangeError);
  });
});
