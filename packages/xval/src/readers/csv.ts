import { check } from '@tfsci/tensor-core';
import { dsvFormat, type DSV } from 'd3-dsv';
import { checkText } from '../numbers/walk';
import { recordsOf, type DataRecord, type LineReader } from './record';

const { argumentMessage, FormatError } = check;

/** Options of `readCsv`. */
export interface CsvOptions {
  /** One character, default ','. */
  delimiter?: string;
  /** Names of the columns, for a table without a line of them. */
  columns?: readonly string[];
  /** Cells that say that there is no value, default '', 'NA', 'N/A', 'NaN', 'nan', 'null' and 'None'; they become null. */
  missing?: readonly string[];
}

const MISSING = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'None'];
const NUMBER = /^[-+\u2212]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;

/**
 * The records of a table: comma- or otherwise separated values as of RFC 4180, its first line the names of the columns.
 *
 * Cells that are numbers in full become numbers, those that say that there is no value null, all others stay texts.
 *
 * @throws FormatError naming the line when it has more or fewer cells than there are columns, a quote is not closed or the
 *   names are not different; TypeError, RangeError for bad options
 * @example
 * readCsv('a,b\n1.5,x\nNA,2'); // [{ a: 1.5, b: 'x' }, { a: null, b: 2 }]
 */
export function readCsv(text: string, options: CsvOptions = {}): DataRecord[] {
  const where = 'xval.readCsv';
  return recordsOf(csvReader(where, options), checkText(where, text));
}

/** Reads lines of a table; a record may take several of them, within quotes. */
export function csvReader(where: string, { delimiter = ',', columns, missing = MISSING }: CsvOptions): LineReader {
  if (typeof delimiter !== 'string' || delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
    throw new RangeError(argumentMessage(where, 'delimiter', 'be one character, no quote', delimiter));
  }
  const format = dsvFormat(delimiter);
  const noValue = new Set(missing);
  let names = columns === undefined ? null : checkedNames(where, columns, 'columns');
  let pending = '';
  let start = 0;
  let isOpen = false;
  return {
    take: (line, number) => {
      pending = start > 0 ? `${pending}\n${line}` : line;
      if (start === 0) start = number;
      // Quotes within quotes are doubled: an odd number of them is one that is open.
      if (count(line, '"') % 2 === 1) isOpen = !isOpen;
      if (isOpen) return null;
      const [row, at] = [pending, start];
      [pending, start] = ['', 0];
      if (row.trim() === '') return null;
      const cells = cellsOf(format, row);
      if (names === null) {
        names = checkedNames(where, cells, `line ${at}, the names of the columns,`);
        return null;
      }
      if (cells.length !== names.length) {
        throw new FormatError(argumentMessage(where, `line ${at}`, `have ${names.length} cells`, cells.length));
      }
      return Object.fromEntries(names.map((name, i) => [name, valueOf(cells[i]!, noValue)]));
    },
    end: () => {
      if (start === 0) return;
      throw new FormatError(argumentMessage(where, `the quote in line ${start}`, 'be closed', pending));
    },
  };
}

function cellsOf(format: DSV, row: string): string[] {
  return format.parseRows(row)[0]!.map((cell) => cell.trim());
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found++;
  return found;
}

function checkedNames(where: string, names: readonly string[], what: string): readonly string[] {
  const odd = names.find((name, i) => typeof name !== 'string' || name === '' || names.indexOf(name) < i);
  if (odd === undefined && names.length > 0) return names;
  throw new FormatError(argumentMessage(where, what, 'be different names, none of them empty', names));
}

function valueOf(cell: string, missing: ReadonlySet<string>): string | number | null {
  if (missing.has(cell)) return null;
  return NUMBER.test(cell) ? Number(cell.replace('\u2212', '-')) : cell;
}
