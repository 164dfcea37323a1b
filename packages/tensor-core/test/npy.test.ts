import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { requireTool } from '@tfsci/tooling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, ShapeError } from '../src/check';
import { toTensor } from '../src/io';
import { arrayStorage, partsOf } from '../src/io/array-entry';
import { readNpy, readNpz, writeNpy, writeNpz } from '../src/io/npy/npy';
import { writeZip } from '../src/io/zip/write';
import { viewAsReal, type ArrayDtype, type ArrayEntry } from '../src/io/torch/torch';
import { refusalOf } from './torch-pickles';

interface Described {
  dtype: ArrayDtype;
  shape: number[];
  bytes: string;
}
const golden = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`golden/io/npy/${name}.json`, import.meta.url), 'utf8'));
const arrays = golden('arrays') as Record<string, Described & { file: string }>;
const archives = golden('archives') as Record<string, { file: string; arrays: Record<string, Described> }>;
const refused = golden('refused') as Record<string, string>;
const python = requireTool('python-torch');

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (view: ArrayBufferView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');

function expectArray(entry: ArrayEntry | undefined, { dtype, shape, bytes }: Described): void {
  expect([entry!.dtype, entry!.shape]).toEqual([dtype, shape]);
  expect(hex(entry!.data)).toBe(bytes);
}

/** A file of format 1.0 with the given header text. */
function npy(header: string, data: number[] = [], version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = version === 1 ? [text.length & 0xff, text.length >> 8] : [text.length & 0xff, text.length >> 8, 0, 0];
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...text, ...data]);
}
const refusal = (bytes: Uint8Array): string => refusalOf(() => readNpy(bytes)).message;

/** Arrays whose bytes are arbitrary. */
const dtypes = Object.keys(arrayStorage).filter((dtype) => !/^(BF16|F8)/.test(dtype)) as ArrayDtype[];
const entries: fc.Arbitrary<ArrayEntry> = fc
  .tuple(
    fc.constantFrom(...dtypes),
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.uint8Array({ minLength: 432, maxLength: 432 }),
  )
  .map(([dtype, shape, noise]) => {
    const length = shape.reduce((product, n) => product * n, partsOf(dtype));
    const bytes = dtype === 'BOOL' ? noise.map((value) => value & 1) : noise;
    return { dtype, shape, data: new arrayStorage[dtype](bytes.slice().buffer, 0, length) };
  });

