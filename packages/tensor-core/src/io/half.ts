import { argumentMessage, checkOneOf } from '../check';

/**
 * A binary floating point format of 8 or 16 bits: one sign bit, `exponentBits`, `mantissaBits`.
 *
 *   value = (-1)^sign 2^(exponent - bias) (1 + mantissa / 2^mantissaBits), or for exponent 0 the
 *   subnormals (-1)^sign 2^(1 - bias) mantissa / 2^mantissaBits;  bias = 2^(exponentBits - 1) - 1
 */
interface SmallFormat {
  exponentBits: number;
  mantissaBits: number;
  /** Bits (without sign) of the first code that is not a finite number. */
  overflow: number;
  /** Bits (without sign) that a NaN is written as. */
  nan: number;
}

// E4M3 has no infinities: all codes but the last are finite, and what is too large becomes NaN.
const formats = {
  F16: { exponentBits: 5, mantissaBits: 10, overflow: 0x7c00, nan: 0x7e00 },
  BF16: { exponentBits: 8, mantissaBits: 7, overflow: 0x7f80, nan: 0x7fc0 },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, overflow: 0x7f, nan: 0x7f },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, overflow: 0x7c, nan: 0x7e },
} as const satisfies Record<string, SmallFormat>;

/** The small floating point formats, by their safetensors names. */
export type SmallFloat = keyof typeof formats;

/** The array that holds the bits of a small format, one number an element. */
export type SmallFloatBits<F extends SmallFloat> = F extends 'F16' | 'BF16' ? Uint16Array : Uint8Array;

/** Whether a name is one of the small formats. */
export function isSmallFloat(name: string): name is SmallFloat {
  return Object.hasOwn(formats, name);
}

/**
 * Widens numbers of 8 or 16 bits to float32. Exact: every such number is a float32; NaN stays NaN.
 *
 * @param bits    the codes, Uint16Array for F16 and BF16, Uint8Array for F8_E4M3 and F8_E5M2
 * @param format  F16 (IEEE 754 binary16), BF16 (upper half of float32), F8_E4M3 (no infinities), F8_E5M2
 * @returns float32, as many as `bits`
 * @throws TypeError when the array does not fit the format, RangeError for an unknown format
 * @see IEEE 754-2019; Micikevicius et al. 2022, FP8 formats for deep learning, arXiv:2209.05433, table 1
 */
export function widenFloats<F extends SmallFloat>(bits: SmallFloatBits<F>, format: F): Float32Array {
  checkOneOf('tensor-core.widenFloats', 'format', format, Object.keys(formats));
  const wanted = format === 'F16' || format === 'BF16' ? Uint16Array : Uint8Array;
  if (!(bits instanceof wanted)) {
    throw new TypeError(
      argumentMessage('tensor-core.widenFloats', 'bits', `be a ${wanted.name} for format ${format}`, bits),
    );
  }
  const codes: Uint16Array | Uint8Array = bits;
  const words = new Uint32Array(codes.length);
  if (format === 'BF16') {
    for (let i = 0; i < codes.length; i++) words[i] = codes[i]! << 16;
  } else {
    const table = float32WordsOf(format);
    for (let i = 0; i < codes.length; i++) words[i] = table[codes[i]!]!;
  }
  return new Float32Array(words.buffer);
}

/**
 * Rounds float32 numbers to 8 or 16 bits: to the nearest, ties to the even code.
 *
 * Signed zeros and subnormals are kept. What rounds beyond the largest finite number becomes an infinity, in
 * F8_E4M3, which has none, NaN. Every NaN becomes the quiet NaN of its sign.
 *
 * @param values  float32
 * @param format  F16 (largest 65504), BF16 (3.39e38), F8_E4M3 (448), F8_E5M2 (57344)
 * @returns the codes, Uint16Array for F16 and BF16, Uint8Array for F8_E4M3 and F8_E5M2
 * @throws TypeError when `values` is not a Float32Array, RangeError for an unknown format
 */
export function narrowFloats<F extends SmallFloat>(values: Float32Array, format: F): SmallFloatBits<F> {
  const where = 'tensor-core.narrowFloats';
  checkOneOf(where, 'format', format, Object.keys(formats));
  if (!(values instanceof Float32Array)) {
    throw new TypeError(argumentMessage(where, 'values', 'be a Float32Array', values, 'Use Float32Array.from first.'));
  }
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const shape: SmallFormat = formats[format];
  const { exponentBits, mantissaBits } = shape;
  const signShift = 31 - exponentBits - mantissaBits;
  const codes = mantissaBits + exponentBits > 8 ? new Uint16Array(words.length) : new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    codes[i] = ((word & 0x80000000) >>> signShift) | roundMagnitude(word & 0x7fffffff, shape);
  }
  return codes as SmallFloatBits<F>;
}

/** The code, without sign, of the float32 whose bits without sign are `word`. */
function roundMagnitude(word: number, format: SmallFormat): number {
  const { exponentBits, mantissaBits, overflow, nan } = format;
  if (word > 0x7f800000) return nan;
  if (word === 0x7f800000) return overflow;
  // The number is significand 2^(exponent - 23); a float32 subnormal has exponent -126 and no leading one.
  const biased = word >>> 23;
  const exponent = Math.max(biased, 1) - 127;
  const significand = biased === 0 ? word : (word & 0x7fffff) | 0x800000;
  const smallest = 2 - (1 << (exponentBits - 1));
  const dropped = 23 - mantissaBits + Math.max(0, smallest - exponent);
  if (dropped > 24) return 0;
  const kept = significand >>> dropped;
  const rest = significand & ((1 << dropped) - 1);
  const half = 1 << (dropped - 1);
  const rounded = rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept;
  // Adding instead of or-ing lets a mantissa that rounds up to 2 carry into the exponent.
  const code = rounded + (Math.max(0, exponent - smallest) << mantissaBits);
  return Math.min(code, overflow);
}

const tables = new Map<SmallFloat, Uint32Array>();

/** The float32 bits of every code of a format, made once: 256 or 65536 entries. */
function float32WordsOf(format: SmallFloat): Uint32Array {
  const known = tables.get(format);
  if (known) return known;
  const { exponentBits, mantissaBits, overflow, nan } = formats[format];
  const signBit = 1 << (exponentBits + mantissaBits);
  const values = new Float32Array(2 * signBit);
  const words = new Uint32Array(values.buffer);
  for (let code = 0; code < signBit; code++) {
    const exponent = code >>> mantissaBits;
    const fraction = (code & ((1 << mantissaBits) - 1)) / 2 ** mantissaBits;
    const bias = 2 ** (exponentBits - 1) - 1;
    values[code] = exponent === 0 ? 2 ** (1 - bias) * fraction : 2 ** (exponent - bias) * (1 + fraction);
    if (code === overflow && overflow !== nan) words[code] = 0x7f800000;
    // A NaN keeps its payload, at the top of the wider mantissa.
    else if (code >= overflow) words[code] = 0x7f800000 | (fraction * 2 ** 23);
    words[code + signBit] = words[code]! | 0x80000000;
  }
  tables.set(format, words);
  return words;
}
