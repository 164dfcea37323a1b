import type { Experiment, Outcome, RunContext } from '../../experiment';
import { taskRunner } from '../../tasks';
import { checksOf, type CountingData } from './checks';
import { circuitOf } from './circuits';
import { accuraciesFigure, slopesFigure } from './figures/accuracies';
import { attentionFigure, balanceFigure } from './figures/circuit';
import { planOf } from './plan';
import { trainingOf } from './training';

async function run(context: RunContext): Promise<Outcome<CountingData>> {
  const { profile, seed: first, signal } = context;
  const plan = planOf(profile);
  const biases = ['start', 'open', 'close', 'zero'] as const;
  const runs = Array.from({ length: plan.seeds }, (_, i) => first + i).flatMap((seed) =>
    plan.encoders.map((encoder) => ({ encoder, seed })),
  );
  const measured = taskRunner(context, biases.length + runs.length);
  const circuits = await measured(
    biases.map((bias) => ({ name: `circuit by ${bias}`, measure: () => circuitOf(bias, signal) })),
  );
  const trainings = await measured(
    runs.map(({ encoder, seed }) => ({
      name: `${encoder.causal ? 'causal' : 'full'} ${encoder.code}, seed ${seed}`,
      measure: () => trainingOf(encoder, plan, seed, signal),
    })),
  );
  return {
    checks: checksOf({ circuits, trainings }),
    data: { circuits, trainings },
    dataset: `random sequences, fresh ones in each batch of ${plan.batchSize}, ${plan.test} to test`,
  };
}

/** How transformers localise and count. */
export const countingTransformer: Experiment<CountingData> = {
  id: 'counting-transformer',
  paper: {
    title: 'Contextual Counting: A Mechanistic Study of Transformers on a Quantitative Task',
    authors:
      'S. Golkar, A. Bietti, M. Pettee, M. Eickenberg, M. Cranmer, K. Hirashima, G. Krawezik, N. Lourie, M. McCabe, R. Morel, ' +
      'R. Ohana, L. H. Parker, B. Régaldo-Saint Blancard, K. Cho, S. Ho',
    year: 2024,
    arxiv: '2406.02585',
  },
  title: 'Counting in regions',
  claim:
    'Causal transformers count the ones between delimiters much better than others, without positional codes best of all and ' +
    'with rotary ones most reliably; which token they count against says whether they generalise.',
  protocol:
    'Sequences of 32 tokens with two regions, places of the delimiters uniform, bits fair. One block of width 32 with one head, ' +
    'then cross-attention of a query for each region and a linear map to the counts; AdamW with weight decay 0.01, learning rate ' +
    '3·10⁻³ after 200 steps, then falling along a cosine, batch 64, 5000 steps, one seed, without positions and with rotary ones, ' +
    'those that are not causal 2500 steps (full: all 5000 steps, three seeds, seven codes). Hand-built circuits: 64 tokens, four regions, 10,000 sequences each.',
  fingerprint: () => Promise.resolve('no data are read'),
  run,
  figures: ({ data: { trainings } }) =>
    Promise.all([
      accuraciesFigure(trainings),
      attentionFigure(trainings),
      slopesFigure(trainings),
      balanceFigure(trainings),
    ]),
};
