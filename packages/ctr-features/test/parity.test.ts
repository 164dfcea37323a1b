import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { HierarchicalSketch, PolynomialSketch, TensorSketch, type Weights } from '../src/index';

const FOLDER = new URL('./golden/authors/', import.meta.url);
const files = readdirSync(FOLDER);

/** Rounding of float32 by the authors' order of operations and ours, relative to the largest value. */
const FEATURES = 2e-5;
/** The same where five factors were multiplied. */
const FEATURES_OF_DEGREE_5 = 1e-4;
const GRADIENTS = 2e-4;

const golden = (file: string): Golden => loadGolden(new URL(file, FOLDER));

function matrixOf(file: Golden, name: string): tf.Tensor2D {
  const { data, shape } = file.get(name);
  return tf.tensor2d(Float32Array.from(data), shape as [number, number]);
}

/** The entries of a golden file whose names have the prefix. */
function weightsOf(file: Golden): Weights {
  return Object.fromEntries(
    file.names.map((name) => {
      const { data, shape, dtype } = file.get(name);
      const integers = dtype === 'I32' || name.includes('perm');
      return [name, { dtype: integers ? 'I32' : 'F32', shape, data: integers ? Int32Array.from(data) : Float32Array.from(data) }]; // prettier-ignore
    }),
  );
}

function relativeTo(expected: Float64Array, tolerance: number): { rtol: number; atol: number } {
  return { rtol: 0, atol: tolerance * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const expectClose = (actual: tf.Tensor, file: Golden, name: string, tolerance: number): void => {
    const { data } = file.get(name);
    expect(actual.dataSync()).toBeAllclose(data, relativeTo(data, tolerance));
  };

  const sketches = files.filter((file) => file.startsWith('sketch_'));
  it.each(sketches)('%s', (name) => {
    const file = golden(name);
    const { projection, complex_weights, complex_to_real, full_cov, ...numbers } = file.metadata;
    const given = {
      inputDim: Number(numbers['d_in']),
      features: Number(numbers['D']),
      degree: Number(numbers['degree']),
      gamma: Number(numbers['lengthscale']) ** -2,
      coef0: Number(numbers['bias']),
      variance: Number(numbers['var']),
      weights: weightsOf(file),
    };
    const mode = complex_to_real === '1' ? 'ctr' : complex_weights === '1' ? 'complex' : 'real';
    const map = projection!.startsWith('countsketch')
      ? new TensorSketch(given)
      : new PolynomialSketch({
          ...given,
          mode,
          projection: projection as 'srht',
          srhtBlocks: full_cov === '1' ? 'shared' : 'independent',
        });
    const tolerance = given.degree >= 5 ? FEATURES_OF_DEGREE_5 : FEATURES;
    tf.tidy(() => {
      const x = matrixOf(file, 'x');
      const y = matrixOf(file, 'y');
      let loss: (x: tf.Tensor2D) => tf.Tensor;
      if (mode === 'complex') {
        const sketch = map as PolynomialSketch;
        const [phiX, phiY] = [sketch.transformComplex(x), sketch.transformComplex(y)];
        expectClose(phiX.re, file, 'phi_x.re', tolerance);
        expectClose(phiX.im, file, 'phi_x.im', tolerance);
        const product = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.matMul(a, b, false, true);
        expectClose(product(phiX.re, phiY.re).add(product(phiX.im, phiY.im)), file, 'k_hat.re', tolerance);
        const ofNorm = file.get('k_hat.re').data;
        expect(product(phiX.im, phiY.re).sub(product(phiX.re, phiY.im)).dataSync()).toBeAllclose(
          file.get('k_hat.im').data,
          relativeTo(ofNorm, tolerance),
        );
        loss = (z) => {
          const { re, im } = sketch.transformComplex(z);
          return re.square().sum().mul(0.5).add(im.mul(im).mul(im).sum());
        };
      } else {
        expectClose(map.transform(x), file, 'phi_x', tolerance);
        expectClose(map.kernel(x, y), file, 'k_hat', tolerance);
        loss = (z) => {
          const phi = map.transform(z);
          return phi.square().sum().mul(0.5).add(phi.mul(phi).mul(phi).sum().div(3));
        };
      }
      expectClose(tf.grad(loss as (x: tf.Tensor) => tf.Tensor)(x), file, 'grad_x', GRADIENTS);
    });
    map.dispose();
  });

  const hierarchies = files.filter((file) => /^(tree|seq)_/.test(file));
  it.each(hierarchies)('%s', (name) => {
    const file = golden(name);
    const [, projection, kind] = /_(gaussian|rademacher|srht)_(real|complex)_/.exec(name)!;
    const map = new HierarchicalSketch({
      inputDim: Number(file.metadata['d_in']),
      features: Number(file.metadata['D']),
      degree: Number(file.metadata['degree']),
      hierarchy: file.metadata['tree'] === '1' ? 'tree' : 'sequential',
      projection: projection as 'srht',
      mode: kind as 'real',
      srhtBlocks: 'independent',
      weights: weightsOf(file),
    });
    tf.tidy(() => {
      const x = matrixOf(file, 'x');
      if (kind === 'real') return expectClose(map.transform(x), file, 'phi_x', FEATURES);
      const { re, im } = map.transformComplex(x);
      expectClose(re, file, 'phi_x.re', FEATURES);
      expectClose(im, file, 'phi_x.im', FEATURES);
    });
    map.dispose();
  });
});
