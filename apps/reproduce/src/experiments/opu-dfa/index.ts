import type { Experiment, Outcome, RunContext } from '../../experiment';
import { embeddedDigits, fingerprintOf, imagesFrom } from '../../image-data';
import { taskRunner } from '../../tasks';
import { digitsChecks, relativeChecks, type OpuDfaData } from './checks';
import { methodsFigure } from './figures/methods';
import { privacyFigure } from './figures/privacy';
import { METHODS, MULTIPLIERS, planOf, PRIVATE_METHODS } from './plan';
import { privateTrainingOf } from './private-training';
import { trainingOf } from './training';

async function run(context: RunContext): Promise<Outcome<OpuDfaData>> {
  const { profile, dataDir, seed: first, signal } = context;
  const images = dataDir === undefined ? await embeddedDigits() : await imagesFrom(dataDir);
  const plan = planOf(profile, dataDir === undefined);
  const seeds = Array.from({ length: plan.seeds }, (_, i) => first + i);
  const trainings = METHODS.flatMap((method) =>
    seeds.map((seed) => ({
      name: `${method.name}, seed ${seed}`,
      measure: () => trainingOf(images, plan, method, seed, signal),
    })),
  );
  const privateTrainings = PRIVATE_METHODS.flatMap((method) =>
    MULTIPLIERS.flatMap((z) =>
      seeds.map((seed) => ({
        name: `private ${method.name}, z = ${z}, seed ${seed}`,
        measure: () => privateTrainingOf(images, plan, method, z, seed, signal),
      })),
    ),
  );
  const measured = taskRunner(context, trainings.length + privateTrainings.length);
  const data: OpuDfaData = {
    trainings: await measured(trainings),
    privateTrainings: await measured(privateTrainings),
  };
  const checks = dataDir === undefined ? digitsChecks(data) : relativeChecks(data);
  const rows = [images.train, images.test].map(({ count }) => Math.min(count, plan.rowLimit)) as [number, number];
  return { checks, data, dataset: `${images.name}: ${rows[0]} pictures to train, ${rows[1]} to test` };
}

/** Networks that learn from their error through a random, noisy, optical projection; and what privacy costs them. */
export const opuDfa: Experiment<OpuDfaData> = {
  id: 'opu-dfa',
  paper: {
    title: 'Photonic Differential Privacy with Direct Feedback Alignment',
    authors: 'R. Ohana, H. J. Medina Ruiz, J. Launay, A. Cappelli, I. Poli, L. Ralaivola, A. Rakotomamonjy',
    year: 2021,
    arxiv: '2106.03645',
  },
  title: 'Learning through noisy light, and with privacy',
  claim:
    'Errors sent to hidden layers through fixed random matrices, in three values and with optical noise, train nearly as ' +
    'well as back-propagation; with noise for differential privacy both degrade gracefully.',
  protocol:
    'Dense networks with two hidden layers of 128 tanh units (pictures of one’s own: 256), SGD with momentum 0.9, batch 64, 20 epochs, learning rate ' +
    '0.02 (0.005). With privacy for examples: 300 steps, Poisson batches of 128 on average, updates clipped to norm 1, learning ' +
    'rate 0.5, δ = 10⁻⁴. 3 seeds (full: 10; quick: at most 3000 pictures of one’s own).',
  fingerprint: async (dataDir) => fingerprintOf(await imagesFrom(dataDir)),
  run,
  figures: ({ data }) => Promise.all([methodsFigure(data.trainings), privacyFigure(data.privateTrainings)]),
};
