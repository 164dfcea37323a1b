import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { narrowFloats, widenFloats, type SmallFloat, type SmallFloatBits } from '../src/io/half';

/** From the standards: exponent and mantissa bits, largest finite code, codes of infinity (none in E4M3) and a NaN. */
const formats = [
  { name: 'F16', width: 16, exponentBits: 5, mantissaBits: 10, largest: 0x7bff, infinity: 0x7c00, nan: 0x7e00 },
  { name: 'BF16', width: 16, exponentBits: 8, mantissaBits: 7, largest: 0x7f7f, infinity: 0x7f80, nan: 0x7fc0 },
  { name: 'F8_E4M3', width: 8, exponentBits: 4, mantissaBits: 3, largest: 0x7e, infinity: null, nan: 0x7f },
  { name: 'F8_E5M2', width: 8, exponentBits: 5, mantissaBits: 2, largest: 0x7b, infinity: 0x7c, nan: 0x7e },
] as const;
type Format = (typeof formats)[number];

const bitsOf = (format: Format, codes: ArrayLike<number>): SmallFloatBits<SmallFloat> =>
  format.width === 16 ? Uint16Array.from(codes) : Uint8Array.from(codes);
const widen = (format: Format, codes: ArrayLike<number>): number[] => [
  ...widenFloats(bitsOf(format, codes), format.name),
];
const narrow = (format: Format, values: ArrayLike<number>): number[] => [
  ...narrowFloats(Float32Array.from(values), format.name),
];
/** A float32 by its bits. */
const float32 = (word: number): number => new Float32Array(Uint32Array.of(word).buffer)[0]!;
const wordOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const finiteCodes = ({ largest }: Format): number[] => Array.from({ length: largest + 1 }, (_, code) => code);

/** The value of a finite code without sign, from its definition. */
function definition({ exponentBits, mantissaBits }: Format, code: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = Math.floor(code / 2 ** mantissaBits);
  const mantissa = code % 2 ** mantissaBits;
  if (exponent === 0) return 2 ** (1 - bias - mantissaBits) * mantissa;
  return 2 ** (exponent - bias - mantissaBits) * (2 ** mantissaBits + mantissa);
}

describe.each(formats)('$name', (format) => {
  const signBit = 2 ** (format.width - 1);

  it('widens every finite code to the value that the standard defines, both signs', () => {
    const codes = finiteCodes(format);
    const expected = codes.map((code) => definition(format, code));
    expect(widen(format, codes)).toEqual(expected);
    expect(
      widen(
        format,
        codes.map((code) => code + signBit),
      ),
    ).toEqual(expected.map((value) => -value));
  });

  it('widens the codes above the largest to the infinity, if there is one, and NaN', () => {
    for (let code = format.largest + 1; code < signBit; code++) {
      const [positive, negative] = widen(format, [code, code + signBit]);
      const expected = code === format.infinity ? Infinity : NaN;
      expect([positive, negative]).toEqual([expected, -expected]);
    }
  });

  it('narrowing undoes widening for every code that is not NaN', () => {
    const codes = finiteCodes(format);
    if (format.infinity !== null) codes.push(format.infinity);
    const both = codes.flatMap((code) => [code, code + signBit]);
    expect(narrow(format, widen(format, both))).toEqual(both);
  });

  it('rounds to the nearer neighbour and halfway to the even code, between all neighbours', () => {
    const codes = finiteCodes(format);
    // Beyond the largest finite code the neighbour is what the next code would be without infinities.
    const halfway = codes.map((code) => (definition(format, code) + definition(format, code + 1)) / 2);
    const words = Uint32Array.from(halfway, wordOf);
    expect([...new Float32Array(words.buffer)]).toEqual(halfway);
    const above = codes.map((code) => (code === format.largest ? (format.infinity ?? format.nan) : code + 1));
    expect(narrow(format, new Float32Array(words.map((word) => word - 1).buffer))).toEqual(codes);
    expect(narrow(format, halfway)).toEqual(codes.map((code, i) => (code % 2 === 0 ? code : above[i])));
    expect(narrow(format, new Float32Array(words.map((word) => word + 1).buffer))).toEqual(above);
  });

  it('rounds any float32 to a code whose neighbours are no nearer (brute force)', () => {
    const codes = finiteCodes(format);
    const values = codes.map((code) => definition(format, code));
    fc.assert(
      fc.property(fc.float({ noNaN: true, max: Math.fround(values.at(-1)!), min: 0 }), (x) => {
        const distances = values.map((value) => Math.abs(value - x));
        const nearest = Math.min(...distances);
        const [code] = narrow(format, [x]);
        expect(distances[code!]).toBe(nearest);
        expect(narrow(format, [-x])).toEqual([code! + signBit]);
      }),
      { numRuns: format.width === 8 ? 500 : 30, seed: 1 },
    );
  });

  it('writes what is too large as the infinity, or NaN where there is none, and every NaN as the quiet one', () => {
    const infinite = format.infinity ?? format.nan;
    expect(narrow(format, [Infinity, -Infinity])).toEqual([infinite, infinite + signBit]);
    expect(narrow(format, [float32(0x7f7fffff), float32(0xff7fffff)])).toEqual([infinite, infinite + signBit]);
    const nans = new Float32Array(Uint32Array.of(0x7fc00000, 0x7f800001, 0x7fffffff, 0xffc00001).buffer);
    const { nan } = format;
    expect([...narrowFloats(nans, format.name)]).toEqual([nan, nan, nan, nan + signBit]);
  });
});

