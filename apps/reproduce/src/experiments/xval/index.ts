import { ENCODINGS } from '@tfsci/xval';
import type { Experiment, Outcome, RunContext } from '../../experiment';
import { taskRunner } from '../../tasks';
import { trainingOf } from './arithmetic';
import { checksOf, type XvalData } from './checks';
import { NAMES, ofFirstSeed } from './encodings';
import { planetsFigure, tokensFigure } from './figures/planets';
import { holeFigure, predictionsFigure } from './figures/predictions';
import { planOf } from './plan';
import { planetTrainingOf, tokenCounts } from './planets';

async function run(context: RunContext): Promise<Outcome<XvalData>> {
  const { profile, seed: first, signal } = context;
  const { seeds, arithmetic, planets } = planOf(profile);
  const runs = Array.from({ length: seeds }, (_, i) => first + i).flatMap((seed) =>
    ENCODINGS.map((encoding) => ({ encoding, seed, name: `${NAMES[encoding]}, seed ${seed}` })),
  );
  const planetRuns = planets === null ? [] : ofFirstSeed(runs);
  const measured = taskRunner(context, runs.length + planetRuns.length);
  const trainings = await measured(
    runs.map(({ encoding, seed, name }) => ({
      name,
      measure: () => trainingOf(encoding, arithmetic, seed, signal),
    })),
  );
  const planetTrainings = await measured(
    planetRuns.map(({ encoding, seed, name }) => ({
      name: `planets by ${name}`,
      measure: () => planetTrainingOf(encoding, planets!, seed, signal),
    })),
  );
  const data = { trainings, planets: planetTrainings, tokens: tokenCounts(first) };
  const also = planets === null ? '' : `; planetary systems: ${planets.train} to train, ${planets.test} to test`;
  return {
    checks: checksOf(data),
    data,
    dataset: `random tasks a op b = c: ${arithmetic.train} to train, ${arithmetic.test} to test${also}`,
  };
}

/** One token a number, its embedding multiplied by the value; beside encodings by digits. */
export const xval: Experiment<XvalData> = {
  id: 'xval',
  paper: {
    title: 'xVal: A Continuous Number Encoding for Large Language Models',
    authors:
      'S. Golkar, M. Pettee, M. Eickenberg, A. Bietti, M. Cranmer, G. Krawezik, F. Lanusse, M. McCabe, R. Ohana, L. Parker, ' +
      'B. Régaldo-Saint Blancard, T. Tesileanu, K. Cho, S. Ho',
    year: 2023,
    arxiv: '2310.02989',
  },
  title: 'One token a number',
  claim:
    'A number as one token whose embedding is multiplied by its value makes a transformer a continuous function of numbers: it ' +
    'learns arithmetic in fewer steps than encodings by digits, with fewer large errors, and interpolates better.',
  protocol:
    'a op b = c with op in + - *, a and b uniform on [-5, 5] and rounded to 3 figures as c is, no a between 1 and 1.5; 20,000 ' +
    'tasks, of which c is masked. The authors’ transformer of width 64, 4 heads, 2 layers, 256 hidden units, no dropout; batch ' +
    '128, AdamW with weight decay 0.01, learning rate 10⁻³ after 60 steps, then falling along a cosine; 260 steps, 1 seed (full: ' +
    '1500 steps of which 100 rise, 3 seeds). Full also trains on planets: the places of two planets at ten times, written with ' +
    '3 decimals, of which the semi-major axis of the first (1, or from 1.5 to 3) or the step of time (of five) is masked; 1500 steps of batch ' +
    '32, one seed.',
  fingerprint: () => Promise.resolve('no data are read'),
  run,
  figures: ({ data: { trainings, planets, tokens } }) =>
    Promise.all([
      predictionsFigure(trainings),
      holeFigure(trainings),
      ...(planets.length === 0 ? [] : [planetsFigure(planets)]),
      tokensFigure(tokens),
    ]),
};
