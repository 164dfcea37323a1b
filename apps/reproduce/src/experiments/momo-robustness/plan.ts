import * as tf from '@tensorflow/tfjs';
import { momo, momoAdam, SgdEmaOptimizer } from '@tfsci/momo';
import type { Profile } from '../../experiment';

/** What is trained: every optimiser at every rate of its grid, once for each seed. */
export interface Plan {
  /** By the name that plots and checks use. */
  optimizers: Record<string, (learningRate: number) => tf.Optimizer>;
  learningRates: Record<string, number[]>;
  /** How many, counted up from the user's. */
  seeds: number;
  epochs: number;
  batchSize: number;
  /** Rows of each part that are used at most. */
  rowLimit: number;
}

const OPTIMIZERS: Plan['optimizers'] = {
  'SGD-M': (lr) => new SgdEmaOptimizer({ learningRate: lr }),
  MoMo: (lr) => momo({ learningRate: lr }),
  Adam: (lr) => tf.train.adam(lr, 0.9, 0.999, 1e-8),
  'MoMo-Adam': (lr) => momoAdam({ learningRate: lr }),
};
/** With the lower bound estimated along the way. */
const STARRED: Plan['optimizers'] = {
  'MoMo*': (lr) => momo({ learningRate: lr, useFstar: true }),
  'MoMo-Adam*': (lr) => momoAdam({ learningRate: lr, useFstar: true }),
};

/** Rates whose step sizes are drawn: a small one, the recommended one and one that is far too large. */
export const STEP_RATES: Readonly<Record<string, readonly number[]>> = {
  MoMo: [0.1, 1, 10],
  'MoMo-Adam': [0.001, 0.01, 1],
};

/** The plan of a profile; data of the user's may be large, so they get fewer epochs and, for quick, fewer rows. */
export function planOf(profile: Profile, embedded: boolean): Plan {
  const full = profile === 'full';
  const perDecade = full ? 2 : 1;
  const [momentum, adam] = [decades(-3, 2, perDecade), decades(-4, 2, perDecade)];
  const optimizers = full ? { ...OPTIMIZERS, ...STARRED } : OPTIMIZERS;
  const learningRates = Object.fromEntries(
    Object.keys(optimizers).map((name) => [name, name.includes('Adam') ? adam : momentum]),
  );
  const size = embedded ? { epochs: 20, batchSize: 64 } : { epochs: 10, batchSize: 128 };
  return { optimizers, learningRates, seeds: full ? 5 : 3, rowLimit: full || embedded ? Infinity : 6000, ...size };
}

/** Powers of ten from 10^from to 10^to, with `perDecade` values in each decade, to three digits. */
function decades(from: number, to: number, perDecade: number): number[] {
  return Array.from({ length: (to - from) * perDecade + 1 }, (_, i) =>
    Number((10 ** (from + i / perDecade)).toPrecision(3)),
  );
}
