import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import type { BatchSource } from './batch-source';
import type { Dataset, Generator } from './dataset';

/** How each kind of data becomes batches; a kind without a way is refused. */
interface Ways<B extends tf.TensorContainer> {
  dataset: (dataset: Dataset<B>, batchSize: number) => BatchSource<B>;
  generator?: (generator: Generator<B>, batchSize: number) => BatchSource<B>;
}

/**
 * The batches of what a user gave as data.
 *
 * @throws TypeError when it is none of the kinds, RangeError when batchSize is missing, or given where batches are made
 */
export function checkSource<B extends tf.TensorContainer>(
  where: string,
  data: unknown,
  batchSize: number | undefined,
  ways: Ways<B>,
): BatchSource<B> {
  const has = (name: string): boolean => typeof data === 'object' && data !== null && name in data;
  if (has('batchesPerEpoch') && has('batch')) {
    if (batchSize === undefined) return data as BatchSource<B>;
    throw new RangeError(argumentMessage(where, 'batchSize', 'be left to the sampler', batchSize));
  }
  const size = (): number => checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  if (has('size') && has('batch')) return ways.dataset(data as Dataset<B>, size());
  if (has('sample') && ways.generator) return ways.generator(data as Generator<B>, size());
  const kinds = ways.generator ? 'a data set, a generator or a sampler' : 'a data set or a sampler';
  throw new TypeError(argumentMessage(where, 'data', `be ${kinds}`, data, 'arrays({ x, y }) makes a data set.'));
}
