import { check, random, train } from '@tfsci/tensor-core';
import type { Examples } from './poisson-sampler';

const { checkNumber } = check;

/**
 * The same batches in each epoch, so that each example takes part once an epoch: for label privacy.
 *
 * @param options.batchSize  examples of a batch; the last one may have fewer
 * @param options.key        shuffles once, for all epochs
 * @throws RangeError for a batch size that is no positive integer, TypeError for a bad key
 */
export function fixedPartition(
  dataset: train.Dataset<Examples>,
  { batchSize, key }: { batchSize: number; key: random.Key },
): train.BatchSource<Examples> {
  const where = 'opu-dfa.fixedPartition';
  checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  random.checkKey(where, key);
  const shuffled = train.subset(dataset, random.permutation(key, dataset.size));
  return new train.BatchSampler(shuffled, { batchSize });
}
