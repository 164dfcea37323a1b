import * as tf from '@tensorflow/tfjs';
import { check, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolynomialSketch } from '../src/index';
import { polynomialSketch, SketchLayer, type SketchLayerConfig } from '../src/sketches/sketch-layer';

const KERNEL = { features: 12, degree: 2, gamma: 0.8, coef0: 0.5, variance: 1.3 };
const LEARN = ['gamma', 'coef0', 'variance'] as const;

describe('a layer', () => {
  beforeAll(() => useBackend('cpu'));

  it('is what tf.loadLayersModel knows as SketchLayer', () => {
    expect(tf.serialization.SerializationMap.getMap().classNameMap['SketchLayer']?.[0]).toBe(SketchLayer);
    expect(polynomialSketch({ ...KERNEL, key: 0 }).getClassName()).toBe('SketchLayer');
  });

  it('has a configuration that is plain data', () => {
    const layer = polynomialSketch({ ...KERNEL, key: 5, learn: ['variance'], name: 'phi', inputShape: [5] });
    expect(layer.getConfig()).toEqual({
      ...KERNEL,
      kind: 'product',
      key: { algorithm: 'threefry2x32', words: [0, 5] },
      learn: ['variance'],
      name: 'phi',
      trainable: true,
      batchInputShape: [null, 5],
      dtype: 'float32',
    });
    expect(new SketchLayer(layer.getConfig() as unknown as SketchLayerConfig).getConfig()).toEqual(layer.getConfig());
  });

  it('may be used twice in a model, and is disposed with the last', () => {
    const layer = polynomialSketch({ ...KERNEL, key: 0 });
    const inputs = [tf.input({ shape: [5] }), tf.input({ shape: [5] })];
    const outputs = inputs.map((input) => layer.apply(input) as tf.SymbolicTensor);
    const [first, second] = inputs.map((input, i) => tf.model({ inputs: input, outputs: outputs[i]! }));
    const { numTensors } = tf.memory();
    const z = tf.ones([2, 5]);
    (first!.predict(z) as tf.Tensor).dispose();
    first!.dispose();
    (second!.predict(z) as tf.Tensor).dispose();
    second!.dispose();
    z.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it('is frozen by trainable: false', () => {
    const layer = polynomialSketch({ ...KERNEL, key: 0, learn: LEARN, trainable: false, inputShape: [5] });
    layer.build([null, 5]);
    expect(layer.trainableWeights).toHaveLength(0);
    expect(layer.nonTrainableWeights).toHaveLength(3);
    layer.weights.forEach((log) => log.dispose());
  });

  const where = 'ctr-features.SketchLayer';
  type Refusal = [Record<string, unknown>, new (message: string) => Error, string];
  it.each<Refusal>([
    [{ kind: 'count' }, RangeError, `${where}: kind must be one of "product", "hierarchical", "tensor", got "count".`],
    [{ kind: 'tensor', mode: 'ctr' }, TypeError, `${where}: mode must be left out for kind "tensor", got "ctr".`],
    [{ hierarchy: 'tree' }, TypeError, `${where}: hierarchy must be left out for kind "product", got "tree".`],
    [{ mode: 'complex' }, TypeError, `${where}: mode must be 'real' or 'ctr', got "complex".`],
    [{ degree: 0 }, RangeError, `${where}: degree must be an integer >= 1, got 0.`],
    [{ gamma: -1 }, RangeError, `${where}: gamma must be a finite number > 0, got -1.`],
    [
      { features: 3 },
      RangeError,
      "ctr-features.PolynomialSketch: features must be even for mode 'ctr' (as many real as imaginary parts), got 3.",
    ],
    [
      { learn: ['gamma', 'degree'] },
      RangeError,
      `${where}: learn[1] must be one of "gamma", "coef0", "variance", got "degree".`,
    ],
    [
      { learn: ['coef0'], coef0: 0 },
      RangeError,
      `${where}: coef0 must be > 0 to be learnt, got 0. Its logarithm is what is learnt.`,
    ],
    [
      { key: undefined },
      TypeError,
      `${where}: options must have either key or weights, got "neither". For a start take key: 0.`,
    ],
    [
      { weights: {} },
      TypeError,
      `${where}: options must have either key or weights, got "both". For a start take key: 0.`,
    ],
    [
      { key: undefined, weights: 'abc' },
      check.FormatError,
      `${where}: weights must be tensors by name, or a safetensors file in hexadecimal digits, got "abc".`,
    ],
    [
      { key: undefined, weights: 'zz' },
      check.FormatError,
      `${where}: weights must be tensors by name, or a safetensors file in hexadecimal digits, got "zz".`,
    ],
    [
      { key: { algorithm: 'mt19937' } },
      check.FormatError,
      "tensor-core.keyFromJSON: json must be { algorithm: 'threefry2x32', words: [two 32-bit integers] }, got an object.",
    ],
  ])('refuses %o', (config, type, message) => {
    expect(() => new SketchLayer({ ...KERNEL, key: 0, ...config })).toThrow(new type(message));
  });

  it('refuses inputs that do not fit it', () => {
    const layer = polynomialSketch({ ...KERNEL, key: 0 });
    expect(() => layer.build([null, null])).toThrow(
      new check.ShapeError(`${where}: the last axis of the input must have a known length, got null.`),
    );
    const weights = new PolynomialSketch({ ...KERNEL, inputDim: 5, key: 0 }).weights();
    const given = polynomialSketch({ ...KERNEL, weights });
    expect(() => given.build([null, 9])).toThrow(
      new check.ShapeError(
        'ctr-features.PolynomialSketch: weights["rad.0.re"] must have the shape [1, 1, 16], got [1, 1, 8].',
      ),
    );
    layer.build([null, 5]);
    const wide = tf.zeros([2, 6]);
    expect(() => layer.apply(wide)).toThrow(/expected axis -1 of input shape to have value 5 but got shape 2,6/);
    const line = tf.zeros([5]);
    expect(() => layer.apply(line)).toThrow(/expected min_ndim=2/);
    tf.dispose([wide, line]);
  });
});
