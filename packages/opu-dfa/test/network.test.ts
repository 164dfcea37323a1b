import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, jit, random, tensorsIn, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ConvolutionMap,
  DenseMap,
  denseNetwork,
  DfaNetwork,
  MatrixFeedback,
  type Block,
  type DenseNetworkOptions,
  type Feedback,
  type UpdateOptions,
} from '../src/index';
import { drawn, gradientsOnHost, smallConvolutional, smallDense, targetsFor } from './networks';

const { BackendError, ShapeError } = check;

/** float32 sums in another order. */
const ROUNDING = { rtol: 1e-5, atol: 1e-6 };

/** The feedback of `smallDense` as a device would give it: later, and no tensor operation of a compiled step. */
function later(feedback: MatrixFeedback): Feedback {
  return {
    outputs: feedback.outputs,
    compiles: false,
    variables: feedback.variables,
    async signals(e, widths) {
      const kept = e.arraySync();
      await new Promise((resolve) => setTimeout(resolve));
      return tf.tidy(() => feedback.signals(tf.tensor2d(kept), widths));
    },
    dispose: () => feedback.dispose(),
  };
}

const sameFeedback = (): MatrixFeedback => MatrixFeedback.draw(random.key(9), 3, [6, 5]);
const hostValues = (tensors: tf.NamedTensorMap): Float32Array[] =>
  Object.values(tensors).map((tensor) => Float32Array.from(tensor.dataSync()));

