import { check } from '@tfsci/tensor-core';
import { checkText } from '../numbers/walk';
import { recordsOf, type DataRecord, type LineReader } from './record';

const { argumentMessage, FormatError } = check;

/**
 * The records of JSON lines: an object in each line; empty lines count for nothing.
 *
 * @throws FormatError naming the line that is no JSON or no object, TypeError unless it is a string
 * @example
 * readJsonLines('{"m":1.5}\n{"m":[2,3]}'); // [{ m: 1.5 }, { m: [2, 3] }]
 */
export function readJsonLines(text: string): DataRecord[] {
  const where = 'xval.readJsonLines';
  return recordsOf(jsonLineReader(where), checkText(where, text));
}

/** Reads lines of JSON. */
export function jsonLineReader(where: string): LineReader {
  return {
    take: (line, number) => {
      if (line.trim() === '') return null;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        const { message } = cause as Error;
        throw new FormatError(`${argumentMessage(where, `line ${number}`, 'be JSON', line)} ${message}.`, { cause });
      }
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as DataRecord;
      throw new FormatError(argumentMessage(where, `line ${number}`, 'be an object', value));
    },
    end: () => undefined,
  };
}
