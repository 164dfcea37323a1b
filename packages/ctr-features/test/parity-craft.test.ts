import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { CraftSketch, PolynomialSketch, type Weights } from '../src/index';

/** Rounding of float32 by the authors' order of operations and ours, relative to the largest value. */
const ROUNDING = 5e-6;

const file = loadGolden(new URL('./golden/authors/craft.safetensors', import.meta.url));

function weightsOf(prefix: string, rest = prefix): Weights {
  const names = file.names.filter((name) => name.startsWith(prefix));
  return Object.fromEntries(
    names.map((name): [string, Weights[string]] => {
      const { data, shape, dtype } = file.get(name);
      const numbers = dtype === 'I32' ? Int32Array.from(data) : Float32Array.from(data);
      return [name.slice(rest.length), { dtype, shape, data: numbers }];
    }),
  );
}

function closely(expected: Float64Array): { rtol: number; atol: number } {
  return { rtol: 0, atol: ROUNDING * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('CraftSketch has the features of the authors', async () => {
    const up = new PolynomialSketch({
      inputDim: 15,
      features: 64,
      degree: 3,
      gamma: 0.5,
      coef0: 0.5,
      weights: weightsOf('up.'),
    });
    const craft = new CraftSketch({ up, features: 16, weights: weightsOf('down.', '') });
    const { data, shape } = file.get('x');
    const [upFeatures, features] = ['up_features', 'features'].map((name) => file.get(name).data) as [
      Float64Array,
      Float64Array,
    ];
    expect((await up.transformRows({ data, shape })).data).toBeAllclose(upFeatures, closely(upFeatures));
    expect((await craft.transformRows({ data, shape })).data).toBeAllclose(features, closely(features));
    tf.tidy(() => {
      const x_ND = tf.tensor2d(Float32Array.from(data), shape as [number, number]);
      const { value } = tf.valueAndGrad((z: tf.Tensor) => craft.transform(z as tf.Tensor2D))(x_ND);
      expect(value.dataSync()).toBeAllclose(features, closely(features));
    });
    craft.dispose();
  });
});
