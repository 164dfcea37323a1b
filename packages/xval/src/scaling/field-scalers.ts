import { check } from '@tfsci/tensor-core';
import { isList, isRecord, type DataRecord, type RecordValue } from '../readers/record';
import { NumberScaler, type NumberScalerOptions } from './number-scaler';

const { argumentMessage } = check;

/** What the numbers under a key are like. */
export interface FieldRange {
  count: number;
  least: number;
  most: number;
  /** The least size of those that are not 0; NaN where all are. */
  smallest: number;
  zeros: number;
}

/**
 * The numbers of records by their keys, however deep they lie: what a scaler, or an encoding by digits, has to hold.
 *
 * Numbers of lists count to the key of the list, as 'x' in { planets: [{ x: [1, 2] }] }.
 *
 * @throws RangeError naming the record and the place of a number that is infinite
 * @remarks null, undefined and NaN are passed over.
 */
export function fieldRanges(records: Iterable<DataRecord>): Record<string, FieldRange> {
  return Object.fromEntries(
    [...numbersByKey('xval.fieldRanges', records)].map(([key, values]) => {
      const sizes = values.filter((value) => value !== 0).map(Math.abs);
      const ends = { least: Infinity, most: -Infinity };
      for (const value of values) {
        ends.least = Math.min(ends.least, value);
        ends.most = Math.max(ends.most, value);
      }
      const smallest = sizes.length === 0 ? NaN : sizes.reduce((least, size) => Math.min(least, size), Infinity);
      return [key, { count: values.length, ...ends, smallest, zeros: values.length - sizes.length }];
    }),
  );
}

/**
 * A scaler for each key of records, for quantities of different sizes: masses beside distances.
 *
 * @throws as `fieldRanges` and `NumberScaler.fit`
 * @see NumberScaler
 * @example
 * const scalers = fitFieldScalers(records);
 * const texts = records.map((record) => recordToText(scaleFields(record, scalers)));
 * // What a model says about m is scalers.m.inverse([value]) in the units of the records.
 */
export function fitFieldScalers(
  records: Iterable<DataRecord>,
  options: NumberScalerOptions = {},
): Record<string, NumberScaler> {
  const found = numbersByKey('xval.fitFieldScalers', records);
  return Object.fromEntries([...found].map(([key, values]) => [key, NumberScaler.fit(values, options)]));
}

/** A record whose numbers are scaled by the scaler of their key; those of other keys stay as they are. */
export function scaleFields(record: DataRecord, scalers: Readonly<Record<string, NumberScaler>>): DataRecord {
  const scale = (value: RecordValue, key: string | null): RecordValue => {
    if (typeof value === 'number') {
      const own = key !== null && Object.hasOwn(scalers, key) ? scalers[key] : undefined;
      return own === undefined || Number.isNaN(value) ? value : own.transform([value])[0]!;
    }
    if (isList(value)) return Array.from(value, (item) => scale(item, key));
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, scale(own, name)]));
  };
  return scale(record, null) as DataRecord;
}

/** All numbers under each key. */
function numbersByKey(where: string, records: Iterable<DataRecord>): Map<string, number[]> {
  const found = new Map<string, number[]>();
  const take = (value: RecordValue, key: string, place: string): void => {
    if (typeof value === 'number') {
      if (Number.isNaN(value)) return;
      if (!Number.isFinite(value)) throw new RangeError(argumentMessage(where, place, 'be finite', value));
      const values = found.get(key);
      if (values === undefined) found.set(key, [value]);
      else values.push(value);
    } else if (isList(value)) {
      for (let i = 0; i < value.length; i++) take(value[i], key, `${place}[${i}]`);
    } else if (isRecord(value)) {
      for (const [name, own] of Object.entries(value)) take(own, name, `${place}.${name}`);
    }
  };
  let index = 0;
  for (const record of records) take(record, '', `record ${index++}`);
  return found;
}
