import * as tf from '@tensorflow/tfjs';
import { type random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditMechanism, type AuditWorld } from '../src/audit/audit-mechanism';
import { denseNetwork } from '../src/network/dense-network';
import type { DfaNetwork } from '../src/network/dfa-network';
import { gaussianEpsilon } from '../src/privacy/gaussian-mechanism';
import type { NeighbourRelation } from '../src/privacy/privacy-event';
import { PrivacyBudget } from '../src/training/privacy-budget';
import { PrivateTrainer } from '../src/training/private-trainer';
import { AddingAccountant, examples } from './training-support';

/** A correct mechanism is accused with a probability of 0.001, whatever its epsilon; keys are fixed. */
const confidence = 0.999;
const delta = 0.01;
const N = 5;

const limitless = (relation: NeighbourRelation): PrivacyBudget =>
  new PrivacyBudget({ epsilon: Infinity, delta, accountant: new AddingAccountant(relation) });

/** Weights as they were, so that trials do not know of each other. */
function resetter({ parameters }: DfaNetwork): () => tf.NamedTensorMap {
  const before = Object.fromEntries(Object.entries(parameters).map(([name, weight]) => [name, weight.clone()]));
  return () => {
    for (const [name, weight] of Object.entries(parameters)) weight.assign(before[name]!);
    return before;
  };
}

/** What a step of plain gradient descent with rate 1 has moved a parameter by. */
const moved = (network: DfaNetwork, before: tf.NamedTensorMap, name: string): number[] =>
  tf.tidy(() => [...before[name]!.sub(network.parameters[name]!).dataSync()]);

describe('an attack on released steps', () => {
  beforeAll(() => useBackend('cpu'));

  /** Mode 'example': with the canary or without it, q = 1, so that one step is one Gaussian mechanism. */
  async function attackExamples(noiseMultiplier: number, trials: number) {
    const { x, y } = examples(N, [2], 2);
    // The last example: its gradient alone is what an attacker looks for.
    const canary = { x: tf.tensor2d([[40, 0]]), y: tf.tensor1d([1], 'int32') };
    const worlds = { with: { x: tf.concat([x, canary.x]), y: tf.concat([y, canary.y]) }, without: { x, y } };
    const network = denseNetwork({ inputs: 2, hidden: [], outputs: 2, key: 0 });
    const weight = network.parameters['layers.0.weight']!;
    weight.assign(tf.zerosLike(weight));
    const start = resetter(network);
    const trainerOf = () =>
      new PrivateTrainer({
        ...{ network, optimizer: tf.train.sgd(1), budget: limitless('add-remove'), noise: { key: 1 } },
        ...{ clip: 1, noiseMultiplier, samplingRate: 1 },
      });
    const trainers = { with: trainerOf(), without: trainerOf() };
    const mechanism = async (world: AuditWorld, key: random.Key): Promise<number> => {
      const before = start();
      await trainers[world].step({ ...worlds[world], key });
      // Its gradient points along (e - y) x^T = [[20, -20], [0, 0]]; the mean is over another number in each world.
      const [a, b] = moved(network, before, 'layers.0.weight') as [number, number];
      return (a - b) * (world === 'with' ? N + 1 : N);
    };
    const audit = await auditMechanism({ mechanism, trials, key: 2, delta, confidence });
    network.dispose();
    return audit;
  }

  it('proves no more of an example than is claimed', async () => {
    const { epsilon, ceiling } = await attackExamples(2, 200);
    expect(epsilon).toBeLessThanOrEqual(gaussianEpsilon(delta, 2));
    // It could have.
    expect(ceiling).toBeGreaterThan(gaussianEpsilon(delta, 2));
  });

  it('convicts noise that is ten times too small', async () => {
    expect((await attackExamples(0.2, 80)).epsilon).toBeGreaterThan(gaussianEpsilon(delta, 2));
  });

  /** Mode 'label': one example with one label or another. Noise of which the accountant knows, times a factor. */
  async function attackLabels(factor: number, trials: number) {
    const claimed = { sigma: 6, sigmaOutput: 4 };
    const network = denseNetwork({ inputs: 2, hidden: [3], outputs: 2, key: 0 });
    const start = resetter(network);
    const x = tf.tensor2d([[0.5, -0.3]]);
    const budgets = [limitless('label'), limitless('label')] as const;
    const trainerOf = (budget: PrivacyBudget, by: number) =>
      new PrivateTrainer({
        ...{ network, optimizer: tf.train.sgd(1), budget, noise: { key: 1 }, mode: 'label', batchSize: 1 },
        ...{ sigma: by * claimed.sigma, sigmaOutput: by * claimed.sigmaOutput },
      });
    // The claim is that of the noise that there should be.
    await trainerOf(budgets[0], 1).step({ x, y: tf.tensor1d([0], 'int32') });
    start();
    const claim = gaussianEpsilon(delta, 1 / budgets[0].spent.epsilon);
    const [B0, B1] = network.feedback!.variables['feedback.0']!.arraySync() as number[][] as [number[], number[]];
    const hidden = network.blocks[0]!;
    const slope = tf.tidy(() => [...tf.sub(1, hidden.map.apply(x).tanh().square()).dataSync()]);
    const trainer = trainerOf(budgets[1], factor);
    const mechanism = async (world: AuditWorld, key: random.Key): Promise<number> => {
      const before = start();
      await trainer.step({ x, y: tf.tensor1d([world === 'with' ? 1 : 0], 'int32'), key });
      // Gradients of biases are delta: of the likelihood of both labels this is the ratio, in its logarithm.
      const atHidden = moved(network, before, 'layers.0.bias').map((value, j) => value / slope[j]!);
      const [a, b] = moved(network, before, 'layers.1.bias') as [number, number];
      const hiddenPart = atHidden.reduce((sum, value, j) => sum + value * (B0[j]! - B1[j]!), 0) / claimed.sigma ** 2;
      return hiddenPart + (a - b) / claimed.sigmaOutput ** 2;
    };
    const audit = await auditMechanism({ mechanism, trials, key: 2, delta, confidence });
    network.dispose();
    return { ...audit, claim };
  }

  it('proves no more of a label than is claimed', async () => {
    const { epsilon, ceiling, claim } = await attackLabels(1, 200);
    expect(epsilon).toBeLessThanOrEqual(claim);
    expect(ceiling).toBeGreaterThan(claim);
  });

  it('convicts noise on labels that is ten times too small', async () => {
    const { epsilon, claim } = await attackLabels(0.1, 80);
    expect(epsilon).toBeGreaterThan(claim);
  });
});
