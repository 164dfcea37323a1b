// B samples, L the length of the longest.
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** A tokenised text; what a tokenizer's `encode` gives is one. */
export interface Sample {
  /** [L]. */
  ids: ArrayLike<number>;
  /** Values at number tokens, [L]; those elsewhere do not count. */
  numbers: ArrayLike<number>;
  /** What is to be predicted, [L], 0 or 1; in the place of drawn masks. */
  mask?: ArrayLike<number | boolean>;
}

/** From the units of texts to those of a model; a NumberScaler is one. */
export interface ValueMap {
  transform(values: Float64Array): Float64Array;
}

/** Options that samples of all tasks have. */
export interface PaddingOptions {
  padId: number;
  /** Id of [NUM], at which values count; null for a rival encoding. */
  numberId: number | null;
  /** V, by which ids are checked; default none. */
  vocabSize?: number;
  /** Length of the batch, default that of the longest sample. */
  length?: number;
  /** Longest sequence of the model, default none. */
  context?: number;
  /** Values as the model reads them, default as the texts have them. */
  scaler?: ValueMap;
}

/** Samples beside each other. */
export interface PaddedSamples {
  /** [B L], padId after the end of a sample. */
  ids: Int32Array;
  /** [B L], in scaled units, 1 at all that is no number. */
  numbers: Float32Array;
  /** Of each sample. */
  lengths: number[];
  length: number;
}

/**
 * Samples of different lengths as one block.
 *
 * @throws RangeError naming sample and position when a value is not finite or an id is outside the vocabulary, when ids and
 *   numbers differ in length, or naming both lengths when a sample does not fit
 */
export function padSamples(where: string, samples: readonly Sample[], options: PaddingOptions): PaddedSamples {
  const { padId, numberId, vocabSize = 2 ** 31, context = Infinity, scaler } = options;
  if (samples.length === 0) throw new RangeError(argumentMessage(where, 'samples', 'have at least one', samples));
  checkNumber(where, 'padId', padId, { min: 0, below: vocabSize, integer: true });
  if (numberId !== null) checkNumber(where, 'numberId', numberId, { min: 0, below: vocabSize, integer: true });
  const lengths = samples.map(({ ids }) => ids.length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const { length = longest } = options;
  checkNumber(where, 'length', length, { min: 1, integer: true });
  const limit = Math.min(length, context);
  if (longest > limit || length > context) {
    const wanted = `fit into ${limit} tokens`;
    const fix = 'Cut the text, or make a model of a larger context.';
    const odd = Math.max(longest, length);
    throw new RangeError(argumentMessage(where, `a sample of ${odd} tokens`, wanted, odd, fix));
  }
  const ids = new Int32Array(samples.length * length).fill(padId);
  const numbers = new Float32Array(samples.length * length).fill(1);
  samples.forEach((sample, b) => {
    const values = checkedNumbers(where, b, sample, numberId, vocabSize);
    ids.set(sample.ids, b * length);
    const scaled = scaler ? scaler.transform(Float64Array.from(values.map(([, value]) => value))) : null;
    values.forEach(([t, value], i) => {
      numbers[b * length + t] = scaled ? scaled[i]! : value;
    });
  });
  return { ids, numbers, lengths, length };
}

/** Places and values of the numbers of a sample. */
function checkedNumbers(
  where: string,
  index: number,
  { ids, numbers, mask }: Sample,
  numberId: number | null,
  vocabSize: number,
): [number, number][] {
  for (const [name, other] of [
    ['numbers', numbers],
    ['mask', mask],
  ] as const) {
    if (other !== undefined && other.length !== ids.length) {
      const wanted = `have the length of its ids, ${ids.length}`;
      throw new RangeError(argumentMessage(where, `${name} of sample ${index}`, wanted, other.length));
    }
  }
  const found: [number, number][] = [];
  for (let t = 0; t < ids.length; t++) {
    const id = ids[t]!;
    if (!(id >= 0 && id < vocabSize)) {
      const wanted = `be from 0 to ${vocabSize - 1}`;
      throw new RangeError(argumentMessage(where, `id ${t} of sample ${index}`, wanted, id));
    }
    if (id !== numberId) continue;
    const value = numbers[t]!;
    if (!Number.isFinite(Math.fround(value))) {
      const fix = 'Leave the sample out, or scale its numbers.';
      throw new RangeError(argumentMessage(where, `number ${t} of sample ${index}`, 'be a finite float32', value, fix));
    }
    found.push([t, value]);
  }
  return found;
}
