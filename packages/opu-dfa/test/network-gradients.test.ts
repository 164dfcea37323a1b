import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { MatrixFeedback, type ActivationName, type DfaNetwork, type LossName, type Padding } from '../src/index';
import { ACTIVATION_NAMES, ACTIVATIONS } from '../src/network/activations';
import { LOSS_NAMES } from '../src/network/losses';
import { squaredNormsOf } from '../src/network/pass';
import type { TailDescription } from '../src/network/tail';
import { checkUpdate } from '../src/network/update-options';
import { deltasOf } from '../src/network/update';
import { tidied } from '../src/tidied';
import {
  autodiff,
  deepConvolutional,
  drawn,
  gradientsOnHost,
  smallConvolutional,
  smallDense,
  targetsFor,
} from './networks';

/** Two orders of the same float32 sums of some tens of terms of size 1. */
const ROUNDING = { rtol: 2e-5, atol: 2e-6 };

const meanLoss = (network: DfaNetwork, x: tf.Tensor, y: tf.Tensor) => (): tf.Scalar => network.losses(x, y).mean();

function expectSame(actual: Record<string, Float32Array>, expected: Record<string, Float32Array>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) expect(actual[name], name).toBeAllclose(values, ROUNDING);
}

/** The derivatives of sum z^l * stopgrad(f^l phi'(z^l)) / M and of the loss by the last layer, by autodiff. */
function surrogate(network: DfaNetwork, x: tf.Tensor, y: tf.Tensor): () => tf.Scalar {
  const feedback = network.feedback as MatrixFeedback;
  return () =>
    tf.tidy(() => {
      const [examples] = x.shape as [number];
      const error = network.predict(x).sub<tf.Tensor2D>(y);
      const matrices = Object.values(feedback.variables) as unknown as tf.Tensor2D[];
      let h = x;
      const parts: tf.Scalar[] = [];
      network.blocks.forEach(({ map, activation, tail }, l) => {
        // Inputs are constants here, so that nothing flows back past a layer.
        const z = map.apply(tf.tensor(h.dataSync(), h.shape));
        const through = (start: tf.Tensor): tf.Tensor =>
          (tail ?? []).reduce((out, part) => part.apply(out), ACTIVATIONS[activation].apply(start));
        const isLast = l === network.blocks.length - 1;
        const end = through(tf.tensor(z.dataSync(), z.shape));
        const signal = isLast ? error : tf.matMul(error, matrices[l]!).reshape(end.shape);
        const slope = isLast ? signal : tf.grad(through)(tf.tensor(z.dataSync(), z.shape), signal);
        parts.push(z.mul(tf.tensor(slope.dataSync(), slope.shape)).sum().div(examples));
        h = end;
      });
      return tf.addN(parts);
    });
}

const images: [string, Padding | 'same', [number, number], TailDescription[]][] = [
  ['valid', [0, 0, 0, 0], [1, 1], [{ kind: 'flatten' }]],
  ['same', 'same', [1, 1], [{ kind: 'maxPool', size: 2 }, { kind: 'flatten' }]],
  ['same and strided', 'same', [2, 2], [{ kind: 'averagePool', size: 2, strides: 1, padding: 'same' }, { kind: 'reshape', shape: [-1] }]], // prettier-ignore
  ['explicit and strided', [2, 1, 0, 1], [2, 1], [{ kind: 'globalAveragePool' }]],
  ['overlapping maxima, then an activation', [1, 1, 1, 0], [1, 2], [{ kind: 'maxPool', size: [3, 2], strides: [2, 1] }, { kind: 'activation', name: 'sigmoid' }, { kind: 'flatten' }]], // prettier-ignore
];

