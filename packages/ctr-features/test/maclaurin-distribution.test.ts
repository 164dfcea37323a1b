import { random } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { degreeProbabilities, optimisedDistribution, randomDistribution } from '../src/maclaurin/distribution';
import { dotProductKernel } from '../src/maclaurin/kernel';
import { degreeMoments, medianDistance, type DegreeMoments } from '../src/maclaurin/moments';
import { maclaurinCase, maclaurinFiles } from './maclaurin-cases';

/** The authors' means over pairs are sums of float32. */
const EXPECTATIONS = 1e-4;
/** A kernel of size 1 in float32. */
const KERNEL_ROUNDING = 6e-8;
/** Sums of a few float64 terms. */
const FLOAT64 = 1e-12;
/** A mean of normal deviates is farther off once in 150 000 cases. */
const STANDARD_ERRORS = 4.5;

/** Two points of norms^2 5 and 2, inner product 1. */
const example = {
  u: { count: 2, columns: 3, data: Float64Array.of(1, 0, 2, -1, 0, 1) },
  kernel: dotProductKernel('test', { kernel: 'exponential' }, 10),
};

describe('degreeMoments', () => {
  it.each(maclaurinFiles)('%s', (name) => {
    const { file, x, options } = maclaurinCase(name);
    const { inputDim, lengthscale, maxDegree, projection, mode } = options;
    const u = { count: x.length / inputDim, columns: inputDim, data: Float64Array.from(x, (v) => v / lengthscale!) };
    const kernel = dotProductKernel('test', options, maxDegree!);
    const moments = degreeMoments(u, kernel, { projection: projection!, mode: mode!, maxDegree: maxDegree! });
    expect(moments.variance).toBeAllclose(file.get('expected_var').data, { rtol: EXPECTATIONS, atol: 0 });
    expect(moments.covariance).toBeAllclose(file.get('expected_cov').data, { rtol: EXPECTATIONS, atol: 0 });
    // Of the roots, as kernels of float32 have an error of their own.
    const bias = file.get('expected_sq_bias').data.map(Math.sqrt);
    expect(moments.squaredBias.map(Math.sqrt)).toBeAllclose(bias, { rtol: EXPECTATIONS, atol: KERNEL_ROUNDING });
  });

  it('counts a complex feature of CtR as two real ones', () => {
    const { kernel, u } = example;
    const of = (mode: 'ctr' | 'complex') => degreeMoments(u, kernel, { projection: 'gaussian', mode, maxDegree: 1 });
    // Of degree 1 and normal weights: (N + 3 s^2 - 2 s^2) / 2 and N + s^2 - s^2, of the pair of points.
    expect(of('ctr').variance[0]).toBeAllclose((2 * 5 + 1) / 2, { rtol: FLOAT64 });
    expect(of('complex').variance[0]).toBeAllclose(2 * 5, { rtol: FLOAT64 });
  });

  it('has no covariance in one dimension, where all rows are equal up to signs', () => {
    const u = { count: 2, columns: 1, data: Float64Array.of(1, 2) };
    const options = { projection: 'srht', mode: 'real', maxDegree: 2 } as const;
    const { variance, covariance } = degreeMoments(u, example.kernel, options);
    expect([...variance, ...covariance]).toEqual([0, 0, 0, 0]);
  });

  it('leaves out what overflows', () => {
    const u = { count: 3, columns: 1, data: Float64Array.of(1, 2, 1e200) };
    const options = { projection: 'gaussian', mode: 'real', maxDegree: 2 } as const;
    const two = { ...u, count: 2, data: u.data.slice(0, 2) };
    expect(degreeMoments(u, example.kernel, options)).toEqual(degreeMoments(two, example.kernel, options));
  });
});

