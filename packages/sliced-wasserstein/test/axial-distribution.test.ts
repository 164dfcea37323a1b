import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { backend as backends, check, jit, linalg, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { logSphereArea } from '../src/slices/axial-distribution';
import { axialFromJSON, makeAxial } from '../src/slices/axial-json';
import { axialSlices } from '../src/slices/axial-slices';
import { VonMisesFisher } from '../src/slices/von-mises-fisher';
import { CosineOracle, distributionOf, FAMILIES, meanOf } from './axial-support';

/** Simpson's rule with 4000 panels of densities whose features are 30 panels wide or wider. */
const QUADRATURE = 1e-8;
/** Rounding of float32 entries of unit vectors, and of the sum of a thousand squares. */
const UNIT = 1e-6;
/** A mean of normal deviates is farther off once in 1 700 000 cases. */
const STANDARD_ERRORS = 5;
/** Kolmogorov's statistic of n draws exceeds this over sqrt n in one of a thousand cases: 2 exp(-2 1.95^2). */
const KOLMOGOROV = 1.95;
/** Central differences with step 1e-5 of float64 functions. */
const DIFFERENCES = 1e-7;

/** Dimensions and concentrations from uniform to a few degrees wide. */
const SHAPES: [number, number][] = [
  [2, 0],
  [2, 1.5],
  [3, 40],
  [5, 2],
  [5, 200],
  [50, 30],
];
const CASES = FAMILIES.flatMap((family) => SHAPES.map(([d, kappa]) => [family, d, kappa] as const));

describe.each(backendsUnderTest())('axial distributions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(FAMILIES)('%s has slices of norm 1 whose cosines are those it tells', (family) => {
    for (const [d, kappa] of [
      [2, 3],
      [3, 1e5],
      [1000, 1e5],
      [1000, 0],
    ] as const) {
      const distribution = distributionOf(family, d, kappa);
      const theta = distribution.sample(20, random.key(1));
      expect([theta.shape, theta.dtype]).toEqual([[20, d], 'float32']);
      const norms = tf.tidy(() => theta.norm('euclidean', 1).dataSync());
      expect(norms).toBeAllclose(new Float32Array(20).fill(1), { rtol: 0, atol: UNIT });
      const mu = tf.tensor2d(Float32Array.from(distribution.mu), [d, 1]);
      const w = tf.tidy(() => tf.matMul(theta, mu).dataSync());
      expect(w).toBeAllclose(distribution.drawCosines(20, random.key(1)).w, { rtol: 0, atol: UNIT });
      tf.dispose([theta, mu]);
    }
  });

  it.each(FAMILIES)('%s draws the same slices by sample, draw and rsample, others with another key', (family) => {
    const distribution = distributionOf(family, 4, 2);
    const values = (theta: tf.Tensor): tf.TypedArray => {
      const data = theta.dataSync();
      theta.dispose();
      return data;
    };
    const expected = values(distribution.sample(9, random.key(5)));
    expect(values(distribution.rsample(9, random.key(5)))).toEqual(expected);
    const { theta, w, oneMinusW, slope } = distribution.draw(9, random.key(5));
    expect(Float32Array.from(theta)).toEqual(Float32Array.from(expected));
    expect({ w, oneMinusW, slope }).toEqual({ ...distribution.drawCosines(9, random.key(5)) });
    expect(w).toBeAllclose(
      oneMinusW.map((rest) => 1 - rest),
      { rtol: 0, atol: 0 },
    );
    expect(values(distribution.sample(9, random.key(6)))).not.toEqual(expected);
  });

  it.each(FAMILIES)('%s leaks nothing and is refused in compiled functions', (family) => {
    const distribution = distributionOf(family, 3, 2);
    const logKappa = tf.scalar(0.3);
    const mu = tf.tensor1d([1, 2, 3]);
    const key = random.key(2);
    expect(() => distribution.sample(5, key)).toLeakNothing();
    expect(() => distribution.rsample(5, key, { logKappa, mu })).toLeakNothing();
    expect(() => {
      const theta = tf.tensor2d([[1, 0, 0]], [1, 3], 'int32');
      distribution.logProb(theta);
      theta.dispose();
    }).toLeakNothing();
    const draws = {
      sample: () => distribution.sample(5, key),
      rsample: (kappa: tf.Scalar) => distribution.rsample(5, key, { logKappa: kappa }),
    };
    for (const [name, draw] of Object.entries(draws)) {
      const compiled = jit((kappa: tf.Scalar) => tf.tidy(() => draw(kappa).mul(kappa)));
      if (backends.canCompile(tf.backend())) {
        const message = `.${name}: slices must be drawn outside compiled functions, got "a call while jit records".`;
        expect(() => compiled(logKappa)).toThrow(check.BackendError);
        expect(() => compiled(logKappa)).toThrow(message);
      } else {
        expect(() => compiled(logKappa)).toLeakNothing();
      }
    }
    tf.dispose([logKappa, mu]);
  });
});

