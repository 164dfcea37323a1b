import {
  evaluateNetwork,
  PldAccountant,
  PrivacyBudget,
  PrivateTrainer,
  RdpAccountant,
  type Accountant,
} from '@tfsci/opu-dfa';
import { optim, random } from '@tfsci/tensor-core';
import type { ImageData } from '../../image-data';
import type { Method, Plan } from './plan';
import { columnsOf, networkOf } from './training';

/** How a method has learned with differential privacy, with one seed. */
export interface PrivateTraining {
  method: string;
  seed: number;
  /** Noise multiplier. */
  z: number;
  /** On the test pictures, at the end. */
  accuracy: number;
  /** Cost of the training by both accountants; null without noise, where there is no guarantee. */
  epsilonRdp: number | null;
  epsilonPld: number | null;
  /** Cost along the way. */
  costs: { step: number; rdp: number; pld: number }[];
}

/** Trains once with a guarantee for examples. */
export async function privateTrainingOf(
  images: ImageData,
  plan: Plan,
  { name, update }: Method,
  z: number,
  seed: number,
  signal: AbortSignal,
): Promise<PrivateTraining> {
  const { steps, expectedBatch, clipNorm, learningRate, delta } = plan.private;
  const [train, test] = [columnsOf(images.train, plan.rowLimit), columnsOf(images.test, plan.rowLimit)];
  const samplingRate = Math.min(1, expectedBatch / train.y.shape[0]);
  const [forBatches, forNoise] = random.split(random.foldIn(random.key(seed), 2)) as [random.Key, random.Key];
  const network = networkOf(images, plan, seed);
  const optimizer = new optim.Sgd({ learningRate, momentum: 0.9 });
  try {
    const trainer = new PrivateTrainer({
      network,
      optimizer,
      update: update.mode as 'bp' | 'dfa' | 'ternary',
      clip: clipNorm,
      noiseMultiplier: z,
      samplingRate,
      // What is measured here is accuracy: it shall come out the same again.
      noise: { key: forNoise },
      budget: new PrivacyBudget({ epsilon: Infinity, delta, accountant: new RdpAccountant() }),
    });
    const { privacy } = await trainer.fit({ ...train, steps, key: forBatches, signal });
    const { accuracy } = await evaluateNetwork(network, test);
    const costs = z > 0 ? costsOf(z, samplingRate, steps, delta) : [];
    return {
      method: name,
      seed,
      z,
      accuracy: accuracy!,
      epsilonRdp: z > 0 ? privacy.epsilon : null,
      epsilonPld: costs.at(-1)?.pld ?? null,
      costs,
    };
  } finally {
    network.dispose();
    optimizer.dispose();
  }
}

/** What a tenth, two tenths, ... of the steps cost. */
function costsOf(z: number, samplingRate: number, steps: number, delta: number): PrivateTraining['costs'] {
  const accountants: Accountant[] = [new RdpAccountant(), new PldAccountant()];
  return Array.from({ length: 10 }, (_, tenth) => {
    const step = Math.round(((tenth + 1) * steps) / 10);
    const done = Math.round((tenth * steps) / 10);
    const [rdp, pld] = accountants.map((accountant) => {
      accountant.step({ noiseMultiplier: z, samplingRate, steps: step - done });
      return accountant.epsilon(delta).epsilon;
    }) as [number, number];
    return { step, rdp, pld };
  });
}
