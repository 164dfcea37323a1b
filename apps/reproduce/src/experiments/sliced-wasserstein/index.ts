import { random } from '@tfsci/tensor-core';
import type { Experiment, Outcome, RunContext } from '../../experiment';
import { embeddedDigits, fingerprintOf, imagesFrom } from '../../image-data';
import { taskRunner } from '../../tasks';
import { checksOf, type SlicedData } from './checks';
import { coverageOf } from './coverage';
import { digitsSlices } from './digits';
import { coverageFigure } from './figures/coverage';
import { digitsFigure } from './figures/digits';
import { flowFigure } from './figures/flow';
import { gapFigure } from './figures/gap';
import { generatorFigure } from './figures/generator';
import { sampleSizeFigure } from './figures/sample-size';
import { flowTo, TARGETS } from './flow';
import { gapOf } from './gap';
import { generatorTrained, TRAININGS } from './generator';
import { planOf } from './plan';
import { sampleSize } from './sample-size';

async function run(context: RunContext): Promise<Outcome<SlicedData>> {
  const { profile, dataDir, seed, signal } = context;
  const images = dataDir === undefined ? await embeddedDigits() : await imagesFrom(dataDir);
  const plan = planOf(profile);
  const keys = random.split(random.key(seed), 7) as [random.Key, ...random.Key[]];
  const [ofSizes, ofGap, ofSameLaw, ofCoverage, ofDigits, ofFlow, ofGenerator] = keys;

  const { dims, kappas, ...sizes } = plan.sampleSize;
  const sampleSizes = dims.flatMap((dim) =>
    kappas.map((kappa) => ({
      name: `samples ${dim} ${kappa}`,
      // The same laws and samples for each concentration.
      measure: () => sampleSize({ dim, kappa, ...sizes, key: random.foldIn(ofSizes, dim) }),
    })),
  );
  const { dims: gapDims, gammas, ...gapSizes } = plan.gap;
  const gaps = gapDims.flatMap((dim) =>
    gammas.map((gamma) => ({
      name: `gap ${dim} ${gamma}`,
      measure: () => gapOf({ dim, gamma, ...gapSizes, key: random.foldIn(ofGap!, dim), signal }),
    })),
  );
  const sameLaw = {
    name: 'gap of equal laws',
    measure: () => gapOf({ ...plan.sameLaw, gamma: 0, key: ofSameLaw!, signal }),
  };
  const coverages = plan.coverage.n.map((n) => ({
    name: `coverage ${n}`,
    measure: () => coverageOf({ n, repeats: plan.coverage.repeats, key: random.foldIn(ofCoverage!, n), signal }),
  }));
  const digits = {
    name: 'digits',
    measure: () => digitsSlices(images, { ...plan.digits, limit: plan.pictures, key: ofDigits!, signal }),
  };
  const flows = Object.keys(TARGETS).map((target) => ({
    name: `flow to ${target}`,
    measure: () => flowTo(target, { ...plan.flow, key: ofFlow!, signal }),
  }));
  const generators = TRAININGS.map((training) => ({
    name: `generator ${training}`,
    measure: () =>
      generatorTrained(images, { training, ...plan.generator, limit: plan.pictures, key: ofGenerator!, signal }),
  }));

  const single = 2;
  const lists = [sampleSizes, gaps, coverages, flows, generators];
  const measured = taskRunner(context, single + lists.reduce((sum, { length }) => sum + length, 0));
  const data: SlicedData = {
    sampleSize: await measured(sampleSizes),
    gap: (await measured(gaps)).flat(),
    sameLaw: (await measured([sameLaw]))[0]!,
    coverage: await measured(coverages),
    digits: (await measured([digits]))[0]!,
    flow: await measured(flows),
    generator: await measured(generators),
  };
  return { checks: checksOf(data), data, dataset: `Gaussian and uniform laws; pictures: ${images.name}` };
}

/** Adaptive slices that generalise, and what they cost and give. */
export const slicedWasserstein: Experiment<SlicedData> = {
  id: 'sliced-wasserstein',
  paper: {
    title: 'Shedding a PAC-Bayesian Light on Adaptive Sliced-Wasserstein Distances',
    authors: 'R. Ohana, K. Nadjahi, A. Rakotomamonjy, L. Ralaivola',
    year: 2023,
    arxiv: '2206.03230',
  },
  title: 'Learned slices that hold on fresh points',
  claim:
    'Sliced Wasserstein distances with slices learned by a PAC-Bayesian objective discriminate better than uniform ones, ' +
    'and keep it on fresh samples; a bound certifies how much.',
  protocol:
    'Samples of one law: N(0, B Bᵀ + I), slices of a von Mises-Fisher law about a random axis, 6 runs (full: 30). Learned ' +
    'slices: means shifted by γ, 500 points to learn and 2000 to test, 2 runs (full: 10). Certificates: uniform laws on squares ' +
    'side by side, p = 1, 200 pairs of samples (full: 1000), δ = 0.05. Digits: axis between classes 3 and 8, permutation tests. Flows in the ' +
    'plane; generators of pictures of 150 steps (full: 2000), slices fitted for 10 iterations a batch.',
  fingerprint: async (dataDir) => fingerprintOf(await imagesFrom(dataDir)),
  run,
  figures: ({ data }) =>
    Promise.all([
      sampleSizeFigure(data.sampleSize),
      gapFigure(data.gap),
      coverageFigure(data.coverage),
      digitsFigure(data.digits),
      flowFigure(data.flow),
      generatorFigure(data.generator),
    ]),
};
