import { argumentMessage, describeValue, FormatError } from '../../check';
import { arrayStorage, partsOf, widthOf, type ArrayEntry } from '../array-entry';
import { ByteBudget } from '../byte-budget';
import { arrayFromBytes, type NumericArray } from '../bytes';
import { readFitsColumns, type FitsColumn, type FitsField } from './columns';
import { fitsInteger, type FitsHeader } from './header';
import type { FitsData } from './image';
import { fitsConversion } from './scale';

export interface FitsNumbersOptions {
  /** Gives the numbers as they are in the file, without TSCAL, TZERO and TNULL, default false. */
  stored?: boolean;
}

/** A binary table of a FITS file; its columns are read when they are asked for. */
export class FitsTable {
  readonly kind = 'table';
  /** How many rows it has. */
  readonly rows: number;
  readonly #fields: FitsField[];
  readonly #rowBytes: number;
  /** Where the elements of lists lie, from the beginning of the data. */
  readonly #heap: { begin: number; end: number };

  constructor(
    private readonly where: string,
    /** EXTNAME. */
    readonly name: string,
    readonly header: FitsHeader,
    private readonly source: FitsData,
    private readonly maxBytes: number | undefined,
  ) {
    const integer = (keyword: string, fallback?: number, min = 0, max?: number): number =>
      fitsInteger(where, header, keyword, { min, ...(max === undefined ? {} : { max }) }, fallback);
    integer('BITPIX', undefined, 8, 8);
    integer('NAXIS', undefined, 2, 2);
    this.rows = integer('NAXIS2');
    this.#rowBytes = integer('NAXIS1', undefined, this.rows > 0 ? 1 : 0);
    const table = this.rows * this.#rowBytes;
    const end = table + integer('PCOUNT', 0);
    this.#heap = { begin: integer('THEAP', table, table, end), end };
    this.#fields = readFitsColumns(where, header);
  }

  /** Names, units, formats and shapes of the columns, in the table's order. */
  get columns(): FitsColumn[] {
    return this.#fields.map(({ name, unit, format, kind, shape }) => ({ name, unit, format, kind, shape: [...shape] }));
  }

  /**
   * The numbers of a column.
   *
   * L and X are BOOL (no value counts as false), C and M are C64 and C128. TZERO + TSCAL * stored is F64, computed in
   * float64, but for FITS's convention for unsigned integers (and I8). Integers that equal TNULL are NaN, so that
   * integer columns with TNULL are F64.
   *
   * @param column          name (upper and lower case alike, if need be) or number from 0
   * @param options.stored  without scaling and nulls
   * @returns shape [rows] and that of one row behind it; a copy but for 8-bit numbers that
   *   are all that the table has
   * @throws FormatError when there is no such column of numbers; RangeError when TNULL would turn 64-bit integers
   *   beyond 2^53 into real numbers
   */
  numbers(column: string | number, options: FitsNumbersOptions = {}): ArrayEntry {
    const field = this.#field(column, 'numbers');
    const shape = [this.rows, ...field.shape];
    const bytes = this.#columnBytes(field);
    const elements = field.shape.reduce((product, length) => product * length, 1);
    const data = field.letter === 'X' ? bitsOf(bytes, field.width, elements) : this.#values(field, bytes, elements);
    return this.#entry(field, shape, data, options);
  }

  /**
   * The texts of a column, without the spaces at their end.
   *
   * @param column  name or number from 0
   * @returns one a row; several in turn where TDIM cuts a row into several, see columns[].shape
   * @throws FormatError when there is no such column of text, or its parts lie outside of the table
   */
  strings(column: string | number): string[] {
    const field = this.#field(column, 'strings');
    if (field.descriptor > 0) return this.#parts(field).map((bytes) => text(bytes));
    const bytes = this.#columnBytes(field);
    const perRow = field.shape.reduce((product, length) => product * length, 1);
    return Array.from({ length: this.rows * perRow }, (_, i) => {
      const begin = Math.floor(i / perRow) * field.width + (i % perRow) * field.characters;
      return text(bytes.subarray(begin, begin + field.characters));
    });
  }

