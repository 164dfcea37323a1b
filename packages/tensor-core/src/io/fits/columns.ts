import { argumentMessage, describeValue, FormatError } from '../../check';
import { widthOf, type ArrayDtype } from '../array-entry';
import { fitsBlank, fitsInteger, fitsNumber, fitsText, type FitsHeader } from './header';
import type { FitsScaling } from './scale';

/** The letters of TFORM that stand for numbers. */
const dtypes: Record<string, ArrayDtype> = {
  L: 'BOOL',
  X: 'BOOL',
  B: 'U8',
  I: 'I16',
  J: 'I32',
  K: 'I64',
  E: 'F32',
  D: 'F64',
  C: 'C64',
  M: 'C128',
};

/** A column of a binary table. */
export interface FitsColumn {
  /** TTYPE; '' when it has none. */
  name: string;
  /** TUNIT. */
  unit: string | undefined;
  /** TFORM, such as `3E`, `A`, `PJ(12)`. */
  format: string;
  /** What reads it: `numbers`, `strings` or, for a number of elements that varies by row, `lists`. */
  kind: 'numbers' | 'strings' | 'lists';
  /** Of one row, row-major; [] for a single number or text. Empty for lists. */
  shape: number[];
}

/** A column, and how its bytes are to be read. */
export interface FitsField extends FitsColumn {
  letter: string;
  /** As stored. */
  dtype: ArrayDtype;
  /** Bytes from the beginning of a row, and bytes a row. */
  offset: number;
  width: number;
  /** Characters of one text. */
  characters: number;
  /** Bytes of the two integers that say where in the heap a row's elements are; 0 when they are in the row. */
  descriptor: 0 | 4 | 8;
  scaling: FitsScaling;
}

/** The columns of a binary table. @throws FormatError when they are not what fills a row */
export function readFitsColumns(where: string, header: FitsHeader): FitsField[] {
  const count = fitsInteger(where, header, 'TFIELDS', { min: 0, max: 999 });
  const fields: FitsField[] = [];
  let offset = 0;
  for (let n = 1; n <= count; n++) {
    const field = readColumn(where, header, n, offset);
    offset += field.width;
    fields.push(field);
  }
  const row = header.values['NAXIS1'];
  if (offset !== row) {
    throw new FormatError(
      argumentMessage(where, 'the columns', `fill the ${describeValue(row)} bytes of a row`, offset),
    );
  }
  return fields;
}

function readColumn(where: string, header: FitsHeader, n: number, offset: number): FitsField {
  const format = fitsText(header, `TFORM${n}`)?.trim() ?? '';
  const [, digits, pointer, letter] = /^([0-9]{0,15})([PQ]?)([LXBIJKAEDCM])/.exec(format) ?? [];
  if (letter === undefined) {
    throw new FormatError(argumentMessage(where, `TFORM${n}`, 'be a count and one of LXBIJKAEDCM, PQ', format));
  }
  const repeat = digits === '' ? 1 : Number(digits);
  const dtype = dtypes[letter] ?? 'U8';
  const scaling = {
    scale: Number(fitsNumber(where, header, `TSCAL${n}`, 1)),
    zero: Number(fitsNumber(where, header, `TZERO${n}`, 0)),
    blank: fitsBlank(where, header, `TNULL${n}`),
  };
  const shared = {
    name: fitsText(header, `TTYPE${n}`) ?? '',
    unit: fitsText(header, `TUNIT${n}`),
    format,
    letter,
    dtype,
    offset,
    scaling,
  };
  if (pointer !== '') {
    if (repeat > 1) throw new FormatError(argumentMessage(where, `TFORM${n}`, 'have at most one descriptor', format));
    const descriptor = pointer === 'P' ? 4 : 8;
    const kind = letter === 'A' ? 'strings' : 'lists';
    return { ...shared, kind, shape: [], characters: 0, descriptor, width: 2 * repeat * descriptor };
  }
  const shape = rowShape(where, header, n, repeat);
  const width = letter === 'X' ? Math.ceil(repeat / 8) : repeat * (letter === 'A' ? 1 : widthOf(dtype));
  if (letter !== 'A') {
    return {
      ...shared,
      kind: 'numbers',
      shape: shape ?? (repeat === 1 ? [] : [repeat]),
      characters: 0,
      descriptor: 0,
      width,
    };
  }
  const characters = shape?.at(-1) ?? repeat;
  return { ...shared, kind: 'strings', shape: shape?.slice(0, -1) ?? [], characters, descriptor: 0, width };
}

/** The shape that TDIM gives to the elements of a row, reversed to row-major; undefined when there is none. */
function rowShape(where: string, header: FitsHeader, n: number, repeat: number): number[] | undefined {
  const text = fitsText(header, `TDIM${n}`);
  if (text === undefined || repeat === 0) return undefined;
  const inside = /^\s*\(([0-9]{1,15}(?:\s*,\s*[0-9]{1,15})*)\)\s*$/.exec(text)?.[1];
  const shape = inside?.split(',').map(Number).reverse() ?? [];
  const size = shape.reduce((product, length) => product * length, 1);
  if (inside === undefined || shape.includes(0) || size > repeat) {
    const wanted = `be lengths above 0 of at most ${repeat} elements`;
    throw new FormatError(`${where}: TDIM${n} must ${wanted}, got ${describeValue(text)}.`);
  }
  return shape;
}
