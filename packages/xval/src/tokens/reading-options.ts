import { check } from '@tfsci/tensor-core';
import type { ReadingMode } from '../numbers/scan-numbers';
import type { OutOfRange } from './encodings';

const { checkOneOf } = check;

/** How a tokenizer reads; what a vocabulary does not tell. */
export interface ReadingOptions {
  /** 'strict' (default), or 'reference': as the authors' code, which loses text and signs silently. */
  mode?: ReadingMode;
  /** What becomes of text that the vocabulary has no word for: an error (default), or it is dropped and counted. */
  unknown?: 'throw' | 'drop';
  /** Whether 1,000 is one number, default false. */
  thousands?: boolean;
  /** What values are rounded to, default 'float32', in reference mode 'float16': from 65520 on infinite, 0 below 3e-8. */
  numberDtype?: 'float64' | 'float32' | 'float16';
  /** What becomes of numbers that a rival encoding has no words for, default 'throw'. */
  outOfRange?: OutOfRange;
}

/** Options with their defaults. @throws RangeError naming the option that is none */
export function completeReading(where: string, reading: ReadingOptions): Required<ReadingOptions> {
  const given = Object.fromEntries(
    Object.entries(reading).filter(([, value]) => value !== undefined),
  ) as ReadingOptions;
  const { mode = 'strict' } = given;
  const numberDtype = mode === 'reference' ? ('float16' as const) : ('float32' as const);
  const complete = {
    mode,
    unknown: 'throw' as const,
    thousands: false,
    numberDtype,
    outOfRange: 'throw' as const,
    ...given,
  };
  checkOneOf(where, 'mode', complete.mode, ['strict', 'reference']);
  checkOneOf(where, 'unknown', complete.unknown, ['throw', 'drop']);
  checkOneOf(where, 'thousands', complete.thousands as unknown as string, [true, false] as unknown as string[]);
  checkOneOf(where, 'numberDtype', complete.numberDtype, ['float64', 'float32', 'float16']);
  checkOneOf(where, 'outOfRange', complete.outOfRange, ['throw', 'clip']);
  return complete;
}