  /**
   * The elements of a column whose rows have different numbers of them.
   *
   * @param column          name or number from 0
   * @param options.stored  see numbers
   * @returns one array of one dimension a row, with the values that `numbers` would give
   * @throws FormatError when there is no such column of lists, or its parts lie outside of the table or take more
   *   memory than `maxBytes`; RangeError as `numbers` does
   */
  lists(column: string | number, options: FitsNumbersOptions = {}): ArrayEntry[] {
    const field = this.#field(column, 'lists');
    return this.#parts(field).map((bytes, row) => {
      const length = this.#descriptor(field, row).count;
      const data = field.letter === 'X' ? bitsOf(bytes, bytes.length, length) : this.#values(field, bytes);
      return this.#entry(field, [length], data, options);
    });
  }

  #entry(field: FitsField, shape: number[], stored: NumericArray, options: FitsNumbersOptions): ArrayEntry {
    if (options.stored) return { dtype: field.dtype, shape, data: stored };
    const conversion = fitsConversion(this.where, field.dtype, field.scaling, 'F64');
    return { dtype: conversion.dtype, shape, data: conversion.convert(stored) };
  }

  /** Numbers as they are stored; the first `elements` of each row. */
  #values(field: FitsField, bytes: Uint8Array, elements?: number): NumericArray {
    const width = widthOf(field.dtype);
    const used = elements === undefined ? bytes : gathered(bytes, { offset: 0, width: elements * width }, field.width);
    const length = (partsOf(field.dtype) * used.length) / width;
    if (field.letter === 'L') return Uint8Array.from(used, (letter) => (letter === 0x54 ? 1 : 0));
    return arrayFromBytes<NumericArray>(arrayStorage[field.dtype], used, 0, length, 'big');
  }

  /** The bytes of a column, row after row. */
  #columnBytes(field: FitsField): Uint8Array {
    const { bytes, begin } = this.source;
    const table = bytes.subarray(begin, begin + this.rows * this.#rowBytes);
    return gathered(table, field, this.#rowBytes);
  }

  /** How many elements a row has, and where they begin in the heap. */
  #descriptor({ offset, width, descriptor }: FitsField, row: number): { count: number; begin: number } {
    if (width === 0) return { count: 0, begin: 0 };
    const { bytes, begin } = this.source;
    const view = new DataView(bytes.buffer, bytes.byteOffset + begin + row * this.#rowBytes + offset, width);
    return descriptor === 4
      ? { count: view.getInt32(0), begin: view.getInt32(4) }
      : { count: Number(view.getBigInt64(0)), begin: Number(view.getBigInt64(8)) };
  }

  /** The bytes of each row in the heap. */
  #parts(field: FitsField): Uint8Array[] {
    const { begin: heap, end } = this.#heap;
    const budget = new ByteBudget(this.where, this.source.bytes.length, this.maxBytes);
    return Array.from({ length: this.rows }, (_, row) => {
      const { count, begin } = this.#descriptor(field, row);
      const size = field.letter === 'X' ? Math.ceil(count / 8) : count * widthOf(field.dtype);
      if (count < 0 || begin < 0 || heap + begin + size > end) {
        const label = `row ${row} of column ${describeValue(field.name)}`;
        const wanted = `lie in the heap of ${end - heap} bytes`;
        throw new FormatError(argumentMessage(this.where, label, wanted, [begin, size], 'The file is corrupt.'));
      }
      // Rows may share a part of the heap, so their copies may be larger than the file.
      budget.take(8 * size);
      const first = this.source.begin + heap + begin;
      return this.source.bytes.subarray(first, first + size);
    });
  }

  #field(column: string | number, kind: FitsColumn['kind']): FitsField {
    const names = this.#fields.map(({ name }) => name);
    const same = (name: string): boolean => name.toLowerCase() === String(column).toLowerCase();
    const exact = typeof column === 'number' ? column : names.indexOf(column);
    const field = this.#fields[exact] ?? this.#fields[names.findIndex(same)];
    const table = `${this.where}: table ${describeValue(this.name)}`;
    if (field === undefined) {
      throw new FormatError(
        `${table} must have the column ${describeValue(column)}, got ${names.map(describeValue).join(', ')}.`,
      );
    }
    if (field.kind === kind) return field;
    const label = `column ${describeValue(field.name)}`;
    const fix = `Use ${field.kind}().`;
    throw new FormatError(argumentMessage(table, label, `hold ${kind}`, `${field.kind} (${field.format})`, fix));
  }
}

/** The bytes `offset` to `offset + width` of each row of `rowBytes`. */
function gathered(
  rows: Uint8Array,
  { offset, width }: { offset: number; width: number },
  rowBytes: number,
): Uint8Array {
  if (width === rowBytes) return rows;
  const count = rowBytes === 0 ? 0 : rows.length / rowBytes;
  const column = new Uint8Array(count * width);
  for (let from = offset, to = 0; to < column.length; from += rowBytes) {
    for (let i = 0; i < width; i++) column[to++] = rows[from + i]!;
  }
  return column;
}

/** The first `count` bits of each row of `width` bytes, the highest bit of a byte first, as 0 and 1. */
function bitsOf(bytes: Uint8Array, width: number, count: number): Uint8Array {
  const rows = width === 0 ? 0 : bytes.length / width;
  const bits = new Uint8Array(rows * count);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < count; i++) bits[row * count + i] = (bytes[row * width + (i >> 3)]! >> (7 - (i & 7))) & 1;
  }
  return bits;
}

const latin1 = new TextDecoder('latin1');

/** A text up to its first NUL, without spaces at its end. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return latin1.decode(end < 0 ? bytes : bytes.subarray(0, end)).replace(/ +$/, '');
}
