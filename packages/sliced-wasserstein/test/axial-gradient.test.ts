import { random, useBackend } from '@tfsci/tensor-core';
import { finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AxialDistribution } from '../src/slices/axial-distribution';
import { makeAxial } from '../src/slices/axial-json';
import { CosineOracle, distributionOf, FAMILIES, meanOf } from './axial-support';

/** A mean of normal deviates is farther off once in 1 700 000 cases. */
const STANDARD_ERRORS = 5;
/** The oracle's distribution functions, to 1e-11, differenced over steps of 1e-3, and the third derivative times 1e-6. */
const QUANTILES = 1e-5;
/** Central differences of float64 functions of size 1. */
const DIFFERENCES = 1e-8;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, entry, j) => sum + entry * b[j]!, 0);

/** delta, a direction that is no axis of the distribution. */
const shiftOf = (d: number): Float64Array => Float64Array.from({ length: d }, (_, j) => Math.sin(2 + 3 * j) / 2);

/** `estimates` of groups of slices: each its gradient in mu along `along`, and in log kappa. */
function pullbacks(
  distribution: AxialDistribution,
  along: Float64Array,
  gradientAt: (slice: Float64Array) => Float64Array,
): { mu: number[]; logKappa: number[] } {
  const { dim } = distribution;
  const size = 50;
  const estimates = Array.from({ length: 200 }, (_, group) => {
    const draw = distribution.draw(size, random.key(group));
    const gradient = new Float64Array(size * dim);
    for (let l = 0; l < size; l++) gradient.set(gradientAt(draw.theta.subarray(l * dim, (l + 1) * dim)), l * dim);
    return distribution.pullback(
      draw,
      gradient.map((g) => g / size),
    );
  });
  return { mu: estimates.map(({ mu }) => dot(mu, along)), logKappa: estimates.map(({ logKappa }) => logKappa) };
}

function expectMean(values: ArrayLike<number>, expected: number): void {
  const { mean, standardError } = meanOf(values);
  expect(Math.abs(mean - expected)).toBeLessThan(STANDARD_ERRORS * standardError);
  // So that a bound that any estimate meets is noticed.
  expect(standardError).toBeLessThan(0.05 * Math.max(1, Math.abs(expected)));
}

