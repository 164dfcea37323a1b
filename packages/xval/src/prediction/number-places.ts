import { check } from '@tfsci/tensor-core';
import type { Sample } from '../batches/padded';
import type { Numformer } from '../model/numformer';
import { checkPositions, readSamples, rowsOf, type MaskedRow, type MaskingOptions } from './masked-rows';
import { checkFlag } from './predict-masked';

const { argumentMessage } = check;

/** Which numbers of samples are predicted, and from what. */
export interface WhichNumbers {
  /**
   * 'all' numbers (default); the numbers at the samples' 'masks', which hide the other masked tokens too; or positions of
   * numbers in each sample.
   */
  which?: 'all' | 'masks' | readonly (readonly number[])[];
  /**
   * Whether the numbers of a sample that are asked for are masked together: default true, but false for 'all'. With
   * 'masks' it must be true.
   */
  allAtOnce?: boolean;
}

/** Numbers of samples, and the rows that ask about them; rows and their positions have the order of the numbers. */
export interface NumberPlaces {
  /** In the units of the text, NaN where the sample has [MASK] itself; [n]. */
  truth: Float64Array;
  /** Which sample each is in, [n]. */
  sample: Int32Array;
  /** Where in the sample, [n]. */
  position: Int32Array;
  rows: MaskedRow[];
  /** The number with which each row begins. */
  starts: number[];
}

/** @throws RangeError naming sample and position when something is no number or not in its sample, TypeError for options */
export function numberPlaces(
  where: string,
  model: Numformer,
  samples: readonly Sample[],
  options: WhichNumbers & MaskingOptions,
): NumberPlaces {
  const { which = 'all', allAtOnce = which !== 'all', maskId } = options;
  checkFlag(where, 'allAtOnce', allAtOnce);
  if (which === 'masks' && !allAtOnce) {
    throw new TypeError(argumentMessage(where, 'allAtOnce', "be true for which 'masks'", allAtOnce));
  }
  if (typeof which === 'string') check.checkOneOf(where, 'which', which, ['all', 'masks']);
  else if (!Array.isArray(which) || which.length !== samples.length) {
    const wanted = `be 'all', 'masks' or positions for each of the ${samples.length} samples`;
    throw new RangeError(argumentMessage(where, 'which', wanted, which));
  }
  const found: [sample: number, position: number][] = [];
  const rows: MaskedRow[] = [];
  const starts: number[] = [];
  readSamples(where, model, samples, options).forEach((read, b) => {
    const masked = which === 'masks' ? maskOf(where, samples[b]!, b) : undefined;
    const isNumber = (t: number): boolean => read.ids[t] === model.config.numberId;
    const positions = Array.isArray(which)
      ? (which as readonly (readonly number[])[])[b]!
      : (masked ?? [...read.ids.keys()]).filter(isNumber);
    checkPositions(where, positions, read.ids.length, b);
    for (const t of positions) {
      if (isNumber(t) || read.ids[t] === maskId) continue;
      throw new RangeError(argumentMessage(where, `token ${t} of sample ${b}`, 'be a number or a mask', read.ids[t]));
    }
    let start = found.length;
    for (const row of rowsOf(read, positions, allAtOnce, masked)) {
      rows.push(row);
      starts.push(start);
      start += row.positions.length;
    }
    for (const t of positions) found.push([b, t]);
  });
  return {
    truth: Float64Array.from(found, ([b, t]) => (samples[b]!.ids[t] === maskId ? NaN : samples[b]!.numbers[t]!)),
    sample: Int32Array.from(found, ([b]) => b),
    position: Int32Array.from(found, ([, t]) => t),
    rows,
    starts,
  };
}

/** The masked positions of a sample. @throws TypeError when it has no mask */
export function maskOf(where: string, { ids, mask }: Sample, index: number): number[] {
  if (mask === undefined) {
    const fix = "Give samples with masks, or which: 'all'.";
    throw new TypeError(argumentMessage(where, `mask of sample ${index}`, 'be given', mask, fix));
  }
  return Array.from(ids, (_, t) => t).filter((t) => Boolean(mask[t]));
}
