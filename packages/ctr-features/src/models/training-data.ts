import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { FeatureMap, FeatureRows, TransformOptions } from '../feature-map';
import { hostRows, readRows, type Rows } from '../rows';
import { blockRowsOf, slices } from './row-blocks';

/** A piece of training data. */
export interface TrainingChunk<Y> {
  /** Rows [n, d]. */
  x: Rows | tf.Tensor2D;
  /** What belongs to them. */
  y: Y;
}

/** Training data that comes piece by piece, from a file or a network. Pieces have any lengths. */
export type TrainingStream<Y> = Iterable<TrainingChunk<Y>> | AsyncIterable<TrainingChunk<Y>>;

/** Options of fits. `onProgress` is told the number of rows done so far, of a pass. */
export type FitOptions = TransformOptions;

/** Features of consecutive training rows, with what was read of the chunk that they are in. */
export interface TrainingBlock<T> {
  phi: FeatureRows;
  /** What `read` made of the chunk. */
  targets: T;
  /** Number of the block's first row in its chunk. */
  offset: number;
  /** Number of its first row among all. */
  first: number;
}

/** How training data are read. */
export interface TrainingReader<Y, T> {
  /** The function that the user called. */
  where: string;
  map: FeatureMap;
  /** Whether the map is fitted to the rows, of a stream to its first piece. */
  fitMap: boolean;
  /** Reads and checks the targets of a chunk of `rows` rows, the first of which is number `firstRow`. */
  read: (chunk: TrainingChunk<Y>, rows: number, firstRow: number) => Promise<T>;
}

/** Rows and targets, or a stream where there are no targets, as a stream. @throws TypeError when they are neither */
export function streamOf<Y>(
  where: string,
  x: Rows | tf.Tensor2D | TrainingStream<Y>,
  y: Y | undefined,
): TrainingStream<Y> {
  if (y !== undefined) return [{ x: x as Rows, y }];
  const stream = x as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null;
  if (typeof stream === 'object' && (stream?.[Symbol.iterator] ?? stream?.[Symbol.asyncIterator])) {
    return x as TrainingStream<Y>;
  }
  throw new TypeError(check.argumentMessage(where, 'y', 'be given, or x be a stream of { x, y }', y));
}

/**
 * The features of training data, block by block.
 *
 * @throws ShapeError, RangeError that names the row among all rows; TypeError for a piece that is not { x, y }; the
 *   signal's reason when it is aborted; whatever the stream throws
 */
export async function* trainingBlocks<Y, T>(
  stream: TrainingStream<Y>,
  { where, map, fitMap, read }: TrainingReader<Y, T>,
  options: FitOptions,
): AsyncGenerator<TrainingBlock<T>, void, undefined> {
  const step = blockRowsOf(where, map, options);
  let current: { targets: T; first: number } | undefined;
  const pieces = async function* (): AsyncGenerator<Rows, void, undefined> {
    let first = 0;
    for await (const chunk of stream) {
      if (typeof chunk !== 'object' || (chunk as unknown) === null || !('x' in chunk && 'y' in chunk)) {
        throw new TypeError(check.argumentMessage(where, 'a piece of the stream', 'be { x, y }', chunk));
      }
      const rows = await hostRows(where, chunk.x);
      const { count } = readRows(rows, { where, columns: map.inputDim, firstRow: first });
      if (first === 0 && fitMap) map.fit(rows);
      current = { targets: await read(chunk, count, first), first };
      yield* slices(rows, count, step);
      first += count;
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  let first = 0;
  for await (const phi of map.transformChunks(pieces(), { ...options, blockRows: step })) {
    // transformChunks asks for the next piece only when it has given the features of this one.
    const { targets, first: start } = current!;
    yield { phi, targets, offset: first - start, first };
    first += phi.shape[0];
  }
  if (first === 0) throw new check.ShapeError(check.argumentMessage(where, 'x', 'have at least one row', 'none'));
}