describe.each(backendsUnderTest())('gradients on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const x = (): tf.Tensor => drawn(30, [5, 4]);
  const pixels = (): tf.Tensor => drawn(32, [5, 7, 6, 2]);

  it.each(ACTIVATION_NAMES.flatMap((name) => LOSS_NAMES.map((loss) => [name, loss] as const)))(
    'back-propagated equal those of autodiff with %s and %s',
    (activation: ActivationName, loss: LossName) => {
      const network = smallDense({ activation, loss, isTransposed: loss === 'meanSquared' });
      const y = targetsFor(loss);
      expectSame(gradientsOnHost(network, x(), y, { mode: 'bp' }), autodiff(network, meanLoss(network, x(), y)));
      network.dispose();
    },
  );

  it.each(images)('of convolutions, %s, equal those of autodiff', (_, padding, strides, tail) => {
    const network = smallConvolutional({ padding, strides }, tail, { activation: 'sigmoid' });
    const y = targetsFor('softmaxCrossEntropy');
    const exact = autodiff(network, meanLoss(network, pixels(), y));
    expectSame(gradientsOnHost(network, pixels(), y, { mode: 'bp' }), exact);
    network.dispose();
  });

  it.each<[Padding | 'same', [number, number]]>([
    ['same', [1, 1]],
    ['same', [3, 2]],
    [
      [2, 0, 0, 1],
      [2, 1],
    ],
    [
      [0, 0, 0, 0],
      [3, 3],
    ],
  ])('go back through convolutions, padding %o and strides %o', (padding, strides) => {
    const network = deepConvolutional({ padding, strides });
    const y = targetsFor('softmaxCrossEntropy');
    const exact = autodiff(network, meanLoss(network, pixels(), y));
    expectSame(gradientsOnHost(network, pixels(), y, { mode: 'bp' }), exact);
    network.dispose();
  });

  it('go through a function of one’s own', () => {
    const window = { padding: 'same' as const, strides: [1, 1] as const };
    const network = smallConvolutional(window, [(h) => h.square().mean([1, 2])]);
    const y = targetsFor('softmaxCrossEntropy');
    const exact = autodiff(network, meanLoss(network, pixels(), y));
    expectSame(gradientsOnHost(network, pixels(), y, { mode: 'bp' }), exact);
    network.dispose();
  });

  it('by feedback are the derivatives of z * stopgrad(f phi′), and the last layer’s are exact', () => {
    const y = drawn(33, [5, 3]);
    const dense = smallDense({ loss: 'meanSquared', activation: 'softplus' });
    const fed = gradientsOnHost(dense, x(), y, { mode: 'dfa' });
    expectSame(fed, autodiff(dense, surrogate(dense, x(), y)));
    const exact = gradientsOnHost(dense, x(), y, { mode: 'bp' });
    for (const name of ['layers.2.weight', 'layers.2.bias']) expect(fed[name]).toEqual(exact[name]);
    expect(fed['layers.0.weight']).not.toBeAllclose(exact['layers.0.weight'], { rtol: 0.1 });
    dense.dispose();

    const [, padding, strides, tail] = images[4]!;
    const convolutional = smallConvolutional({ padding, strides }, tail);
    const labels = targetsFor('softmaxCrossEntropy');
    const oneHot = tf.oneHot(labels as tf.Tensor1D, 3).toFloat();
    const expected = autodiff(convolutional, surrogate(convolutional, pixels(), oneHot));
    expectSame(gradientsOnHost(convolutional, pixels(), labels, { mode: 'dfa' }), expected);
    convolutional.dispose();
  });

  it('by feedback are exact without hidden layers, and with the transposed weights of two layers', () => {
    const y = targetsFor('softmaxCrossEntropy');
    const linear = smallDense({ sizes: [4, 3] });
    for (const mode of ['dfa', 'ternary', 'last-layer'] as const) {
      expect(gradientsOnHost(linear, x(), y, { mode })).toEqual(gradientsOnHost(linear, x(), y, { mode: 'bp' }));
    }
    const twin = smallDense({ sizes: [4, 6, 3], feedback: null });
    const back = tidied(() => new MatrixFeedback([twin.blocks[1]!.map.kernel.transpose()]));
    const network = smallDense({ sizes: [4, 6, 3], feedback: back });
    expectSame(gradientsOnHost(network, x(), y), gradientsOnHost(twin, x(), y, { mode: 'bp' }));
    [linear, twin, network].forEach((each) => each.dispose());
  });

  it('of the last layer alone are zero elsewhere', () => {
    const network = smallDense();
    const y = targetsFor('softmaxCrossEntropy');
    const found = gradientsOnHost(network, x(), y, { mode: 'last-layer' });
    const exact = gradientsOnHost(network, x(), y, { mode: 'bp' });
    for (const [name, values] of Object.entries(found)) {
      expect(values, name).toEqual(name.startsWith('layers.2') ? exact[name] : exact[name]!.map(() => 0));
    }
    network.dispose();
  });

  it('leave frozen parameters out', () => {
    const network = smallDense();
    network.blocks[1]!.map.kernel.trainable = false;
    const { loss, gradients } = network.gradients(x(), targetsFor('softmaxCrossEntropy'));
    expect(Object.keys(gradients)).toHaveLength(5);
    expect(gradients[network.blocks[1]!.map.kernel.name]).toBeUndefined();
    tf.dispose([loss, gradients]);
    network.dispose();
  });

  it.each([
    ['dense', null],
    ['convolution, the filter’s side smaller', { padding: 'same' as const, strides: [1, 1] as const }],
    ['convolution, the windows’ side smaller', { padding: [0, 1, 0, 0] as const, strides: [3, 3] as const }],
  ])('have the norms of single examples without being made: %s', (_, window) => {
    for (const mode of ['bp', 'dfa'] as const) {
      const network = window
        ? smallConvolutional(window, [{ kind: 'maxPool', size: 2, strides: 1 }, { kind: 'flatten' }])
        : smallDense();
      const inputs = window ? pixels() : x();
      const y = targetsFor('softmaxCrossEntropy');
      const norms = tf.tidy(() => {
        const update = checkUpdate('test', { mode });
        const half = network.outward('test', inputs, y, update);
        const deltas = deltasOf(network.blocks, half, network.signals(half, update.key), update) as tf.Tensor[];
        return squaredNormsOf(network.blocks, half.pass, deltas).dataSync();
      });
      const explicit = Array.from({ length: 5 }, (_, i) => {
        const alone = [inputs, y].map((all) => tf.split(all, 5)[i]!) as [tf.Tensor, tf.Tensor];
        return Object.values(gradientsOnHost(network, ...alone, { mode }))
          .flatMap((values) => [...values])
          .reduce((sum, value) => sum + value ** 2, 0);
      });
      expect(norms).toBeAllclose(explicit, ROUNDING);
      network.dispose();
    }
  });

  it('clip slopes of linear layers too', () => {
    const network = smallDense({ activation: 'linear' });
    const y = targetsFor('softmaxCrossEntropy');
    const whole = gradientsOnHost(network, x(), y);
    const half = gradientsOnHost(network, x(), y, { clip: { slope: 0.5 } });
    const name = 'layers.0.weight';
    expect(half[name]).toBeAllclose(whole[name]!.map((value) => value / 2), ROUNDING); // prettier-ignore
    expect(gradientsOnHost(network, x(), y, { clip: { slope: 2 } })).toEqual(whole);
    network.dispose();
  });

  it('bear logits of any size, and one example', () => {
    for (const loss of LOSS_NAMES) {
      const network = smallDense({ loss, sizes: [4, 6, 3] });
      const y = targetsFor(loss);
      for (const scale of [1e4, 1e-30]) {
        const scaled = (loss === 'meanSquared' ? 1e-4 : 1) * scale;
        network.blocks[1]!.map.kernel.assign(tf.tidy(() => drawn(11, [6, 3]).mul(scaled)));
        const { loss: value, gradients } = network.gradients(x(), y);
        for (const tensor of [value, ...Object.values(gradients)]) {
          expect([...tensor.dataSync()].every((entry) => Number.isFinite(entry)), `${loss} ${scale}`).toBe(true); // prettier-ignore
        }
        tf.dispose([value, gradients]);
      }
      const [one, label] = [x().slice([0], [1]), y.slice([0], [1])];
      const exact = autodiff(network, meanLoss(network, one, label));
      expectSame(gradientsOnHost(network, one, label, { mode: 'bp' }), exact);
      network.dispose();
    }
  });

  it('change the loss as differences do', () => {
    const network = smallDense({ sizes: [4, 3, 3] });
    const y = targetsFor('softmaxCrossEntropy');
    const kernel = network.blocks[0]!.map.kernel;
    const start = Float32Array.from(kernel.dataSync());
    const exact = gradientsOnHost(network, x(), y, { mode: 'bp' })['layers.0.weight']!;
    const lossAt = (point: Float64Array): number => {
      kernel.assign(tf.tidy(() => tf.tensor2d(Float32Array.from(point), [4, 3])));
      return tf.tidy(() => network.losses(x(), y).mean().dataSync()[0]!);
    };
    // Of losses of size 1 float32 keeps 1e-7; over 2 h = 0.02 that is 1e-5, and truncation is h^2 = 1e-4 times less than 1.
    expect(exact).toBeAllclose(finiteDifferences(lossAt, start, 1e-2), { rtol: 0, atol: 1e-4 });
    network.dispose();
  });
});
