import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NumericArray } from '../src/io/bytes';
import {
  readSafetensors,
  writeSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
} from '../src/io/safetensors/safetensors';

/** Written by the official library, safetensors 0.8.0 for Python: I64 [], F32 [0], BF16 [2, 2], BOOL [3]. */
const official = new Uint8Array(
  Buffer.from(
    '08010000000000007b225f5f6d657461646174615f5f223a7b226279223a227361666574656e736f727320302e382e30227d2c2262223a7b22' +
      '6474797065223a22493634222c227368617065223a5b5d2c22646174615f6f666673657473223a5b302c385d7d2c2265223a7b2264747970' +
      '65223a22463332222c227368617065223a5b305d2c22646174615f6f666673657473223a5b382c385d7d2c2277223a7b226474797065223a' +
      '2242463136222c227368617065223a5b322c325d2c22646174615f6f666673657473223a5b382c31365d7d2c226d223a7b22647479706522' +
      '3a22424f4f4c222c227368617065223a5b335d2c22646174615f6f666673657473223a5b31362c31395d7d7d202020f9ffffffffffffff80' +
      '3f00c0003f4040010001',
    'hex',
  ),
);

const bits = (array: NumericArray): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
const headerOf = (file: Uint8Array): string => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length));
};

/** Arrays whose bytes are arbitrary, so that NaN, -0 and subnormals are as likely as anything. */
const types = {
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  BF16: Uint16Array,
  F16: Uint16Array,
  U16: Uint16Array,
  I16: Int16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} satisfies Record<SafetensorsDtype, unknown>;
const entries: fc.Arbitrary<SafetensorsEntry> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(types) as SafetensorsDtype[])),
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.uint8Array({ minLength: 216, maxLength: 216 }),
  )
  .map(([dtype, shape, noise]) => {
    const length = shape.reduce((product, n) => product * n, 1);
    const bytes = dtype === 'BOOL' ? noise.map((value) => value & 1) : noise;
    return { dtype, shape, data: new types[dtype](bytes.slice().buffer, 0, length) };
  });
const files = fc.tuple(
  fc.dictionary(fc.string({ unit: 'grapheme' }), entries, { maxKeys: 5 }).map((named) => {
    delete named['__metadata__'];
    return named;
  }),
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), { maxKeys: 3 }),
);

describe('readSafetensors', () => {
  it('reads a file of the official library', () => {
    const { tensors, metadata } = readSafetensors(official);
    expect(Object.keys(tensors)).toEqual(['b', 'e', 'w', 'm']);
    expect(tensors['b']).toEqual({ dtype: 'I64', shape: [], data: BigInt64Array.of(-7n) });
    expect(tensors['e']).toEqual({ dtype: 'F32', shape: [0], data: new Float32Array(0) });
    expect(tensors['w']).toEqual({ dtype: 'BF16', shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 3) });
    expect(tensors['m']).toEqual({ dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) });
    expect({ ...metadata }).toEqual({ by: 'safetensors 0.8.0' });
  });

  it('gives bits instead of values when asked', () => {
    const { w, b } = readSafetensors(official, { keepBits: true }).tensors;
    expect(w).toEqual({ dtype: 'BF16', shape: [2, 2], data: Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x4040) });
    expect(b!.data).toEqual(BigInt64Array.of(-7n));
  });

  it('shares memory with an aligned file and copies from an unaligned one', () => {
    const shared = readSafetensors(official.slice());
    expect(shared.tensors['b']!.data.buffer).toBe(shared.tensors['m']!.data.buffer);
    for (let pad = 1; pad <= 8; pad++) {
      const buffer = new Uint8Array(pad + official.length);
      buffer.set(official, pad);
      const { tensors } = readSafetensors(buffer.subarray(pad));
      expect(tensors).toEqual(shared.tensors);
      expect(tensors['b']!.data.buffer === buffer.buffer).toBe(pad === 8);
    }
  });

  it('keeps names that objects treat specially as plain names', () => {
    const names = ['__proto__', 'constructor', 'toString', '', '0', 'hasOwnProperty'];
    const named = Object.fromEntries(
      names.map((name, i) => [name, { dtype: 'U8', shape: [], data: Uint8Array.of(i) }]),
    );
    const metadata = Object.fromEntries([['__proto__', 'x']]);
    const back = readSafetensors(writeSafetensors(named as Record<string, SafetensorsEntry>, metadata));
    expect(Object.keys(back.tensors).sort()).toEqual([...names].sort());
    names.forEach((name, i) => expect(back.tensors[name]!.data).toEqual(Uint8Array.of(i)));
    expect(Object.entries(back.metadata)).toEqual([['__proto__', 'x']]);
    expect('polluted' in {}).toBe(false);
    expect(readSafetensors(official).tensors['constructor']).toBeUndefined();
  });

  it('accepts tensors in any order of header and data, unknown fields and white space', () => {
    const header =
      '{\n"b":{"data_offsets":[1,1],"shape":[7,0],"dtype":"I64"},' +
      '"c":{"dtype":"U8","shape":[1],"data_offsets":[1,2],"note":[{"x":null}]},' +
      '"a":{"dtype":"U8","shape":[1,1],"data_offsets":[0,1]},' +
      '"none":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}} \n';
    const file = new Uint8Array([header.length, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header), 5, 6]);
    const { tensors } = readSafetensors(file);
    expect(Object.keys(tensors)).toEqual(['none', 'a', 'b', 'c']);
    expect([tensors['a']!.data[0], tensors['b']!.shape, tensors['c']!.data[0]]).toEqual([5, [7, 0], 6]);
  });

  it('refuses what is no Uint8Array', () => {
    expect(() => readSafetensors(official.buffer as unknown as Uint8Array)).toThrow(
      new TypeError(
        'tensor-core.readSafetensors: bytes must be a Uint8Array, got an object. Pass new Uint8Array(arrayBuffer).',
      ),
    );
  });
});

