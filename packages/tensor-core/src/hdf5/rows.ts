import { argumentMessage, checkNumber, ShapeError } from '../check';
import type { NumericArray } from '../io/bytes';
import type { Hdf5Array, Hdf5Dataset } from './dataset';

export interface Hdf5RowsOptions {
  /** Rows of a batch, default 32. */
  batch?: number;
  /** First row, default 0. */
  start?: number;
  /** Behind the last row, default all. */
  stop?: number;
}

/** Chunks are kept for the next batch up to this size. */
const keptBytes = 2 ** 26;

/** The rows of datasets in batches, see Hdf5File.rows. The arguments are checked at the call. */
export function rowsOf(
  datasets: ReadonlyMap<string, Hdf5Dataset>,
  options: Hdf5RowsOptions,
): Generator<Record<string, Hdf5Array>, void, undefined> {
  const where = 'tensor-core.Hdf5File.rows';
  let length: number | undefined;
  for (const { path, shape } of datasets.values()) {
    length ??= shape[0];
    if (shape.length === 0 || shape[0] !== length) {
      const requirement = length === undefined ? 'have rows' : `have ${length} rows as the first dataset`;
      throw new ShapeError(`${where}: ${path} must ${requirement}, got the shape [${shape.join(', ')}].`);
    }
  }
  if (length === undefined) throw new RangeError(argumentMessage(where, 'paths', 'name at least one dataset', []));
  const batch = checkNumber(where, 'batch', options.batch ?? 32, { min: 1, integer: true });
  const start = checkNumber(where, 'start', options.start ?? 0, { min: 0, max: length, integer: true });
  const stop = checkNumber(where, 'stop', options.stop ?? length, { min: start, max: length, integer: true });
  return batches();

  function* batches(): Generator<Record<string, Hdf5Array>, void, undefined> {
    const readers = [...datasets].map(([name, dataset]) => [name, rowReader(dataset, stop)] as const);
    for (let from = start; from < stop; from += batch) {
      const to = Math.min(stop, from + batch);
      const arrays = Object.create(null) as Record<string, Hdf5Array>;
      for (const [name, read] of readers) arrays[name] = read(from, to);
      yield arrays;
    }
  }
}

/** Reads rows in rising order; of chunked datasets whole rows of chunks, which it keeps for the next call. */
function rowReader(dataset: Hdf5Dataset, end: number): (from: number, to: number) => Hdf5Array {
  const rowsOfChunk = dataset.chunks?.[0] ?? 1;
  const rowSize = dataset.shape.slice(1).reduce((product, length) => product * length, 1);
  const bytes = rowsOfChunk * rowSize * 8;
  if (rowsOfChunk === 1 || bytes > keptBytes) return (from, to) => dataset.read([[from, to]]);
  let kept: { from: number; to: number; data: NumericArray | string[] } = { from: 0, to: 0, data: [] };
  return (from, to) => {
    const parts: (NumericArray | string[])[] = [];
    if (kept.to > from) parts.push(kept.data.slice((from - kept.from) * rowSize, (to - kept.from) * rowSize));
    if (kept.to < to) {
      const next = Math.max(from, kept.to);
      // To the end of the chunk that holds the last row.
      const last = Math.min(end, Math.ceil(to / rowsOfChunk) * rowsOfChunk);
      const { data } = dataset.read([[next, last]]);
      parts.push(data.slice(0, (to - next) * rowSize));
      kept = { from: next, to: last, data };
    }
    const shape = [to - from, ...dataset.shape.slice(1)];
    return { dtype: dataset.dtype, shape, data: joined(parts) } as Hdf5Array;
  };
}

function joined(parts: (NumericArray | string[])[]): NumericArray | string[] {
  const [first] = parts as [NumericArray | string[]];
  if (parts.length === 1) return first;
  if (Array.isArray(first)) return (parts as string[][]).flat();
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new (first.constructor as new (length: number) => NumericArray)(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part as never, at);
    at += part.length;
  }
  return whole;
}
