import type { SweepPoint } from '@tfsci/momo';
import type { Check } from '../../experiment';

/** Final scores of all methods and rates, means over the seeds. */
export interface RobustnessCurves {
  trainLoss: SweepPoint[];
  testAccuracy: SweepPoint[];
}

const SOURCE = 'the authors’ PyTorch code on the same protocol, 3 seeds';
/** Mean train loss and accuracy of that code after epoch 20. */
export const REFERENCE: [optimizer: string, rate: number, loss: number, accuracy: number][] = [
  ['SGD-M', 10, 2.347, 0.102],
  ['SGD-M', 100, 3.889, 0.099],
  ['MoMo', 1, 0.0098, 0.913],
  ['MoMo', 10, 0.0074, 0.907],
  ['MoMo', 100, 0.0104, 0.911],
  ['Adam', 1, 2.343, 0.098],
  ['Adam', 10, 2.819, 0.1],
  ['Adam', 100, 70.5, 0.103],
  ['MoMo-Adam', 0.01, 0.0039, 0.908],
  ['MoMo-Adam', 0.1, 0.0033, 0.903],
  ['MoMo-Adam', 1, 0.0044, 0.91],
  ['MoMo-Adam', 10, 0.0044, 0.91],
  ['MoMo-Adam', 100, 0.0044, 0.91],
];

/** What "trains" and "at chance" mean for the digits, of which each class is about a tenth. */
const TRAINS = { accuracy: 0.89, loss: 0.02 };
const CHANCE = 0.15;

/** For the digits that ship with the app: rate by rate against the reference. */
export function digitsChecks({ trainLoss, testAccuracy }: RobustnessCurves): Check[] {
  const at = (points: SweepPoint[], optimizer: string, rate: number): number | null =>
    points.find((point) => point.optimizer === optimizer && point.learningRate === rate)!.mean;
  const checks = REFERENCE.map(([optimizer, rate, loss, accuracy]): Check => {
    const adaptive = optimizer.startsWith('MoMo');
    const found = { loss: at(trainLoss, optimizer, rate), accuracy: at(testAccuracy, optimizer, rate) };
    const trains = (found.accuracy ?? 0) >= TRAINS.accuracy && (found.loss ?? Infinity) <= TRAINS.loss;
    const fails = (found.accuracy ?? 0) < CHANCE;
    return {
      claim: `${optimizer}, learning rate ${rate}: ${adaptive ? 'still trains' : 'at chance'}`,
      expected: adaptive
        ? `accuracy ≥ ${TRAINS.accuracy} (theirs ${accuracy.toFixed(3)}), train loss ≤ ${TRAINS.loss} (${loss})`
        : `accuracy < ${CHANCE} (theirs ${accuracy.toFixed(3)})`,
      source: SOURCE,
      measured: `accuracy ${formatted(found.accuracy, 3)}, train loss ${formatted(found.loss, 4)}`,
      holds: adaptive ? trains : fails,
    };
  });
  const uncapped = [1, 10, 100].map((rate) => [trainLoss, testAccuracy].map((curve) => at(curve, 'MoMo-Adam', rate)));
  const finite = uncapped.flat().every((value) => value !== null);
  const same = uncapped.every((scores) => String(scores) === String(uncapped[0]));
  checks.push({
    claim: 'MoMo-Adam, learning rates 1, 10 and 100: the cap never binds',
    expected: 'the same numbers, to the last digit',
    source: SOURCE,
    measured: finite ? `${same ? 'the same' : 'different'} numbers` : 'not finite',
    holds: finite && same,
  });
  return checks;
}

/** How far below the best tuned base method an adaptive one may be, in accuracy. */
const NEAR = 0.05;

/** For data without reference numbers: the paper's claim as a comparison of the methods on these data. */
export function relativeChecks({ testAccuracy }: Pick<RobustnessCurves, 'testAccuracy'>): Check[] {
  const accuracies = (optimizer: string, from = 0): number[] =>
    testAccuracy
      .filter((point) => point.optimizer === optimizer && point.learningRate >= from)
      .map((point) => point.mean ?? 0);
  return RIVALS.map(({ adaptive, base, from }): Check => {
    const best = Math.max(...accuracies(base));
    const [ours, theirs] = [adaptive, base].map((name) => Math.min(...accuracies(name, from))) as [number, number];
    return {
      claim: `${adaptive} at learning rates from ${from} up stays near the best ${base} of all rates; ${base} does not`,
      expected: `${adaptive} ≥ ${(best - NEAR).toFixed(3)}, ${base} below half of its best`,
      source: 'arXiv:2305.07583, in words; there are no reference numbers for these data',
      measured: `least accuracy: ${adaptive} ${ours.toFixed(3)}, ${base} ${theirs.toFixed(3)}; best ${base} ${best.toFixed(3)}`,
      holds: ours >= best - NEAR && theirs < best / 2,
    };
  });
}

/** Each method of the paper with the one it adapts, and the rate from which on the latter is expected to fail. */
const RIVALS = [
  { adaptive: 'MoMo', base: 'SGD-M', from: 1 },
  { adaptive: 'MoMo-Adam', base: 'Adam', from: 0.1 },
];

function formatted(value: number | null, digits: number): string {
  return value === null ? 'not finite' : value.toFixed(digits);
}
