import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { logSphereArea } from '../src/slices/axial-distribution';
import { axialSlices } from '../src/slices/axial-slices';
import { cosineMoments } from '../src/slices/bessel';
import { vonMisesFisherCosines, woodCandidate, woodEnvelope, woodLogRatio } from '../src/slices/ulrich-wood';
import { VonMisesFisher, vonMisesFisherSlopes } from '../src/slices/von-mises-fisher';
import { CosineOracle, meanOf } from './axial-support';

const golden = (name: string) => loadGolden(new URL(`./golden/${name}.safetensors`, import.meta.url));

/** A few roundings of float64, of quotients and logarithms. */
const FLOAT64 = 1e-12;
/** The golden's directions and slices are float32: their norms differ from 1 by 6e-8. */
const FLOAT32 = 1e-7;
/** The quadrature keeps 11 digits and more; as many the finite differences behind the golden. */
const SLOPES = 1e-10;
/** A mean of normal deviates is farther off once in 1 700 000 cases. */
const STANDARD_ERRORS = 5;

const axis = (d: number): Float64Array => Float64Array.from({ length: d }, (_, j) => (j === 0 ? 1 : 0));

describe('VonMisesFisher', () => {
  beforeAll(() => useBackend('cpu'));

  it('has the divergence, its slope, entropy and mean of 60-digit arithmetic', () => {
    const file = golden('vmf_table');
    const kappas = file.get('kappa').data;
    file.get('d').data.forEach((d, row) => {
      const column = (name: string): Float64Array =>
        file.get(name).data.subarray(row * kappas.length, (row + 1) * kappas.length);
      const distributions = Array.from(kappas, (kappa) => new VonMisesFisher(axis(d), kappa));
      const values = (f: (distribution: VonMisesFisher) => number): number[] => distributions.map(f);
      expect(values((q) => q.klUniform())).toBeAllclose(column('kl_uniform'), { rtol: FLOAT64, atol: 0 });
      expect(values((q) => q.klSlope())).toBeAllclose(column('dkl_dkappa'), { rtol: SLOPES, atol: 0 });
      expect(values((q) => q.meanCosine())).toBeAllclose(column('a'), { rtol: FLOAT64, atol: 0 });
      // Near its zeros the entropy is a difference of numbers up to 3000.
      expect(values((q) => q.entropy())).toBeAllclose(column('entropy'), { rtol: FLOAT64, atol: 1e-11 });
      const kl = values((q) => q.klUniform());
      kl.forEach((value, i) => expect(value).toBeGreaterThan(i === 0 ? 0 : kl[i - 1]!));
    });
  });

  it('has the log density of 60-digit arithmetic, of rows and of tensors', () => {
    const file = golden('vmf_log_prob');
    for (let i = 0; file.names.includes(`mu.${i}`); i++) {
      const { data, shape } = file.get(`x.${i}`);
      const [count, d] = shape as [number, number];
      const distribution = new VonMisesFisher(file.get(`mu.${i}`).data, file.get(`kappa.${i}`).data[0]!);
      const rows = Array.from({ length: count }, (_, l) => data.subarray(l * d, (l + 1) * d));
      const expected = file.get(`log_prob.${i}`).data;
      expect(distribution.logProb(rows)).toBeAllclose(expected, { rtol: FLOAT32, atol: 0 });
      const tensor = tf.tensor2d(Float32Array.from(data), [count, d]);
      expect(distribution.logProb(tensor)).toEqual(distribution.logProb(rows));
      tensor.dispose();
    }
  });

  it('keeps the digits of the density next to the mean direction', () => {
    // kappa (1 - w) = 1e12 (1 - cos 1e-6) = 0.5 up to 1e-13.
    const distribution = new VonMisesFisher([1, 0], 1e12);
    const [top, side] = distribution.logProb([
      [1, 0],
      [Math.cos(1e-6), Math.sin(1e-6)],
    ]);
    expect(top! - side!).toBeAllclose(0.5, { rtol: 1e-4, atol: 0 });
  });

  it('turns cosines and directions across into slices as the reflection of the golden does', () => {
    const file = golden('vmf_householder');
    for (let i = 0; file.names.includes(`mu.${i}`); i++) {
      const { mu } = new VonMisesFisher(file.get(`mu.${i}`).data, 1);
      const rests = file.get(`w.${i}`).data.map((w) => 1 - w);
      const theta = axialSlices(mu, rests, file.get(`v.${i}`).data);
      expect(theta).toBeAllclose(file.get(`theta.${i}`).data, { rtol: 0, atol: FLOAT32 });
    }
  });

  it('proposes and accepts as the stable scheme of Ulrich and Wood', () => {
    const file = golden('vmf_rejection');
    const column = (name: string): Float64Array => file.get(name).data;
    column('d').forEach((d, i) => {
      const expected = (name: string): number => column(name)[i]!;
      const kappa = expected('kappa');
      const envelope = woodEnvelope(d, kappa);
      expect(envelope.b).toBeAllclose(expected('b'), { rtol: FLOAT64, atol: 0 });
      // The golden's x0 is (1 - b) / (1 + b), which cancels for small kappa.
      expect(envelope.x0).toBeAllclose(expected('x0'), { rtol: FLOAT64, atol: 1e-15 });
      expect(1 - envelope.x0).toBeAllclose(envelope.oneMinusX0, { rtol: 0, atol: FLOAT64 });
      // For small kappa c is a difference of numbers of size kappa^2 / d.
      expect(envelope.c).toBeAllclose(expected('c'), { rtol: FLOAT64, atol: 1e-12 });
      const oneMinusW = woodCandidate(envelope, expected('z_beta'));
      expect(oneMinusW).toBeAllclose(expected('one_minus_w'), { rtol: FLOAT64, atol: 0 });
      expect(1 - oneMinusW).toBeAllclose(expected('w'), { rtol: FLOAT64, atol: 1e-15 });
      const ratio = woodLogRatio(d, kappa, envelope, oneMinusW);
      expect(ratio).toBeAllclose(expected('log_accept_ratio'), { rtol: 0, atol: 1e-8 * kappa });
      expect(ratio).toBeLessThanOrEqual(0);
      expect(ratio >= Math.log(expected('u')) ? 1 : 0).toBe(expected('accept'));
    });
  });

  it('has the slopes of quantiles of the golden', () => {
    const file = golden('vmf_implicit_gradient');
    const [kappa, w] = [file.get('kappa').data, file.get('w').data];
    const slopes = file.get('d').data.map((d, i) => {
      return vonMisesFisherSlopes(d, kappa[i]!, Float64Array.of(1 - w[i]!))[0]!;
    });
    expect(slopes).toBeAllclose(file.get('dw_dkappa').data, { rtol: SLOPES, atol: 0 });
  });

  it('has the slopes of the closed form in three dimensions', () => {
    // w = 1 + log(u + (1 - u) e^-2k) / k at fixed u: dw/dk = ((1 - w) - 2 (e^(k (1 - w)) - 1) / (e^2k - 1)) / k.
    for (const kappa of [0.2, 3, 60]) {
      const rests = Float64Array.of(1e-4, 0.01, 0.4, 1, 1.7);
      const expected = rests.map((s) => (s - (2 * Math.expm1(kappa * s)) / Math.expm1(2 * kappa)) / kappa);
      // For w where F is 1 to 1e-16 the slope is that of a tail, and the closed form cancels.
      expect(vonMisesFisherSlopes(3, kappa, rests)).toBeAllclose(expected, { rtol: 1e-11, atol: 0 });
    }
  });

  it('is the uniform distribution for kappa = 0', () => {
    const uniform = VonMisesFisher.uniform(4);
    expect([uniform.dim, uniform.kappa, ...uniform.mu]).toEqual([4, 0, 1, 0, 0, 0]);
    expect([uniform.klUniform(), uniform.klSlope(), uniform.meanCosine()]).toEqual([0, 0, 0]);
    expect(uniform.secondMoment().data).toBeAllclose(
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1].map((x) => x / 4),
    );
    // |S^3| = 2 pi^2.
    expect(uniform.entropy()).toBeAllclose(Math.log(2 * Math.PI ** 2), { rtol: FLOAT64 });
    expect(logSphereArea(2)).toBeAllclose(Math.log(2 * Math.PI), { rtol: FLOAT64 });
    const near = new VonMisesFisher([1, 0, 0, 0], 1e-9).drawCosines(50, random.key(0)).w;
    expect(near).toBeAllclose(uniform.drawCosines(50, random.key(0)).w, { rtol: 0, atol: 1e-8 });
  });

  it('is two points in one dimension, mu with odds e^(2 kappa)', () => {
    const distribution = new VonMisesFisher([-3], 0.4);
    const { theta, w, slope } = distribution.draw(4000, random.key(1));
    expect(new Set(theta)).toEqual(new Set([-1, 1]));
    expect(theta).toEqual(w.map((cosine) => -cosine));
    expect(slope).toEqual(new Float64Array(4000));
    const { mean, standardError } = meanOf(w);
    expect(Math.abs(mean - Math.tanh(0.4))).toBeLessThan(STANDARD_ERRORS * standardError);
    const [there, back] = distribution.logProb([[-1], [1]]);
    expect([there! - back!, Math.exp(there!) + Math.exp(back!)]).toBeAllclose([0.8, 1], { rtol: FLOAT64 });
    expect(distribution.secondMoment().data).toBeAllclose([1], { rtol: FLOAT64 });
  });

  it('tops up candidates until there are enough', () => {
    // 176 candidates for 100 slices, accepted with probability 0.66: 116 +- 6.3, too few for one key in 200.
    for (let seed = 0; seed < 1500; seed++) {
      const rests = vonMisesFisherCosines(2, 1e5, 100, random.key(seed));
      expect(rests.every((rest) => rest > 0)).toBe(true);
    }
  });
});

