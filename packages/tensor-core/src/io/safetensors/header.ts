import { argumentMessage, describeValue, FormatError } from '../../check';
import { JsonCursor } from '../json-cursor';

const where = 'tensor-core.readSafetensors';

/** The official limit on the JSON header, in bytes. */
export const maxHeaderBytes = 100_000_000;

/** More than any array library has; bounds the work that a hostile header can ask for. */
const maxDimensions = 255;

/** How each dtype is stored. The order is the official writer's: by falling alignment. */
export const storage = {
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  BF16: Uint16Array,
  F16: Uint16Array,
  U16: Uint16Array,
  I16: Int16Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** The element types that are read and written here; the format's 4- and 6-bit, complex and FNUZ types are not. */
export type SafetensorsDtype = keyof typeof storage;

/** Where a tensor lies: `begin` and `end` count bytes from the end of the header. */
export interface TensorInfo {
  name: string;
  dtype: SafetensorsDtype;
  shape: number[];
  begin: number;
  end: number;
}

/** A header that has passed every check. */
export interface SafetensorsHeader {
  /** In the order of their data. */
  tensors: TensorInfo[];
  metadata: Record<string, string>;
  /** Offset of the data in the file. */
  dataStart: number;
}

/**
 * Reads and checks the header of a safetensors file: afterwards every tensor lies inside the file, has the size that
 * its dtype and shape say, and the tensors cover the data without overlaps or holes.
 *
 * @see https://github.com/huggingface/safetensors#format
 * @throws FormatError
 */
export function readHeader(bytes: Uint8Array): SafetensorsHeader {
  if (bytes.length < 8) throw refusal('the file', 'have at least 8 bytes', bytes.length, 'Is it truncated?');
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > maxHeaderBytes) {
    throw refusal('the header length', `be <= ${maxHeaderBytes} bytes`, length, 'Is this a safetensors file?');
  }
  const dataStart = 8 + length;
  if (dataStart > bytes.length) {
    const words = `the header of ${length} bytes must lie in the file of ${bytes.length}`;
    throw new FormatError(`${where}: ${words}. The file is truncated, or not a safetensors file.`);
  }
  const { tensors, metadata } = parseHeader(decodeUtf8(bytes.subarray(8, dataStart)));
  checkCoverage(tensors, bytes.length - dataStart);
  return { tensors, metadata, dataStart };
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`${where}: the header must be UTF-8 text. Is this a safetensors file?`, { cause });
  }
  if (!text.startsWith('{'))
    throw refusal('the header', 'begin with {', text.slice(0, 8), 'Is this a safetensors file?');
  return text;
}

function parseHeader(text: string): { tensors: TensorInfo[]; metadata: Record<string, string> } {
  const tensors: TensorInfo[] = [];
  // Without a prototype a name such as __proto__ is a key like any other.
  const metadata = Object.create(null) as Record<string, string>;
  const cursor = new JsonCursor(where, text);
  cursor.object('the header', (name) => {
    if (name !== '__metadata__') return void tensors.push(parseTensor(cursor, name));
    cursor.object('__metadata__', (key) => {
      metadata[key] = cursor.string(`__metadata__ ${describeValue(key)}`);
    });
  });
  cursor.end('the header');
  return { tensors, metadata };
}

function parseTensor(cursor: JsonCursor, name: string): TensorInfo {
  const tensor = `tensor ${describeValue(name)}`;
  let dtype: SafetensorsDtype | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  cursor.object(tensor, (field) => {
    if (field === 'dtype') dtype = knownDtype(tensor, cursor.string(`the dtype of ${tensor}`));
    else if (field === 'shape') shape = counts(cursor, `the shape of ${tensor}`);
    else if (field === 'data_offsets') offsets = counts(cursor, `the data_offsets of ${tensor}`);
    else cursor.skip(`${describeValue(field)} of ${tensor}`);
  });
  if (!dtype || !shape || !offsets) {
    const missing = dtype ? (shape ? 'data_offsets' : 'shape') : 'dtype';
    throw new FormatError(`${where}: ${tensor} must have dtype, shape and data_offsets, but it has no ${missing}.`);
  }
  const [begin = NaN, end = NaN] = offsets;
  if (offsets.length !== 2 || begin > end) {
    throw refusal(`the data_offsets of ${tensor}`, 'be [begin, end] with begin <= end', offsets);
  }
  const size = byteSize(tensor, dtype, shape);
  if (end - begin !== size) {
    const words = `take the ${size} bytes of ${dtype} ${describeValue(shape)}`;
    throw refusal(`the data_offsets of ${tensor}`, words, offsets);
  }
  return { name, dtype, shape, begin, end };
}

function knownDtype(tensor: string, dtype: string): SafetensorsDtype {
  if (Object.hasOwn(storage, dtype)) return dtype as SafetensorsDtype;
  throw refusal(`the dtype of ${tensor}`, `be one of ${Object.keys(storage).join(', ')}`, dtype);
}

function counts(cursor: JsonCursor, what: string): number[] {
  const list: number[] = [];
  cursor.array(what, (i) => {
    if (i === maxDimensions) cursor.refuse(what, `have at most ${maxDimensions} entries`);
    list.push(cursor.count(what));
  });
  return list;
}

function byteSize(tensor: string, dtype: SafetensorsDtype, shape: number[]): number {
  let size = storage[dtype].BYTES_PER_ELEMENT;
  for (const length of shape) {
    size *= length;
    if (!Number.isSafeInteger(size)) throw refusal(`the shape of ${tensor}`, 'hold fewer than 2^53 bytes', shape);
  }
  return size;
}

/** Sorts the tensors by where they lie and requires that they tile the `length` bytes of data. */
function checkCoverage(tensors: TensorInfo[], length: number): void {
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of tensors) {
    const tensor = `tensor ${describeValue(name)}`;
    if (end > length) {
      throw refusal(tensor, `end within the ${length} bytes of data`, end, 'The file is truncated or corrupt.');
    }
    if (begin < covered) throw refusal(tensor, `begin at ${covered}, where the tensor before it ends (overlap)`, begin);
    if (begin > covered) throw refusal(tensor, `begin at ${covered}, where the tensor before it ends (hole)`, begin);
    covered = end;
  }
  if (covered < length) throw refusal('the data', `end with the last tensor, at ${covered} (trailing bytes)`, length);
}

function refusal(name: string, requirement: string, value: unknown, fix = ''): FormatError {
  return new FormatError(argumentMessage(where, name, requirement, value, fix));
}