describe('axial distributions', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(CASES)('%s d = %d kappa = %d: density, divergence and moments agree', (family, d, kappa) => {
    const distribution = distributionOf(family, d, kappa);
    const oracle = new CosineOracle(distribution);
    const close = { rtol: QUADRATURE, atol: QUADRATURE };
    expect(oracle.total).toBeAllclose(1, close);
    const kl = distribution.klUniform();
    expect(kl).toBeAllclose(
      oracle.mean((_, logRatio) => logRatio),
      close,
    );
    expect(distribution.entropy()).toBeAllclose(logSphereArea(d) - kl, close);
    expect(distribution.meanCosine()).toBeAllclose(
      oracle.mean((w) => w),
      close,
    );
    const { data } = distribution.secondMoment();
    const square = oracle.mean((w) => w * w);
    const { mu } = distribution;
    const quadratic = mu.reduce(
      (sum, a, i) => sum + mu.reduce((inner, b, j) => inner + a * b * data[i * d + j]!, 0),
      0,
    );
    expect(quadratic).toBeAllclose(square, close);
    const trace = mu.reduce((sum, _, i) => sum + data[i * d + i]!, 0);
    expect(trace).toBeAllclose(1, { rtol: 1e-12, atol: 0 });
    // Between directions across mu it is a multiple of the identity.
    const vector = mu.map((entry, i) => (i === 0 ? 1 : 0) - entry * mu[0]!);
    const image = vector.map((_, i) => vector.reduce((sum, entry, j) => sum + data[i * d + j]! * entry, 0));
    expect(image).toBeAllclose(
      vector.map((entry) => (entry * (1 - square)) / (d - 1)),
      close,
    );
  });

  it.each(CASES)('%s d = %d kappa = %d: the divergence grows with slope klSlope', (family, d, kappa) => {
    const distribution = distributionOf(family, d, kappa);
    const at = Math.max(kappa, 0.01);
    const [slope] = finiteDifferences((point) => distribution.with({ kappa: point[0]! }).klUniform(), [at], 1e-5);
    const found = distribution.with({ kappa: at }).klSlope();
    expect(found).toBeAllclose(slope, { rtol: 1e-6, atol: DIFFERENCES });
    expect(found).toBeGreaterThan(0);
    if (kappa === 0) expect([distribution.klUniform(), distribution.klSlope()]).toEqual([0, 0]);
  });

  it.each(CASES)('%s d = %d kappa = %d: draws follow the distribution', (family, d, kappa) => {
    const count = 10000;
    const distribution = distributionOf(family, d, kappa);
    const { theta, w } = distribution.draw(count, random.key(20));
    const oracle = new CosineOracle(distribution);
    let distance = 0;
    const descending = Float64Array.from(w).sort().reverse();
    descending.forEach((cosine, i) => {
      const upper = oracle.upper(Math.acos(cosine));
      distance = Math.max(distance, Math.abs(upper - i / count), Math.abs(upper - (i + 1) / count));
    });
    expect(distance).toBeLessThan(KOLMOGOROV / Math.sqrt(count));
    // The mean, and second moments of a coordinate pair.
    const column = (i: number): Float64Array => Float64Array.from({ length: count }, (_, l) => theta[l * d + i]!);
    const columns = [column(0), column(1)];
    const moment = distribution.secondMoment().data;
    columns.forEach((entries, i) => {
      const { mean, standardError } = meanOf(entries);
      expect(Math.abs(mean - distribution.meanCosine() * distribution.mu[i]!)).toBeLessThan(
        STANDARD_ERRORS * standardError,
      );
      columns.forEach((others, j) => {
        const product = meanOf(entries.map((entry, l) => entry * others[l]!));
        expect(Math.abs(product.mean - moment[i * d + j]!)).toBeLessThan(STANDARD_ERRORS * product.standardError);
      });
    });
  });

  it.each(FAMILIES)('%s is made again from its JSON, number for number', (family) => {
    const entry = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const directions = fc.array(entry, { minLength: 2, maxLength: 12 }).filter((mu) => mu.some((m) => m !== 0));
    fc.assert(
      fc.property(directions, fc.double({ min: 0, max: 1e6, noNaN: true }), (mu, kappa) => {
        const distribution = makeAxial('test', family, mu, kappa);
        expect(Math.hypot(...distribution.mu)).toBeAllclose(1, { rtol: 1e-14 });
        const again = axialFromJSON(JSON.parse(JSON.stringify(distribution)));
        expect(again).toBeInstanceOf(distribution.constructor);
        expect([again.mu, again.kappa, again.family]).toEqual([distribution.mu, kappa, family]);
      }),
    );
  });

  it.each(FAMILIES)('%s works around e_1, -e_1 and what is next to them', (family) => {
    for (const mu of [
      [1, 0, 0],
      [-1, 0, 0],
      [1, 1e-9, 0],
      [1, 1e-200, 0],
      [0, 0, 1],
    ]) {
      const distribution = makeAxial('test', family, mu, 50);
      const { theta, w } = distribution.draw(50, random.key(3));
      for (let l = 0; l < 50; l++) {
        const row = theta.subarray(3 * l, 3 * l + 3);
        expect(Math.hypot(...row)).toBeAllclose(1, { rtol: 1e-14 });
        const cosine = row.reduce((sum, entry, j) => sum + entry * distribution.mu[j]!, 0);
        expect(cosine).toBeAllclose(w[l], { rtol: 0, atol: 1e-14 });
      }
    }
  });

  it.each(FAMILIES)('%s takes slices by their direction: norms may have the rounding of float32', (family) => {
    const distribution = distributionOf(family, 3, 1e3);
    const { theta } = distribution.draw(1, random.key(1));
    const scaled = Array.from(theta, (entry) => entry * (1 + 5e-5));
    expect(distribution.logProb([scaled])).toBeAllclose(distribution.logProb([theta]), { rtol: 1e-11, atol: 0 });
  });

  it('scales directions of any length, and keeps what the other parameter is', () => {
    const far = new VonMisesFisher([3e300, -4e300], 2);
    expect(far.mu).toBeAllclose([0.6, -0.8], { rtol: 1e-15 });
    expect(new VonMisesFisher([3e-320, 4e-320], 2).mu).toBeAllclose([0.6, 0.8], { rtol: 1e-3 });
    const turned = far.with({ mu: [0, 2] });
    expect([turned.mu, turned.kappa]).toEqual([Float64Array.of(0, 1), 2]);
    const wider = far.with({ kappa: 0.5 });
    expect([wider.mu, wider.kappa]).toEqual([far.mu, 0.5]);
  });
});

