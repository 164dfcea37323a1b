import { check, io } from '@tfsci/tensor-core';
import type { DataRecord, RecordValue } from './record';

const { argumentMessage, FormatError } = check;

/** Values of many records under one name: numbers of a shape whose first size is that of the records, or anything. */
export interface Column {
  shape: readonly number[];
  data: ArrayLike<unknown>;
}

/** Options of `readNpzRecords`. */
export interface NpzRecordsOptions {
  /** The arrays to read, default all. */
  names?: string[];
}

/**
 * The records of an NPZ archive: entry i of each of its arrays, which have the same first size.
 *
 * @throws FormatError when an array is a scalar, complex, or has another first size, and as `readNpz` of tensor-core
 * @example
 * readNpzRecords(await (await fetch('orbits.npz')).bytes()); // { m: [n], x: [n, T, 2] } as n records of m and x
 */
export function readNpzRecords(bytes: Uint8Array, options: NpzRecordsOptions = {}): DataRecord[] {
  const where = 'xval.readNpzRecords';
  const arrays = Object.entries(io.readNpz(bytes, options));
  for (const [name, { dtype, shape }] of arrays) {
    const rows = arrays[0]![1].shape[0];
    const isFit = shape.length > 0 && shape[0] === rows && !dtype.startsWith('C');
    if (isFit) continue;
    const wanted = `be real numbers of first size ${rows ?? 'n'}, as array ${arrays[0]![0]} has`;
    throw new FormatError(argumentMessage(where, `array ${name}`, wanted, `${dtype} [${shape.join(', ')}]`));
  }
  return columnRecords(Object.fromEntries(arrays));
}

/** Columns as records. */
export function columnRecords(columns: Record<string, Column>): DataRecord[] {
  const all = Object.entries(columns);
  const rows = all[0]?.[1].shape[0] ?? 0;
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(all.map(([name, { shape, data }]) => [name, part(data, shape, row)])),
  );
}

/** Entry `index` along the first axis, nested as its shape is. */
function part(data: ArrayLike<unknown>, shape: readonly number[], index: number): RecordValue {
  if (shape.length === 1) return data[index] as RecordValue;
  return Array.from({ length: shape[1]! }, (_, i) => part(data, shape.slice(1), index * shape[1]! + i));
}
