import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkedSize, describeValue, ShapeError } from '../../check';
import { viewAsReal, type ArrayEntry } from '../array-entry';
import type { NumericArray } from '../bytes';
import { valuesOf, writeSafetensors, type SafetensorsEntry } from './safetensors';

/**
 * A tf.Tensor of an entry's shape and values.
 *
 *   F32, F16, BF16, F8_E4M3, F8_E5M2   float32, exactly
 *   F64                                float32, rounded to nearest, ties to even; small values may become 0
 *   I8 ... I64, U8 ... U64             int32, exactly
 *   BOOL                               bool
 *   C64, C128                          float32 with a last axis of 2, re and im
 *
 * @param entry  from a reader of this room, as values or as bits. Backends that keep arrays as given (cpu) share F32, I32 and
 *   BOOL data with the entry, as tf.tensor does: do not change the file's bytes afterwards
 * @returns the caller's tensor
 * @throws RangeError when an integer is outside int32, when a finite F64 is beyond the largest float32, or when a BOOL
 *   is not 0 or 1; ShapeError when shape and data disagree; TypeError when there is no such entry
 */
export function toTensor(entry: ArrayEntry | undefined): tf.Tensor {
  if (entry === undefined || !ArrayBuffer.isView(entry.data)) {
    throw new TypeError(refusal('entry', 'be an array of a file', entry, 'Is the name right?'));
  }
  const real = viewAsReal(entry);
  const { dtype, shape, data } = real;
  if (data.length !== checkedSize('tensor-core.toTensor', shape)) {
    throw new ShapeError(refusal('the data', `have the elements of its shape ${describeValue(shape)}`, data));
  }
  if (dtype === 'BOOL') return tf.tensor(checkedBooleans(data), shape, 'bool');
  if (dtype === 'F64') return tf.tensor(roundedToFloat32(data), shape, 'float32');
  const values = valuesOf(real);
  if (values instanceof Float32Array) return tf.tensor(values, shape, 'float32');
  return tf.tensor(values instanceof Int32Array ? values : checkedInt32(values), shape, 'int32');
}

function checkedBooleans(data: NumericArray): Uint8Array {
  const bytes = Uint8Array.from(data as Uint8Array);
  const stray = bytes.find((value) => value > 1);
  if (stray !== undefined) throw new RangeError(refusal('a BOOL element', 'be 0 or 1', stray));
  return bytes;
}

function roundedToFloat32(data: NumericArray): Float32Array {
  const exact = data as Float64Array;
  const rounded = Float32Array.from(exact);
  const lost = rounded.findIndex((value, i) => Math.abs(value) === Infinity && Number.isFinite(exact[i]));
  if (lost >= 0) {
    const fix = 'Rescale the values, or use entry.data, which is float64.';
    throw new RangeError(refusal('an F64 element', 'be within float32', exact[lost], fix));
  }
  return rounded;
}

function checkedInt32(data: NumericArray): Int32Array {
  const integers = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    // A bigint beyond 2^53 rounds, but never into the range of int32.
    integers[i] = Number(data[i]);
    if (integers[i] !== Number(data[i])) {
      const fix = 'Use entry.data, which keeps every integer.';
      throw new RangeError(refusal('an integer element', 'be within int32, -2147483648 to 2147483647', data[i], fix));
    }
  }
  return integers;
}

/**
 * Reads tensors from their backend and writes them as a safetensors file.
 *
 * @param named     float32, int32 or bool tensors by name, stored as F32, I32 and BOOL; they stay the caller's
 * @param metadata  strings by key, default none
 * @returns the whole file, see writeSafetensors
 * @throws TypeError for a value that is not a tensor of these dtypes, and all that writeSafetensors throws
 */
export async function tensorsToSafetensors(
  named: Record<string, tf.Tensor>,
  metadata: Record<string, string> = {},
): Promise<Uint8Array> {
  const reads = Object.entries(named).map(async ([name, tensor]) => [name, await entryOf(name, tensor)] as const);
  const entries = Object.create(null) as Record<string, SafetensorsEntry>;
  for (const [name, entry] of await Promise.all(reads)) entries[name] = entry;
  return writeSafetensors(entries, metadata);
}

async function entryOf(name: string, tensor: tf.Tensor): Promise<SafetensorsEntry> {
  if (!(tensor instanceof tf.Tensor) || !['float32', 'int32', 'bool'].includes(tensor.dtype)) {
    const fix = 'Store complex values as two tensors, re and im.';
    const wanted = 'be a float32, int32 or bool tensor';
    const where = 'tensor-core.tensorsToSafetensors';
    throw new TypeError(argumentMessage(where, `tensor ${describeValue(name)}`, wanted, tensor, fix));
  }
  const data = await tensor.data();
  if (tensor.dtype === 'bool') return { dtype: 'BOOL', shape: tensor.shape, data: Uint8Array.from(data) };
  if (tensor.dtype === 'int32') return { dtype: 'I32', shape: tensor.shape, data: Int32Array.from(data) };
  return { dtype: 'F32', shape: tensor.shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

function refusal(name: string, requirement: string, value: unknown, fix = ''): string {
  return argumentMessage('tensor-core.toTensor', name, requirement, value, fix);
}
