import { arrayFromBytes, type NumericArray } from '../io/bytes';
import { widenFloats } from '../io/half';
import { numberStorage, type NumberDtype } from '../io/number-storage';
import type { Description, Library } from './library';

/** The element types of HDF5 that are read, by the names that safetensors has for them, and strings. */
export type Hdf5Dtype = Hdf5NumericDtype | 'STRING';

/** The numeric element types. BOOL is the enumeration FALSE, TRUE that h5py writes. */
export type Hdf5NumericDtype = NumberDtype;

/** How the elements of a dataset or attribute lie in memory. */
export interface ElementType {
  dtype: Hdf5Dtype;
  /** Bytes of an element. */
  size: number;
  /** The values of an enumeration by name. */
  members?: Record<string, number>;
  description: Description;
}

const classes = [
  'integer',
  'float',
  'time',
  'string',
  'bit field',
  'opaque',
  'compound',
  'reference',
  'enumeration',
  'variable-length',
  'array',
  'complex',
];
const [INTEGER, FLOAT, STRING, ENUMERATION] = [0, 1, 3, 8];

/** The element type of a description, or, when it has no counterpart here, what it is. */
export function elementTypeOf(description: Description): ElementType | string {
  const { type, size, signed, vlen, enum_type: enumeration } = description;
  if (type === STRING) return { dtype: 'STRING', size: vlen ? 4 : size, description };
  const bits = 8 * size;
  if (type === FLOAT) {
    return [16, 32, 64].includes(bits)
      ? { dtype: `F${bits}` as Hdf5Dtype, size, description }
      : `floating point of ${bits} bits`;
  }
  const base = type === ENUMERATION ? enumeration!.type : type;
  if (base !== INTEGER) return classes[type] ?? `of the unknown class ${type}`;
  if (![8, 16, 32, 64].includes(bits)) return `integer of ${bits} bits`;
  if (type === INTEGER) return { dtype: `${signed ? 'I' : 'U'}${bits}` as Hdf5Dtype, size, description };
  const members = { ...enumeration!.members };
  const boolean = size === 1 && Object.keys(members).length === 2 && members['FALSE'] === 0 && members['TRUE'] === 1;
  const dtype = boolean ? 'BOOL' : (`${signed ? 'I' : 'U'}${bits}` as Hdf5Dtype);
  return { dtype, size, members, description };
}

/** An empty array of an element type, for `length` elements. */
export function arrayFor(dtype: Hdf5Dtype, length: number): NumericArray | string[] {
  if (dtype === 'STRING') return new Array<string>(length).fill('');
  return dtype === 'F16' ? new Float32Array(length) : new numberStorage[dtype](length);
}

/** The `length` elements that the library has put into its memory at `pointer`, copied. */
export function elementsAt(
  library: Library,
  { dtype, size, description }: ElementType,
  pointer: number,
  length: number,
): NumericArray | string[] {
  const bytes = library.HEAPU8.slice(pointer, pointer + length * size);
  if (dtype === 'STRING') {
    if (!description.vlen) return fixedStrings(bytes, size, description.strpad ?? 1);
    const pointers = arrayFromBytes(Uint32Array, bytes, 0, length, 'little');
    return Array.from(pointers, (at) => (at === 0 ? '' : library.UTF8ToString(at)));
  }
  // The library turns all numbers to little-endian, but cannot do it for enumerations.
  const swapped = description.type === ENUMERATION && !description.littleEndian;
  const order = swapped ? 'big' : 'little';
  if (dtype === 'F16') return widenFloats(arrayFromBytes(Uint16Array, bytes, 0, length, order), 'F16');
  return arrayFromBytes<NumericArray>(numberStorage[dtype], bytes, 0, length, order);
}

function fixedStrings(bytes: Uint8Array, size: number, padding: number): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const text = decoder.decode(bytes.subarray(i * size, (i + 1) * size));
    if (padding === 2) return text.replace(/ +$/, '');
    if (padding === 1) return text.replace(/\0+$/, '');
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  });
}
