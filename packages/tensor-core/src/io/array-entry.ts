import { argumentMessage } from '../check';
import type { NumericArray, NumericArrayType } from './bytes';
import { isSmallFloat } from './half';
import { valuesOf, type SafetensorsEntry } from './safetensors/safetensors';
import { storage, type SafetensorsDtype } from './safetensors/header';

/** An element type: those of safetensors, and complex numbers of two float32 (C64) or two float64 (C128). */
export type ArrayDtype = SafetensorsDtype | 'C64' | 'C128';

/** An array of a file: as SafetensorsEntry, and for complex dtypes `data` holds re, im, re, im, ... */
export interface ArrayEntry {
  /** The element type in the file. */
  dtype: ArrayDtype;
  /** Row-major; [] is a scalar. The two parts of a complex number are not counted. */
  shape: number[];
  /** The elements, see SafetensorsEntry; Float32Array for C64, Float64Array for C128. */
  data: NumericArray;
}

/** How each dtype is stored. */
export const arrayStorage = { ...storage, C64: Float32Array, C128: Float64Array } as const satisfies Record<
  ArrayDtype,
  NumericArrayType
>;

/** How many numbers an element has: 2 for complex dtypes, else 1. */
export function partsOf(dtype: ArrayDtype): 1 | 2 {
  return dtype === 'C64' || dtype === 'C128' ? 2 : 1;
}

/** Bytes of one element. */
export function widthOf(dtype: ArrayDtype): number {
  return partsOf(dtype) * arrayStorage[dtype].BYTES_PER_ELEMENT;
}

/** The elements as values: F16, BF16 and F8 bits widened to float32, all else as it is. */
export function widened(dtype: ArrayDtype, data: NumericArray): NumericArray {
  return isSmallFloat(dtype) ? valuesOf({ dtype, shape: [data.length], data }) : data;
}

/** Whether a value of a PyTorch file is an array; its dictionaries are never taken for one, as they have no prototype. */
export function isArrayEntry(value: unknown): value is ArrayEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    'data' in value &&
    ArrayBuffer.isView(value.data) &&
    'dtype' in value
  );
}

/**
 * The same numbers without complex dtypes: a complex array becomes a real one with a last axis of 2, (re, im), as
 * torch.view_as_real does; every other array is returned as it is.
 *
 * @param entry  from readTorch, readNpy, readNpz or a FITS file
 * @returns what toTensor and writeSafetensors take: C64 [...] as F32 [..., 2], C128 as F64; `data` is shared
 * @throws TypeError when there is no such entry
 * @example
 * viewAsReal({ dtype: 'C64', shape: [1], data: Float32Array.of(3, -4) }); // { dtype: 'F32', shape: [1, 2], data: Float32Array [3, -4] }
 */
export function viewAsReal(entry: ArrayEntry | undefined): SafetensorsEntry {
  if (entry === undefined || !ArrayBuffer.isView(entry.data)) {
    const fix = 'Is the name right?';
    throw new TypeError(argumentMessage('tensor-core.viewAsReal', 'entry', 'be an array of a file', entry, fix));
  }
  const { dtype, shape, data } = entry;
  if (dtype === 'C64') return { dtype: 'F32', shape: [...shape, 2], data };
  if (dtype === 'C128') return { dtype: 'F64', shape: [...shape, 2], data };
  return { dtype, shape, data };
}
