import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { ShapeError } from '../src/check';
import { maxError, nmse, nrmse, rmse, vrmse } from '../src/metrics';
import { backendsUnderTest, finiteDifferences, loadGolden } from '../src/testing';
import { values } from './values';

const golden = loadGolden(new URL('golden/metrics/fields.safetensors', import.meta.url));
// Both sides are float32 means of up to 64 squares.
const FLOAT32_MEANS = { rtol: 1e-5, atol: 1e-7 };
const SPACE = { axes: [2, 3] };

function goldenTensor(name: string): tf.Tensor {
  const { data, shape } = golden.get(name);
  return tf.tensor(Float32Array.from(data), shape);
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe.each(['c0', 'c1', 'c2'])('golden case %s', (name) => {
    it('gives the values of the reference', () => {
      const [out, target] = [goldenTensor(`${name}.out`), goldenTensor(`${name}.target`)];
      const flat = goldenTensor(`${name}.raw`).squeeze([2, 3]);
      expect(nmse(out, target, SPACE)).toBeAllclose(flat, FLOAT32_MEANS);
      expect(nrmse(out, target, SPACE).mean()).toBeAllclose(golden.get(`${name}.nrmse_mean`).data[0], FLOAT32_MEANS);
      expect(vrmse(out, target, SPACE)).toBeAllclose(golden.get(`${name}.well_vrmse`), FLOAT32_MEANS);
      expect(maxError(out, target, SPACE)).toBeAllclose(golden.get(`${name}.linf`), FLOAT32_MEANS);
    });

    it('has the gradient of the reference', () => {
      const target = goldenTensor(`${name}.target`);
      const loss = (out: tf.Tensor): tf.Scalar => nmse(out, target, SPACE).mean().div(5);
      const gradient = tf.grad(loss)(goldenTensor(`${name}.out`));
      const expected = golden.get(`${name}.grad_out`);
      const scale = Math.max(...expected.data.map(Math.abs));
      expect(gradient).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-5 * scale });
    });
  });

  it('scores 1 for the mean as prediction (vrmse) and for zero (nrmse)', () => {
    const target = values([2, 16, 16, 3]).add(5);
    const mean = target.mean([1, 2], true).add(tf.zerosLike(target));
    // The mean of N - 1 against N: sqrt(255/256) = 0.998.
    expect(vrmse(mean, target)).toBeAllclose(tf.fill([2, 3], Math.sqrt(255 / 256)), { rtol: 1e-4 });
    expect(nrmse(tf.zerosLike(target), target)).toBeAllclose(tf.ones([2, 3]), { rtol: 1e-5 });
  });

  it('measures a large, even field by its variation', () => {
    const target = values([1, 8, 8, 1]).mul(1e-2).add(100);
    const error = Array.from(target.sub(100).dataSync(), (v) => v * v);
    const spread = Math.sqrt((1e-6 * 64) / error.reduce((a, b) => a + b));
    // float32 keeps variations of 1e-2 on 100 to 4e-6 absolute, 1e-3 relative.
    expect(vrmse(target.add(1e-3), target, { eps: 0 })).toBeAllclose([[spread]], { rtol: 2e-2 });
  });

  it('rmse is sqrt(nmse) in units of the field, with axes counted from the end too', () => {
    const [x, y] = [values([3, 4, 5], 1), values([3, 4, 5], 2)];
    const byHand = tf.sqrt(tf.squaredDifference(x, y).mean([1, 2]));
    expect(rmse(x, y)).toBeAllclose(byHand);
    expect(rmse(x, y, { axes: [-2, -1] })).toBeAllclose(byHand);
    expect(
      nmse(x, y, { eps: 0.5 })
        .mul(y.square().mean([1, 2]).add(0.5))
        .sqrt(),
    ).toBeAllclose(byHand);
  });

  it('is the same in a compiled function and leaves nothing behind', () => {
    const [x, y] = [values([2, 4, 4, 2], 1), values([2, 4, 4, 2], 2)];
    const all = (a: tf.Tensor, b: tf.Tensor): tf.Tensor[] => [nmse, nrmse, vrmse, rmse, maxError].map((f) => f(a, b));
    jit(all)(x, y).forEach((result, i) => expect(result).toBeAllclose(all(x, y)[i]));
    expect(() => all(x, y)).toLeakNothing();
  });
});

describe('vrmse', () => {
  it('has the gradient that differences give', async () => {
    await useBackend('cpu');
    const y = values([1, 3, 3, 1], 2);
    const f = (x: tf.Tensor): tf.Scalar => vrmse(x, y).asScalar();
    const x = values([1, 3, 3, 1], 1);
    const differences = finiteDifferences(
      (p) => f(tf.tensor(Float32Array.from(p), [1, 3, 3, 1])).dataSync()[0]!,
      x.dataSync(),
      1e-2,
    );
    // Rounding 1e-7 / 1e-2 and truncation 1e-4.
    expect(tf.grad(f)(x).flatten()).toBeAllclose(differences, { rtol: 1e-2, atol: 1e-3 });
  });
});

describe('bad input', () => {
  const x = tf.zeros([2, 4, 4, 1]);
  const y = tf.zeros([2, 4, 4]);
  it.each([
    ['nmse: prediction must have shape [2, 4, 4], got a float32 tensor', () => nmse(x, y), ShapeError],
    ['nmse: eps must be a finite number >= 0, got -1', () => nmse(x, x, { eps: -1 }), RangeError],
    ['nrmse: axes must be an integer >= -4 and <= 3, got 4', () => nrmse(x, x, { axes: [4] }), RangeError],
    ['rmse: axes must name at least one axis', () => rmse(x, x, { axes: [] }), RangeError],
    ['maxError: axes must differ, got [1, -3]', () => maxError(x, x, { axes: [1, -3] }), RangeError],
    ['vrmse: target must have at least two points in space', () => vrmse(x, x, { axes: [3] }), ShapeError],
  ])('%s', (message, call, error) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
    expect(() => {
      expect(call).toThrow();
    }).toLeakNothing();
  });
});
