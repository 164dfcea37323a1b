// M examples, C outputs, N units of a hidden layer.
import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Feedback } from '../src/feedback/feedback';
import { MatrixFeedback, SharedFeedback } from '../src/feedback/matrix-feedback';
import type { DfaNetwork } from '../src/network/dfa-network';
import { errorOf } from '../src/network/losses';
import { checkUpdate } from '../src/network/update-options';
import { labelEvent, labelGradients, labelSensitivities } from '../src/training/label-gradients';
import { examples, smallNetwork } from './training-support';

/** Rounding of float32 projections of errors below 1. */
const FLOAT32 = { rtol: 2e-6, atol: 2e-6 };
/** Sums of a few float64 terms. */
const FLOAT64 = { rtol: 1e-14, atol: 0 };
/** Deviations that true normal numbers exceed with a probability below 6e-7. */
const FIVE_SIGMA = 5;
const C = 4;
const widths = [6, 5];

const matrices = (): Feedback => MatrixFeedback.draw(random.key(3), C, widths);
const shared = (): Feedback => SharedFeedback.draw(random.key(4), C, widths);

describe('labelSensitivities', () => {
  beforeAll(() => useBackend('cpu'));

  it.each<[string, () => Feedback, number | undefined]>([
    ['matrices', matrices, undefined],
    ['one matrix for all', shared, undefined],
    ['matrices and a wide clip', matrices, 100],
    ['matrices and a narrow clip', matrices, 0.3],
  ])('is what a label can move a projection by at most: %s', async (_, make, projectionClip) => {
    const feedback = make();
    const options = { mode: 'dfa' as const, ...(projectionClip !== undefined && { projectionClip }) };
    const found = await labelSensitivities(feedback, widths, options);
    // The errors of a softmax p with every label, and how far apart their projections are, clipped if that is wanted.
    const p = tf.softmax(tf.tensor1d([0.3, -1, 2, 0.1]));
    const errors = p.sub<tf.Tensor2D>(tf.eye(C));
    const signals = feedback.signals(errors, widths, random.key(0)) as tf.Tensor2D[];
    signals.forEach((signal, l) => {
      const norm = signal.norm(2, 1, true);
      const clipped = signal.mul(tf.minimum(1, tf.div(projectionClip ?? Infinity, norm)));
      const rows = clipped.arraySync() as number[][];
      const distances = rows.flatMap((a) => rows.map((b) => Math.hypot(...a.map((value, j) => value - b[j]!))));
      const largest = Math.max(...distances);
      expect(largest).toBeLessThanOrEqual(found[l]! * (1 + FLOAT32.rtol));
      if (projectionClip === 0.3) expect(found[l]).toBe(0.6);
      else expect(found[l]).toBeAllclose(largest, FLOAT32);
    });
  });

  it('is twice the clip of what is not known better', async () => {
    const options = { mode: 'ternary' as const, projectionClip: 0.7 };
    expect(await labelSensitivities(matrices(), widths, options)).toEqual([1.4, 1.4]);
    expect(await labelSensitivities(device(matrices()), widths, { ...options, mode: 'dfa' })).toEqual([1.4, 1.4]);
  });

  it('leaves nothing behind', async () => {
    const feedback = matrices();
    await expect(() => labelSensitivities(feedback, widths, { mode: 'dfa' })).toLeakNothing();
  });

  it.each<[string, () => Feedback, 'dfa' | 'ternary']>([
    ['ternary codes', matrices, 'ternary'],
    ['a device', () => device(matrices()), 'dfa'],
  ])('has no bound for %s without a clip', async (_, make, mode) => {
    await expect(labelSensitivities(make(), widths, { mode })).rejects.toThrow(
      'opu-dfa.labelSensitivities: projectionClip must be given unless the mode is ' +
        "'dfa' with MatrixFeedback or SharedFeedback, got undefined.",
    );
    await expect(labelSensitivities(make(), widths, { mode, projectionClip: 0 })).rejects.toThrow(
      'opu-dfa.labelSensitivities: projectionClip must be a finite number > 0, got 0.',
    );
  });
});

describe('labelEvent', () => {
  it('adds up layers and output as Gaussians', () => {
    const { noiseMultiplier, samplingRate } = labelEvent({ sensitivities: [1, 2], sigma: 4, sigmaOutput: 2 });
    expect(noiseMultiplier).toBeAllclose((1 / 16 + 4 / 16 + 2 / 4) ** -0.5, FLOAT64);
    expect(samplingRate).toBeUndefined();
    expect(labelEvent({ sensitivities: [], sigma: 0, sigmaOutput: 3 }).noiseMultiplier).toBeAllclose(
      3 / Math.SQRT2,
      FLOAT64,
    );
  });

  it.each<[object, string]>([
    [{ sensitivities: [-1] }, 'sensitivities[0] must be a finite number >= 0, got -1.'],
    [{ sigma: 0 }, 'sigma must be a finite number > 0, got 0.'],
    [{ sigmaOutput: 0 }, 'sigmaOutput must be a finite number > 0, got 0.'],
    [{ sigmaOutput: undefined }, 'sigmaOutput must be a finite number > 0, got undefined.'],
  ])('refuses %o', (wrong, message) => {
    const options = { sensitivities: [1], sigma: 1, sigmaOutput: 1, ...wrong };
    expect(() => labelEvent(options)).toThrow(`opu-dfa.labelEvent: ${message}`);
  });
});