describe.each(backendsUnderTest())('a network on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const x = (): tf.Tensor => drawn(30, [5, 4]);
  const labels = (): tf.Tensor => targetsFor('softmaxCrossEntropy');

  it('works in compiled functions, with fresh noise at each call and the same for the same key', () => {
    const network = smallDense();
    const options: UpdateOptions = { mode: 'ternary', threshold: 0.2, sigma: 0.5 };
    const name = network.blocks[0]!.map.kernel.name;
    const own = (key: random.Key): tf.Tensor => network.gradients(inputs, y, { ...options, key }).gradients[name]!;
    const [inputs, y] = [x(), labels()];
    const compiled = jit((key: random.Key) => tf.tidy(() => own(key)));
    const [first, second, again] = [random.key(1), random.key(2), random.key(1)].map((key) => compiled(key).dataSync());
    expect(second).not.toBeAllclose(first, { rtol: 0.1 });
    expect(again).toEqual(first);
    expect(first).toBeAllclose(
      tf.tidy(() => own(random.key(1)).dataSync()),
      ROUNDING,
    );
    network.dispose();
    tf.dispose([inputs, y]);
  });

  it('adds noise of the given spread, or the given noise', () => {
    const network = smallDense({ activation: 'linear', sizes: [4, 2000, 3] });
    const [inputs, y] = [x(), labels()];
    const bias = (options: UpdateOptions): Float32Array =>
      gradientsOnHost(network, inputs, y, options)['layers.0.bias']!;
    const plain = bias({ sigma: 0 });
    // Means over 5 examples of noise of 0.3: variance 0.09 / 5; that of 2000 is known to sqrt(2 / 2000) = 3.2 %, 5 of them.
    const squares = bias({ sigma: 0.3, key: 4 }).reduce((sum, value, i) => sum + (value - plain[i]!) ** 2, 0);
    expect(Math.abs(squares / 2000 / (0.09 / 5) - 1)).toBeLessThan(0.16);
    const noise = [tf.ones([5, 2000])];
    expect(bias({ sigma: 0.3, noise })).toBeAllclose(plain.map((value) => value + 0.3), ROUNDING); // prettier-ignore
    // Two layers of one width: noise of the first is no noise of the second.
    const twin = smallDense({ activation: 'linear', sizes: [4, 7, 7, 3] });
    const [none, some] = [{}, { sigma: 1, key: 4 }].map((options) => gradientsOnHost(twin, inputs, y, options));
    const drawnFor = (l: number): number[] =>
      Array.from(some![`layers.${l}.bias`]!, (value, i) => value - none![`layers.${l}.bias`]![i]!);
    expect(drawnFor(0)).not.toBeAllclose(drawnFor(1), { rtol: 0.1 });
    tf.dispose([noise, inputs, y]);
    [network, twin].forEach((each) => each.dispose());
  });

  it('takes feedback that answers later', async () => {
    const [network, twin] = [smallDense(), smallDense({ feedback: later(sameFeedback()) })];
    const [inputs, y] = [x(), labels()];
    const options: UpdateOptions = { mode: 'dfa', sigma: 0.1, key: 3, clip: { inputs: 0.5, projection: 0.3 } };
    const at = network.gradients(inputs, y, options);
    const found = await twin.gradientsAsync(inputs, y, options);
    hostValues(found.gradients).forEach((values, i) => {
      expect(values).toBeAllclose(hostValues(at.gradients)[i], ROUNDING);
    });
    expect(found.loss.dataSync()).toBeAllclose(at.loss.dataSync(), ROUNDING);
    const same = await network.gradientsAsync(inputs, y, options);
    expect(hostValues(same.gradients)).toEqual(hostValues(at.gradients));
    expect(() => twin.gradients(inputs, y)).toThrow(
      new BackendError(
        'opu-dfa.DfaNetwork.gradients: feedback must be made of tensor operations where gradients are wanted at once, got ' +
          '"a device". Await gradientsAsync instead.',
      ),
    );
    const exact = [network, twin].map((each) => gradientsOnHost(each, inputs, y, { mode: 'bp' }));
    expect(exact[1]).toEqual(exact[0]);
    expect(await twin.alignment(inputs, y)).toBeAllclose(await network.alignment(inputs, y), ROUNDING);
    tf.dispose(tensorsIn([at, found, same, inputs, y]));
    [network, twin].forEach((each) => each.dispose());
  });

  it('has an alignment of 1 with back-propagation, 0 where nothing moves, and the cosine between', async () => {
    const network = smallDense();
    const [inputs, y] = [x(), labels()];
    expect(await network.alignment(inputs, y, { mode: 'bp' })).toBeAllclose([1, 1], ROUNDING);
    expect(await network.alignment(inputs, y, { mode: 'last-layer' })).toEqual([0, 0]);
    const [fed, exact] = (['dfa', 'bp'] as const).map((mode) => gradientsOnHost(network, inputs, y, { mode }));
    const expected = [0, 1].map((l) => {
      const [a, b] = [fed, exact].map((all) => [...all![`layers.${l}.weight`]!]) as [number[], number[]];
      const dot = (p: number[], q: number[]): number => p.reduce((sum, value, i) => sum + value * q[i]!, 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    });
    expect(await network.alignment(inputs, y)).toBeAllclose(expected, ROUNDING);
    const linear = smallDense({ sizes: [4, 3] });
    expect(await linear.alignment(inputs, y)).toEqual([]);
    // Gradients whose squares float32 does not hold any more.
    const faint = smallDense({ loss: 'meanSquared', sizes: [4, 6, 3] });
    const targets = tf.tidy(() => faint.predict(inputs).add(drawn(40, [5, 3]).mul(1e-18)));
    const [cosine] = await faint.alignment(tf.zeros([5, 4]), targets);
    expect(Math.abs(cosine!)).toBeLessThanOrEqual(1 + 1e-5);
    [network, linear, faint].forEach((each) => each.dispose());
    tf.dispose([inputs, y, targets]);
  });

  it('takes labels or rows, and refuses labels outside', () => {
    const network = smallDense();
    const inputs = x();
    const rows = tf.tidy(() => tf.oneHot(labels() as tf.Tensor1D, 3).toFloat());
    expect(gradientsOnHost(network, inputs, rows)).toEqual(gradientsOnHost(network, inputs, labels()));
    for (const stray of [3, -1]) {
      const wrong = tf.tensor1d([0, 1, 2, stray, 0], 'int32');
      const message = `opu-dfa.DfaNetwork.gradients: y must have labels from 0 to 2, got ${stray}.`;
      expect(() => network.gradients(inputs, wrong)).toThrow(new RangeError(message));
      if (backend === 'onnx') {
        const compiled = jit((y: tf.Tensor) => network.losses(inputs, y));
        expect([...compiled(wrong).dataSync()].map((loss) => Number.isNaN(loss))).toEqual([
          ...[false, false, false],
          ...[true, false],
        ]);
        expect([...compiled(labels()).dataSync()].every((loss) => Number.isFinite(loss))).toBe(true);
      }
      wrong.dispose();
    }
    network.dispose();
    tf.dispose([inputs, rows]);
  });

  it('leaves nothing behind', async () => {
    const options = { inputs: 4, hidden: [6, 5], outputs: 3, key: 0 };
    for (const feedback of ['independent', 'shared'] as const) {
      expect(() => denseNetwork({ ...options, feedback }).dispose()).toLeakNothing();
    }
    const window = { padding: 'same' as const, strides: [1, 1] as const };
    const tail = [{ kind: 'maxPool', size: 2 }, { kind: 'flatten' }] as const;
    const networks = [smallDense(), smallConvolutional(window, tail)];
    for (const [i, network] of networks.entries()) {
      const [inputs, y] = [i === 0 ? x() : drawn(32, [5, 7, 6, 2]), labels()];
      expect(() => network.logits(inputs)).toLeakNothing();
      expect(() => network.predict(inputs)).toLeakNothing();
      expect(() => network.losses(inputs, y)).toLeakNothing();
      for (const mode of ['bp', 'dfa', 'ternary', 'last-layer'] as const) {
        const more = mode === 'dfa' ? { sigma: 0.1, key: 1, clip: { inputs: 1, slope: 0.5, projection: 1 } } : {};
        expect(() => network.gradients(inputs, y, { mode, ...more })).toLeakNothing();
      }
      await expect(() => network.gradientsAsync(inputs, y, { mode: 'dfa' })).toLeakNothing();
      await expect(() => network.alignment(inputs, y)).toLeakNothing();
      expect(inputs.isDisposed || y.isDisposed).toBe(false);
      network.dispose();
      expect(() => network.dispose()).toLeakNothing();
      tf.dispose([inputs, y]);
    }
  });
});

