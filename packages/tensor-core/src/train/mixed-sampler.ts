import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, describeValue } from '../check';
import { checkKey, fillUniform, foldIn, permutation, split, type Key } from '../random';
import { batchCount, checkedBatches, keyText, noBatch, type BatchSource } from './batch-source';
import type { Dataset, Generator } from './dataset';

/** Options of `MixedSampler`. */
export interface MixedSamplerOptions {
  /** Examples of a batch, at least 1. */
  batchSize: number;
  key: Key;
  /**
   * How often each data set is chosen: 'uniform' (default) equally often whatever its size; 'size' in proportion to its
   * number of examples; or a weight >= 0 for each.
   */
  weights?: 'uniform' | 'size' | readonly number[];
  /**
   * What becomes of a data set whose examples have all been used in an epoch: 'leave' (default) it is not chosen any more
   * until the next epoch, 'reshuffle' it begins again in another order.
   */
  exhausted?: 'leave' | 'reshuffle';
  /**
   * Batches of an epoch. Default: as many as the data sets have; with 'leave' that is also the most. Needed where one of
   * them is a generator.
   */
  batchesPerEpoch?: number;
  /** Leaves out the smaller last batch of a data set, default false. */
  dropLast?: boolean;
}

/** The batches of an epoch: the data set of each and the number of the batch within it. */
interface Plan {
  epoch: number;
  datasets: Int32Array;
  numbers: Int32Array;
}

/**
 * Batches of several data sets, each batch of one data set chosen at random. With accumulated gradients one step sees a
 * mixture; with 'uniform' weights small data sets count as much as large ones.
 *
 *   P(data set of a batch = d) = weight_d / (sum of the weights of the data sets that have not left)
 *
 * @throws RangeError for no data sets, bad weights, batchSize or batchesPerEpoch, and data sets without a batch;
 *   TypeError for a bad key
 * @see McCabe et al., 2024, section 4 and its published MultisetSampler, arXiv:2310.02994
 */
export class MixedSampler<B extends tf.TensorContainer> implements BatchSource<B> {
  readonly batchesPerEpoch: number;
  readonly signature: string;
  private readonly batchSize: number;
  private readonly weights: readonly number[];
  /** Batches that each data set has before it is exhausted. */
  private readonly counts: readonly number[];
  private readonly leaves: boolean;
  private readonly choiceKey: Key;
  private readonly orderKey: Key;
  private plan: Plan | null = null;
  private readonly orders = new Map<number, { epoch: number; pass: number; order: Int32Array }>();

  constructor(
    private readonly datasets: readonly (Dataset<B> | Generator<B>)[],
    options: MixedSamplerOptions,
  ) {
    const where = 'tensor-core.MixedSampler';
    const { batchSize, key, weights = 'uniform', exhausted = 'leave', dropLast = false } = options;
    if (datasets.length === 0) throw new RangeError(argumentMessage(where, 'datasets', 'have a data set', datasets));
    this.batchSize = checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
    [this.choiceKey, this.orderKey] = split(checkKey(where, key)) as [Key, Key];
    this.leaves = checkOneOf(where, 'exhausted', exhausted, ['leave', 'reshuffle']) === 'leave';
    this.counts = datasets.map((dataset) => {
      if ('sample' in dataset) return Infinity;
      const count = batchCount(dataset.size, batchSize, dropLast);
      if (count === 0) throw new RangeError(noBatch(where, dataset.size, batchSize));
      return count;
    });
    this.weights = checkedWeights(where, weights, datasets);
    this.batchesPerEpoch = this.epochLength(where, options.batchesPerEpoch);
    const sizes = datasets.map((dataset) => ('sample' in dataset ? 'generated' : dataset.size));
    const rest = dropLast ? ', without the rest' : '';
    this.signature =
      `mixture of ${sizes.join(', ')} examples by ${batchSize}${rest}, weights ${this.weights.join(', ')}, ` +
      `${this.batchesPerEpoch} batches an epoch (${exhausted}), from ${keyText(key)}`;
  }