describe('axialSlices', () => {
  it('has norm 1 where a direction across is 0', () => {
    const theta = axialSlices(Float64Array.of(0, 0, 1), Float64Array.of(0.4), [0, 0]);
    expect(Math.hypot(...theta)).toBeAllclose(1, { rtol: 1e-15 });
    expect(theta[2]).toBeAllclose(0.6, { rtol: 1e-15 });
  });

  it('is uniform across the axis', () => {
    // The mean direction across mu of n uniform ones has the norm sqrt(1 / n).
    const { mu, dim } = distributionOf('vmf', 6, 3);
    const across = random.fillNormal(random.key(4), new Float64Array(5 * 4000));
    const theta = axialSlices(mu, new Float64Array(4000).fill(1), across);
    const rows = linalg.matrix(4000, dim, theta);
    const { values } = linalg.eigenSymmetric(linalg.covariance(rows, 0));
    expect(values[0]).toBeAllclose(0, { rtol: 0, atol: 1e-12 });
    // Of 1/5 each; a second moment of 4000 has a standard error of 0.004, its extreme eigenvalues twice that.
    expect(values.subarray(1)).toBeAllclose(new Float64Array(5).fill(0.2), { rtol: 0, atol: 0.02 });
    const mean = linalg.meanOfRows(rows);
    // 5 degrees of freedom: |mean|^2 4000 = chi^2_5 / 5 exceeds 30 / 5 once in 70 000 cases.
    expect(4000 * mean.reduce((sum, entry) => sum + entry * entry, 0)).toBeLessThan(6);
  });
});