describe('gradients of axial distributions', () => {
  beforeAll(() => useBackend('cpu'));

  const cases = FAMILIES.flatMap((family) =>
    (
      [
        [2, 0.8],
        [3, 5],
        [5, 2],
        [12, 40],
      ] as const
    ).map(([d, kappa]) => [family, d, kappa] as const),
  );

  it.each(cases)('%s d = %d kappa = %d: slopes are those of quantiles', (family, d, kappa) => {
    const distribution = distributionOf(family, d, kappa);
    const { w, slope } = distribution.drawCosines(40, random.key(3));
    if (family === 'vmfSymmetric') {
      // Its slices are directed ones with a random sign, which kappa does not change.
      const directed = distributionOf('vmf', d, kappa).drawCosines(40, random.key(3));
      expect(slope.map(Math.abs)).toEqual(directed.slope);
      slope.forEach((value, l) => expect(Math.sign(value)).toBe(w[l] === directed.w[l] ? 1 : -1));
      expect(new Set(slope.map(Math.sign))).toEqual(new Set([1, -1]));
      return;
    }
    const h = 1e-3;
    const oracle = (value: number): CosineOracle => new CosineOracle(distribution.with({ kappa: value }));
    const [below, at, above] = [oracle(kappa - h), oracle(kappa), oracle(kappa + h)];
    // dw/dkappa = d P(angle <= phi) / dkappa sin phi / density of the angle.
    const expected = w.map((cosine) => {
      const phi = Math.acos(cosine);
      return (Math.sin(phi) * (above.upper(phi) - below.upper(phi))) / (2 * h) / at.density(phi);
    });
    expect(slope).toBeAllclose(expected, { rtol: QUANTILES, atol: QUANTILES });
  });

  it.each(cases)('%s d = %d kappa = %d: pullback is the derivative of each slice', (family, d, kappa) => {
    const distribution = distributionOf(family, d, kappa);
    const { mu } = distribution;
    const draw = distribution.draw(6, random.key(4));
    const g = random.fillNormal(random.key(5), new Float64Array(6 * d));
    const found = distribution.pullback(draw, g);
    // w moves by slope h, across mu by what norm 1 leaves.
    const byKappa = finiteDifferences(
      ([h]) =>
        dot(
          g,
          draw.theta.map((entry, i) => {
            const [l, j] = [Math.floor(i / d), i % d];
            const before = draw.w[l]!;
            const after = before + h! * draw.slope[l]!;
            return after * mu[j]! + Math.sqrt((1 - after ** 2) / (1 - before ** 2)) * (entry - before * mu[j]!);
          }),
        ),
      [0],
      1e-6,
    );
    expect(found.logKappa).toBeAllclose(kappa * byKappa[0]!, { rtol: 1e-6, atol: DIFFERENCES });
    // A turn of space by h radians from mu towards a direction e across it.
    const e = random.fillNormal(random.key(6), new Float64Array(d));
    const across = e.map((entry, j) => entry - dot(e, mu) * mu[j]!);
    const unit = across.map((entry) => entry / Math.hypot(...across));
    const byTurn = finiteDifferences(
      ([h]) =>
        dot(
          g,
          draw.theta.map((entry, i) => {
            const row = draw.theta.subarray(i - (i % d), i - (i % d) + d);
            const [a, b] = [dot(row, mu), dot(row, unit)];
            const [c, s] = [Math.cos(h!), Math.sin(h!)];
            return entry + ((c - 1) * a - s * b) * mu[i % d]! + ((c - 1) * b + s * a) * unit[i % d]!;
          }),
        ),
      [0],
      1e-6,
    );
    expect(dot(found.mu, unit)).toBeAllclose(byTurn[0], { rtol: 1e-6, atol: DIFFERENCES });
    expect(dot(found.mu, mu)).toBeAllclose(0, { rtol: 0, atol: 1e-13 * Math.hypot(...g) });
  });

  it.each(cases)('%s d = %d kappa = %d: E (theta.delta)^2 has the gradient of its closed form', (family, d, kappa) => {
    // E (theta.delta)^2 = a |delta|^2 + (1 - d a) (mu.delta)^2, E theta theta' = a 1 + (1 - d a) mu mu'.
    const distribution = distributionOf(family, d, kappa);
    const delta = shiftOf(d);
    const expectation = (of: AxialDistribution): number => {
      const { data } = of.secondMoment();
      return delta.reduce((sum, a, i) => sum + a * dot(delta, data.subarray(i * d, (i + 1) * d)), 0);
    };
    const across = delta.map((entry, j) => entry - dot(delta, distribution.mu) * distribution.mu[j]!);
    const along = across.map((entry) => entry / Math.hypot(...across));
    const [byLogKappa, byMu] = finiteDifferences(
      ([logKappa, turn]) => {
        const mu = distribution.mu.map((entry, j) => Math.cos(turn!) * entry + Math.sin(turn!) * along[j]!);
        return expectation(distribution.with({ kappa: Math.exp(logKappa!), mu }));
      },
      [Math.log(kappa), 0],
    );
    const found = pullbacks(distribution, along, (slice) => {
      const cosine = dot(slice, delta);
      return delta.map((entry) => 2 * cosine * entry);
    });
    expectMean(found.logKappa, byLogKappa!);
    expectMean(found.mu, byMu!);
  });

  it.each([
    [2, 1],
    [5, 2],
    [12, 40],
  ] as const)('agrees with the score function for |theta.delta|, d = %d kappa = %d', (d, kappa) => {
    const distribution = distributionOf('vmf', d, kappa);
    const delta = shiftOf(d);
    const across = delta.map((entry, j) => entry - dot(delta, distribution.mu) * distribution.mu[j]!);
    const along = across.map((entry) => entry / Math.hypot(...across));
    const found = pullbacks(distribution, along, (slice) => {
      const sign = Math.sign(dot(slice, delta));
      return delta.map((entry) => sign * entry);
    });
    // dE f / dkappa = E (f - b) (w - A), dE f / dmu = kappa E (f - b) (theta - w mu), b a mean of f from other slices.
    const { theta, w } = distribution.draw(20_000, random.key(1000));
    const valuesOf = (slices: Float64Array): Float64Array =>
      Float64Array.from({ length: slices.length / d }, (_, l) =>
        Math.abs(dot(slices.subarray(l * d, (l + 1) * d), delta)),
      );
    const values = valuesOf(theta);
    const baseline = meanOf(valuesOf(distribution.draw(1000, random.key(1001)).theta)).mean;
    const byKappa = values.map((f, l) => kappa * (f - baseline) * (w[l]! - distribution.meanCosine()));
    const byMu = values.map((f, l) => kappa * (f - baseline) * dot(theta.subarray(l * d, (l + 1) * d), along));
    for (const [implicit, score] of [
      [found.logKappa, byKappa],
      [found.mu, byMu],
    ] as const) {
      const [a, b] = [meanOf(implicit), meanOf(score)];
      expect(Math.abs(a.mean - b.mean)).toBeLessThan(STANDARD_ERRORS * Math.hypot(a.standardError, b.standardError));
      expect(Math.hypot(a.standardError, b.standardError)).toBeLessThan(0.05);
    }
  });

  it('keeps the digits of slices next to the mean direction', () => {
    // J = sum_l |theta_l - mu|^2 / 2 = sum_l (1 - w_l) has the derivative -sum_l kappa slope_l.
    const distribution = makeAxial('test', 'vmf', [1, 0, 0], 1e9);
    const draw = distribution.draw(20, random.key(2));
    const gradient = draw.theta.map((entry, i) => entry - (i % 3 === 0 ? 1 : 0));
    const expected = -1e9 * draw.slope.reduce((sum, slope) => sum + slope, 0);
    expect(distribution.pullback(draw, gradient).logKappa).toBeAllclose(expected, { rtol: 1e-6, atol: 0 });
  });

  it('has no gradient in kappa in one dimension', () => {
    const distribution = makeAxial('test', 'vmf', [1], 1);
    const draw = distribution.draw(5, random.key(1));
    expect(distribution.pullback(draw, [1, 2, 3, 4, 5])).toEqual({ mu: Float64Array.of(0), logKappa: 0 });
  });
});
