import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  CraftSketch,
  HierarchicalSketch,
  PolynomialSketch,
  type ProjectedSketchOptions,
  type Weights,
} from '../src/index';

/** Rounding of float32, relative to the largest value. */
const ROUNDING = 1e-5;

const KERNEL = { inputDim: 5, degree: 3, gamma: 0.7, coef0: 0.4, variance: 1.7 };
const SKETCHES = [
  ['product, gaussian', PolynomialSketch, { projection: 'gaussian' }],
  ['product, srht', PolynomialSketch, { projection: 'srht' }],
  ['product, srht of several blocks', PolynomialSketch, { projection: 'srht', srhtBlocks: 'independent' }],
  ['tree', HierarchicalSketch, { projection: 'rademacher', hierarchy: 'tree' }],
  ['sequential', HierarchicalSketch, { projection: 'srht', hierarchy: 'sequential' }],
] as const;

const x = random.fillNormal(random.key(1), new Float32Array(6 * 5));
const matrix = (): tf.Tensor2D => tf.tensor2d(x, [6, 5]);

function closely(expected: tf.Tensor): { rtol: number; atol: number } {
  return { rtol: 0, atol: ROUNDING * expected.abs().max().dataSync()[0]! };
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(SKETCHES)('%s', (_name, Sketch, options) => {
    const make = (own: Partial<ProjectedSketchOptions> & { features: number; weights?: Weights }) =>
      new Sketch({ ...KERNEL, ...options, ...(own.weights === undefined && { key: 5 }), ...own });

    it("gives in mode 'ctr' the parts of the complex features, side by side", () => {
      const [ctr, complex] = [make({ features: 24 }), make({ features: 12, mode: 'complex' })];
      tf.tidy(() => {
        const phi = ctr.transform(matrix());
        const { re, im } = ctr.transformComplex(matrix());
        expect(tf.concat([re, im], 1)).toBeAllclose(phi, closely(phi));
        const { re: reC, im: imC } = complex.transformComplex(matrix());
        expect(tf.concat([reC, imC], 1)).toBeAllclose(phi, closely(phi));
      });
      [ctr, complex].forEach((sketch) => sketch.dispose());
    });

    it("estimates in mode 'ctr' the real part of the complex estimate with the same weights", () => {
      const complex = make({ features: 12, mode: 'complex' });
      const ctr = make({ features: 24, weights: complex.weights() });
      tf.tidy(() => {
        const { re, im } = complex.transformComplex(matrix());
        const estimate = tf.matMul(re, re, false, true).add(tf.matMul(im, im, false, true));
        expect(ctr.kernel(matrix())).toBeAllclose(estimate, closely(estimate));
      });
      [ctr, complex].forEach((sketch) => sketch.dispose());
    });

    it('leaves nothing behind', () => {
      const sketch = make({ features: 24 });
      const z = matrix();
      tf.dispose(Object.values(sketch.transformComplex(z)));
      expect(() => sketch.transformComplex(z)).toLeakNothing();
      sketch.dispose();
      z.dispose();
    });
  });
});

describe('modes', () => {
  beforeAll(() => useBackend('cpu'));
  const options = { inputDim: 3, features: 4, degree: 2, key: 0 };

  it('refuse what they cannot give', async () => {
    const complex = new PolynomialSketch({ ...options, mode: 'complex' });
    const fix = "Use transformComplex, or mode 'ctr' with twice as many features.";
    const message = (method: string): string =>
      `ctr-features.PolynomialSketch.${method}: mode must give real features, got "complex". ${fix}`;
    const z = tf.ones<tf.Rank.R2>([2, 3]);
    expect(() => complex.transform(z)).toThrow(new TypeError(message('transform')));
    expect(() => complex.kernel(z)).toThrow(new TypeError(message('transform')));
    await expect(complex.transformRows(z)).rejects.toThrow(new TypeError(message('transformRows')));
    await expect(complex.transformChunks([[[1, 2, 3]]]).next()).rejects.toThrow(
      new TypeError(message('transformChunks')),
    );
    const real = new HierarchicalSketch({ ...options, mode: 'real' });
    expect(() => real.transformComplex(z)).toThrow(
      new TypeError(`ctr-features.HierarchicalSketch.transformComplex: mode must be 'complex' or 'ctr', got "real".`),
    );
    expect(() => complex.transformComplex(z.transpose())).toThrow(
      new check.ShapeError(
        'ctr-features.PolynomialSketch.transformComplex: x must have shape [*, 3], got a float32 tensor of shape [3, 2].',
      ),
    );
    expect(() => new CraftSketch({ up: complex, features: 2, key: 0 })).toThrow(
      new TypeError(`ctr-features.CraftSketch: up.mode must give real features, got "complex". Take mode 'ctr'.`),
    );
    z.dispose();
  });
});
