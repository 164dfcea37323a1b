import type { EncodingName } from '@tfsci/xval';
import type { Check } from '../../experiment';
import type { Training } from './arithmetic';

/** What the plots and checks of this experiment are about. */
export interface XvalData {
  trainings: Training[];
}

const SOURCE = 'the same protocol with the authors’ code, 1580 steps: 0.9998; P10 -0.37, P1000 0.29, B1999 -2.8';
const RIVALS: [EncodingName, string][] = [
  ['p10', 'P10'],
  ['p1000', 'P1000'],
  ['b1999', 'B1999'],
  ['fp15', 'FP15'],
];

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

/** A score of an encoding, a mean over the seeds. */
export function meanOf(
  trainings: readonly Training[],
  encoding: EncodingName,
  scoreOf: (training: Training) => number,
): number {
  return mean(trainings.filter((training) => training.encoding === encoding).map(scoreOf));
}

export function checksOf({ trainings }: XvalData): Check[] {
  const r2 = (encoding: EncodingName): number => meanOf(trainings, encoding, ({ scores }) => scores.r2);
  const median = (encoding: EncodingName): number =>
    meanOf(trainings, encoding, ({ scores }) => scores.medianAbsoluteError);
  const inHole = (encoding: EncodingName): number => meanOf(trainings, encoding, ({ hole }) => hole.meanAbsoluteError);
  const ours = r2('xval');
  const steps = trainings[0]!.steps;
  const bar = steps >= 1500 ? 0.999 : 0.98;
  const best = Math.min(...RIVALS.map(([encoding]) => inHole(encoding)));
  return [
    {
      claim: 'xVal learns the arithmetic of three figures: R² on fresh tasks',
      expected: `≥ ${bar} after ${steps} steps`,
      source: SOURCE,
      measured: ours.toFixed(5),
      holds: ours >= bar,
    },
    ...RIVALS.map(([encoding, name]): Check => ({
      claim: `xVal before ${name} after as many steps: R², and median error`,
      expected: `R² below ${ours.toFixed(4)}, median error above ${median('xval').toPrecision(2)}`,
      source: SOURCE,
      measured: `${r2(encoding).toFixed(3)}, ${median(encoding).toPrecision(2)}`,
      holds: r2(encoding) < ours && median(encoding) > median('xval'),
    })),
    {
      claim: 'Between trained values xVal interpolates: mean error where a lies in a hole of the training tasks',
      expected: `below ${best.toPrecision(2)}, the least of its rivals`,
      source: 'arXiv:2310.02989, sec. 3, in words: best out of distribution',
      measured: inHole('xval').toPrecision(2),
      holds: inHole('xval') < best,
    },
  ];
}