describe('medianDistance', () => {
  it('is the lower median of all distances, those of points to themselves among them', () => {
    for (const count of [2, 3, 4, 5, 8, 13]) {
      const data = random.fillNormal(random.key(count), new Float64Array(count * 2));
      const distances = Array.from({ length: count * count }, (_, pair) => {
        const [i, j] = [Math.floor(pair / count), pair % count];
        return Math.hypot(data[2 * i]! - data[2 * j]!, data[2 * i + 1]! - data[2 * j + 1]!);
      }).sort((a, b) => a - b);
      const median = distances[Math.floor((distances.length - 1) / 2)]!;
      expect(medianDistance({ count, columns: 2, data })).toBeAllclose(median, { rtol: FLOAT64 });
    }
  });
});

describe('optimisedDistribution', () => {
  /** Moments as they may be: negative covariances, never so large that features of one matrix had a negative variance. */
  function momentsOf(seed: number, maxDegree: number, paddedDim: number): DegreeMoments {
    const draw = (index: number) =>
      random.fillUniform(random.foldIn(random.key(seed), index), new Float64Array(maxDegree));
    const variance = draw(0).map((value, i) => value * 3 ** i);
    const covariance = draw(1).map((value, i) => (value < 0.3 ? 0 : (-value * variance[i]!) / (paddedDim - 1)));
    return { variance, covariance, squaredBias: draw(2).map((value, i) => value / 10 ** i) };
  }

  /** F as the paper writes it. */
  function totalVariance(
    counts: readonly number[],
    moments: DegreeMoments,
    coefs: readonly number[],
    dim: number,
  ): number {
    return counts.reduce((sum, count, i) => {
      if (count === 0) return sum;
      const [variance, covariance] = [moments.variance[i]!, moments.covariance[i]!];
      const share = (Math.floor(count / dim) * dim * (dim - 1) + (count % dim) * ((count % dim) - 1)) / count ** 2;
      const exact = count <= dim && covariance <= 0;
      const v = exact ? variance / count + share * covariance : (variance + (dim - 1) * covariance) / count;
      return sum + coefs[i + 1]! ** 2 * v;
    }, 0);
  }

  /** All ways to give each of `degrees` at least one of `features`. */
  function* compositions(features: number, degrees: number): Generator<number[]> {
    if (degrees === 1) yield [features];
    for (let first = 1; degrees > 1 && first <= features - degrees + 1; first++) {
      for (const rest of compositions(features - first, degrees - 1)) yield [first, ...rest];
    }
  }

  const coefs = [1, 1, 0.5, 1 / 6, 1 / 24, 1 / 120];

  it('is the best of all distributions of up to 12 features over up to 3 degrees', () => {
    for (let seed = 0; seed < 20; seed++) {
      const moments = momentsOf(seed, 3, 4);
      for (const features of [3, 5, 8, 12]) {
        const budget = { features, coefs, firstDegree: 1, minDegree: 1, maxDegree: 3, paddedDim: 4 };
        const found = optimisedDistribution(moments, budget);
        let best = Infinity;
        for (const degrees of [1, 2, 3]) {
          for (const counts of compositions(features, degrees)) {
            best = Math.min(best, totalVariance(counts, moments, coefs, 4) + moments.squaredBias[degrees - 1]!);
          }
        }
        expect(found.variance + found.squaredBias).toBeAllclose(best, { rtol: FLOAT64 });
        expect(found.variance).toBeAllclose(totalVariance(found.distribution, moments, coefs, 4), { rtol: FLOAT64 });
        expect(found.squaredBias).toBe(moments.squaredBias[found.distribution.length - 1]);
      }
    }
  });

  it('is what the greedy method finds that looks at the whole sum, for up to 500 features', () => {
    for (let seed = 0; seed < 8; seed++) {
      const moments = momentsOf(seed, 5, 32);
      const counts = [1, 1, 1, 1, 1];
      for (let features = 5; features <= 500; features++) {
        const budget = { features, coefs, firstDegree: 1, minDegree: 5, maxDegree: 5, paddedDim: 32 };
        if (features % 33 === 5) expect(optimisedDistribution(moments, budget).distribution).toEqual(counts);
        const sums = counts.map(
          (_, i) =>
          totalVariance(counts.map((count, j) => count + Number(i === j)), moments, coefs, 32), // prettier-ignore
        );
        counts[sums.lastIndexOf(Math.min(...sums))]!++;
      }
    }
  });

  it('gives all features, and expects no more error with more of them', () => {
    const moments = momentsOf(3, 5, 8);
    let before = Infinity;
    for (let features = 2; features < 200; features++) {
      const budget = { features, coefs, firstDegree: 1, minDegree: 2, maxDegree: 5, paddedDim: 8 };
      const { distribution, variance, squaredBias } = optimisedDistribution(moments, budget);
      expect(distribution.reduce((sum, count) => sum + count, 0)).toBe(features);
      expect(variance + squaredBias).toBeLessThanOrEqual(before);
      before = variance + squaredBias;
    }
  });

  const flat = { variance: new Float64Array(3), covariance: new Float64Array(3), squaredBias: new Float64Array(3) };

  it('takes the last of equal degrees and cut-offs', () => {
    const budget = { features: 9, coefs: [1, 1, 1, 1], firstDegree: 1, minDegree: 1, maxDegree: 3, paddedDim: 4 };
    expect(optimisedDistribution(flat, budget).distribution).toEqual([1, 1, 7]);
    const equal = { ...flat, variance: Float64Array.of(1, 1, 1) };
    expect(optimisedDistribution(equal, { ...budget, features: 10, minDegree: 3 }).distribution).toEqual([3, 3, 4]);
  });

  it('gives the first degree what helps nowhere', () => {
    // More features than rows of a matrix whose sum had a negative variance.
    const wrong = { ...flat, covariance: Float64Array.of(-1, -1, -1) };
    const budget = { features: 9, coefs: [1, 1, 1, 1], firstDegree: 1, minDegree: 3, maxDegree: 3, paddedDim: 1 };
    expect(optimisedDistribution({ ...wrong, variance: Float64Array.of(-1, -1, -1) }, budget).distribution).toEqual([7, 1, 1]); // prettier-ignore
  });

  it('gives nothing to degrees that the kernel has not, and none to exact ones', () => {
    const moments = momentsOf(1, 5, 4);
    const budget = { features: 20, coefs: [0, 1, 0, 1, 0, 1], minDegree: 5, maxDegree: 5, paddedDim: 4 };
    const all = optimisedDistribution(moments, { ...budget, firstDegree: 1 }).distribution;
    expect(all.map((count) => count > 0)).toEqual([true, false, true, false, true]);
    const higher = optimisedDistribution(moments, { ...budget, firstDegree: 2 }).distribution;
    expect(higher.map((count) => count > 0)).toEqual([false, false, true, false, true]);
  });

  it('leaves out cut-offs with more degrees than features', () => {
    const budget = { features: 2, coefs: [1, 1, 1, 1], firstDegree: 1, minDegree: 1, maxDegree: 3, paddedDim: 4 };
    expect(optimisedDistribution(flat, budget).distribution).toEqual([1, 1]);
  });
});

describe('randomDistribution', () => {
  it('has degrees with probabilities in proportion to 2^-n', () => {
    const budget = { features: 40000, coefs: [1, 1, 0, 1, 1], firstDegree: 1, maxDegree: 4 };
    const probabilities = degreeProbabilities(budget);
    expect(probabilities).toBeAllclose([8 / 11, 0, 2 / 11, 1 / 11], { rtol: FLOAT64 });
    const counts = randomDistribution(random.key(0), budget);
    counts.forEach((count, i) => {
      const p = probabilities[i]!;
      // Binomial.
      const standardError = Math.sqrt(40000 * p * (1 - p));
      expect(Math.abs(count - 40000 * p)).toBeLessThanOrEqual(STANDARD_ERRORS * standardError);
    });
    expect(degreeProbabilities({ ...budget, firstDegree: 2 })).toBeAllclose([0, 0, 2 / 3, 1 / 3], { rtol: FLOAT64 });
  });
});