// float32 word, then the codes in F16, BF16, F8_E4M3 and F8_E5M2 that numpy 2.4.6 and ml_dtypes 0.6.0 give for it.
const recorded = [
  [0x3dcccccd, 0x2e66, 0x3dcd, 0x1d, 0x2e], // 0.1
  [0xbdcccccd, 0xae66, 0xbdcd, 0x9d, 0xae],
  [0x3eaaaaab, 0x3555, 0x3eab, 0x2b, 0x35], // 1 / 3
  [0x3a83126f, 0x1419, 0x3a83, 0x01, 0x14], // 1e-3, near the smallest E4M3
  [0xb300d959, 0x8001, 0xb301, 0x80, 0x80], // -3e-8
  [0x33000000, 0x0000, 0x3300, 0x00, 0x00], // half the smallest F16
  [0x477fefff, 0x7bff, 0x4780, 0x7f, 0x7c], // just below where F16 overflows
  [0x477ff000, 0x7c00, 0x4780, 0x7f, 0x7c],
  [0x7f7fc99e, 0x7c00, 0x7f80, 0x7f, 0x7c], // 3.4e38
  [0x43e80000, 0x5f40, 0x43e8, 0x7e, 0x5f], // 464, halfway between 448 and E4M3's NaN
  [0x43e80001, 0x5f40, 0x43e8, 0x7f, 0x5f],
  [0x476fffff, 0x7b80, 0x4770, 0x7f, 0x7b], // just below where E5M2 overflows
  [0x47700000, 0x7b80, 0x4770, 0x7f, 0x7c],
  [0x3a800000, 0x1400, 0x3a80, 0x00, 0x14], // half the smallest E4M3
  [0x3a800001, 0x1400, 0x3a80, 0x01, 0x14],
  [0x000116c2, 0x0000, 0x0001, 0x00, 0x00], // 1e-40, a subnormal
  [0x80000000, 0x8000, 0x8000, 0x80, 0x80], // -0
  [0x41880000, 0x4c40, 0x4188, 0x58, 0x4c], // 17
  [0x41980000, 0x4cc0, 0x4198, 0x5a, 0x4d], // 19
] as const;

describe('narrowFloats', () => {
  it('agrees with the codes recorded from numpy and ml_dtypes', () => {
    const values = recorded.map(([word]) => float32(word));
    formats.forEach((format, column) => {
      expect(narrow(format, values)).toEqual(recorded.map((row) => row[column + 1]));
    });
  });

  it('reads only the part of the buffer that its argument covers', () => {
    const part = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect([...narrowFloats(part, 'F16')]).toEqual([0x3c00, 0x4000]);
  });

  it('refuses other arrays and formats', () => {
    expect(() => narrowFloats([1] as unknown as Float32Array, 'F16')).toThrow(
      new TypeError('tensor-core.narrowFloats: values must be a Float32Array, got [1]. Use Float32Array.from first.'),
    );
    expect(() => narrowFloats(new Float32Array(1), 'toString' as SmallFloat)).toThrow(
      /narrowFloats: format must be one of "F16", "BF16", "F8_E4M3", "F8_E5M2", got "toString"/,
    );
  });
});

describe('widenFloats', () => {
  it('keeps the payload of a NaN at the top of the wider mantissa', () => {
    const words = (values: Float32Array): number[] => [...new Uint32Array(values.buffer)];
    expect(words(widenFloats(Uint16Array.of(0x7e01, 0xfc01), 'F16'))).toEqual([0x7fc02000, 0xff802000]);
    expect(words(widenFloats(Uint16Array.of(0x7fc1), 'BF16'))).toEqual([0x7fc10000]);
    expect(words(widenFloats(Uint8Array.of(0x7f), 'F8_E4M3'))).toEqual([0x7ff00000]);
  });

  it('refuses arrays of the wrong width and unknown formats', () => {
    expect(() => widenFloats(Uint8Array.of(1) as unknown as Uint16Array, 'F16')).toThrow(
      new TypeError('tensor-core.widenFloats: bits must be a Uint16Array for format F16, got Uint8Array(1).'),
    );
    expect(() => widenFloats(Uint16Array.of(1) as unknown as Uint8Array, 'F8_E5M2')).toThrow(TypeError);
    expect(() => widenFloats(Uint8Array.of(1), 'F32' as SmallFloat)).toThrow(RangeError);
  });
});
