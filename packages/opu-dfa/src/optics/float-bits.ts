// S samples, D features, B bits that are kept
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Which bits of a float32 are kept. */
export interface FloatBitOptions {
  /** Default true. */
  signBit?: boolean;
  /** The most significant ones, 0..8, default 8. */
  exponentBits?: number;
  /** The most significant ones, 0..23, default 23. */
  mantissaBits?: number;
}

/**
 * Binary planes of the bits of float32 numbers: sign, exponent, mantissa, the most significant first. On the host, as it looks
 * at memory.
 *
 * @param x         [S, D], row after row
 * @param features  D
 * @returns 0 and 1 [S B, D], B rows for each sample
 * @throws TypeError for anything but a Float32Array, ShapeError unless it has rows of D, RangeError for bits outside or none
 * @see LightOn, lightonml, float32 encoder
 */
export function encodeFloatBits(x: Float32Array, features: number, options: FloatBitOptions = {}): Uint8Array {
  const where = 'opu-dfa.encodeFloatBits';
  const { signBit = true, exponentBits = 8, mantissaBits = 23 } = options;
  if (!(x instanceof Float32Array)) throw new TypeError(argumentMessage(where, 'x', 'be a Float32Array', x));
  checkNumber(where, 'features', features, { min: 1, integer: true });
  if (x.length % features !== 0) {
    throw new ShapeError(argumentMessage(where, 'x', `have rows of ${features} numbers`, x));
  }
  checkNumber(where, 'exponentBits', exponentBits, { min: 0, max: 8, integer: true });
  checkNumber(where, 'mantissaBits', mantissaBits, { min: 0, max: 23, integer: true });
  const places = [...(signBit ? [31] : []), ...downFrom(30, exponentBits), ...downFrom(22, mantissaBits)];
  checkNumber(where, 'the number of bits', places.length, { min: 1 });
  const words = new Uint32Array(Float32Array.from(x).buffer);
  const planes = new Uint8Array(words.length * places.length);
  for (let i = 0; i < words.length; i++) {
    const first = Math.floor(i / features) * places.length;
    const column = i % features;
    places.forEach((place, b) => {
      planes[(first + b) * features + column] = (words[i]! >>> place) & 1;
    });
  }
  return planes;
}

function downFrom(place: number, count: number): number[] {
  return Array.from({ length: count }, (_, b) => place - b);
}
