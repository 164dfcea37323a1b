import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { nn, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { networkFromModules, type NetworkPart } from '../src/network/modules';
import { tailPart } from '../src/network/tail';
import { autodiff, drawn, gradientsOnHost } from './networks';

/** float32 sums in another order. */
const ROUNDING = { rtol: 1e-5, atol: 1e-6 };

const [first, second, third] = random.split(random.key(3), 3) as [random.Key, random.Key, random.Key];

describe.each(backendsUnderTest())('networks of modules on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('compute what the modules do, have the gradients of autodiff, and train them in place', () => {
    const convolution = new nn.Conv2d(2, 3, [3, 2], { key: first, stride: [2, 1], padding: [1, 0, 0, 1] });
    const hidden = new nn.Linear(27, 6, { key: second });
    const last = new nn.Linear(6, 3, { key: third, bias: false });
    const parts: NetworkPart[] = [convolution, 'relu', { kind: 'maxPool', size: [1, 2] }, (h) => h.mul(2), 'flatten', hidden, 'tanh', last]; // prettier-ignore
    const network = networkFromModules(parts, { inputShape: [7, 7, 2], key: 0 });
    expect(Object.keys(network.parameters)).toEqual(['0.weight', '0.bias', '5.weight', '5.bias', '7.weight']);
    const [x, y] = [drawn(1, [4, 7, 7, 2]), tf.tensor1d([0, 1, 2, 0], 'int32')];
    const forward = (): tf.Tensor => {
      const images = tf.maxPool(tf.relu(convolution.forward(x)) as tf.Tensor4D, [1, 2], [1, 2], 'valid').mul(2);
      return last.forward(tf.tanh(hidden.forward(images.reshape([4, -1]))));
    };
    expect(tf.tidy(() => network.logits(x).dataSync())).toBeAllclose(
      tf.tidy(() => forward().dataSync()),
      ROUNDING,
    );
    const exact = autodiff(network, () => tf.losses.softmaxCrossEntropy(tf.oneHot(y, 3), forward()));
    const found = gradientsOnHost(network, x, y, { mode: 'bp' });
    for (const [name, values] of Object.entries(exact)) expect(found[name], name).toBeAllclose(values, ROUNDING);

    const before = Float32Array.from(convolution.weight.dataSync());
    const { loss, gradients } = network.gradients(x, y);
    tf.train.sgd(1).applyGradients(gradients);
    expect(convolution.weight.dataSync()).not.toBeAllclose(before, { rtol: 1e-4 });
    tf.dispose([loss, gradients, x, y]);
    expect(() => networkFromModules(parts, { inputShape: [7, 7, 2], key: 0 }).dispose()).toLeakNothing();
    network.dispose();
    expect(convolution.weight.isDisposed).toBe(false);
    [convolution, hidden, last].forEach((module) => module.dispose());
  });
});

describe('networkFromModules', () => {
  const linear = (inputs = 4, outputs = 3) => new nn.Linear(inputs, outputs, { key: null });
  const make = (parts: unknown[], options = {}) => networkFromModules(parts as NetworkPart[], { key: 0, ...options });
  const where = 'opu-dfa.networkFromModules';

  it('draws the feedback by its key, and takes one’s own', () => {
    const parts = [linear(4, 5), 'tanh', linear(5, 3)];
    const [one, same, other] = [0, 0, 1].map((key) => make(parts, { key }).feedback!.variables['feedback.0']!);
    expect(one!.shape).toEqual([3, 5]);
    expect(same!.dataSync()).toEqual(one!.dataSync());
    expect(other!.dataSync()).not.toEqual(one!.dataSync());
    const { feedback } = make(parts, { feedback: 'shared' });
    expect(make(parts, { feedback }).feedback).toBe(feedback);
    expect(make([linear()], {}).feedback).toBeNull();
  });

  it.each<[string, () => unknown[], ErrorConstructor, string]>([
    ['no parts', () => [], RangeError, ': the model must have a trained layer, got "none".'],
    ['another end', () => [linear(), 'relu'], RangeError, ': the model must end with a dense layer, without activation or with that of the loss, got "dense, relu".'], // prettier-ignore
    ['a function at the end', () => [linear(), (h: tf.Tensor) => h], RangeError, 'got "dense, linear, a function".'],
    ['an unknown name', () => [linear(), 'gelu', linear()], TypeError, ": parts[1] must be a Linear, a Conv2d, a function, a description, 'flatten' or one of tanh, relu, sigmoid, linear, softplus, elu, got \"gelu\"."], // prettier-ignore
    ['another module', () => [new nn.LayerNorm(4), linear()], TypeError, ': parts[0] must be a Linear'],
    ['an unknown kind', () => [{ kind: 'dropout' }, linear()], RangeError, ': parts[0]: kind must be one of "flatten", "reshape", "activation", "maxPool", "averagePool", "globalAveragePool", got "dropout".'], // prettier-ignore
    ['dilation', () => [new nn.Conv2d(1, 1, 3, { key: null, dilation: 2 }), linear()], RangeError, ': parts[0].dilation must be 1, got [2, 2].'], // prettier-ignore
    ['periodic padding', () => [new nn.Conv2d(1, 1, 3, { key: null, paddingMode: 'circular' }), linear()], RangeError, ": parts[0].paddingMode must be 'zeros', got \"circular\"."], // prettier-ignore
    ['no shape', () => ['flatten', linear()], TypeError, ': inputShape must be given, got undefined. Only a network that begins with a Linear tells it itself.'], // prettier-ignore
    ['the same module twice', () => { const one = linear(4, 4); return [one, 'tanh', one]; }, RangeError, 'block 2 must have parameters of its own'], // prettier-ignore
  ])('refuses %s', (_, parts, error, message) => {
    const made = parts();
    expect(() => make(made)).toThrow(error);
    expect(() => make(made)).toThrow(message);
  });

  it('refuses layers that do not fit together', () => {
    expect(() => make([linear(4, 5), 'tanh', linear(6, 3)])).toThrow(
      'opu-dfa.DfaNetwork: x must have the shape [M, 6], got a float32 tensor of shape [1, 5].',
    );
    expect(() => make([linear()], { loss: 'hinge' })).toThrow(`${where}: loss must be one of`);
  });

  it.each<[object, ErrorConstructor, string]>([
    [{ kind: 'maxPool', size: 0 }, RangeError, 'test: size must be an integer >= 1, got 0.'],
    [{ kind: 'maxPool', size: [2] }, TypeError, 'test: size must be a number or a pair of numbers, got [2].'],
    [{ kind: 'averagePool', size: 2, strides: [1, -1] }, RangeError, 'test: strides must be an integer >= 1, got -1.'],
    [
      { kind: 'maxPool', size: 2, padding: 'full' },
      RangeError,
      'test: padding must be one of "valid", "same", got "full".',
    ],
    [{ kind: 'reshape' }, TypeError, 'test: shape must be an array of lengths, got undefined.'],
    [{ kind: 'reshape', shape: [2.5] }, RangeError, 'test: shape must be an integer >= -1, got 2.5.'],
    [
      { kind: 'reshape', shape: [-1, -1] },
      RangeError,
      'test: shape must have lengths >= 1, and -1 at most once, got [-1, -1].',
    ],
    [{ kind: 'reshape', shape: [0] }, RangeError, 'lengths >= 1'],
    [{ kind: 'activation', name: 'gelu' }, RangeError, 'test: name must be one of "tanh"'],
  ])('refuses the description %o', (description, error, message) => {
    expect(() => tailPart('test', description as never)).toThrow(error);
    expect(() => tailPart('test', description as never)).toThrow(message);
  });
});
