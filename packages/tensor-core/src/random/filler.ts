import { argumentMessage, checkNumber } from '../check';
import { LARGEST, type FloatKind } from './float-range';
import { MAX_ELEMENTS } from './words';

/** Host arrays that real-valued draws fill. */
export type FloatArray = Float32Array | Float64Array;

/** What every host filler takes. */
export interface FillOptions {
  /**
   * Index of the first element in the whole draw, default 0: filling [0, m) and [m, n) apart gives the same
   * numbers as filling [0, n) at once.
   */
  offset?: number;
}

/** A distribution with checked parameters and a key, ready to write elements offset, offset + 1, ... */
export type Filler<A> = (out: A, offset?: number) => void;

/** Writes a draw into `out` and returns it. `prepare` checks the parameters for the format of the array. */
export function fillFloats<A extends FloatArray>(
  where: string,
  out: A,
  options: FillOptions,
  prepare: (kind: FloatKind) => Filler<FloatArray>,
): A {
  if (out instanceof Float32Array) return filled(where, out, options, prepare('float32'));
  if (out instanceof Float64Array) return filled(where, out, options, prepare('float64'));
  throw new TypeError(argumentMessage(where, 'out', 'be a Float32Array or Float64Array', out));
}

/** Writes a draw into `out` and returns it. */
export function filled<A extends { length: number }, B extends A>(
  where: string,
  out: B,
  options: FillOptions,
  fill: Filler<A>,
): B {
  const { offset = 0 } = options;
  checkNumber(where, 'offset', offset, { min: 0, max: MAX_ELEMENTS - out.length, integer: true });
  fill(out, offset);
  return out;
}

/** Refuses parameters of a distribution whose draws could overflow to infinity. */
export function checkReach(where: string, names: string, kind: FloatKind, largest: number): void {
  if (largest <= LARGEST[kind]) return;
  throw new RangeError(argumentMessage(where, names, `keep every draw finite in ${kind}`, largest));
}
