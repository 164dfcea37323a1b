import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { networkFromLayersModel, type LayersNetworkOptions } from '../src/network/layers-model';
import { toLayersModel } from '../src/network/to-layers-model';
import { autodiff, drawn, gradientsOnHost, smallConvolutional, smallDense } from './networks';

const { ShapeError } = check;

/** float32 sums in another order. */
const ROUNDING = { rtol: 1e-5, atol: 1e-6 };

const sequential = (...layers: tf.layers.Layer[]): tf.Sequential => tf.sequential({ layers });
const { dense, conv2d, flatten, activation } = tf.layers;

/** Images [8, 8, 1], all kinds of layers that feedback goes through. */
const pictures = (): tf.Sequential =>
  sequential(
    tf.layers.reshape({ inputShape: [64], targetShape: [8, 8, 1] }),
    tf.layers.zeroPadding2d({ padding: [[1, 0], [0, 1]] }), // prettier-ignore
    conv2d({ filters: 3, kernelSize: [3, 2], strides: [2, 1], activation: 'relu', name: 'first' }),
    tf.layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same' }),
    conv2d({ filters: 4, kernelSize: 2, padding: 'same', useBias: false, name: 'second' }),
    tf.layers.averagePooling2d({ poolSize: [2, 2] }),
    activation({ activation: 'elu' }),
    flatten(),
    dense({ units: 6, activation: 'sigmoid', name: 'third' }),
    dense({ units: 3, name: 'fourth' }),
    activation({ activation: 'softmax' }),
  );

describe.each(backendsUnderTest())('models of tf.layers on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const x = (): tf.Tensor2D => drawn(30, [5, 64]) as tf.Tensor2D;
  const labels = (): tf.Tensor1D => tf.tensor1d([0, 2, 1, 1, 0], 'int32');

  it('predict the same as networks, and share their weights', () => {
    const model = pictures();
    const network = networkFromLayersModel(model, { key: 0 });
    expect(network.loss).toBe('softmaxCrossEntropy');
    expect(network.blocks.map(({ name }) => name)).toEqual(['first', 'second', 'third', 'fourth']);
    const expected = (): Float32Array => tf.tidy(() => (model.predict(x()) as tf.Tensor).dataSync()) as Float32Array;
    expect(tf.tidy(() => network.predict(x()).dataSync())).toBeAllclose(expected(), ROUNDING);
    const before = expected();
    const { loss, gradients } = network.gradients(x(), labels());
    tf.train.sgd(0.5).applyGradients(gradients);
    expect(expected()).not.toBeAllclose(before, { rtol: 1e-3 });
    expect(tf.tidy(() => network.predict(x()).dataSync())).toBeAllclose(expected(), ROUNDING);
    tf.dispose([loss, gradients]);
    network.dispose();
    expect(expected()).toHaveLength(15);
    model.dispose();
  });

  it('have the gradients of autodiff by back-propagation', () => {
    const model = pictures();
    const network = networkFromLayersModel(model, { key: 0 });
    const exact = autodiff(network, () =>
      tf.losses.softmaxCrossEntropy<tf.Tensor2D, tf.Scalar>(tf.oneHot(labels(), 3) as tf.Tensor2D, network.logits(x())),
    );
    const found = gradientsOnHost(network, x(), labels(), { mode: 'bp' });
    for (const [name, values] of Object.entries(exact)) expect(found[name], name).toBeAllclose(values, ROUNDING);
    network.dispose();
    model.dispose();
  });

  it('are made of networks again, with weights of their own', async () => {
    const model = pictures();
    const network = networkFromLayersModel(model, { key: 0 });
    const copy = toLayersModel(network, { inputShape: [64] });
    const expected = tf.tidy(() => network.predict(x()).dataSync());
    const predicted = (from: tf.LayersModel): Float32Array =>
      tf.tidy(() => (from.predict(x()) as tf.Tensor).dataSync()) as Float32Array;
    expect(predicted(copy)).toBeAllclose(expected, ROUNDING);

    let artifacts: tf.io.ModelArtifacts | undefined;
    const saved: tf.io.SaveResult = { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    const keep = (given: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
      artifacts = given;
      return Promise.resolve(saved);
    };
    await copy.save(tf.io.withSaveHandler(keep));
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
    expect(predicted(loaded)).toEqual(predicted(copy));
    const again = networkFromLayersModel(loaded, { key: 0 });
    expect(again.blocks.map(({ name, tail }) => [name, tail?.length ?? 0])).toEqual(
      network.blocks.map(({ name, tail }) => [name, tail?.length ?? 0]),
    );
    expect(tf.tidy(() => again.predict(x()).dataSync())).toBeAllclose(expected, ROUNDING);

    network.blocks[0]!.map.kernel.assign(tf.tidy(() => tf.zeros([3, 2, 1, 3])));
    expect(predicted(copy)).toBeAllclose(expected, ROUNDING);
    [network, again].forEach((each) => each.dispose());
    [model, copy, loaded].forEach((each) => each.dispose());
  });

  it('are made of dense networks of each loss, and of PyTorch’s layout', () => {
    for (const loss of ['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquared'] as const) {
      const network = smallDense({ loss, isTransposed: loss === 'meanSquared', hasBias: loss !== 'meanSquared' });
      const model = toLayersModel(network);
      const inputs = drawn(30, [5, 4]);
      const predicted = tf.tidy(() => (model.predict(inputs) as tf.Tensor).dataSync());
      expect(predicted).toBeAllclose(
        tf.tidy(() => network.predict(inputs).dataSync()),
        ROUNDING,
      );
      network.dispose();
      model.dispose();
      inputs.dispose();
    }
  });

  it('leave nothing behind', () => {
    const model = pictures();
    expect(() => networkFromLayersModel(model, { key: 0 }).dispose()).toLeakNothing();
    const network = networkFromLayersModel(model, { key: 0 });
    expect(() => toLayersModel(network, { inputShape: [64] }).dispose()).toLeakNothing();
    expect(() => {
      expect(() => toLayersModel(network, { inputShape: [63] })).toThrow(ShapeError);
    }).toLeakNothing();
    network.dispose();
    model.dispose();
  });
});

