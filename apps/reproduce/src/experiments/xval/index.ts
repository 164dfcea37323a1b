import type { Experiment, Outcome, RunContext } from '../../experiment';
import { taskRunner } from '../../tasks';
import { trainingOf } from './arithmetic';
import { checksOf, type XvalData } from './checks';
import { holeFigure, NAMES, predictionsFigure } from './figures/predictions';
import { planOf } from './plan';

async function run(context: RunContext): Promise<Outcome<XvalData>> {
  const { profile, seed: first, signal } = context;
  const plan = planOf(profile);
  const seeds = Array.from({ length: plan.seeds }, (_, i) => first + i);
  const tasks = seeds.flatMap((seed) =>
    plan.encodings.map((encoding) => ({
      name: `${NAMES[encoding]}, seed ${seed}`,
      measure: () => trainingOf(encoding, plan, seed, signal),
    })),
  );
  const trainings = await taskRunner(context, tasks.length)(tasks);
  return {
    checks: checksOf({ trainings }),
    data: { trainings },
    dataset: `random tasks a op b = c: ${plan.train} to train, ${plan.test} to test`,
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
    '1500 steps of which 100 rise, 3 seeds).',
  fingerprint: () => Promise.resolve('no data are read'),
  run,
  figures: ({ data }) => Promise.all([predictionsFigure(data.trainings), holeFigure(data.trainings)]),
};