describe('writeSafetensors', () => {
  it('writes what the official library writes, byte for byte', () => {
    const { tensors, metadata } = readSafetensors(official);
    const { m, w, e, b } = tensors;
    const shuffled = { m, w, e, b } as Record<string, SafetensorsEntry>;
    expect(Buffer.compare(writeSafetensors(shuffled, metadata), official)).toBe(0);
  });

  it('is undone by readSafetensors, bit for bit, for every dtype', () => {
    fc.assert(
      fc.property(files, ([named, texts]) => {
        const file = writeSafetensors(named, texts);
        const { tensors, metadata } = readSafetensors(file, { keepBits: true });
        expect(Object.keys(tensors).sort()).toEqual(Object.keys(named).sort());
        for (const [name, { dtype, shape, data }] of Object.entries(named)) {
          expect(tensors[name]).toMatchObject({ dtype, shape });
          expect(bits(tensors[name]!.data)).toBe(bits(data));
        }
        expect({ ...metadata }).toEqual({ ...texts });
        expect(Buffer.compare(writeSafetensors(tensors, metadata), file)).toBe(0);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('keeps the values, not the payload of NaN, when small floats are widened in between', () => {
    fc.assert(
      fc.property(files, ([named]) => {
        const once = readSafetensors(writeSafetensors(named)).tensors;
        const twice = readSafetensors(writeSafetensors(once)).tensors;
        // toEqual tells -0 from 0 and takes NaN as equal to NaN.
        expect(twice).toEqual(once);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it('sorts by alignment, then by name in order of code points, and pads the header to 8 bytes', () => {
    const one = (dtype: SafetensorsDtype): SafetensorsEntry => ({ dtype, shape: [1], data: new types[dtype](1) });
    const dtypes = (Object.keys(types) as SafetensorsDtype[]).reverse();
    const named: Record<string, SafetensorsEntry> = Object.fromEntries(
      dtypes.map((dtype) => [`x${dtype}`, one(dtype)]),
    );
    // U+1F600 follows U+FFEE, though its first UTF-16 unit is smaller.
    for (const name of ['\u{1F600}', '\uffee', 'b', 'ab', 'a', 'B', '']) named[name] = one('F32');
    const file = writeSafetensors(named);
    expect(Object.keys(readSafetensors(file).tensors)).toEqual([
      ...['xU64', 'xI64', 'xF64', '', 'B', 'a', 'ab', 'b', 'xF32', '\uffee', '\u{1F600}', 'xU32', 'xI32'],
      ...['xBF16', 'xF16', 'xU16', 'xI16', 'xF8_E4M3', 'xF8_E5M2', 'xI8', 'xU8', 'xBOOL'],
    ]);
    expect(new TextEncoder().encode(headerOf(file)).length % 8).toBe(0);
    expect(headerOf(writeSafetensors({}))).toBe('{}      ');
  });

  it('rounds float32 values to F16, BF16 and F8, as in the example of readSafetensors', () => {
    const file = writeSafetensors({ weight: { dtype: 'F16', shape: [2], data: Float32Array.of(1, 0.1) } });
    const weight = readSafetensors(file).tensors['weight'];
    expect(weight).toEqual({ dtype: 'F16', shape: [2], data: Float32Array.of(1, 0.0999755859375) });
    for (const [dtype, expected] of [
      ['BF16', [0.10009765625, 464]],
      ['F8_E4M3', [0.1015625, 448]],
      ['F8_E5M2', [0.09375, 448]],
    ] as const) {
      const data = Float32Array.of(0.1, 464);
      const back = readSafetensors(writeSafetensors({ x: { dtype, shape: [2], data } })).tensors['x']!;
      expect([...back.data]).toEqual(expected);
    }
  });
});
