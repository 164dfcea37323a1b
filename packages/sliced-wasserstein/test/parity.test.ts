import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, type Golden, loadGolden } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { slicedWasserstein, slicedWassersteinDetailed, wasserstein1d, type Weights } from '../src';
import { kernels } from './kernels-alone';

vi.mock('../src/transport/row-costs', async (original) => (await import('./kernels-alone')).switchedRowCosts(original));

/** The stated tolerance of float32 against float64. */
const VALUE = 2e-5;
const GRADIENT = 1e-4;

const CASES = ['equal', 'unequal', 'weighted', 'weighted_unequal', 'ties', 'zero_weights', 'one_point', 'highdim'];

interface Case {
  x: tf.Tensor2D;
  y: tf.Tensor2D;
  theta: tf.Tensor2D;
  weights: Weights;
}

function caseOf(golden: Golden): Case {
  const cloud = (name: string): tf.Tensor2D =>
    tf.tensor2d(Float32Array.from(golden.get(name).data), golden.get(name).shape as [number, number]);
  const list = (name: string): object => (golden.names.includes(name) ? { [name]: golden.get(name).data } : {});
  return { x: cloud('x'), y: cloud('y'), theta: cloud('theta'), weights: { ...list('a'), ...list('b') } };
}

describe.each(backendsUnderTest())('distances of the reference on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each([
    { way: 'sorted on the host', alone: false },
    { way: 'sorted by kernels', alone: true },
  ])('$way', ({ alone }) => {
    beforeAll(() => void (kernels.alone = alone));
    afterAll(() => void (kernels.alone = false));

    it.each(CASES.flatMap((name) => [1, 2, 3].map((p) => ({ name, p }))))('sw_$name, p = $p', ({ name, p }) => {
      const golden = loadGolden(new URL(`golden/sw_${name}.safetensors`, import.meta.url));
      const { x, y, theta, weights } = caseOf(golden);
      const projected = (cloud: tf.Tensor2D): tf.Tensor2D => tf.matMul(cloud, theta, false, true);
      const perSlice = wasserstein1d(projected(x), projected(y), { p, ...weights });
      expect(perSlice).toBeAllclose(golden.get(`p${p}.wpp`).data, { rtol: VALUE, atol: 1e-7 });
      const distance = slicedWasserstein(x, y, { p, weights, slices: theta });
      expect(distance).toBeAllclose(golden.get(`p${p}.sw`).data[0]!, { rtol: VALUE, atol: 1e-7 });
      if (name === 'ties') return;
      const [gx, gy, gtheta] = tf.grads((...args: tf.Tensor[]) => {
        const [cloudX, cloudY, slices] = args as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        return slicedWasserstein(cloudX, cloudY, { p, weights, slices, root: false });
      })([x, y, theta]);
      for (const [name, gradient] of Object.entries({ grad_x: gx!, grad_y: gy!, grad_theta: gtheta! })) {
        const { data: expected, shape } = golden.get(`p${p}.${name}`);
        expect(gradient.shape).toEqual(shape);
        expect(gradient.dataSync()).toBeAllclose(expected, { rtol: 0, atol: GRADIENT * largest(expected) });
      }
    });
  });

  it('the largest over given slices', async () => {
    for (const name of CASES) {
      const golden = loadGolden(new URL(`golden/sw_${name}.safetensors`, import.meta.url));
      const { x, y, theta, weights } = caseOf(golden);
      const { perSlice } = await slicedWassersteinDetailed(x, y, { p: 2, weights, slices: theta });
      const expected = golden.get('p2.max_over_theta').data[0]!;
      expect(Math.sqrt(Math.max(...perSlice))).toBeAllclose(expected, { rtol: VALUE, atol: 1e-7 });
    }
  });
});

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
