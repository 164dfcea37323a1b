import { check } from '@tfsci/tensor-core';
import { padSamples, type Sample, type ValueMap } from '../batches/padded';
import type { Numformer } from '../model/numformer';

const { argumentMessage, checkNumber } = check;

/** From the units of texts to those of a model and back; a NumberScaler is one. */
export interface InvertibleMap extends ValueMap {
  inverse(values: Float64Array): Float64Array;
}

/** How samples are read for a prediction. */
export interface MaskingOptions {
  /** Id of [MASK]. */
  maskId: number;
  /** Values as the model reads them, and back; default as the texts have them. */
  scaler?: InvertibleMap;
}

/** A sample as a model reads it. */
export interface ReadSample {
  ids: Int32Array;
  /** In scaled units, 1 at all that is no number. */
  numbers: Float32Array;
}

/** A sample with masks, and where the model is asked. */
export interface MaskedRow extends ReadSample {
  /** Positions that the model reads as [MASK], whatever the ids say. */
  masked: readonly number[];
  /** Positions that the model is asked about. */
  positions: readonly number[];
}

/**
 * Samples in scaled units.
 *
 * @throws RangeError naming sample and position for bad ids and values, naming both lengths for one that is too long; for
 *   a maskId that is no other id of the vocabulary than [NUM]
 */
export function readSamples(
  where: string,
  { config }: Numformer,
  samples: readonly Sample[],
  { maskId, scaler }: MaskingOptions,
): ReadSample[] {
  const { vocabSize, context, numberId } = config;
  checkNumber(where, 'maskId', maskId, { min: 0, below: vocabSize, integer: true });
  if (maskId === numberId) throw new RangeError(argumentMessage(where, 'maskId', 'not be that of [NUM]', maskId));
  const options = { padId: maskId, numberId, vocabSize, context, ...(scaler && { scaler }) };
  const { ids, numbers, lengths, length } = padSamples(where, samples, options);
  return lengths.map((own, b) => ({
    ids: ids.subarray(b * length, b * length + own),
    numbers: numbers.subarray(b * length, b * length + own),
  }));
}

/** The rows that ask about positions of a sample: one row with all of them masked, or a row for each. */
export function rowsOf(
  sample: ReadSample,
  positions: readonly number[],
  allAtOnce: boolean,
  masked = positions,
): MaskedRow[] {
  if (positions.length === 0) return [];
  if (allAtOnce) return [{ ...sample, masked, positions }];
  return positions.map((position) => ({ ...sample, masked: [position], positions: [position] }));
}

/** @throws RangeError naming sample and place unless they are different positions of the sample */
export function checkPositions(where: string, positions: readonly number[], length: number, sample: number): void {
  positions.forEach((position, i) => {
    const name = `position ${i} of sample ${sample}`;
    checkNumber(where, name, position, { min: 0, below: length, integer: true });
    if (positions.indexOf(position) < i) {
      throw new RangeError(argumentMessage(where, name, 'be another one than those before it', position));
    }
  });
}

/** Values in the units of the text. */
export function inText(scaler: InvertibleMap | undefined, values: Float64Array): Float64Array {
  return scaler === undefined ? values : scaler.inverse(values);
}
