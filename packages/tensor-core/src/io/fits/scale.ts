import { argumentMessage } from '../../check';
import type { ArrayDtype } from '../array-entry';
import type { NumericArray } from '../bytes';

/** How stored numbers stand for physical ones: physical = zero + scale * stored, but for those that are `blank`. */
export interface FitsScaling {
  scale: number;
  zero: number;
  /** The stored integer that stands for no value. */
  blank?: number | bigint | undefined;
}

/** A dtype, and how its numbers come from the stored ones. */
export interface FitsConversion {
  dtype: ArrayDtype;
  convert(stored: NumericArray): NumericArray;
}

/** The unsigned types (and the signed byte), which FITS lacks: stored with an offset of half of their range. */
const offsets: Partial<
  Record<ArrayDtype, { zero: number; dtype: ArrayDtype; convert(stored: NumericArray): NumericArray }>
> = {
  U8: { zero: -(2 ** 7), dtype: 'I8', convert: (stored) => Int8Array.from(stored as Uint8Array, (n) => n - 2 ** 7) },
  I16: { zero: 2 ** 15, dtype: 'U16', convert: (stored) => Uint16Array.from(stored as Int16Array, (n) => n + 2 ** 15) },
  I32: { zero: 2 ** 31, dtype: 'U32', convert: (stored) => Uint32Array.from(stored as Int32Array, (n) => n + 2 ** 31) },
  I64: {
    zero: 2 ** 63,
    dtype: 'U64',
    convert: (stored) => BigUint64Array.from(stored as BigInt64Array, (n) => n + 2n ** 63n),
  },
};

/**
 * What becomes of stored numbers.
 *
 *   no scaling, no blank             as they are
 *   scale 1 and half of the range    the unsigned integers (I8 for U8)
 *   else                             `real`, zero + scale * stored in float64, rounded once; blank becomes NaN
 *
 * @param where  start of every message, as `package.function`
 * @param dtype  of the stored numbers
 * @param real   F32 or F64, the type of scaled ones; complex numbers get that of their parts
 * @returns its `convert` throws RangeError when a blank turns 64-bit integers into reals that cannot hold them all
 * @see FITS standard 4.0, sections 4.4.2.5 and 5.2.5
 */
export function fitsConversion(
  where: string,
  dtype: ArrayDtype,
  scaling: FitsScaling,
  real: 'F32' | 'F64',
): FitsConversion {
  const { scale, zero } = scaling;
  const blank = /^[IU]/.test(dtype) ? scaling.blank : undefined;
  if (dtype === 'BOOL' || (scale === 1 && zero === 0 && blank === undefined))
    return { dtype, convert: (stored) => stored };
  const offset = offsets[dtype];
  if (offset !== undefined && scale === 1 && zero === offset.zero && blank === undefined) return offset;
  const complex = dtype === 'C64' || dtype === 'C128';
  const physicalDtype = complex ? (real === 'F32' ? 'C64' : 'C128') : real;
  return { dtype: physicalDtype, convert: (stored) => physical(where, stored, { scale, zero, blank }, real, complex) };
}

function physical(
  where: string,
  stored: NumericArray,
  { scale, zero, blank }: FitsScaling,
  real: 'F32' | 'F64',
  complex: boolean,
): NumericArray {
  const values = real === 'F32' ? new Float32Array(stored.length) : new Float64Array(stored.length);
  // In an array of bigints the blank is one too.
  const none = blank !== undefined && stored instanceof BigInt64Array ? BigInt(blank) : blank;
  // Only blanks make these integers real numbers, which must not cost them digits.
  const exact = stored instanceof BigInt64Array && scale === 1 && zero === 0;
  for (let i = 0; i < values.length; i++) {
    const number = stored[i]!;
    if (exact && number !== none && !Number.isSafeInteger(Number(number))) {
      const fix = 'Use the stored integers and treat the blank yourself.';
      throw new RangeError(argumentMessage(where, 'an integer among blanks', 'be within +-(2^53 - 1)', number, fix));
    }
    // The offset is a real number, so imaginary parts are scaled only.
    values[i] = number === none ? NaN : (complex && i % 2 === 1 ? 0 : zero) + scale * Number(number);
  }
  return values;
}
