import type { EncodingName } from '@tfsci/xval';

/** As the paper writes them. */
export const NAMES: Record<EncodingName, string> = {
  xval: 'xVal',
  p10: 'P10',
  p1000: 'P1000',
  b1999: 'B1999',
  fp15: 'FP15',
};

/** All but xVal. */
export const RIVALS = ['p10', 'p1000', 'b1999', 'fp15'] as const satisfies readonly EncodingName[];

/** A quantity of an encoding, as a mean over the seeds. */
export function meanOf<T extends { encoding: EncodingName }>(
  trainings: readonly T[],
  encoding: EncodingName,
  valueOf: (training: T) => number,
): number {
  const own = trainings.filter((training) => training.encoding === encoding);
  return own.reduce((sum, training) => sum + valueOf(training) / own.length, 0);
}

/** The trainings of the first seed. */
export function ofFirstSeed<T extends { seed: number }>(trainings: readonly T[]): T[] {
  return trainings.filter(({ seed }) => seed === trainings[0]?.seed);
}

/** xVal's colour and that of the others, and that of the truth. */
export const [OURS, THEIRS, TRUTH] = ['#1a66c9', '#e8710a', '#999'] as const;
