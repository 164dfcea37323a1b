import { random } from '@tfsci/tensor-core';
import type { Experiment, Outcome, RunContext } from '../../experiment';
import { embeddedDigits, fingerprintOf, imagesFrom } from '../../image-data';
import { taskRunner } from '../../tasks';
import { downstreamFigure } from './figures/downstream';
import { growthFigure } from './figures/growth';
import { kernelErrorFigure } from './figures/kernel-error';
import { digitsChecks, orderingChecks, type SketchData } from './checks';
import { digitsError, exactError, splitOf, type DigitsError } from './digits';
import { growthOf, type Growth } from './growth';
import { kernelError, type KernelError } from './kernel-error';
import { METHODS } from './methods';
import { planOf } from './plan';
import { pointsOf, someOf, type Preparation } from './points';

const PREPARATIONS: Preparation[] = ['non-negative', 'zero-mean'];

async function run(context: RunContext): Promise<Outcome<SketchData>> {
  const { profile, dataDir, seed, signal } = context;
  const images = dataDir === undefined ? await embeddedDigits() : await imagesFrom(dataDir);
  const plan = planOf(profile);
  const key = random.key(seed);
  const [keyOfRows, keyOfPoints, keyOfKernels, keyOfGrowth, keyOfSplit, keyOfDigits] = random.split(key, 6) as [
    random.Key,
    ...random.Key[],
  ];

  const growth = plan.growth.degrees.flatMap((degree) =>
    (['real', 'ctr'] as const).map((mode, i) => ({
      name: `growth ${mode} ${degree}`,
      measure: () => growthOf(degree, mode, plan.growth.features, random.foldIn(keyOfGrowth!, 2 * degree + i)),
    })),
  );
  const kernel = PREPARATIONS.flatMap((preparation) => {
    const points = someOf(pointsOf(images, preparation, plan.rows, keyOfRows), plan.kernel.points, keyOfPoints!);
    const { degrees, features, draws } = plan.kernel;
    return Object.keys(METHODS).flatMap((method) =>
      degrees.map((degree) => ({
        name: `kernel ${preparation} ${method} ${degree}`,
        measure: () =>
          kernelError(points, { preparation, method, degree, features, draws, key: keyOfKernels!, signal }),
      })),
    );
  });
  const { train, test, degrees, sizes } = plan.digits;
  const split = splitOf(pointsOf(images, 'zero-mean', plan.rows, keyOfRows), train, test, keyOfSplit!);
  const keys = random.split(keyOfDigits!, Math.max(...sizes.map(({ draws }) => draws)));
  const digits = degrees.flatMap((degree) => [
    { name: `digits exact ${degree}`, measure: () => exactError(split, degree) },
    ...Object.keys(METHODS).flatMap((method) =>
      sizes.map(({ features, draws }) => ({
        name: `digits ${method} ${degree} ${features}`,
        measure: () => digitsError(split, { method, degree, features, keys: keys.slice(0, draws) }),
      })),
    ),
  ]);

  const measured = taskRunner(context, growth.length + kernel.length + digits.length);
  const data: SketchData = {
    growth: await measured<Growth>(growth),
    kernel: await measured<KernelError>(kernel),
    digits: await measured<DigitsError>(digits),
  };
  const checks = dataDir === undefined ? digitsChecks(data) : orderingChecks(data);
  const sizesUsed = `${plan.kernel.points} for the kernel matrix, ${split.train.count} to train, ${split.test.count} to test`;
  return { checks, data, dataset: `${images.name}: ${sizesUsed}` };
}

/** Real, complex-to-real and tensor sketches of the polynomial kernel. */
export const ctrFeatures: Experiment<SketchData> = {
  id: 'ctr-features',
  paper: {
    title: 'Complex-to-Real Sketches for Tensor Products with Applications to the Polynomial Kernel',
    authors: 'J. Wacker, R. Ohana, M. Filippone',
    year: 2023,
    arxiv: '2202.02031',
  },
  title: 'Polynomial kernels by real features of complex weights',
  claim:
    'Sketches with complex weights, their real and imaginary parts taken as real features, need of the order of 2^p ' +
    'features for a polynomial kernel of degree p where real weights need 3^p.',
  protocol:
    'Kernel (0.5 + 0.5 x.y)^p of pictures as unit vectors. Error of the kernel matrix: 120 pictures, 1024 features, 10 ' +
    'draws (full: 100). Ridge regression: one-hot targets less 0.1, lambda 0.1, 1000 standardised pictures to train and ' +
    '797 to test, 8 draws of 256 and 2 of 1024 features (full: 20 of five sizes). Variance at x = y: from 2^18 independent features (full: 2^20).',
  fingerprint: async (dataDir) => fingerprintOf(await imagesFrom(dataDir)),
  run,
  figures: ({ data }) =>
    Promise.all([kernelErrorFigure(data.kernel), growthFigure(data.growth), downstreamFigure(data.digits)]),
};
