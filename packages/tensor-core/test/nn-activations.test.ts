import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import { gelu, silu } from '../src/nn';
import { backendsUnderTest } from '../src/testing';

/** erf by its Taylor series below 3, by the continued fraction of erfc above, in float64. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a >= 3) {
    let fraction = 0;
    for (let k = 100; k >= 1; k--) fraction = k / 2 / (a + fraction);
    return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
  }
  let [sum, term] = [0, x];
  for (let n = 0; n < 80; n++) {
    sum += term / (2 * n + 1);
    term *= -(x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const points = Float32Array.from({ length: 2001 }, (_, i) => -10 + i / 100);

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('gelu is within 2e-7 max(1, |x|) of the exact value', () => {
    const y = gelu(tf.tensor1d(points)).dataSync();
    const errors = [...points].map((x, i) => {
      return Math.abs(y[i]! - (x / 2) * (1 + erf(x / Math.SQRT2))) / Math.max(1, Math.abs(x));
    });
    expect(Math.max(...errors)).toBeLessThan(2e-7);
  });

  it('gelu has the derivative Phi(x) + x phi(x)', () => {
    const slope = tf.grad((x: tf.Tensor) => gelu(x).sum())(tf.tensor1d(points));
    const exact = [...points].map(
      (x) => (1 + erf(x / Math.SQRT2)) / 2 + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
    );
    expect(slope).toBeAllclose(Float64Array.from(exact), { rtol: 1e-6, atol: 1e-6 });
  });

  it('silu is x / (1 + exp(-x)), far from 0 too', () => {
    const far = Float32Array.of(...points, -1e3, 1e3, -60, 60);
    const exact = Float64Array.from(far, (x) => x / (1 + Math.exp(-x)));
    expect(silu(tf.tensor1d(far))).toBeAllclose(exact, { rtol: 2e-6, atol: 1e-7 });
  });

  it('leave nothing behind', () => {
    const x = tf.tensor1d(points);
    expect(() => gelu(x)).toLeakNothing();
    expect(() => silu(x)).toLeakNothing();
  });
});