describe('labelGradients', () => {
  const M = 5;
  const [sigma, sigmaOutput] = [0.7, 0.3];
  beforeAll(() => useBackend('cpu'));

  function release(network: DfaNetwork, clip: number, noise: readonly tf.Tensor[] | random.Key): tf.NamedTensorMap {
    const { x, y } = examples(M, [3], C);
    const update = { ...checkUpdate('test', { sigma, clip: { projection: clip }, noise: [] }), noise: null };
    return tf.tidy(() => {
      const half = network.outward('gradients', x, y, update);
      const signals = network.signals(half, random.key(0));
      return labelGradients('test', network, half, signals, update, { sigmaOutput, noise }).gradients;
    });
  }

  it('is made of clipped projections and errors with noise, as a mean', () => {
    const network = smallNetwork();
    const noise = [6, 5, C].map((width, i) => random.normal(random.key(i), [M, width]));
    const gradients = release(network, 0.2, noise);
    const { x, y } = examples(M, [3], C);
    // By hand, from the forward pass on.
    const [first, second, last] = network.blocks.map(({ map }) => map) as [Map, Map, Map];
    const h1 = first.apply(x).tanh();
    const h2 = second.apply(h1).tanh();
    const target = tf.oneHot(y as tf.Tensor1D, C).toFloat() as tf.Tensor2D;
    const e = errorOf('softmaxCrossEntropy', last.apply(h2) as tf.Tensor2D, target);
    const signals = network.feedback!.signals(e, widths, random.key(0)) as tf.Tensor2D[];
    const arrived = signals.map((f, l) =>
      f.mul(tf.minimum(1, tf.div(0.2, f.norm(2, 1, true)))).add(noise[l]!.mul(sigma)),
    );
    const deltas = [
      arrived[0]!.mul(tf.sub(1, h1.square())),
      arrived[1]!.mul(tf.sub(1, h2.square())),
      e.add(noise[2]!.mul(sigmaOutput)),
    ];
    [x, h1, h2].forEach((h, l) => {
      const { kernel, bias } = network.blocks[l]!.map;
      expect(gradients[kernel.name]).toBeAllclose(tf.matMul(h, deltas[l]!, true, false).div(M), FLOAT32);
      expect(gradients[bias!.name]).toBeAllclose(deltas[l]!.mean(0), FLOAT32);
    });
    network.dispose();
  });

  it('has noise of sigma_o / sqrt(M) on the bias of the output, and of sigma on what is before', () => {
    const network = smallNetwork();
    const bias = network.blocks[2]!.map.bias!.name;
    const first = network.blocks[0]!.map.bias!.name;
    const n = 200;
    const draws = Array.from({ length: n }, (_, i) => release(network, 1e-9, random.key(i)));
    const squares = (name: string): number => {
      const values = draws.map((draw) => [...draw[name]!.dataSync()]);
      const means = values[0]!.map((_, j) => values.reduce((sum, row) => sum + row[j]!, 0) / n);
      const all = values.flatMap((row) => row.map((value, j) => (value - means[j]!) ** 2));
      return all.reduce((sum, value) => sum + value, 0) / (all.length - means.length);
    };
    // The estimate of a variance from K numbers is off by sqrt(2 / K).
    const allowed = (numbers: number): number => FIVE_SIGMA * Math.sqrt(2 / numbers);
    expect(Math.abs((squares(bias) * M) / sigmaOutput ** 2 - 1)).toBeLessThan(allowed(n * C));
    // Slopes of tanh are at most 1.
    expect((squares(first) * M) / sigma ** 2).toBeLessThan(1 + allowed(n * 6));
    expect((squares(first) * M) / sigma ** 2).toBeGreaterThan(0.1);
    network.dispose();
  });
});

type Map = DfaNetwork['blocks'][number]['map'];

/** A feedback that answers later and of which nothing is known. */
function device(inner: Feedback): Feedback {
  return {
    outputs: inner.outputs,
    compiles: false,
    variables: {},
    signals: (e, widths, key) => Promise.resolve(inner.signals(e, widths, key)),
    dispose: () => inner.dispose(),
  };
}
