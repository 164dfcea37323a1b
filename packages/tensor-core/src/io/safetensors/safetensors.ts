import { argumentMessage, checkedSize, checkOneOf, describeValue, ShapeError } from '../../check';
import { arrayFromBytes, bytesFromArray, type NumericArray, type NumericArrayType } from '../bytes';
import { isSmallFloat, narrowFloats, widenFloats } from '../half';
import { maxHeaderBytes, readHeader, storage, type SafetensorsDtype } from './header';

export type { SafetensorsDtype } from './header';

/** One tensor of a safetensors file. */
export interface SafetensorsEntry {
  /** The element type in the file. */
  dtype: SafetensorsDtype;
  /** Row-major; [] is a scalar. */
  shape: number[];
  /**
   * The elements: the typed array of the dtype's name, Uint8Array of 0 and 1 for BOOL. F16, BF16, F8_E4M3 and F8_E5M2
   * are either Float32Array values or their bits (Uint16Array, Uint8Array).
   */
  data: NumericArray;
}

/** A safetensors file in memory. */
export interface SafetensorsFile {
  /** By name, in the order of the data; the object has no prototype, so any name is safe. */
  tensors: Record<string, SafetensorsEntry>;
  /** The file's `__metadata__`, empty when it has none; no prototype either. */
  metadata: Record<string, string>;
}

export interface ReadSafetensorsOptions {
  /** Gives F16, BF16 and F8 as their bits instead of widening them to float32, default false. */
  keepBits?: boolean;
}

/**
 * Reads a safetensors file.
 *
 * The file is checked as something hostile: header length, UTF-8, JSON without duplicate keys, dtypes, shapes, and
 * offsets that tile the data exactly. Values are not checked: NaN and infinities are data.
 *
 * @param bytes             the whole file
 * @param options.keepBits  F16, BF16, F8 as Uint16Array or Uint8Array bits, default false: Float32Array values
 * @returns tensors by name and the string metadata. Arrays are views that share the memory of `bytes` where their
 *   offset is a multiple of the element size (the official writer aligns them), otherwise one copy; widened ones are new
 * @throws FormatError when the file is truncated, corrupt or of another format, TypeError when `bytes` is no Uint8Array
 * @see https://github.com/huggingface/safetensors#format
 * @example
 * const file = writeSafetensors({ weight: { dtype: 'F16', shape: [2], data: Float32Array.of(1, 0.1) } });
 * readSafetensors(file).tensors['weight']; // { dtype: 'F16', shape: [2], data: Float32Array [1, 0.0999755859375] }
 */
export function readSafetensors(bytes: Uint8Array, options: ReadSafetensorsOptions = {}): SafetensorsFile {
  if (!(bytes instanceof Uint8Array)) {
    const fix = 'Pass new Uint8Array(arrayBuffer).';
    throw new TypeError(argumentMessage('tensor-core.readSafetensors', 'bytes', 'be a Uint8Array', bytes, fix));
  }
  const header = readHeader(bytes);
  const tensors = Object.create(null) as Record<string, SafetensorsEntry>;
  for (const { name, dtype, shape, begin, end } of header.tensors) {
    const type: NumericArrayType = storage[dtype];
    const length = (end - begin) / type.BYTES_PER_ELEMENT;
    const data = arrayFromBytes(type, bytes, header.dataStart + begin, length, 'little');
    const entry = { dtype, shape, data };
    tensors[name] = options.keepBits ? entry : { ...entry, data: valuesOf(entry) };
  }
  return { tensors, metadata: header.metadata };
}

/** The elements of an entry as values: F16, BF16 and F8 bits widened to float32, all else as it is. */
export function valuesOf({ dtype, data }: SafetensorsEntry): NumericArray {
  if (!isSmallFloat(dtype) || data instanceof Float32Array) return data;
  return widenFloats(data as Uint16Array | Uint8Array, dtype);
}

