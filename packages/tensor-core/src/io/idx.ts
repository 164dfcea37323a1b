import { argumentMessage, checkedSize, checkNumber, FormatError, ShapeError } from '../check';
import { arrayFromBytes, bytesFromArray, type NumericArrayType } from './bytes';
import { isGzip } from './gzip';

/** The typed arrays that IDX knows. */
export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** An array of an IDX file, row-major. */
export interface IdxArray {
  shape: number[];
  data: IdxData;
}

const types = new Map<number, NumericArrayType<IdxData>>([
  [0x08, Uint8Array],
  [0x09, Int8Array],
  [0x0b, Int16Array],
  [0x0c, Int32Array],
  [0x0d, Float32Array],
  [0x0e, Float64Array],
]);

/**
 * Reads an IDX file, the format of the MNIST digits: two zero bytes, a type code, the number of dimensions, each
 * dimension as a big-endian 32-bit integer, then the big-endian elements, the last index fastest.
 *
 * @param bytes  the whole file, not compressed
 * @returns shape and typed array; 8-bit data shares the memory of `bytes`, wider data is a copy
 * @throws FormatError when the file is compressed, truncated, too long, or of another format; TypeError when `bytes` is
 *   no Uint8Array
 * @see http://yann.lecun.com/exdb/mnist/, "the IDX file format"
 */
export function readIdx(bytes: Uint8Array): IdxArray {
  if (!(bytes instanceof Uint8Array)) {
    const fix = 'Pass new Uint8Array(arrayBuffer).';
    throw new TypeError(argumentMessage('tensor-core.readIdx', 'bytes', 'be a Uint8Array', bytes, fix));
  }
  if (isGzip(bytes)) {
    const fix = 'await gunzip(bytes) first, or use readIdxFile on Node.';
    throw new FormatError(`tensor-core.readIdx: the file must be uncompressed, got gzip. ${fix}`);
  }
  if (bytes.length < 4) throw refusal('the file', 'have at least 4 bytes', bytes.length, 'Is it truncated?');
  const [zero0, zero1, code, rank] = bytes as unknown as [number, number, number, number];
  if (zero0 !== 0 || zero1 !== 0) {
    throw refusal('the file', 'begin with two zero bytes', [zero0, zero1], 'Is this an IDX file?');
  }
  const type = types.get(code);
  if (!type) throw refusal('the type code', `be one of ${[...types.keys()].join(', ')}`, code, 'Is this an IDX file?');
  if (rank === 0) throw refusal('the number of dimensions', 'be at least 1', rank);
  const dataStart = 4 + 4 * rank;
  if (bytes.length < dataStart) {
    throw refusal('the file', `have ${dataStart} bytes of header`, bytes.length, 'Is it truncated?');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const elements = shape.reduce((product, length) => product * length, 1);
  const size = dataStart + elements * type.BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(size)) throw refusal('the shape', 'hold fewer than 2^53 bytes', shape, 'Is it corrupt?');
  if (bytes.length !== size) {
    const fix = bytes.length < size ? 'Is it truncated?' : 'There are bytes after the data.';
    throw refusal('the file', `have the ${size} bytes of ${type.name} [${shape.join(', ')}]`, bytes.length, fix);
  }
  return { shape, data: arrayFromBytes(type, bytes, dataStart, elements, 'big') };
}

/**
 * Writes an IDX file.
 *
 * @param array  shape of 1 to 255 dimensions below 2^32, and the elements; their array type gives the type code
 * @returns the whole file
 * @throws TypeError when IDX has no code for the array type, ShapeError when shape and data disagree, RangeError for a
 *   shape that the header cannot hold
 */
export function writeIdx({ shape, data }: IdxArray): Uint8Array {
  const where = 'tensor-core.writeIdx';
  const code = [...types].find(([, type]) => data instanceof type)?.[0];
  if (code === undefined) {
    const names = [...types.values()].map((type) => type.name).join(', ');
    throw new TypeError(argumentMessage(where, 'data', `be one of ${names}`, data));
  }
  checkNumber(where, 'the number of dimensions', shape.length, { min: 1, max: 255 });
  for (const length of shape) checkNumber(where, 'shape', length, { min: 0, max: 2 ** 32 - 1, integer: true });
  if (checkedSize(where, shape) !== data.length) {
    throw new ShapeError(argumentMessage(where, 'data', `have the elements of its shape [${shape.join(', ')}]`, data));
  }
  const file = new Uint8Array(4 + 4 * shape.length + data.byteLength);
  file.set([0, 0, code, shape.length]);
  const view = new DataView(file.buffer);
  shape.forEach((length, i) => view.setUint32(4 + 4 * i, length));
  file.set(bytesFromArray(data, 'big'), 4 + 4 * shape.length);
  return file;
}

function refusal(name: string, requirement: string, value: unknown, fix = ''): FormatError {
  return new FormatError(argumentMessage('tensor-core.readIdx', name, requirement, value, fix));
}