describe('networkFromLayersModel', () => {
  beforeAll(() => useBackend('cpu'));

  const from = (model: tf.LayersModel, options: Partial<LayersNetworkOptions> = {}) =>
    networkFromLayersModel(model, { key: 0, ...options });

  it('takes the last activation into the loss', () => {
    const ending = (last?: string) => sequential(dense({ inputShape: [4], units: 3, ...(last ? { activation: last as 'tanh' } : {}) })); // prettier-ignore
    expect(from(ending('softmax')).loss).toBe('softmaxCrossEntropy');
    expect(from(ending('sigmoid')).loss).toBe('sigmoidCrossEntropy');
    expect(from(ending(), { loss: 'meanSquared' }).loss).toBe('meanSquared');
    expect(from(ending(), { loss: 'softmaxCrossEntropy' }).loss).toBe('softmaxCrossEntropy');
    const where = 'opu-dfa.networkFromLayersModel';
    const losses = '"softmaxCrossEntropy", "sigmoidCrossEntropy", "meanSquared"';
    expect(() => from(ending())).toThrow(new RangeError(`${where}: loss must be one of ${losses}, got undefined.`));
    expect(() => from(ending('softmax'), { loss: 'meanSquared' })).toThrow(
      new RangeError(
        `${where}: loss must be 'softmaxCrossEntropy' where the last activation is softmax, got "meanSquared".`,
      ),
    );
    expect(() => from(ending('sigmoid'), { loss: 'softmaxCrossEntropy' })).toThrow(RangeError);
    expect(() => from(ending('tanh'), { loss: 'meanSquared' })).toThrow(
      new RangeError(
        `${where}: the model must end with a dense layer, without activation or with that of the loss, got "dense, tanh".`,
      ),
    );
  });

  it('leaves frozen layers as they are', () => {
    const model = sequential(
      dense({ inputShape: [4], units: 5, activation: 'tanh', trainable: false }),
      dense({ units: 3, activation: 'softmax' }),
    );
    const { gradients } = from(model).gradients(drawn(1, [2, 4]), tf.tensor1d([0, 1], 'int32'));
    expect(Object.keys(gradients)).toEqual(model.layers[1]!.weights.map((weight) => (weight.read() as tf.Variable).name)); // prettier-ignore
  });

  const input = { inputShape: [8, 8, 1] };
  const end = () => [flatten(), dense({ units: 3, activation: 'softmax' })];
  it.each<[string, () => tf.LayersModel, ErrorConstructor, string]>([
    [
      'a graph',
      () => {
        const a = tf.input({ shape: [4] });
        return tf.model({ inputs: a, outputs: dense({ units: 2 }).apply(a) as tf.SymbolicTensor });
      },
      TypeError,
      'model must be a tf.Sequential, got an object. Feedback goes to layers that follow one another.',
    ],
    [
      'batch norms',
      () => sequential(conv2d({ ...input, filters: 2, kernelSize: 3 }), tf.layers.batchNormalization({ name: 'norm' }), ...end()), // prettier-ignore
      RangeError,
      'the layer norm must be no BatchNormalization, got "BatchNormalization". It mixes the examples of a batch: no ' +
        'example has a gradient of its own, for feedback or for privacy.',
    ],
    [
      'dropout',
      () => sequential(flatten(input), tf.layers.dropout({ rate: 0.5, name: 'drop' }), ...end().slice(1)),
      RangeError,
      'the layer drop must be one of Dense, Conv2D, Activation, Reshape, ZeroPadding2D, Flatten, MaxPooling2D, AveragePooling2D, ' +
        'GlobalAveragePooling2D, got "Dropout". Feedback has no part for it: leave it out.',
    ],
    [
      'recurrence',
      () => sequential(tf.layers.simpleRNN({ inputShape: [4, 2], units: 3, name: 'memory' }), ...end().slice(1)),
      RangeError,
      'the layer memory must be one of Dense',
    ],
    [
      'other activations',
      () => sequential(flatten(input), dense({ units: 3, activation: 'swish', name: 'odd' }), ...end().slice(1)),
      RangeError,
      'the layer odd must have one of the activations tanh, relu, sigmoid, linear, softplus, elu, got "swish".',
    ],
    [
      'softmax in the middle',
      () => sequential(flatten(input), dense({ units: 3, activation: 'softmax', name: 'odd' }), ...end().slice(1)),
      RangeError,
      'the layer odd must be the last one where its activation is softmax, got "Dense".',
    ],
    [
      'dense layers on images',
      () => sequential(dense({ ...input, units: 3, name: 'odd' }), ...end()),
      RangeError,
      'the layer odd must get inputs of rank 2, got 4. Put a Flatten before it.',
    ],
    [
      'regularizers',
      () => sequential(flatten(input), dense({ units: 3, kernelRegularizer: 'l1l2', activation: 'softmax', name: 'odd' })), // prettier-ignore
      RangeError,
      'the layer odd must have no regularizers and constraints, got "kernelRegularizer". The optimiser may decay weights.',
    ],
    [
      'dilation',
      () => sequential(conv2d({ ...input, filters: 2, kernelSize: 2, dilationRate: 2, name: 'odd' }), ...end()),
      RangeError,
      'the layer odd must have no dilation, got [2, 2].',
    ],
    [
      'channels first',
      () => sequential(conv2d({ ...input, filters: 2, kernelSize: 1, dataFormat: 'channelsFirst', name: 'odd' }), ...end()), // prettier-ignore
      RangeError,
      'the layer odd must have channels last, got "channelsFirst".',
    ],
    [
      'padding twice',
      () => sequential(tf.layers.zeroPadding2d({ ...input, name: 'odd' }), conv2d({ filters: 2, kernelSize: 2, padding: 'same' }), ...end()), // prettier-ignore
      RangeError,
      'the layer odd must come before a Conv2D with padding valid, got "ZeroPadding2D".',
    ],
    [
      'padding before something else',
      () => sequential(tf.layers.zeroPadding2d({ ...input, name: 'odd' }), ...end()),
      RangeError,
      'the layer odd must come before a Conv2D with padding valid, got "ZeroPadding2D".',
    ],
    [
      'images to the end',
      () => sequential(conv2d({ ...input, filters: 2, kernelSize: 8, activation: 'softmax' }), flatten()),
      RangeError,
      'must be the last one where its activation is softmax',
    ],
    ['nothing that is trained', () => sequential(flatten(input)), RangeError, 'the model must have a trained layer, got "none".'], // prettier-ignore
    [
      'lengths that are open',
      () => sequential(conv2d({ inputShape: [null, 8, 1], filters: 2, kernelSize: 3 }), tf.layers.globalAveragePooling2d({}), ...end().slice(1)), // prettier-ignore
      ShapeError as never,
      'the inputs of the model must have a known shape, got ["open", 8, 1]. Give inputShape for an example.',
    ],
  ])('refuses %s', (name, make, error, message) => {
    const model = make();
    const options = name.startsWith('nothing') || name === 'a graph' ? ({ loss: 'meanSquared' } as const) : {};
    expect(() => from(model, options)).toThrow(error);
    expect(() => from(model, options)).toThrow(`${message}`);
    model.dispose();
  });

  it('takes the shape of an example where lengths are open', () => {
    const model = sequential(
      conv2d({ inputShape: [null, 8, 1], filters: 2, kernelSize: 3 }),
      tf.layers.globalAveragePooling2d({}),
      dense({ units: 3, activation: 'softmax' }),
    );
    const network = from(model, { inputShape: [8, 8, 1], feedback: 'shared' });
    expect(() => network.gradients(drawn(1, [2, 8, 8, 1]), tf.tensor1d([0, 1], 'int32'))).not.toThrow();
    network.dispose();
    model.dispose();
  });
});

