import { check } from '@tfsci/tensor-core';
import { isList, isRecord, type DataRecord, type RecordValue } from './record';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** Options of `recordToText`. */
export interface RecordTextOptions {
  /** Significant figures of numbers, default all. */
  figures?: number;
  /** About keys and texts, default "'". */
  quote?: "'" | '"';
  /**
   * What becomes of null, undefined and NaN: 'throw' (default); 'omit' leaves out the key; 'mask' writes [MASK], which
   * tokenizers read as their mask, to be predicted.
   */
  missing?: 'throw' | 'omit' | 'mask';
}

/**
 * A record as the text that a tokenizer reads, in the format of the planetary data set: {'m':1.5,'x':[[1,2],[3,4]]}
 *
 * Typed arrays are lists, dates texts. Texts are quoted, and have to be among the `keys` or `words` of a tokenizer.
 *
 * @throws TypeError naming the place in the record for a value that is none of a record, or missing with 'throw', or
 *   missing in a list with 'omit'; RangeError for infinite numbers and bad options
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export function recordToText(record: DataRecord, options: RecordTextOptions = {}): string {
  const where = 'xval.recordToText';
  const { figures, quote = "'", missing = 'throw' } = options;
  if (figures !== undefined) checkNumber(where, 'figures', figures, { min: 1, max: 17, integer: true });
  checkOneOf(where, 'quote', quote, ["'", '"']);
  checkOneOf(where, 'missing', missing, ['throw', 'omit', 'mask']);
  if (!isRecord(record)) throw new TypeError(argumentMessage(where, 'record', 'be an object', record));
  const write = (value: RecordValue, place: string): string => {
    if (isMissing(value)) {
      if (missing === 'mask') return '[MASK]';
      const fix = missing === 'throw' ? "missing: 'omit' or 'mask' go on without it." : "missing: 'mask' goes on.";
      throw new TypeError(argumentMessage(where, place, 'have a value', value, fix));
    }
    if (typeof value === 'number') {
      checkNumber(where, place, value);
      return String(figures === undefined ? value : Number(value.toPrecision(figures)));
    }
    if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return quoted(value, quote);
    if (value instanceof Date) return quoted(value.toISOString(), quote);
    if (isList(value)) return `[${Array.from(value, (item, i) => write(item, `${place}[${i}]`)).join(',')}]`;
    if (!isRecord(value)) throw new TypeError(argumentMessage(where, place, 'be a value of a record', value));
    const entries = Object.entries(value).filter(([, own]) => missing !== 'omit' || !isMissing(own));
    return `{${entries.map(([key, own]) => `${quoted(key, quote)}:${write(own, `${place}.${key}`)}`).join(',')}}`;
  };
  return write(record, 'record');
}

function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined || Number.isNaN(value);
}

function quoted(text: string, quote: string): string {
  return `${quote}${text.replace(/[\\'"]/g, (mark) => (mark === '\\' || mark === quote ? `\\${mark}` : mark))}${quote}`;
}
