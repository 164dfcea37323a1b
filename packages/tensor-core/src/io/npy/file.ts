import { argumentMessage, checkedSize, checkOneOf, describeValue, FormatError, ShapeError } from '../../check';
import { arrayStorage, partsOf, type ArrayEntry } from '../array-entry';
import { ByteBudget } from '../byte-budget';
import { bytesFromArray, type NumericArray } from '../bytes';
import { isGzip } from '../gzip';
import { narrowFloats } from '../half';
import { maxDimensions, npyArray } from './array';
import { npyHeader, readNpyHeader } from './header';
import { npyTypes, npyTypeString } from './type';
import { isZip } from '../zip/archive';

export interface ReadNpyOptions {
  /** Gives F16 arrays as their bits instead of widening them to float32, default false. */
  keepBits?: boolean;
}

/**
 * Reads an array that np.save wrote.
 *
 * @param bytes             the whole file, format 1.0 to 3.0, either byte order, row-major or Fortran order
 * @param options.keepBits  F16 as Uint16Array bits, default false: Float32Array values
 * @returns the array, row-major; complex64 is C64, complex128 C128, see ArrayEntry. The data share the memory of
 *   `bytes` where the file is little-endian, row-major and aligned; else they are one copy
 * @throws FormatError when the file is truncated, corrupt, of another format, or holds what is no plain array of
 *   numbers: objects (which are pickles), text, structures, dates, long doubles; TypeError when `bytes` is no Uint8Array
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function readNpy(bytes: Uint8Array, options: ReadNpyOptions = {}): ArrayEntry {
  const where = 'tensor-core.readNpy';
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes, 'Pass new Uint8Array(arrayBuffer).'));
  }
  if (isZip(bytes)) throw new FormatError(`${where}: the file must be one array, got a zip archive. Use readNpz.`);
  if (isGzip(bytes)) {
    const fix = 'await gunzip(bytes) first.';
    throw new FormatError(`${where}: the file must be uncompressed, got gzip. ${fix}`);
  }
  return npyContents(where, bytes, options.keepBits ?? false, new ByteBudget(where, bytes.length));
}

/** The array of a file in memory, whose bytes may be a part of another file. */
export function npyContents(where: string, bytes: Uint8Array, keepBits: boolean, budget: ByteBudget): ArrayEntry {
  const { layout, dataStart } = readNpyHeader(where, bytes);
  return npyArray(where, bytes.subarray(dataStart), layout, keepBits, budget);
}

/**
 * Writes an array as np.save does, byte for byte (NumPy 1.24 to 2.x): format 1.0, little-endian, row-major.
 *
 * @param entry  Float32Array data under F16 are rounded to nearest, ties to even
 * @returns the whole file
 * @throws TypeError when the data have the wrong type, ShapeError when shape and data disagree, RangeError for a dtype
 *   that NumPy lacks (BF16, F8), more than 64 dimensions, or BOOL values other than 0 and 1
 * @example
 * readNpy(writeNpy({ dtype: 'F32', shape: [2], data: Float32Array.of(1, -2) })); // { dtype: 'F32', shape: [2], data: Float32Array [1, -2] }
 */
export function writeNpy(entry: ArrayEntry): Uint8Array {
  return npyFile('tensor-core.writeNpy', 'the array', entry);
}

/** The file of one array; `label` names it in errors. */
export function npyFile(where: string, label: string, { dtype, shape, data }: ArrayEntry): Uint8Array {
  checkOneOf(where, `the dtype of ${label}`, dtype, npyTypes);
  const elements = checkedSize(where, shape);
  if (shape.length > maxDimensions) {
    throw new RangeError(
      argumentMessage(where, `the shape of ${label}`, `have at most ${maxDimensions} entries`, shape.length),
    );
  }
  const stored: NumericArray = dtype === 'F16' && data instanceof Float32Array ? narrowFloats(data, 'F16') : data;
  if (!(stored instanceof arrayStorage[dtype])) {
    const wanted = `be a ${dtype === 'F16' ? 'Float32Array or ' : ''}${arrayStorage[dtype].name} for dtype ${dtype}`;
    throw new TypeError(argumentMessage(where, `the data of ${label}`, wanted, data));
  }
  const length = partsOf(dtype) * elements;
  if (data.length !== length) {
    const wanted = `have the ${length} numbers of ${dtype} ${describeValue(shape)}`;
    throw new ShapeError(argumentMessage(where, `the data of ${label}`, wanted, data));
  }
  const stray = dtype === 'BOOL' ? (data as Uint8Array).find((value) => value > 1) : undefined;
  if (stray !== undefined) {
    throw new RangeError(argumentMessage(where, `the data of ${label}`, 'be 0 or 1 for dtype BOOL', stray));
  }
  const header = npyHeader(npyTypeString(dtype)!, shape);
  const file = new Uint8Array(header.length + stored.byteLength);
  file.set(header);
  file.set(bytesFromArray(stored, 'little'), header.length);
  return file;
}