describe('toLayersModel', () => {
  const window = { padding: 'same' as const, strides: [1, 1] as const };

  it('refuses what tf.layers has no layer for', () => {
    const network = smallConvolutional(window, [(h) => h.mean([1, 2])]);
    expect(() => toLayersModel(network)).toThrow(
      new TypeError(
        'opu-dfa.toLayersModel: inputShape must be given, got undefined. Only a network that begins with a dense layer ' +
          'tells it itself.',
      ),
    );
    expect(() => toLayersModel(network, { inputShape: [7, 6, 2] })).toThrow(
      new RangeError('opu-dfa.toLayersModel: block images must have no function of your own in its tail, got null.'),
    );
    const plain = smallConvolutional(window, [{ kind: 'flatten' }]);
    expect(() => toLayersModel(plain, { inputShape: [7, 6, 3] })).toThrow(
      /opu-dfa.toLayersModel: inputShape must fit the network, got \[7, 6, 3\]. opu-dfa.DfaNetwork: x must have the shape/,
    );
    const own = smallDense({ sizes: [4, 3] });
    const odd = { ...own.blocks[0]!.map, apply: () => tf.zeros([1, 3]) } as never;
    (own.blocks[0] as { map: unknown }).map = odd;
    expect(() => toLayersModel(own, { inputShape: [4] })).toThrow(
      new RangeError('opu-dfa.toLayersModel: block layers.0 must be dense or a convolution, got an object.'),
    );
    [network, plain].forEach((each) => each.dispose());
  });
});