  batchLength(epoch: number, position: number): number {
    const { datasets, numbers } = this.planOf(epoch);
    const index = datasets[position]!;
    const dataset = this.datasets[index]!;
    if ('sample' in dataset) return this.batchSize;
    return Math.min(this.batchSize, dataset.size - (numbers[position]! % this.counts[index]!) * this.batchSize);
  }

  /** The data set, as an index, that a batch comes from. */
  datasetOf(epoch: number, position: number): number {
    return this.planOf(epoch).datasets[position]!;
  }

  batch(epoch: number, position: number): B | Promise<B> {
    const { datasets, numbers } = this.planOf(epoch);
    const index = datasets[position]!;
    const number = numbers[position]!;
    const dataset = this.datasets[index]!;
    const count = this.counts[index]!;
    const own = foldIn(foldIn(this.orderKey, index), epoch);
    if ('sample' in dataset) return dataset.sample(foldIn(own, number), this.batchSize);
    const start = (number % count) * this.batchSize;
    const order = this.order(index, epoch, Math.floor(number / count), own, dataset.size);
    return dataset.batch(order.slice(start, start + this.batchSize));
  }

  private order(index: number, epoch: number, pass: number, key: Key, size: number): Int32Array {
    const known = this.orders.get(index);
    if (known?.epoch === epoch && known.pass === pass) return known.order;
    const order = permutation(foldIn(key, pass), size);
    this.orders.set(index, { epoch, pass, order });
    return order;
  }

  private planOf(epoch: number): Plan {
    if (this.plan?.epoch === epoch) return this.plan;
    const { batchesPerEpoch, counts } = this;
    const draws = new Float64Array(batchesPerEpoch);
    fillUniform(foldIn(this.choiceKey, epoch), draws);
    const plan: Plan = { epoch, datasets: new Int32Array(batchesPerEpoch), numbers: new Int32Array(batchesPerEpoch) };
    const used = counts.map(() => 0);
    const pool = [...this.weights];
    for (let position = 0; position < batchesPerEpoch; position++) {
      const chosen = chooseByWeight(pool, draws[position]!);
      plan.datasets[position] = chosen;
      plan.numbers[position] = used[chosen]!++;
      if (this.leaves && used[chosen] === counts[chosen]) pool[chosen] = 0;
    }
    this.plan = plan;
    return plan;
  }

  private epochLength(where: string, wanted: number | undefined): number {
    // A data set of weight 0 is never chosen, so its batches do not come.
    const all = this.counts.reduce((sum, count, i) => sum + (this.weights[i]! > 0 ? count : 0), 0);
    const length = checkedBatches(where, wanted ?? all);
    if (length === Infinity) {
      const fix = 'Say how many batches make an epoch.';
      throw new RangeError(
        argumentMessage(where, 'batchesPerEpoch', 'be finite where data are generated', wanted, fix),
      );
    }
    return this.leaves ? Math.min(length, all) : length;
  }
}

/** The index i with sum(weights[0 .. i - 1]) <= u sum(weights) < sum(weights[0 .. i]), for u in [0, 1). */
function chooseByWeight(weights: readonly number[], u: number): number {
  let left = u * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  // Rounding may leave a little beyond the last one.
  return last;
}

function checkedWeights<B extends tf.TensorContainer>(
  where: string,
  weights: unknown,
  datasets: readonly (Dataset<B> | Generator<B>)[],
): readonly number[] {
  if (weights === 'uniform') return datasets.map(() => 1);
  if (weights === 'size') {
    return datasets.map((dataset) => {
      if (!('sample' in dataset)) return dataset.size;
      const fix = 'A generator has no size: give numbers.';
      throw new RangeError(argumentMessage(where, 'weights', 'be numbers where data are generated', weights, fix));
    });
  }
  const wanted = `be 'uniform', 'size' or ${datasets.length} numbers`;
  if (!Array.isArray(weights)) throw new TypeError(argumentMessage(where, 'weights', wanted, weights));
  if (weights.length !== datasets.length) throw new RangeError(argumentMessage(where, 'weights', wanted, weights));
  const numbers = weights.map((weight, i) => checkNumber(where, `weights[${i}]`, weight, { min: 0 }));
  if (numbers.some((weight) => weight > 0)) return numbers;
  throw new RangeError(`${where}: one of weights must be > 0, got ${describeValue(weights)}.`);
}