/**
 * Writes a safetensors file, byte for byte as the official writer does: tensors sorted by falling alignment of their
 * dtype, then by name (code points); the header padded with spaces to a multiple of 8 bytes. Metadata is sorted by key.
 *
 * @param tensors   by name; Float32Array data under F16, BF16, F8_E4M3 or F8_E5M2 is rounded to nearest, ties to even
 * @param metadata  strings by key, default none
 * @returns the whole file
 * @throws TypeError when data or metadata have the wrong type, ShapeError when shape and data disagree, RangeError for
 *   an unknown dtype, a name that the format cannot hold, BOOL values other than 0 and 1, or a header over 100 MB
 * @see https://github.com/huggingface/safetensors/blob/main/safetensors/src/tensor.rs
 */
export function writeSafetensors(
  tensors: Record<string, SafetensorsEntry>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const rank = Object.keys(storage);
  const named = Object.entries(tensors).map(([name, entry]) => ({ name, ...entry, data: storedData(name, entry) }));
  named.sort((a, b) => rank.indexOf(a.dtype) - rank.indexOf(b.dtype) || compareCodePoints(a.name, b.name));

  const fields: string[] = [];
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareCodePoints(a, b));
  for (const [key, value] of pairs) {
    checkText('a metadata key', key);
    checkText(`metadata ${describeValue(key)}`, value);
  }
  if (pairs.length > 0) {
    fields.push(`"__metadata__":{${pairs.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`);
  }
  let size = 0;
  for (const { name, dtype, shape, data } of named) {
    const info = { dtype, shape, data_offsets: [size, size + data.byteLength] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    size += data.byteLength;
  }

  const header = new TextEncoder().encode(`{${fields.join(',')}}`);
  const padded = Math.ceil(header.length / 8) * 8;
  if (padded > maxHeaderBytes) throw new RangeError(message('the header', `be <= ${maxHeaderBytes} bytes`, padded));
  const file = new Uint8Array(8 + padded + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(header, 8);
  file.fill(0x20, 8 + header.length, 8 + padded);
  let at = 8 + padded;
  for (const { data } of named) {
    file.set(bytesFromArray(data, 'little'), at);
    at += data.byteLength;
  }
  return file;
}

/** The data as it is stored, after every check of the entry. */
function storedData(name: string, { dtype, shape, data }: SafetensorsEntry): NumericArray {
  const where = 'tensor-core.writeSafetensors';
  const label = `tensor ${describeValue(name)}`;
  checkText('a tensor name', name);
  if (name === '__metadata__') {
    throw new RangeError(message('a tensor name', 'not be __metadata__', name, 'The format reserves that name.'));
  }
  checkOneOf(where, `the dtype of ${label}`, dtype, Object.keys(storage));
  const stored = isSmallFloat(dtype) && data instanceof Float32Array ? narrowFloats(data, dtype) : data;
  if (!(stored instanceof storage[dtype])) {
    const wanted = `be a ${isSmallFloat(dtype) ? 'Float32Array or ' : ''}${storage[dtype].name} for dtype ${dtype}`;
    throw new TypeError(message(`the data of ${label}`, wanted, data));
  }
  const elements = checkedSize(where, shape);
  if (data.length !== elements) {
    const wanted = `have the ${elements} elements of its shape ${describeValue(shape)}`;
    throw new ShapeError(message(`the data of ${label}`, wanted, data));
  }
  const stray = dtype === 'BOOL' ? (data as Uint8Array).find((value) => value > 1) : undefined;
  if (stray !== undefined) throw new RangeError(message(`the data of ${label}`, 'be 0 or 1 for dtype BOOL', stray));
  return stored;
}

function checkText(name: string, text: unknown): void {
  if (typeof text !== 'string') throw new TypeError(message(name, 'be a string', text));
  if (/\p{Surrogate}/u.test(text)) throw new RangeError(message(name, 'have no lone surrogate', text));
}

function message(name: string, requirement: string, value: unknown, fix = ''): string {
  return argumentMessage('tensor-core.writeSafetensors', name, requirement, value, fix);
}

/** Order by code points, which is that of the UTF-8 bytes; `<` compares UTF-16 units and differs beyond U+FFFF. */
function compareCodePoints(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  let i = 0;
  while (i < common && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === common) return a.length - b.length;
  // Surrogates stand for the highest code points, so they are moved above U+E000 to U+FFFF.
  const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x2800 : unit);
  return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
}
