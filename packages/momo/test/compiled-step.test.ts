import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { backend } from '@tfsci/tensor-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  momo,
  momoAdam,
  sps,
  type MomoAdamOptimizer,
  type MomoOptimizer,
  type SpsOptimizer,
  type StepLog,
} from '../src';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

afterEach(() => tf.disposeVariables());

const OPTIMISERS = {
  momo: (onStep: (log: StepLog) => void) => momo({ learningRate: 1, weightDecay: 0.01, onStep }),
  'momo with estimated bound': (onStep: (log: StepLog) => void) => momo({ learningRate: 1, useFstar: true, onStep }),
  'momo-adam': (onStep: (log: StepLog) => void) => momoAdam({ learningRate: 0.1, onStep }),
  sps: (onStep: (log: StepLog) => void) => sps({ learningRate: 1, onStep }),
};

type Make = (onStep: (log: StepLog) => void) => MomoOptimizer | MomoAdamOptimizer | SpsOptimizer;

/** Twelve steps on least squares, each on another batch. */
async function train(make: Make, compile: boolean) {
  const logs: StepLog[] = [];
  const optimizer = make((log) => logs.push(log));
  const w = tf.tidy(() => tf.variable(tf.tensor2d([0.5, -1, 2], [3, 1])));
  const step = (x: tf.Tensor2D): tf.Scalar =>
    optimizer.minimize(() => tf.tidy(() => x.matMul(w).sub(1).square().mean()), true)!;
  const run = compile ? backend.jit(step) : step;
  const losses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const x = tf.tensor2d([1, i % 3, 0.5, -1, 2, i % 4], [2, 3]);
    const loss = run(x);
    losses.push(loss.dataSync()[0]!);
    tf.dispose([x, loss]);
    await optimizer.readLastStep();
  }
  return { losses, logs, iterations: optimizer.iterations, weights: [...w.dataSync()], optimizer };
}

describe.each(Object.entries(OPTIMISERS))('a compiled step of %s', (_, make) => {
  it('is the step that is not compiled, with the same records', async () => {
    const plain = await train(make, false);
    const compiled = await train(make, true);
    expect(compiled.iterations).toBe(12);
    expect(compiled.losses).toBeAllclose(plain.losses, { rtol: 1e-5, atol: 1e-6 });
    expect(compiled.weights).toBeAllclose(plain.weights, { rtol: 1e-5, atol: 1e-6 });
    expect(compiled.logs.map(({ step }) => step)).toEqual(plain.logs.map(({ step }) => step));
    const sizes = ({ logs }: { logs: StepLog[] }): number[] => logs.map(({ stepSize }) => stepSize);
    expect(sizes(compiled)).toBeAllclose(sizes(plain), { rtol: 1e-4 });
  });

  it('leaks nothing', async () => {
    const { optimizer } = await train(make, true);
    optimizer.dispose();
    tf.disposeVariables();
    const { numTensors } = tf.memory();
    const again = await train(make, true);
    again.optimizer.dispose();
    tf.disposeVariables();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