describe('a network', () => {
  beforeAll(() => useBackend('cpu'));

  const refused = (options: Partial<DenseNetworkOptions>): (() => DfaNetwork) => {
    return () => denseNetwork({ inputs: 4, hidden: [6], outputs: 3, key: 0, ...options });
  };

  it('has weights that do not depend on the feedback, within +-1 / sqrt(fan-in), and biases of 0', () => {
    const [first, second] = [refused({})(), refused({ feedback: 'shared' })()];
    const [own, other] = [first, second].map(({ parameters }) => hostValues(parameters));
    expect(own).toEqual(other);
    expect(Math.max(...own![0]!.map(Math.abs))).toBeLessThanOrEqual(0.5);
    expect(Math.max(...own![0]!.map(Math.abs))).toBeGreaterThan(0.4);
    expect([...own![1]!, ...own![3]!].every((value) => value === 0)).toBe(true);
    expect(Object.keys(first.parameters)).toEqual(['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']); // prettier-ignore
    [first, second].forEach((each) => each.dispose());
  });

  it('knows its outputs, without biases and with transposed weights too', () => {
    for (const options of [{}, { hasBias: false }, { hasBias: false, isTransposed: true }, { isTransposed: true }]) {
      const network = smallDense({ ...options, feedback: null });
      expect(network.outputs).toBe(3);
      network.dispose();
    }
  });

  it('does not work more by feedback than by back-propagation', async () => {
    const network = denseNetwork({ inputs: 784, outputs: 10, key: 0 });
    const [inputs, y] = [drawn(1, [4, 784]), tf.tensor1d([1, 2, 3, 4], 'int32')];
    const cost = async (mode: 'bp' | 'dfa' | 'ternary'): Promise<{ kernels: number; products: number }> => {
      const { kernels } = await tf.profile(() => network.gradients(inputs, y, { mode }).loss);
      const products = kernels.filter(({ name }) => name === 'BatchMatMul');
      const size = (shape: number[]): number => shape.reduce((all, length) => all * length, 1);
      // M N K multiplications: the root of the product of the sizes M N, N K and M K.
      const work = products.map(({ inputShapes, outputShapes }) =>
        Math.sqrt([...inputShapes, ...outputShapes].reduce((all, shape) => all * size(shape), 1)),
      );
      return { kernels: kernels.length, products: work.reduce((sum, one) => sum + one, 0) };
    };
    const [exact, fed] = [await cost('bp'), await cost('dfa')];
    expect(fed.kernels).toBeLessThanOrEqual(exact.kernels);
    expect(fed.products).toBeCloseTo(exact.products - 4 * 512 * (512 + 10) + 4 * 2 * 10 * 512, 0);
    network.dispose();
    tf.dispose([inputs, y]);
  });

  it.each<[Partial<DenseNetworkOptions>, ErrorConstructor, string]>([
    [{ inputs: 0 }, RangeError, 'inputs must be an integer >= 1, got 0.'],
    [{ outputs: 1.5 }, RangeError, 'outputs must be an integer >= 1, got 1.5.'],
    [{ hidden: [6, 0] }, RangeError, 'hidden[1] must be an integer >= 1, got 0.'],
    [
      { activation: 'gelu' as never },
      RangeError,
      'activation must be one of "tanh", "relu", "sigmoid", "linear", "softplus", "elu", got "gelu".',
    ],
    [
      { loss: 'hinge' as never },
      RangeError,
      'loss must be one of "softmaxCrossEntropy", "sigmoidCrossEntropy", "meanSquared", got "hinge".',
    ],
    [{ feedback: 'none' as never }, RangeError, 'feedback must be one of "independent", "shared", got "none".'],
    [
      { feedback: 'shared', feedbackScale: 1 },
      RangeError,
      "feedbackScale must be left out where feedback is not 'independent', got 1.",
    ],
    [{ key: 'x' as never }, TypeError, 'key must be a Key or a number, got "x". For a start take key: 0.'],
  ])('refuses the options %o', (options, error, message) => {
    expect(refused(options)).toThrow(error);
    expect(refused(options)).toThrow(`opu-dfa.denseNetwork: ${message}`);
    expect(() => {
      expect(refused(options)).toThrow();
    }).toLeakNothing();
  });

  it.each<[UpdateOptions, ErrorConstructor, string]>([
    [{ mode: 'fa' as never }, RangeError, 'mode must be one of "bp", "dfa", "ternary", "last-layer", got "fa".'],
    [{ threshold: -1 }, RangeError, 'threshold must be a finite number >= 0, got -1.'],
    [{ sigma: NaN, key: 0 }, RangeError, 'sigma must be a finite number >= 0, got NaN.'],
    [{ sigma: 1 }, TypeError, 'key must be given for sigma > 0, got undefined. For a start take key: 0.'],
    [{ mode: 'bp', sigma: 1, key: 0 }, RangeError, "sigma must be 0, got 1. Noise is a part of the feedback, which 'bp' has not."], // prettier-ignore
    [{ mode: 'bp', clip: { slope: 1 } }, RangeError, `clip must have no slope and projection, got ["slope"]. Those are limits of the feedback, which 'bp' has not.`], // prettier-ignore
    [{ clip: { inputs: 0 } }, RangeError, 'clip.inputs must be a finite number > 0, got 0.'],
    [{ clip: { norm: 1 } as never }, RangeError, 'a name in clip must be one of "inputs", "slope", "projection", got "norm".'], // prettier-ignore
    [{ sigma: 1, noise: [] }, ShapeError as never, 'noise[0] must have the shape [5, 6], got undefined.'],
  ])('refuses the update %o', async (update, error, message) => {
    const network = smallDense();
    const [inputs, y] = [drawn(30, [5, 4]), targetsFor('softmaxCrossEntropy')];
    const call = () => network.gradients(inputs, y, update);
    expect(call).toThrow(error);
    expect(call).toThrow(`opu-dfa.DfaNetwork.gradients: ${message}`);
    expect(() => {
      expect(call).toThrow();
    }).toLeakNothing();
    await expect(network.gradientsAsync(inputs, y, update)).rejects.toThrow(error);
    await expect(network.alignment(inputs, y, update)).rejects.toThrow(error);
    network.dispose();
    tf.dispose([inputs, y]);
  });

  it('refuses inputs and targets that do not fit', () => {
    const network = smallDense();
    const [inputs, y] = [drawn(30, [5, 4]), targetsFor('softmaxCrossEntropy')];
    const cases: [tf.Tensor, tf.Tensor, string][] = [
      [tf.zeros([5, 3]), y, 'opu-dfa.DfaNetwork: x must have the shape [M, 4], got a float32 tensor of shape [5, 3].'],
      [
        tf.zeros([0, 4]),
        tf.zeros([0, 3]),
        'opu-dfa.DfaNetwork.losses: x must have at least one example, got a float32 tensor of shape [0, 4].',
      ],
      [tf.scalar(1), y, 'opu-dfa.DfaNetwork'],
      [
        inputs,
        tf.zeros([5]),
        'opu-dfa.DfaNetwork.losses: y must have the shape [5, 3], or be int32 labels [5], got a float32 tensor of shape ' +
          '[5]. Labels of dtype float32 need y.toInt().',
      ],
      [inputs, tf.zeros([4], 'int32'), 'y must have the shape [5, 3], or be int32 labels [5]'],
      [inputs, tf.zeros([5, 2]), 'y must have the shape [5, 3], or be int32 labels [5]'],
    ];
    for (const [each, targets, message] of cases) {
      expect(() => network.losses(each, targets)).toThrow(ShapeError);
      expect(() => network.losses(each, targets)).toThrow(message);
    }
    const single = smallDense({ sizes: [4, 6, 1], loss: 'sigmoidCrossEntropy' });
    expect(() => single.losses(inputs, tf.zeros([5], 'int32'))).toThrow(
      'y must have the shape [5, 1], got a int32 tensor of shape [5]. y.expandDims(1) adds an axis.',
    );
    const alone = smallDense({ feedback: null });
    expect(() => alone.gradients(inputs, y)).toThrow(
      new RangeError("opu-dfa.DfaNetwork: feedback must be given where the mode is 'dfa' or 'ternary', got null."),
    );
    const window = { padding: [0, 0, 0, 0] as const, strides: [1, 1] as const };
    const images = smallConvolutional(window, [{ kind: 'flatten' }]);
    expect(() => images.logits(tf.zeros([1, 7, 6, 3]))).toThrow(
      new ShapeError(
        'opu-dfa.DfaNetwork: x must have the shape [M, H, W, 2] where it is convolved, got a float32 tensor of shape [1, 7, 6, 3].',
      ),
    );
    expect(() => images.logits(tf.zeros([1, 2, 6, 2]))).toThrow(
      new ShapeError(
        'opu-dfa.DfaNetwork: x must be as large as a window of 3 x 2 pixels where it is convolved, got a float32 tensor ' +
          'of shape [1, 2, 6, 2].',
      ),
    );
    inputs.dispose();
    expect(() => network.logits(inputs)).toThrow(
      'opu-dfa.DfaNetwork: x must not be disposed, got a float32 tensor of shape [5, 4].',
    );
    [network, single, alone, images].forEach((each) => each.dispose());
  });

  it('refuses blocks that make no network', () => {
    const dense = (name: string, inputs: number, outputs: number): Block => {
      const map = new DenseMap(tf.variable(tf.zeros([inputs, outputs])), null);
      return { name, map, activation: 'linear', tail: null };
    };
    const make = (blocks: Block[]) => () => new DfaNetwork({ blocks, loss: 'meanSquared', feedback: null });
    expect(make([])).toThrow(new RangeError('opu-dfa.DfaNetwork: blocks must have at least one block, got 0.'));
    expect(make([{ ...dense('a', 2, 2), activation: 'tanh' }])).toThrow(
      new RangeError(
        'opu-dfa.DfaNetwork: the last block must be linear, without a tail, got "tanh". The loss applies the softmax or ' +
          'sigmoid itself.',
      ),
    );
    expect(make([{ ...dense('a', 2, 2), tail: [] }])).toThrow('without a tail, got "a tail".');
    const map = new ConvolutionMap(tf.variable(tf.zeros([1, 1, 1, 1])), null, { strides: [1, 1], padding: 'same' });
    expect(make([{ ...dense('a', 2, 2), map }])).toThrow(
      new RangeError('opu-dfa.DfaNetwork: the last block must be dense, got a float32 tensor of shape [1, 1, 1, 1].'),
    );
    expect(make([dense('a', 2, 2), dense('a', 2, 2)])).toThrow(
      new RangeError('opu-dfa.DfaNetwork: the names of blocks must differ, got "a".'),
    );
    const twice = dense('a', 2, 2);
    expect(make([twice, { ...twice, name: 'b' }])).toThrow(
      new RangeError(
        'opu-dfa.DfaNetwork: block b must have parameters of its own, got a float32 tensor of shape [2, 2]. Feedback has ' +
          'no gradient of shared weights.',
      ),
    );
    expect(make([dense('a', 2, 2), { ...dense('b', 2, 2), entrance: [] }])).toThrow(
      new RangeError('opu-dfa.DfaNetwork: block b must have no entrance, as the first may, got "one".'),
    );
    expect(() => new DfaNetwork({ blocks: [twice], loss: 'mse' as never, feedback: null })).toThrow(RangeError);
  });
});
