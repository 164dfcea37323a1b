import { argumentMessage, describeValue, FormatError } from '../../check';
import { arrayStorage, partsOf, widened, widthOf, type ArrayEntry } from '../array-entry';
import type { ByteBudget } from '../byte-budget';
import { arrayFromBytes, type NumericArray } from '../bytes';
import type { NpyType } from './type';
import { columnMajorStrides, elementsOf, rowMajorStrides } from '../torch/strided-view';

/** The dimensions that NumPy allows. */
export const maxDimensions = 64;

/** How the bytes of a NumPy array are laid out. */
export interface NpyLayout extends NpyType {
  shape: number[];
  /** Whether the first index runs fastest. */
  fortranOrder: boolean;
}

/** How many bytes an array has. @throws FormatError when they cannot be counted */
export function npyBytes(where: string, { dtype, shape }: NpyLayout): number {
  if (shape.length > maxDimensions) {
    throw new FormatError(argumentMessage(where, 'the shape', `have at most ${maxDimensions} entries`, shape.length));
  }
  const size = shape.reduce((product, length) => product * length, widthOf(dtype));
  const countable = shape.every((length) => Number.isSafeInteger(length) && length >= 0) && Number.isSafeInteger(size);
  if (!countable) throw new FormatError(argumentMessage(where, 'the shape', 'hold fewer than 2^53 bytes', shape));
  return size;
}

/**
 * The array whose elements are `bytes`, row-major.
 *
 * @param keepBits  leaves F16 as bits
 * @param budget    pays for copies
 * @returns shares the memory of `bytes` where byte order, alignment and the order of indices allow
 * @throws FormatError when there are fewer or more bytes than the layout needs
 */
export function npyArray(
  where: string,
  bytes: Uint8Array,
  layout: NpyLayout,
  keepBits: boolean,
  budget: ByteBudget,
): ArrayEntry {
  const { dtype, shape, order, fortranOrder } = layout;
  const size = npyBytes(where, layout);
  if (bytes.length !== size) {
    const fix = bytes.length < size ? 'The file is truncated.' : 'There are bytes after the array.';
    const wanted = `have the ${size} bytes of ${dtype} ${describeValue(shape)}`;
    throw new FormatError(argumentMessage(where, 'the array', wanted, bytes.length, fix));
  }
  const parts = partsOf(dtype);
  if (fortranOrder) budget.take(size);
  const length = (parts * size) / widthOf(dtype);
  const stored = arrayFromBytes<NumericArray>(arrayStorage[dtype], bytes, 0, length, order);
  if (stored.buffer !== bytes.buffer) budget.take(size);
  const strides = fortranOrder ? columnMajorStrides(shape) : rowMajorStrides(shape);
  const data = elementsOf(stored, { offset: 0, shape, strides }, parts);
  if (dtype !== 'F16' || keepBits) return { dtype, shape, data };
  budget.take(2 * size);
  return { dtype, shape, data: widened(dtype, data) };
}
