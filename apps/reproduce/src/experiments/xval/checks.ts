import type { EncodingName } from '@tfsci/xval';
import type { Check } from '../../experiment';
import type { Training } from './arithmetic';
import { meanOf, NAMES, RIVALS } from './encodings';
import type { PlanetTraining, TokenCounts } from './planets';

/** What the plots and checks of this experiment are about. */
export interface XvalData {
  trainings: Training[];
  /** None in the quick profile. */
  planets: PlanetTraining[];
  tokens: TokenCounts;
}

const SOURCE = 'the same protocol with the authors’ code, 1580 steps: 0.9998; P10 -0.37, P1000 0.29, B1999 -2.8';
const PAPER = 'arXiv:2310.02989';

/** What must hold, whatever the pictures are. */
export function checksOf({ trainings, planets, tokens }: XvalData): Check[] {
  return [...arithmeticChecks(trainings), ...(planets.length === 0 ? [] : planetChecks(planets)), tokenCheck(tokens)];
}

function arithmeticChecks(trainings: Training[]): Check[] {
  const r2 = (encoding: EncodingName): number => meanOf(trainings, encoding, ({ scores }) => scores.r2);
  const median = (encoding: EncodingName): number =>
    meanOf(trainings, encoding, ({ scores }) => scores.medianAbsoluteError);
  const inHole = (encoding: EncodingName): number => meanOf(trainings, encoding, ({ hole }) => hole.meanAbsoluteError);
  const ours = r2('xval');
  const steps = trainings[0]!.steps;
  const bar = steps >= 1500 ? 0.999 : 0.98;
  const best = Math.min(...RIVALS.map(inHole));
  return [
    {
      claim: 'xVal learns the arithmetic of three figures: R² on fresh tasks',
      expected: `≥ ${bar} after ${steps} steps`,
      source: SOURCE,
      measured: ours.toFixed(5),
      holds: ours >= bar,
    },
    ...RIVALS.map((encoding): Check => ({
      claim: `xVal before ${NAMES[encoding]} after as many steps: R², and median error`,
      expected: `R² below ${ours.toFixed(4)}, median error above ${median('xval').toPrecision(2)}`,
      source: SOURCE,
      measured: `${r2(encoding).toFixed(3)}, ${median(encoding).toPrecision(2)}`,
      holds: r2(encoding) < ours && median(encoding) > median('xval'),
    })),
    {
      claim: 'Between trained values xVal interpolates: mean error where a lies in a hole of the training tasks',
      expected: `below ${best.toPrecision(2)}, the least of its rivals`,
      source: `${PAPER}, sec. 3, in words: best out of distribution`,
      measured: inHole('xval').toPrecision(2),
      holds: inHole('xval') < best,
    },
  ];
}

function planetChecks(planets: PlanetTraining[]): Check[] {
  const inHole = (encoding: EncodingName): number => meanOf(planets, encoding, ({ hole }) => hole.a.meanSquaredError);
  const best = Math.min(...RIVALS.map(inHole));
  return [
    {
      claim: 'Planets: mean squared error of semi-major axes of which no trained system has any',
      expected: `below ${best.toPrecision(2)}, the least of its rivals`,
      source: `${PAPER}, table of the planets: 0.0010, its rivals from 0.0076 to 0.11`,
      measured: inHole('xval').toPrecision(2),
      holds: inHole('xval') < best,
    },
  ];
}

/** L by digits is L of xVal and a number of further tokens for each number. */
const FURTHER: Record<EncodingName, number> = { xval: 0, fp15: 0, b1999: 1, p1000: 2, p10: 4 };

function tokenCheck({ numbers, tokens }: TokenCounts): Check {
  const identical = Object.entries(FURTHER).every(([encoding, further]) =>
    numbers.every((count, i) => tokens[encoding as EncodingName][i] === tokens.xval[i]! + further * count),
  );
  return {
    claim: 'Tokens of planetary samples: xVal and FP15 one for each number, B1999 two, P1000 three, P10 five',
    expected: 'exactly',
    source: `${PAPER}, sec. 2`,
    measured: (['xval', ...RIVALS] as const).map((name) => `${NAMES[name]} ${tokens[name].at(-1)}`).join(', '),
    holds: identical,
  };
}
