import { argumentMessage, FormatError } from '../../check';
import type { ArrayDtype } from '../array-entry';
import type { ByteOrder } from '../bytes';

/** What NumPy's type strings name by letter and bytes. */
const dtypes: Record<string, ArrayDtype> = {
  b1: 'BOOL',
  i1: 'I8',
  i2: 'I16',
  i4: 'I32',
  i8: 'I64',
  u1: 'U8',
  u2: 'U16',
  u4: 'U32',
  u8: 'U64',
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
  c8: 'C64',
  c16: 'C128',
};

/** What else they name, and why it is not read. */
const refused: readonly [kind: RegExp, reason: string][] = [
  [/^O/, 'Python objects, which are pickles. Save plain numbers with np.save(..., allow_pickle=False)'],
  [/^S/, 'bytes. Save text as JSON'],
  [/^U/, 'text. Save it as JSON'],
  [/^V/, 'raw or structured elements. Save each field as an array of its own'],
  [/^M/, "dates. Save array.astype('int64')"],
  [/^m/, "durations. Save array.astype('int64')"],
  [/^f1[26]$/, 'a long double, which differs by machine. Save array.astype(np.float64)'],
  [/^c(24|32)$/, 'complex long doubles, which differ by machine. Save array.astype(np.complex128)'],
];

/** A NumPy element type: ours, and the order of its bytes. */
export interface NpyType {
  dtype: ArrayDtype;
  order: ByteOrder;
}

/**
 * The type that a NumPy type string such as `<f4` or `|b1` names.
 *
 * @throws FormatError for strings, objects, structures and all else that is no array of numbers
 */
export function npyType(where: string, text: string): NpyType {
  const [, order, kind] = /^([<>|])([a-zA-Z][0-9]+)$/.exec(text) ?? [];
  const dtype = kind !== undefined && Object.hasOwn(dtypes, kind) ? dtypes[kind] : undefined;
  if (dtype !== undefined && (order !== '|' || /1$/.test(kind!))) {
    return { dtype, order: order === '>' ? 'big' : 'little' };
  }
  const [, reason] = refused.find(([pattern]) => pattern.test(text.replace(/^[<>|]/, ''))) ?? [];
  const fix = reason === undefined ? 'Is the file corrupt?' : `It is ${reason}.`;
  throw new FormatError(argumentMessage(where, 'the element type', `be one of ${knownTypes}`, text, fix));
}

/** The NumPy type string of a dtype, least significant byte first; undefined for the types that NumPy lacks. */
export function npyTypeString(dtype: ArrayDtype): string | undefined {
  const kind = Object.keys(dtypes).find((known) => dtypes[known] === dtype);
  return kind === undefined ? undefined : `${/[a-z]1$/.test(kind) ? '|' : '<'}${kind}`;
}

const knownTypes = Object.keys(dtypes).join(', ');

/** The dtypes that NumPy has. */
export const npyTypes: readonly ArrayDtype[] = Object.values(dtypes);
