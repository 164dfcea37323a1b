import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { spectral, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { CountSketch, TensorSketch, type Weights } from '../src/index';

/** Rounding of float32; scikit-learn computes in float64. Relative to the largest value. */
const ROUNDING = 5e-6;

const golden = (file: string): Golden => loadGolden(new URL(`./golden/authors/${file}`, import.meta.url));

function closely(expected: Float64Array): { rtol: number; atol: number } {
  return { rtol: 0, atol: ROUNDING * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

/** The hashes of PolynomialCountSketch, whose bias is the last coordinate and not the first. */
function hashesOf(file: Golden): Weights {
  const buckets = file.get('index_hash');
  const signs = file.get('bit_hash');
  const [degree, columns] = buckets.shape as [number, number];
  const line = (data: Float64Array, i: number): number[] => {
    const values = [...data.subarray(i * columns, (i + 1) * columns)];
    return [values.at(-1)!, ...values.slice(0, -1)];
  };
  return Object.fromEntries(
    Array.from({ length: degree }, (_, i): [string, Weights[string]][] => [
      [`ihash.${i}`, { dtype: 'I32', shape: [columns], data: Int32Array.from(line(buckets.data, i)) }],
      [`shash.${i}`, { dtype: 'F32', shape: [columns], data: Float32Array.from(line(signs.data, i)) }],
    ]).flat(),
  );
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([1, 2, 3, 4])('TensorSketch equals PolynomialCountSketch of scikit-learn, degree %i', async (degree) => {
    const file = golden(`sklearn_pcs_p${degree}.safetensors`);
    const { gamma, coef0, n_components } = file.metadata;
    const options = {
      inputDim: 9,
      features: Number(n_components),
      gamma: Number(gamma),
      coef0: Number(coef0),
      weights: hashesOf(file),
    };
    const sketches = [new TensorSketch({ ...options, degree }), ...(degree === 1 ? [new CountSketch(options)] : [])];
    const { data: expected } = file.get('phi_x');
    const x = file.get('x');
    for (const sketch of sketches) {
      const { data } = await sketch.transformRows({ data: x.data, shape: x.shape });
      expect(data).toBeAllclose(expected, closely(expected));
      // The kernels of the backend too, which transformRows may do without.
      tf.tidy(() => {
        const x_ND = tf.tensor2d(Float32Array.from(x.data), x.shape as [number, number]);
        const { value } = tf.valueAndGrad((z: tf.Tensor) => sketch.transform(z as tf.Tensor2D))(x_ND);
        expect(value.dataSync()).toBeAllclose(expected, closely(expected));
      });
      sketch.dispose();
    }
  });

  it.each([0, 1, 2, 3, 5, 8, 10])('the Walsh-Hadamard transform of 2^%i numbers is that of scipy', (bits) => {
    const file = golden('fwht.safetensors');
    const x = file.get(`x.${bits}`);
    const { data: expected } = file.get(`y.${bits}`);
    tf.tidy(() => {
      const y = spectral.walshHadamard(tf.tensor2d(Float32Array.from(x.data), x.shape as [number, number]));
      expect(y.dataSync()).toBeAllclose(expected, closely(expected));
    });
    const host = spectral.hostWalshHadamard(Float32Array.from(x.data), { length: 2 ** bits });
    expect(host).toBeAllclose(expected, closely(expected));
  });
});