describe('slopes of von Mises-Fisher cosines', () => {
  const [d, kappa] = [5, 2];

  /** E dw/dkappa by differentiating the arithmetic of the sampler at fixed z, over the law of accepted w. */
  function throughRejection(): number {
    const oracle = new CosineOracle(new VonMisesFisher(axis(d), kappa));
    const { b } = woodEnvelope(d, kappa);
    const h = 1e-5;
    return oracle.mean((w) => {
      const z = (1 - w) / (1 + b - (1 - b) * w);
      const at = (k: number): number => 1 - woodCandidate(woodEnvelope(d, k), z);
      return (at(kappa + h) - at(kappa - h)) / (2 * h);
    });
  }

  it('have the mean dA/dkappa, not that of the derivative through the rejection sampler', () => {
    const variance = cosineMoments(d, kappa).slope;
    expect(variance).toBeCloseTo(0.1474, 4);
    const biased = throughRejection();
    expect(biased).toBeCloseTo(0.1277, 4);
    const { slope } = new VonMisesFisher(axis(d), kappa).drawCosines(100_000, random.key(9));
    const { mean, standardError } = meanOf(slope);
    expect(Math.abs(mean - variance)).toBeLessThan(STANDARD_ERRORS * standardError);
    expect(Math.abs(mean - biased)).toBeGreaterThan(20 * standardError);
  });
});
