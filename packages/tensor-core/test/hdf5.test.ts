import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FormatError, ShapeError } from '../src/check';
import { Hdf5Dataset, openHdf5, type Hdf5Array, type Hdf5File, type Hdf5Numbers, type Hdf5Range } from '../src/hdf5';
import { openHdf5File } from '../src/hdf5/node';
import { readSafetensors, type SafetensorsFile } from '../src/io';

const golden = (name: string): URL => new URL(`golden/hdf5/${name}`, import.meta.url);
let bytes: Uint8Array;
let expected: SafetensorsFile['tensors'];
let kinds: Hdf5File;
let old: Hdf5File;
let folder: string;
beforeAll(async () => {
  bytes = new Uint8Array(await readFile(golden('kinds.h5')));
  expected = readSafetensors(new Uint8Array(await readFile(golden('expected.safetensors')))).tensors;
  folder = await mkdtemp(path.join(tmpdir(), 'tensor-core-hdf5-'));
  kinds = await openHdf5File(golden('kinds.h5'));
  old = await openHdf5File(golden('old.h5'));
  await tf.setBackend('cpu');
});
afterAll(async () => {
  kinds.close();
  old.close();
  await rm(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

const numbersOf = (array: Hdf5Array): Hdf5Numbers => array as Hdf5Numbers;

/** The part of a row-major array that ranges select, element by element. */
function selected({ shape, data }: Hdf5Numbers, ranges: readonly Hdf5Range[]): { shape: number[]; data: number[] } {
  const indices = shape.map((length, axis) => {
    const range = ranges[axis] ?? null;
    if (typeof range === 'number') return [range];
    const [start, stop, step = 1] = range ?? [0, null];
    return Array.from({ length }, (_, i) => i).filter(
      (i) => i >= start && i < (stop ?? length) && (i - start) % step === 0,
    );
  });
  const picked = indices.reduce<number[][]>(
    (heads, axis) => heads.flatMap((head) => axis.map((i) => [...head, i])),
    [[]],
  );
  const at = (index: number[]): number => index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0);
  return {
    shape: indices.flatMap((axis, k) => (typeof ranges[k] === 'number' ? [] : [axis.length])),
    data: picked.map((index) => Number(data[at(index)])),
  };
}

describe('Hdf5Dataset.read', () => {
  it('gives all that h5py gives, bit for bit, in either byte order and every layout', async () => {
    const memory = await openHdf5(bytes);
    let compared = 0;
    for (const [name, { dtype, shape, data }] of Object.entries(expected)) {
      if (name.startsWith('old/')) continue;
      for (const file of [kinds, memory]) {
        const array = file.dataset(name).read();
        expect([name, array.dtype, array.shape]).toEqual([name, dtype, shape]);
        expect([name, array.data]).toEqual([name, data]);
        compared++;
      }
    }
    expect(compared).toBe(2 * 31);
    memory.close();
  });

  it('reads the older layout of the format too', () => {
    for (const name of ['steps', 'times']) {
      expect(old.dataset(name).read().data).toEqual(expected[`old/${name}`]!.data);
    }
    expect(old.attributes('steps')).toEqual({ unit: 's' });
  });

  it('selects as a brute-force selection does, for any ranges of any axes', () => {
    const names = ['layouts/contiguous', 'layouts/gzip_shuffle', 'layouts/fletcher', 'layouts/rank5', 'numbers/i8'];
    const cases = names.map((name) => {
      const dataset = kinds.dataset(name);
      return { dataset, whole: numbersOf(dataset.read()) };
    });
    const rangeOf = (length: number): fc.Arbitrary<Hdf5Range> =>
      fc.oneof(
        fc.constant(null),
        fc.nat(length - 1),
        fc
          .tuple(fc.nat(length), fc.nat(length), fc.integer({ min: 1, max: length + 1 }))
          .map(([a, b, step]): Hdf5Range => [Math.min(a, b), Math.max(a, b), step]),
        fc.nat(length).map((start): Hdf5Range => [start, null]),
      );
    const property = fc.constantFrom(...cases).chain((one) =>
      fc.record({
        one: fc.constant(one),
        ranges: fc.tuple(...one.whole.shape.map(rangeOf)),
        given: fc.nat(one.whole.shape.length),
      }),
    );
    fc.assert(
      fc.property(property, ({ one, ranges, given }) => {
        const some = ranges.slice(0, given);
        const { shape, data } = one.dataset.read(some);
        expect({ shape, data: Array.from(data, Number) }).toEqual(selected(one.whole, some));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('reads a corner of a dataset of 4 terabytes, and what was never written as the fill value', () => {
    const huge = old.dataset('huge');
    expect([huge.shape, huge.chunks]).toEqual([
      [1_000_000, 1_000_000],
      [16, 16],
    ]);
    const part = huge.read([
      [654_319, 654_324],
      [123_458, 123_461],
    ]);
    expect(part.shape).toEqual([5, 3]);
    expect([...part.data]).toEqual([-1, -1, -1, 2, 3, -1, 6, 7, -1, 10, 11, -1, 14, 15, -1]);
    expect([...huge.read([[0, 1_000_000, 327_160], 123_456]).data]).toEqual([-1, -1, 0, -1]);
  });

  it('refuses what memory cannot hold', () => {
    expect(() => old.dataset('huge').read()).toThrow(
      new RangeError(
        'tensor-core.Hdf5Dataset.read: ranges must select what memory holds, got the shape [1000000, 1000000]. Read it in parts.',
      ),
    );
  });

  it('refuses rows that the library cannot hold', () => {
    expect(() => old.dataset('long').read()).toThrow(
      new RangeError(
        'tensor-core.Hdf5Dataset.read: ranges must select at most 2130706432 bytes a row, got 4294967296. Read it in parts.',
      ),
    );
    expect(old.dataset('long').read([1, [5, 7]]).data).toEqual(Float32Array.of(0, 0));
  });

  it('reads in pieces what is larger than a piece', () => {
    // Rows of 8 MB, two in a piece.
    const wide = old.dataset('wide');
    const all = wide.read();
    expect([all.shape, all.data.length]).toEqual([[5, 2e6], 1e7]);
    const at = 5.7e6;
    expect([...all.data.slice(at - 1, at + 4)]).toEqual([-1, 1, 2, 3, -1]);
    expect([...all.data.slice(8e6 - 1, 8e6 + 2)]).toEqual([-1, 4, -1]);
    expect([0, 2e6, 4e6, 6e6, 1e7 - 1].map((i) => all.data[i])).toEqual([-1, -1, -1, -1, -1]);
    const third = wide.read([[0, 5, 2]]);
    expect(third.shape).toEqual([3, 2e6]);
    expect([...third.data.slice(3.7e6, 3.7e6 + 3), ...third.data.slice(4e6 - 1, 4e6 + 2)]).toEqual([
      1, 2, 3, -1, 4, -1,
    ]);
  });

  it('gives copies: what one does to them stays there', () => {
    const dataset = kinds.dataset('layouts/contiguous');
    const { data } = numbersOf(dataset.read());
    data.fill(0 as never);
    expect(dataset.read().data).toEqual(expected['layouts/contiguous']!.data);
  });

  it.each([
    [[7], RangeError, 'ranges[0] must be an integer >= 0 and <= 6, got 7.'],
    [[-1], RangeError, 'ranges[0] must be an integer >= 0 and <= 6, got -1.'],
    [[1.5], RangeError, 'ranges[0] must be an integer'],
    [[[0, 8]], RangeError, 'the stop of ranges[0] must be an integer >= 0 and <= 7, got 8.'],
    [[null, [3, 2]], RangeError, 'the stop of ranges[1] must be an integer >= 3 and <= 5, got 2.'],
    [[[-1, 2]], RangeError, 'the start of ranges[0] must be an integer >= 0 and <= 7, got -1.'],
    [[[0, 2, 0]], RangeError, 'the step of ranges[0] must be an integer >= 1, got 0.'],
    [[[1]], TypeError, 'ranges[0] must be an index, [start, stop], [start, stop, step] or null, got [1].'],
    [['1'], TypeError, 'ranges[0] must be an index, [start, stop], [start, stop, step] or null, got "1".'],
    [[0, 0, 0, 0], ShapeError, 'ranges must have at most the 3 axes of the shape [7, 5, 4], got [0, 0, 0, 0].'],
    [3, TypeError, 'ranges must be an array of an entry for each axis, got 3.'],
  ])('refuses the ranges %j', (ranges, kind, message) => {
    const read = (): unknown => kinds.dataset('layouts/contiguous').read(ranges as Hdf5Range[]);
    expect(read).toThrow(kind);
    expect(read).toThrow(`tensor-core.Hdf5Dataset.read: ${message}`);
  });
});

describe('Hdf5File.dataset', () => {
  it('describes without reading', () => {
    const { path: at, shape, dtype, chunks, members } = kinds.dataset('/layouts//gzip_shuffle/');
    expect({ at, shape, dtype, chunks, members }).toEqual({
      at: '/layouts/gzip_shuffle',
      shape: [7, 5, 4],
      dtype: 'F32',
      chunks: [3, 2, 4],
      members: null,
    });
    expect(kinds.dataset('layouts/contiguous').chunks).toBeNull();
  });

  it('reads strings of every padding', () => {
    const read = (name: string): Hdf5Array => kinds.dataset(`strings/${name}`).read();
    expect(read('variable')).toEqual({ dtype: 'STRING', shape: [2, 2], data: ['größe', '', 'a\u2028b', 'z'] });
    expect(kinds.dataset('strings/variable').read([1])).toEqual({
      dtype: 'STRING',
      shape: [2],
      data: ['a\u2028b', 'z'],
    });
    expect(read('fixed').data).toEqual(['ab', 'abcd', '']);
    expect(read('spaces').data).toEqual(['ab', ' c']);
    expect(read('scalar')).toEqual({ dtype: 'STRING', shape: [], data: ['one'] });
  });

  it('reads enumerations as integers with their names, in either byte order', () => {
    for (const name of ['enum', 'big_enum']) {
      const dataset = kinds.dataset(`other/${name}`);
      expect([dataset.dtype, dataset.members]).toEqual(['I16', { RED: 0, GREEN: 1, BLUE: 42 }]);
      expect(dataset.read().data).toEqual(Int16Array.of(42, 0, 1));
    }
  });

  it('follows soft links and reads an empty dataspace', () => {
    expect(kinds.dataset('other/soft').read().data).toEqual(expected['numbers/f4']!.data);
    expect(kinds.dataset('layouts/empty').read()).toEqual({ dtype: 'F32', shape: [0], data: new Float32Array(0) });
  });

  it.each([
    ['compound', 'compound'],
    ['complex', 'compound'],
    ['array_type', 'array'],
    ['ragged', 'variable-length'],
    ['reference', 'reference'],
    ['opaque', 'opaque'],
    ['quad', 'floating point of 128 bits'],
  ])('refuses other/%s: it is %s', (name, kind) => {
    expect(() => kinds.dataset(`other/${name}`)).toThrow(
      new FormatError(
        `tensor-core.Hdf5File.dataset: dataset /other/${name} must be of integers, floats, booleans or strings, but it is ` +
          `${kind}. Store plain numbers or strings, for compound types each member as a dataset of its own.`,
      ),
    );
  });

  const isNoDataset = 'path must name a dataset of the file, got';
  it.each([
    ['numbers/f5', `${isNoDataset} "numbers/f5". /numbers has big_f2, big_f4, big_f8`],
    ['nowhere/f4', `${isNoDataset} "nowhere/f4". / has numbers, layouts, strings, other, described.`],
    ['numbers', `${isNoDataset} "numbers". /numbers is a group of big_f2, big_f4`],
    ['/', `${isNoDataset} "/". / is a group of numbers`],
    ['', `${isNoDataset} "". / is a group of numbers`],
    ['numbers/f4/x', `${isNoDataset} "numbers/f4/x". /numbers/f4 is a dataset.`],
    ['other/broken', `${isNoDataset} "other/broken". /other/broken is a link to /nowhere/f4, which does not exist.`],
    ['other/outside', 'is a link to /x of the file other.h5, which is not followed.'],
    ['other/type', '/other/type is a named type.'],
  ])('tells what there is instead of %s', (name, message) => {
    expect(() => kinds.dataset(name)).toThrow(RangeError);
    expect(() => kinds.dataset(name)).toThrow(message);
    expect(() => kinds.dataset(name)).toThrow(/^tensor-core\.Hdf5File\.dataset: /);
  });

  it('refuses a path that is no string', () => {
    expect(() => kinds.dataset(3 as unknown as string)).toThrow(
      new TypeError('tensor-core.Hdf5File.dataset: path must be a string, got 3.'),
    );
  });
});

describe('Hdf5File.keys and attributes', () => {
  it('list a group in the order of the file', () => {
    expect(kinds.keys()).toEqual(['numbers', 'layouts', 'strings', 'other', 'described']);
    expect(kinds.keys('strings')).toHaveLength(4);
    expect(() => kinds.keys('numbers/f4')).toThrow(
      'path must name a group of the file, got "numbers/f4". /numbers/f4 is a dataset.',
    );
  });

  it('give scalars as values, arrays with their shapes, nothing as null, and what has no counterpart as undefined', () => {
    const { matrix, names, flags, ...scalars } = kinds.attributes('described');
    expect(scalars).toEqual({
      text: 'größe',
      bytes: 'ascii',
      gamma: 1.4,
      half: 0.5,
      count: -3,
      big_count: 7n,
      periodic: true,
      nothing: null,
      link: undefined,
      pair: undefined,
    });
    expect('pair' in scalars).toBe(true);
    expect(matrix).toEqual({ dtype: 'F32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(names).toEqual({ dtype: 'STRING', shape: [2], data: ['u', 'v'] });
    expect(flags).toEqual({ dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) });
    expect({ ...kinds.attributes('numbers/f4') }).toEqual({});
    expect(() => kinds.attributes('nowhere')).toThrow('path must name a group or dataset of the file, got "nowhere".');
  });
});

describe('Hdf5Dataset.readTensor', () => {
  it('gives float32, int32 and bool tensors and leaves nothing behind', () => {
    const dtypes = ['layouts/contiguous', 'numbers/big_f2', 'numbers/i2', 'numbers/bool'].map((name) => {
      const tensor = kinds.dataset(name).readTensor();
      expect(tensor.shape).toEqual(expected[name]!.shape);
      return tensor.dtype;
    });
    expect(dtypes).toEqual(['float32', 'float32', 'int32', 'bool']);
    expect(kinds.dataset('layouts/contiguous').readTensor([[2, 6, 2], 3])).toBeAllclose(
      selected(numbersOf(kinds.dataset('layouts/contiguous').read()), [[2, 6, 2], 3]),
      { rtol: 0, atol: 0 },
    );
    expect(() => kinds.dataset('layouts/contiguous').readTensor([0])).toLeakNothing();
  });

  it('refuses strings and integers beyond int32', () => {
    expect(() => kinds.dataset('strings/fixed').readTensor()).toThrow(
      new TypeError(
        'tensor-core.Hdf5Dataset.readTensor: /strings/fixed must be of numbers for readTensor, got "STRING".',
      ),
    );
    expect(() => kinds.dataset('numbers/i8').readTensor()).toThrow(RangeError);
  });
});

describe('Hdf5File.rows', () => {
  const names = ['layouts/gzip_shuffle', 'layouts/contiguous', 'layouts/resizable'] as const;

  it.each([1, 2, 3, 4, 5, 7, 100])('gives batches of %i that are together the dataset', (batch) => {
    for (const [start, stop] of [
      [0, 7],
      [2, 6],
      [4, 4],
      [6, 7],
    ] as const) {
      const parts = [...kinds.rows(names, { batch, start, stop })];
      expect(parts).toHaveLength(Math.ceil((stop - start) / batch));
      for (const name of names) {
        const { shape, data } = numbersOf(kinds.dataset(name).read([[start, stop]]));
        expect(parts.flatMap((part) => [...(part[name].data as Float32Array)])).toEqual([...data]);
        expect(parts.every((part, i) => part[name].shape[0] === Math.min(batch, stop - start - i * batch))).toBe(true);
        expect(parts.every((part) => String(part[name].shape.slice(1)) === String(shape.slice(1)))).toBe(true);
      }
    }
  });

  it('gives the array itself for a single name, strings too, in batches of 32', () => {
    expect([...kinds.rows('strings/fixed', { batch: 2 })].map(({ data }) => data)).toEqual([['ab', 'abcd'], ['']]);
    expect([...old.rows('steps')].map(({ shape }) => shape)).toEqual([[20, 2]]);
    const [first] = old.rows('huge', { batch: 1, start: 654_321 });
    expect([...first!.data.slice(123_456, 123_461)]).toEqual([4, 5, 6, 7, -1]);
    expect([...old.rows('times', { stop: 19 })].length).toBe(1);
  });

  it('reads each chunk once', () => {
    const reads = vi.spyOn(Hdf5Dataset.prototype, 'read');
    const batches = [...old.rows('steps', { batch: 1 })];
    expect(batches).toHaveLength(20);
    // Chunks of 6 rows.
    expect(reads.mock.calls).toEqual([[[[0, 6]]], [[[6, 12]]], [[[12, 18]]], [[[18, 20]]]]);
  });

  it('checks its arguments when it is called', () => {
    const where = 'tensor-core.Hdf5File.rows:';
    expect(() => kinds.rows('layouts/scalar')).toThrow(
      new ShapeError(`${where} /layouts/scalar must have rows, got the shape [].`),
    );
    expect(() => kinds.rows(['layouts/contiguous', 'numbers/f4'])).toThrow(
      new ShapeError(`${where} /numbers/f4 must have 7 rows as the first dataset, got the shape [2, 3].`),
    );
    expect(() => kinds.rows([])).toThrow(new RangeError(`${where} paths must name at least one dataset, got [].`));
    expect(() => kinds.rows('layouts/contiguous', { batch: 0 })).toThrow(
      `${where} batch must be an integer >= 1, got 0.`,
    );
    expect(() => kinds.rows('layouts/contiguous', { start: 8 })).toThrow(
      `${where} start must be an integer >= 0 and <= 7`,
    );
    expect(() => kinds.rows('layouts/contiguous', { start: 3, stop: 2 })).toThrow(
      `${where} stop must be an integer >= 3 and <= 7, got 2.`,
    );
  });
});

describe('opening and closing', () => {
  it('opens paths, file URLs, bytes, ArrayBuffers and Blobs, several at a time', async () => {
    const target = path.join(folder, 'a file.h5');
    await copyFile(golden('kinds.h5'), target);
    const files = await Promise.all([
      openHdf5File(target),
      openHdf5File(pathToFileURL(target)),
      openHdf5(bytes),
      openHdf5(bytes.slice().buffer),
      openHdf5(new Blob([bytes.slice()])),
    ]);
    for (const file of files) expect(file.keys()).toEqual(kinds.keys());
    files[2].close();
    expect(files[3].dataset('numbers/i2').read().data).toEqual(expected['numbers/i2']!.data);
    for (const file of files) file.close();
  });

  it('refuses all use of a closed file; closing twice does nothing', async () => {
    const file = await openHdf5(bytes);
    const dataset = file.dataset('numbers/i2');
    const rows = file.rows('numbers/i2');
    file.close();
    file.close();
    const closed = 'the file must be open, but close() was called.';
    expect(() => file.keys()).toThrow(new Error(`tensor-core.Hdf5File.keys: ${closed}`));
    expect(() => file.attributes()).toThrow(`tensor-core.Hdf5File.attributes: ${closed}`);
    expect(() => file.dataset('x')).toThrow(`tensor-core.Hdf5File.dataset: ${closed}`);
    expect(() => dataset.read()).toThrow(`tensor-core.Hdf5Dataset.read: ${closed}`);
    expect(() => [...rows]).toThrow(closed);
    expect(kinds.keys()).toHaveLength(5);
  });

  it('closes by the symbol of explicit resource management', async () => {
    const file = await openHdf5(bytes);
    (file as unknown as Record<symbol, () => void>)[(Symbol as unknown as { dispose: symbol }).dispose]!();
    expect(() => file.keys()).toThrow(/close\(\) was called/);
  });

  it('names a path that cannot be read', async () => {
    const missing = path.join(folder, 'missing.h5');
    await expect(openHdf5File(missing)).rejects.toThrow(
      `tensor-core.openHdf5File: ${missing} could not be read. There is no such file: check the path.`,
    );
    await expect(openHdf5File(folder)).rejects.toThrow(`${folder} could not be read. It is a directory: name a file.`);
  });

  it('tells how to install h5wasm', async () => {
    const load = (): Promise<never> => Promise.reject(new Error("Cannot find package 'h5wasm'"));
    for (const failing of [openHdf5(bytes, { load }), openHdf5File(golden('kinds.h5'), { load })]) {
      await expect(failing).rejects.toThrow(
        /^tensor-core\.openHdf5(File)?: h5wasm must be installed, and cannot be imported\. npm i h5wasm$/,
      );
    }
  });

  it('refuses a source of another type', async () => {
    await expect(openHdf5('x.h5' as unknown as Uint8Array)).rejects.toThrow(
      new TypeError(
        'tensor-core.openHdf5: source must be bytes, a File or a Blob, got "x.h5". On Node, use openHdf5File for a path.',
      ),
    );
  });
});

describe('damaged files', () => {
  it('are refused by name, and nothing is printed', async () => {
    const print = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const warn = vi.spyOn(console, 'error').mockReturnValue();
    const file = path.join(folder, 'cut.h5');
    await writeFile(file, bytes.subarray(0, 20_000));
    await expect(openHdf5File(file)).rejects.toThrow(FormatError);
    await expect(openHdf5File(file)).rejects.toThrow(
      new RegExp(
        `^${file}: tensor-core.openHdf5File: the file must be whole HDF5 \\(.*truncated file.*\\)\\. It is truncated`,
      ),
    );
    await expect(openHdf5(bytes.subarray(1))).rejects.toThrow(/^tensor-core.openHdf5: the file must be whole HDF5 \(/);
    expect(print).not.toHaveBeenCalled();
    // The library prints again for those who use it beside.
    const { ready } = (await import('h5wasm/node')) as unknown as { ready: Promise<{ FS: { streams: object[] } }> };
    expect(Object.hasOwn((await ready).FS.streams[2]!, 'stream_ops')).toBe(false);
    expect(warn).not.toHaveBeenCalled();
  });

  it('are refused at a sample of truncations', async () => {
    for (let length = 0; length < bytes.length; length += 997) {
      await expect(openHdf5(bytes.subarray(0, length))).rejects.toThrow(FormatError);
    }
  });

  it('whose chunks are corrupt are refused on reading, with the dataset and the reason', async () => {
    const { shape } = kinds.dataset('layouts/fletcher');
    const stored = Buffer.from(numbersOf(kinds.dataset('layouts/fletcher').read([[0, 2]])).data.buffer);
    const at = Buffer.from(bytes).indexOf(stored, Buffer.from(bytes).indexOf(stored) + 1);
    expect([shape, at > 0]).toEqual([[7, 5, 4], true]);
    const damaged = bytes.slice();
    damaged[at + 17]! ^= 1;
    const file = await openHdf5(damaged);
    expect(() => file.dataset('layouts/fletcher').read()).toThrow(FormatError);
    expect(() => file.dataset('layouts/fletcher').read()).toThrow(
      /dataset \/layouts\/fletcher could not be read \(.+\)\. The file is truncated or corrupt\.$/,
    );
    expect(file.dataset('layouts/fletcher').read([[2, 4]]).shape).toEqual([2, 5, 4]);
    file.close();
  });

  it('give a FormatError or RangeError and nothing else when bytes are changed at random', async () => {
    const readAll = (file: Hdf5File, group: string, depth: number): void => {
      for (const name of file.keys(group)) {
        const at = `${group === '/' ? '' : group}/${name}`;
        const attempt = (use: () => void): void => {
          try {
            use();
          } catch (error) {
            expect([FormatError, RangeError, TypeError]).toContain((error as Error).constructor);
          }
        };
        attempt(() => void file.attributes(at));
        attempt(() => void file.dataset(at).read([]));
        if (depth > 0) attempt(() => readAll(file, at, depth - 1));
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = bytes.slice();
        damaged[at]! ^= flip;
        let file: Hdf5File;
        try {
          file = await openHdf5(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
          return;
        }
        try {
          readAll(file, '/', 1);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        } finally {
          file.close();
        }
      }),
      { seed: 4, numRuns: 60 },
    );
  });
});