describe('readNpy', () => {
  it.each(Object.keys(arrays))('reads what NumPy wrote: %s', (name) => {
    expectArray(readNpy(bytesOf(arrays[name]!.file), { keepBits: true }), arrays[name]!);
  });

  it('widens F16 to float32 unless told not to', () => {
    const file = bytesOf(arrays['<f2']!.file);
    // (37 i + 5) mod 251 is 5, 42, 79, 116, 153, 190; an eighth of it less 9 is exact in both formats.
    const values = Float32Array.from([5, 42, 79, 116, 153, 190], (n) => n / 8 - 9);
    expect(readNpy(file)).toEqual({ dtype: 'F16', shape: [2, 3], data: values });
    expect(readNpy(file, { keepBits: true }).data).toBeInstanceOf(Uint16Array);
  });

  it('shares the memory of aligned little-endian row-major files', () => {
    const file = bytesOf(arrays['<f4']!.file);
    expect(readNpy(file).data.buffer).toBe(file.buffer);
    const moved = new Uint8Array(file.length + 1);
    moved.set(file, 1);
    expect(readNpy(moved.subarray(1))).toEqual(readNpy(file));
    const swapped = bytesOf(arrays['>f4']!.file);
    expect(readNpy(swapped).data.buffer).not.toBe(swapped.buffer);
  });

  it('gives arrays that toTensor takes, complex ones as pairs', () => {
    const { vector, '<c8': complex } = arrays;
    const tensor = toTensor(viewAsReal(readNpy(bytesOf(vector!.file))));
    expect(tensor).toBeAllclose(tf.tensor(Array.from({ length: 10 }, (_, i) => ((37 * i + 5) % 251) / 8 - 9)), {
      atol: 0,
      rtol: 0,
    });
    const pairs = toTensor(viewAsReal(readNpy(bytesOf(complex!.file))));
    expect(pairs.shape).toEqual([2, 3, 2]);
    tf.dispose([tensor, pairs]);
  });

  it('reads any header that NumPy would', () => {
    for (const header of [
      "{'shape': (2,), 'fortran_order': False, 'descr': '|u1'}",
      '{"descr":"<u1","fortran_order":False,"shape":(2,)}\n',
      " {'descr' : '>u1' , 'fortran_order' : True , 'shape' : ( 2L , ) , } \n",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1,), }",
    ]) {
      expect([...readNpy(npy(header, [7, 9])).data]).toEqual([7, 9]);
    }
  });

  it.each([
    [
      'object',
      /the element type must be one of b1, .*, got "\|O". It is Python objects, which are pickles. Save plain/,
    ],
    ['text', /got "<U2". It is text. Save it as JSON./],
    ['bytes', /got "\|S2". It is bytes/],
    [
      'structure',
      /the element type must not be a structure of several fields. Save each field as an array of its own./,
    ],
    ['date', /got "<M8\[Y\]". It is dates. Save array.astype\('int64'\)/],
    ['duration', /got "<m8\[s\]". It is durations/],
    ['void', /got "\|V3". It is raw or structured elements/],
    ['long double', /got "<f16". It is a long double, which differs by machine/],
    ['complex long double', /got "<c32". It is complex long doubles/],
  ])('refuses arrays of %s', (name, message) => {
    expect(refusal(bytesOf(refused[name]!))).toMatch(message);
  });

  it.each([
    ["{'descr': '|u1', 'fortran_order': False}", /the header must have the keys descr, fortran_order and shape/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}", /must have the keys descr/],
    ["{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", /must not repeat a key/],
    [
      "{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}",
      /must say True or False for fortran_order, got "0, 'shape'/,
    ],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': 2}", /must give the shape as \(, got "2}"/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2)}", /must give the shape as a tuple/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (-2,)}", /must give the shape as integers/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2.5)}", /must have a comma or \) after each length/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999,)}", /the shape|as a tuple/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} + 1", /must have nothing but spaces after }/],
    ["{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}", /must have a comma or } after each value/],
    ["{'descr' '|u1', 'fortran_order': False, 'shape': (2,)}", /must have a colon after each key/],
    ["{descr: '|u1', 'fortran_order': False, 'shape': (2,)}", /must have a string/],
    ["{'descr': '\\x7cu1', 'fortran_order': False, 'shape': (2,)}", /must have a string/],
    ['__import__("os")', /must begin with {, got "__import__\(/],
    ['', /must begin with {, got ""/],
    [
      "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
      /must be one of b1.*, got "\|f4". Is the file corrupt\?/,
    ],
    ["{'descr': '=f4', 'fortran_order': False, 'shape': (2,)}", /got "=f4"/],
    ["{'descr': '<constructor1', 'fortran_order': False, 'shape': (2,)}", /got "<constructor1"/],
    [`{'descr': '|u1', 'fortran_order': False, 'shape': (${'1,'.repeat(65)})}`, /at most 64 entries, got 65/],
    ["{'descr': '|u1', 'fortran_order': False, 'shape': (9007199254740992, 2)}", /fewer than 2\^53 bytes/],
    ["{'descr': '<f8', 'fortran_order': False, 'shape': (4503599627370496,)}", /fewer than 2\^53 bytes/],
    [
      "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}",
      /must have the 3 bytes of U8 \[3\], got 2. The file is trunc/,
    ],
    [
      "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
      /must have the 1 bytes of U8 \[1\], got 2. There are bytes/,
    ],
  ])('refuses the header %s', (header, message) => {
    expect(refusal(npy(header, [7, 9]))).toMatch(message);
  });

  it('says of each other kind of file what it is', () => {
    expect(refusal(bytesOf(archives['stored']!.file))).toMatch(/must be one array, got a zip archive. Use readNpz./);
    expect(refusal(Uint8Array.of(0x1f, 0x8b, 8))).toMatch(/must be uncompressed, got gzip. await gunzip/);
    expect(refusal(new Uint8Array(0))).toMatch(/must begin with 0x93 NUMPY/);
    expect(refusal(npy('{}', [], 4))).toMatch(/the format version must be 1.0, 2.0 or 3.0, got \[4, 0\]/);
    expect(refusal(npy('{}').subarray(0, 9))).toMatch(
      /the file must hold the 10 bytes of its header, got 9. It is truncated/,
    );
    expect(() => readNpy('x' as unknown as Uint8Array)).toThrow(
      new TypeError('tensor-core.readNpy: bytes must be a Uint8Array, got "x". Pass new Uint8Array(arrayBuffer).'),
    );
  });

  it.each(['<f4', 'scalar', 'u2 fortran', 'version 3'])('refuses %s cut at any byte', (name) => {
    const file = bytesOf(arrays[name]!.file);
    for (let length = 0; length < file.length; length++) {
      expect(() => readNpy(file.subarray(0, length))).toThrow(FormatError);
    }
  });

  it('reads or refuses files with any bit flipped, or random bytes written over them', () => {
    const readOrRefused = (file: Uint8Array): void => {
      try {
        const { dtype, shape, data } = readNpy(file);
        expect(data.length).toBe(shape.reduce((product, n) => product * n, partsOf(dtype)));
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    };
    for (const name of ['<f4', 'i2 fortran', 'version 2']) {
      const file = bytesOf(arrays[name]!.file);
      for (let bit = 0; bit < 8 * file.length; bit++) {
        const flipped = file.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        readOrRefused(flipped);
      }
      fc.assert(
        fc.property(fc.nat(file.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, noise) => {
          const changed = file.slice();
          changed.set(noise.subarray(0, file.length - at), at);
          readOrRefused(changed);
        }),
        { numRuns: 300, seed: 3 },
      );
    }
  });
});

describe('writeNpy', () => {
  const rowMajor = Object.keys(arrays).filter((name) => !/^>|^big|fortran|version/.test(name));
  it.each(rowMajor)('writes what NumPy wrote, byte for byte: %s', (name) => {
    const { file } = arrays[name]!;
    expect(hex(writeNpy(readNpy(bytesOf(file))))).toBe(file);
  });

  it('leaves room in the header as NumPy does, whatever the length of its text', () => {
    for (const [shape, length] of golden('headers') as [number[], number][]) {
      const data = new Uint8Array(shape.reduce((product, n) => product * n, 1));
      const file = writeNpy({ dtype: 'U8', shape, data });
      expect([shape, file.length - data.length]).toEqual([shape, length]);
      expect(readNpy(file).shape).toEqual(shape);
    }
  });

  it('is undone by readNpy, bit for bit', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const back = readNpy(writeNpy(entry), { keepBits: true });
        expect([back.dtype, back.shape, hex(back.data)]).toEqual([entry.dtype, entry.shape, hex(entry.data)]);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('rounds float32 values to F16, as in its example', () => {
    const written = writeNpy({ dtype: 'F16', shape: [2], data: Float32Array.of(1, 0.1) });
    expect(readNpy(written).data).toEqual(Float32Array.of(1, 0.0999755859375));
    expect(readNpy(writeNpy({ dtype: 'F32', shape: [2], data: Float32Array.of(1, -2) }))).toEqual({
      dtype: 'F32',
      shape: [2],
      data: Float32Array.of(1, -2),
    });
  });

  it('refuses what NumPy cannot hold', () => {
    const write = (entry: unknown) => (): Uint8Array => writeNpy(entry as ArrayEntry);
    const where = 'tensor-core.writeNpy: the';
    expect(write({ dtype: 'BF16', shape: [1], data: new Float32Array(1) })).toThrow(
      new RangeError(
        `${where} dtype of the array must be one of "BOOL", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", ` +
          '"F16", "F32", "F64", "C64", "C128", got "BF16".',
      ),
    );
    expect(write({ dtype: 'F64', shape: [1], data: new Float32Array(1) })).toThrow(
      new TypeError(`${where} data of the array must be a Float64Array for dtype F64, got Float32Array(1).`),
    );
    expect(write({ dtype: 'F16', shape: [1], data: [1] })).toThrow(
      new TypeError(`${where} data of the array must be a Float32Array or Uint16Array for dtype F16, got [1].`),
    );
    expect(write({ dtype: 'C64', shape: [2], data: new Float32Array(2) })).toThrow(
      new ShapeError(`${where} data of the array must have the 4 numbers of C64 [2], got Float32Array(2).`),
    );
    expect(write({ dtype: 'BOOL', shape: [1], data: Uint8Array.of(2) })).toThrow(
      new RangeError(`${where} data of the array must be 0 or 1 for dtype BOOL, got 2.`),
    );
    expect(write({ dtype: 'U8', shape: [-1], data: Uint8Array.of(2) })).toThrow(RangeError);
    expect(write({ dtype: 'U8', shape: Array(65).fill(1), data: Uint8Array.of(2) })).toThrow(
      new RangeError(`${where} shape of the array must have at most 64 entries, got 65.`),
    );
  });
});

describe('readNpz', () => {
  it.each(['stored', 'deflated'])('reads what NumPy wrote: %s', (name) => {
    const { file, arrays: wanted } = archives[name]!;
    const read = readNpz(bytesOf(file), { keepBits: true });
    expect(Object.keys(read)).toEqual(Object.keys(wanted));
    expect(Object.getPrototypeOf(read)).toBe(null);
    for (const [key, array] of Object.entries(wanted)) expectArray(read[key], array);
  });

  it('reads the arrays that are named, whatever the others are', () => {
    const { file, arrays: wanted } = archives['mixed']!;
    expectArray(readNpz(bytesOf(file), { names: ['data'] })['data'], wanted['data']!);
    expect(refusalOf(() => readNpz(bytesOf(file))).message).toMatch(
      /tensor-core.readNpz: array "format": the element type must be one of .*, got "<U3". It is text./,
    );
    expect(refusalOf(() => readNpz(bytesOf(file), { names: ['none'] })).message).toBe(
      'tensor-core.readNpz: the archive must hold "none", got ["data", "format"].',
    );
  });

  it('refuses what is no archive of arrays', () => {
    const read = (bytes: Uint8Array): string => refusalOf(() => readNpz(bytes)).message;
    expect(read(bytesOf(arrays['<f4']!.file))).toMatch(/must be a zip archive, got one array. Use readNpy./);
    expect(read(new Uint8Array(30))).toMatch(/must end with a zip directory/);
    expect(() => readNpz(1 as unknown as Uint8Array)).toThrow(TypeError);
    const bytes = writeNpy({ dtype: 'U8', shape: [], data: Uint8Array.of(1) });
    const twice = writeZip(['a', 'a.npy'].map((name) => ({ name, bytes })));
    expect(read(twice)).toBe('tensor-core.readNpz: the array names must be unique, got ["a", "a.npy"].');
    expect(read(writeZip([{ name: 'readme.txt', bytes: Uint8Array.of(65) }]))).toMatch(
      /array "readme.txt": the file must begin with 0x93 NUMPY/,
    );
    expect(refusalOf(() => readNpz(bytesOf(archives['deflated']!.file), { maxBytes: 100 })).message).toMatch(
      /must take at most 100 bytes of memory/,
    );
  });

  it.each(['stored', 'deflated'])(
    'refuses %s archives cut at any byte, and with any bit flipped unless it reads the same',
    (name) => {
      const file = bytesOf(archives[name]!.file);
      const contents = (bytes: Uint8Array): string =>
        Object.entries(readNpz(bytes, { keepBits: true }))
          .map(([name, { dtype, shape, data }]) => `${name} ${dtype} ${shape.join()} ${hex(data)}`)
          .join('\n');
      const sound = contents(file);
      for (let length = 0; length < file.length; length++) {
        expect(() => readNpz(file.subarray(0, length))).toThrow(FormatError);
      }
      for (let bit = 0; bit < 8 * file.length; bit += 3) {
        const flipped = file.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        try {
          expect(contents(flipped)).toBe(sound);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
    },
  );
});

describe('writeNpz', () => {
  const named: Record<string, ArrayEntry> = {
    weight: { dtype: 'F32', shape: [2, 1], data: Float32Array.of(1, -2) },
    größe: { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
    c: { dtype: 'C128', shape: [1], data: Float64Array.of(0.5, -0.25) },
  };

  it.each([false, true])('is undone by readNpz, compressed: %s', (compress) => {
    const file = writeNpz(named, { compress });
    expect({ ...readNpz(file) }).toEqual(named);
    expect(Buffer.compare(writeNpz(named, { compress }), file)).toBe(0);
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[\w/-]*$/), entries, { maxKeys: 4 }), (some) => {
        const back = readNpz(writeNpz(some, { compress }), { keepBits: true });
        expect(Object.keys(back).sort()).toEqual(Object.keys(some).sort());
        for (const [name, entry] of Object.entries(some)) expect(hex(back[name]!.data)).toBe(hex(entry.data));
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it.skipIf(python === undefined)('writes what NumPy reads (python-torch)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tensor-core-npz-'));
    try {
      const paths = [false, true].map((compress) => {
        const path = join(folder, `${compress}.npz`);
        writeFileSync(path, writeNpz(named, { compress }));
        return path;
      });
      const program =
        'import sys, numpy\n' +
        'for path in sys.argv[1:]:\n' +
        '    print([(k, v.dtype.str, v.shape, v.tobytes().hex()) for k, v in numpy.load(path).items()])\n';
      const out = execFileSync(python!, ['-c', program, ...paths], { encoding: 'utf8', env: { PYTHONUTF8: '1' } });
      const rows = [
        `('weight', '<f4', (2, 1), '${hex(named['weight']!.data)}')`,
        `('größe', '<i8', (), '${hex(named['größe']!.data)}')`,
        `('c', '<c16', (1,), '${hex(named['c']!.data)}')`,
      ];
      expect(out.trim().split('\n')).toEqual([`[${rows.join(', ')}]`, `[${rows.join(', ')}]`]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses names that an archive cannot hold, and names the array that is wrong', () => {
    const one = named['weight']!;
    for (const name of ['a\0b', '\ud800', 'x'.repeat(65_532)]) {
      expect(() => writeNpz({ [name]: one })).toThrow(RangeError);
      expect(() => writeNpz({ [name]: one })).toThrow(/an array name must be at most 65531 bytes without NUL/);
    }
    expect(Object.keys(readNpz(writeNpz({ ['x'.repeat(65_531)]: one })))[0]).toHaveLength(65_531);
    expect(() => writeNpz({ bad: { ...one, shape: [3] } })).toThrow(
      new ShapeError(
        'tensor-core.writeNpz: the data of array "bad" must have the 3 numbers of F32 [3], got Float32Array(2).',
      ),
    );
  });
});
