/** The typed arrays that file formats store their numbers in. */
export type NumericArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** A constructor of one of them. */
export interface NumericArrayType<T extends NumericArray = NumericArray> {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (length: number): T;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** The order in which the bytes of one number lie: least significant first (little) or last (big). */
export type ByteOrder = 'little' | 'big';

const hostOrder: ByteOrder = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'little' : 'big';

/**
 * The numbers that lie in `bytes` from `begin` on.
 *
 * @param type    which typed array
 * @param bytes   the file; must hold all `length` numbers
 * @param begin   offset of the first number, in bytes
 * @param length  how many numbers
 * @param order   byte order of the file
 * @returns a view that shares the memory of `bytes` where alignment and byte order allow, otherwise one copy
 */
export function arrayFromBytes<T extends NumericArray>(
  type: NumericArrayType<T>,
  bytes: Uint8Array,
  begin: number,
  length: number,
  order: ByteOrder,
): T {
  const width = type.BYTES_PER_ELEMENT;
  const address = bytes.byteOffset + begin;
  const swapped = width > 1 && order !== hostOrder;
  if (!swapped && address % width === 0) return new type(bytes.buffer, address, length);
  // Not bytes.slice(): on a Node Buffer that is a view.
  const copy = new Uint8Array(bytes.subarray(begin, begin + length * width));
  if (swapped) reverseEach(copy, width);
  return new type(copy.buffer, 0, length);
}

/** The bytes of `array` in the given order: a view that shares its memory where the host has that order, else a copy. */
export function bytesFromArray(array: NumericArray, order: ByteOrder): Uint8Array {
  const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (array.BYTES_PER_ELEMENT === 1 || order === hostOrder) return view;
  const copy = new Uint8Array(view);
  reverseEach(copy, array.BYTES_PER_ELEMENT);
  return copy;
}

/** Reverses each run of `width` bytes in place. */
function reverseEach(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.length; start += width) {
    for (let low = start, high = start + width - 1; low < high; low++, high--) {
      const kept = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = kept;
    }
  }
}
