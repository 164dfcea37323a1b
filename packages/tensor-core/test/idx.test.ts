import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, ShapeError } from '../src/check';
import { readIdx, writeIdx, type IdxArray, type IdxData } from '../src/io/idx';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Files written by hand from the description of the format: magic, dimensions, data. */
const written: [string, string, IdxArray][] = [
  [
    'u8',
    '00000802 00000002 00000003 00 01 02 7f 80 ff',
    { shape: [2, 3], data: Uint8Array.of(0, 1, 2, 127, 128, 255) },
  ],
  ['i8', '00000901 00000003 80 ff 7f', { shape: [3], data: Int8Array.of(-128, -1, 127) }],
  ['i16', '00000b01 00000002 8000 0102', { shape: [2], data: Int16Array.of(-32768, 258) }],
  ['i32', '00000c01 00000002 80000000 01020304', { shape: [2], data: Int32Array.of(-2147483648, 16909060) }],
  ['f32', '00000d01 00000003 3fc00000 80000000 00000001', { shape: [3], data: Float32Array.of(1.5, -0, 2 ** -149) }],
  ['f64', '00000e01 00000001 bff8000000000000', { shape: [1], data: Float64Array.of(-1.5) }],
  ['no images', '00000803 00000000 0000001c 0000001c', { shape: [0, 28, 28], data: new Uint8Array(0) }],
];

describe('readIdx', () => {
  it.each(written)('reads %s', (_, bytes, array) => {
    expect(readIdx(hex(bytes))).toEqual(array);
  });

  it('reads a file that lies anywhere in a buffer', () => {
    for (const [, bytes, array] of written) {
      for (const pad of [1, 2, 5]) {
        const buffer = new Uint8Array([...new Uint8Array(pad), ...hex(bytes)]);
        expect(readIdx(buffer.subarray(pad))).toEqual(array);
      }
    }
  });

  const hostile: [string, string, RegExp][] = [
    ['an empty file', '', /the file must have at least 4 bytes, got 0/],
    ['a magic that does not begin with zeros', '00010801 00000000', /begin with two zero bytes, got \[0, 1\]/],
    ['an unknown type', '00000a01 00000000', /the type code must be one of 8, 9, 11, 12, 13, 14, got 10/],
    ['no dimensions', '00000800 00', /the number of dimensions must be at least 1, got 0/],
    ['a cut header', '00000802 00000001 0000', /the file must have 12 bytes of header, got 10/],
    ['cut data', '00000b01 00000002 000100', /the 12 bytes of Int16Array \[2\], got 11\. Is it truncated\?/],
    [
      'bytes after the data',
      '00000801 00000001 0001',
      /the 9 bytes of Uint8Array \[1\], got 10\. There are bytes after/,
    ],
    ['a huge dimension', '00000801 ffffffff', /the 4294967303 bytes of Uint8Array \[4294967295\], got 8/],
    ['a huge product', `00000e03 ${'ffffffff'.repeat(3)}`, /the shape must hold fewer than 2\^53 bytes/],
    ['a product over all numbers, times 0', `000008ff ${'ffffffff'.repeat(254)}00000000`, /fewer than 2\^53 bytes/],
  ];
  it.each(hostile)('refuses %s', (_, bytes, message) => {
    expect(() => readIdx(hex(bytes))).toThrow(FormatError);
    expect(() => readIdx(hex(bytes))).toThrow(message);
    expect(() => readIdx(hex(bytes))).toThrow(/^tensor-core\.readIdx: /);
  });

  it('refuses gzip with the way out, and what is no Uint8Array', () => {
    expect(() => readIdx(gzipSync(hex(written[0]![1])))).toThrow(
      'tensor-core.readIdx: the file must be uncompressed, got gzip. await gunzip(bytes) first, or use readIdxFile on Node.',
    );
    expect(() => readIdx(new ArrayBuffer(8) as unknown as Uint8Array)).toThrow(TypeError);
  });

  it('refuses every truncation of a file', () => {
    const file = hex(written[0]![1]);
    for (let length = 0; length < file.length; length++) {
      expect(() => readIdx(file.subarray(0, length))).toThrow(FormatError);
    }
  });

  it('reads or refuses, but nothing else, when bytes are changed at random', () => {
    const file = hex(written[2]![1]);
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
        const changed = file.slice();
        changed[at] = value;
        try {
          const { shape, data } = readIdx(changed);
          expect(data.length).toBe(shape.reduce((product, n) => product * n, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 1000, seed: 1 },
    );
  });
});

describe('writeIdx', () => {
  it.each(written)('writes %s', (_, bytes, array) => {
    expect(Buffer.from(writeIdx(array)).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it('is undone by readIdx, bit for bit', () => {
    const data: fc.Arbitrary<IdxData> = fc.oneof(
      fc.uint8Array(),
      fc.int8Array(),
      fc.int16Array(),
      fc.int32Array(),
      fc.float32Array(),
      fc.float64Array(),
    );
    fc.assert(
      fc.property(data, fc.nat(3), (values, ones) => {
        const shape = [...Array<number>(ones).fill(1), values.length];
        const back = readIdx(writeIdx({ shape, data: values }));
        expect(back.shape).toEqual(shape);
        expect(back.data.constructor).toBe(values.constructor);
        expect([...back.data].every((value, i) => Object.is(value, values[i]))).toBe(true);
      }),
      { seed: 2 },
    );
  });

  it('refuses what the format cannot hold', () => {
    const data = Uint8Array.of(1, 2);
    expect(() => writeIdx({ shape: [2], data: Uint16Array.of(1, 2) as unknown as IdxData })).toThrow(
      'tensor-core.writeIdx: data must be one of Uint8Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array',
    );
    expect(() => writeIdx({ shape: [3], data })).toThrow(
      new ShapeError('tensor-core.writeIdx: data must have the elements of its shape [3], got Uint8Array(2).'),
    );
    expect(() => writeIdx({ shape: [], data })).toThrow(/the number of dimensions must be a finite number >= 1/);
    expect(() => writeIdx({ shape: Array<number>(256).fill(1), data: Uint8Array.of(1) })).toThrow(RangeError);
    expect(() => writeIdx({ shape: [2 ** 32, 0], data: new Uint8Array(0) })).toThrow(RangeError);
    expect(() => writeIdx({ shape: [-1, -2], data })).toThrow(RangeError);
  });
});
