import { linalg } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { composedDelta, composedEpsilon } from '../src/privacy/composed-privacy';
import { gaussianDelta, gaussianEpsilon } from '../src/privacy/gaussian-mechanism';
import { LossComposition } from '../src/privacy/loss-composition';
import { lossGrid, LossGrids } from '../src/privacy/loss-grid';
import { PrivacyLoss, type LossDirection } from '../src/privacy/privacy-loss';
import { sampledGaussianEpsilon } from '../src/privacy/sampled-gaussian-delta';

const { normalCdf } = linalg;

/** Masses have relative errors below 1e-12, differences of them in the oracle more. */
const EXACT = { rtol: 1e-9, atol: 1e-14 };
/** Small losses are as exact, but for the square of 1e-10. */
const EXACT_RARE = { rtol: 1e-9, atol: 0 };
/** What rounding in an oracle by sums may take from a lower bound. */
const BELOW = 1 - 1e-9;
/** The grid adds at most 4e-4 to epsilon by design; another part for what the estimate neglects. */
const GRID = 1e-3;

const options = { grid: undefined, grids: new LossGrids() };

/** delta(epsilon) of one use for any real epsilon, in the closed form of the two normal distributions. */
function oneStep(direction: LossDirection, epsilon: number, q: number, z: number): number {
  const [sign, e] = direction === 'remove' ? [1, epsilon] : [-1, -epsilon];
  const a = Math.exp(e) - (1 - q);
  const c = a > 0 ? z ** 2 * Math.log(a / q) + 1 / 2 : -Infinity;
  const without = normalCdf((-sign * c) / z);
  const mixed = (1 - q) * without + q * normalCdf((sign * (1 - c)) / z);
  return direction === 'remove' ? mixed - Math.exp(epsilon) * without : without - Math.exp(epsilon) * mixed;
}

type Use = readonly [q: number, z: number];

/** E over the first use of the delta of the others at epsilon less its loss: the trapezoid rule. */
function severalSteps(
  direction: LossDirection,
  epsilon: number,
  [use, ...others]: readonly Use[],
  nodes: number,
): number {
  const [q, z] = use!;
  if (others.length === 0) return oneStep(direction, epsilon, q, z);
  const step = (1 + 16 * z) / nodes;
  let sum = 0;
  for (let i = 0; i <= nodes; i++) {
    const x = -8 * z + i * step;
    const without = Math.exp(-((x / z) ** 2) / 2) / (z * Math.sqrt(2 * Math.PI));
    const ratio = 1 - q + q * Math.exp((2 * x - 1) / (2 * z ** 2));
    const [density, loss] = direction === 'remove' ? [without * ratio, Math.log(ratio)] : [without, -Math.log(ratio)];
    sum += step * density * severalSteps(direction, epsilon - loss, others, nodes);
  }
  return sum;
}

const usesOf = (uses: readonly Use[]) =>
  uses.map(([samplingRate, noiseMultiplier]) => ({ samplingRate, noiseMultiplier, steps: 1 }));

describe('PrivacyLoss', () => {
  it.each<[number, number, LossDirection]>([
    [0.01, 0.7, 'remove'],
    [0.01, 0.7, 'add'],
    [0.9, 3, 'remove'],
    [0.9, 3, 'add'],
    [1, 2, 'remove'],
    [1, 2, 'add'],
  ])('q = %d, z = %d, %s: loss, its inverse and tails belong together', (q, z, direction) => {
    const loss = new PrivacyLoss(q, z, direction, 1e-9);
    for (const x of [-2.5, -0.4, 0.5, 1.3, 4]) {
      expect(loss.where(loss.at(x))).toBeAllclose(x, { rtol: 1e-6, atol: 1e-6 });
      expect(loss.below(x) + loss.above(x)).toBeAllclose(1, { rtol: 1e-14, atol: 0 });
      const slope = (loss.below(x + 1e-5) - loss.below(x - 1e-5)) / 2e-5;
      expect(loss.density(x, loss.at(x))).toBeAllclose(slope, { rtol: 1e-6, atol: 1e-9 });
      expect(loss.at(x + 0.1)).toBeGreaterThan(loss.at(x));
    }
    expect(loss.above(loss.highest)).toBeLessThanOrEqual(1e-9 * (1 + 1e-6));
    expect(loss.below(loss.lowest)).toBeLessThanOrEqual(1e-9 * (1 + 1e-6));
  });

  it('is unbounded above and bounded below with one example more, the reverse with one less', () => {
    const [remove, add] = [new PrivacyLoss(0.25, 1, 'remove', 1e-9), new PrivacyLoss(0.25, 1, 'add', 1e-9)];
    expect(remove.where(Math.log(0.75) - 1e-9)).toBe(-Infinity);
    expect(add.where(-Math.log(0.75) + 1e-9)).toBe(Infinity);
    expect(remove.at(3000)).toBeAllclose(2999.5 + Math.log(0.25), EXACT);
    expect(new PrivacyLoss(1e-9, 1, 'remove', 1e-9).at(0.6)).toBeAllclose(1e-9 * Math.expm1(0.1), EXACT_RARE);
    expect(remove.where(remove.at(3000))).toBeAllclose(3000, EXACT);
  });
});

describe('lossGrid', () => {
  it.each<[number, number, LossDirection]>([
    [0.01, 0.7, 'remove'],
    [0.01, 0.7, 'add'],
    [0.5, 0.3, 'remove'],
    [0.5, 4, 'add'],
    [1, 2, 'remove'],
  ])('q = %d, z = %d, %s: is exact at its points, and above between them', (q, z, direction) => {
    const dx = direction === 'add' ? 0.001 : 0.05;
    const { first, mass, infinite } = lossGrid(new PrivacyLoss(q, z, direction, 1e-18), dx, -1e6, 1e6);
    expect(mass.reduce((sum, m) => sum + m, infinite)).toBeAllclose(1, { rtol: 1e-12, atol: 0 });
    const delta = (epsilon: number): number =>
      mass.reduce((sum, m, i) => sum + m * Math.max(0, -Math.expm1(epsilon - (first + i) * dx)), infinite);
    for (let k = first; k < first + mass.length; k += Math.ceil(mass.length / 20)) {
      expect(delta(k * dx)).toBeAllclose(oneStep(direction, k * dx, q, z), EXACT);
      const between = oneStep(direction, (k + 0.4) * dx, q, z);
      expect(delta((k + 0.4) * dx)).toBeGreaterThanOrEqual(between * BELOW - 1e-14);
      expect(delta((k + 0.4) * dx)).toBeAllclose(between, { rtol: 0.1, atol: 1e-5 });
    }
  });

  it('rounds up what lies beyond its ends', () => {
    const loss = new PrivacyLoss(0.3, 1, 'remove', 1e-18);
    const { first, mass, infinite } = lossGrid(loss, 0.01, -10, 50);
    expect(first).toBe(-10);
    expect(mass).toHaveLength(61);
    expect(infinite).toBeAllclose(loss.above(loss.where(0.5)), EXACT);
    expect(mass[1]).toBeGreaterThan(loss.below(loss.where(-0.1)));
    expect(mass.reduce((sum, m) => sum + m, infinite)).toBeAllclose(1, { rtol: 1e-12, atol: 0 });
  });

  it('is kept, up to a number of points', () => {
    const grids = new LossGrids(3000);
    const loss = new PrivacyLoss(0.3, 1, 'remove', 1e-9);
    const grid = grids.get(loss, 0.01, -1000, 1000);
    expect(grids.get(new PrivacyLoss(0.3, 1, 'remove', 1e-9), 0.01, -1000, 1000)).toBe(grid);
    for (const [other, dx, to] of [
      [new PrivacyLoss(0.3, 1, 'add', 1e-9), 0.01, 1000],
      [new PrivacyLoss(0.3, 1, 'remove', 1e-8), 0.01, 1000],
      [loss, 0.02, 1000],
      [loss, 0.01, 100],
    ] as const) {
      expect(grids.get(other, dx, -1000, to)).not.toBe(grid);
    }
    grids.get(loss, 0.0005, -1e5, 1e5);
    expect(grids.get(loss, 0.01, -1000, 1000)).not.toBe(grid);
  });
});

describe('LossComposition', () => {
  // 16 uses of a Gaussian with z = 4 are one with z = 1.
  const dx = 1 / 128;
  const grid = lossGrid(new PrivacyLoss(1, 4, 'remove', 1e-30), dx, -1000, 1000);
  const compose = (first: number, length: number, theta: number): LossComposition =>
    new LossComposition([{ grid, steps: 16 }], { dx, first, length }, theta, 12);

  it.each([0, 2, 5])('is the delta of the sum, tilt %d', (theta) => {
    const composed = compose(-1024, 4096, theta);
    for (const epsilon of [0.1, 1, 3, 4.4]) {
      const exact = gaussianDelta(epsilon, 1);
      expect(composed.delta(epsilon)).toBeGreaterThanOrEqual(exact * BELOW);
      // The grid adds 16 dx^2 / 6 to the variance 1: 1.6e-4.
      expect(composed.delta(epsilon)).toBeAllclose(exact, { rtol: 3e-3, atol: 0 });
      expect(composed.epsilon(composed.delta(epsilon))).toBeAllclose(epsilon, { rtol: 1e-9, atol: 0 });
    }
    expect(composed.epsilon(0.9)).toBe(0);
    expect(composed.epsilon(1e-300)).toBe(Infinity);
  });

  it.each(['remove', 'add'] as const)('composes different uses: %s', (direction) => {
    const uses: Use[] = [
      [0.4, 1],
      [0.2, 0.8],
    ];
    const terms = uses.map(([q, z]) => ({
      grid: lossGrid(new PrivacyLoss(q, z, direction, 1e-12), 1 / 1024, -1e5, 1e5),
      steps: 1,
    }));
    const composed = new LossComposition(terms, { dx: 1 / 1024, first: -8192, length: 32768 }, 1, 2);
    for (const epsilon of [0.05, 0.3]) {
      expect(composed.delta(epsilon)).toBeAllclose(severalSteps(direction, epsilon, uses, 4000), {
        rtol: 1e-4,
        atol: 0,
      });
    }
  });

  it('counts what lies above a window that is too short', () => {
    const composed = compose(-1024, 2048, 2);
    for (const epsilon of [5, 7, 7.99, 8, 9]) {
      expect(composed.delta(epsilon)).toBeGreaterThanOrEqual(gaussianDelta(epsilon, 1) * BELOW);
    }
    expect(composed.delta(9)).toBeLessThan(1e-7);
  });

  it('counts losses cut off, once a use', () => {
    const cut = lossGrid(new PrivacyLoss(1, 4, 'remove', 1e-30), dx, -1000, 96);
    const composed = new LossComposition([{ grid: cut, steps: 16 }], { dx, first: -1024, length: 4096 }, 2, 12);
    expect(cut.infinite).toBeGreaterThan(1e-3);
    expect(composed.delta(20)).toBeAllclose(16 * cut.infinite, { rtol: 1e-6, atol: 0 });
    expect(composed.epsilon(15 * cut.infinite)).toBe(Infinity);
  });

  it('counts rounding: what is below it is no longer found, unless tilted', () => {
    const exact = gaussianDelta(9, 1);
    expect(exact).toBeLessThan(1e-17);
    // A mass is wrong by up to 16 u (log2 n + 2) T times the mean size of coefficients, about 1 / n, and 2000 of them count.
    const plain = compose(-1024, 4096, 0).delta(9);
    expect(plain).toBeGreaterThan(2e-14);
    expect(plain).toBeLessThan(1e-11);
    expect(compose(-1024, 4096, 9).delta(9)).toBeAllclose(exact, { rtol: 0.02, atol: 0 });
  });
});

describe('composedDelta and composedEpsilon', () => {
  it.each<{ uses: Use[]; epsilon: number }>([
    {
      uses: [
        [0.2, 1],
        [0.2, 1],
      ],
      epsilon: 1,
    },
    {
      uses: [
        [0.05, 0.8],
        [0.6, 2],
      ],
      epsilon: 0.5,
    },
    {
      uses: [
        [0.9, 3],
        [1, 2],
      ],
      epsilon: 1.5,
    },
    {
      uses: [
        [0.3, 1.5],
        [0.1, 1],
        [0.7, 3],
      ],
      epsilon: 1.2,
    },
  ])('are those of direct integration: $uses', ({ uses, epsilon }) => {
    const nodes = uses.length > 2 ? 300 : 4000;
    const exact = Math.max(severalSteps('remove', epsilon, uses, nodes), severalSteps('add', epsilon, uses, nodes));
    const delta = composedDelta('test', usesOf(uses), epsilon, options);
    expect(delta).toBeGreaterThanOrEqual(exact * (1 - 1e-6));
    expect(delta).toBeAllclose(exact, { rtol: 5e-3, atol: 0 });
    expect(composedEpsilon('test', usesOf(uses), delta, options)).toBeAllclose(epsilon, { rtol: GRID, atol: 0 });
  });

  it('are exact for uses of all data, and all but exact where nearly all are used', () => {
    const uses = [
      { samplingRate: 1, noiseMultiplier: 30, steps: 400 },
      { samplingRate: 1, noiseMultiplier: 2, steps: 1 },
    ];
    const together = 1 / Math.sqrt(400 / 900 + 1 / 4);
    expect(composedEpsilon('test', uses, 1e-6, options)).toBeAllclose(gaussianEpsilon(1e-6, together), EXACT);
    expect(composedDelta('test', uses, 2, options)).toBeAllclose(gaussianDelta(2, together), EXACT);
    for (const [z, steps] of [
      [0.3, 1],
      [10, 1000],
      [100, 100000],
    ] as const) {
      for (const delta of [1e-3, 1e-12]) {
        const exact = gaussianEpsilon(delta, z / Math.sqrt(steps));
        const nearly = [{ samplingRate: 1 - 1e-13, noiseMultiplier: z, steps }];
        const epsilon = composedEpsilon('test', nearly, delta, options);
        expect(epsilon).toBeGreaterThanOrEqual(exact - 1e-9);
        expect(epsilon).toBeLessThan(exact * (1 + GRID));
      }
    }
  });

  it.each([
    { q: 0.01, z: 0.7 },
    { q: 1e-4, z: 1 },
    { q: 1e-6, z: 0.3 },
    { q: 0.5, z: 100 },
    { q: 0.01, z: 4 },
  ])('are those of one use: q = $q, z = $z', ({ q, z }) => {
    for (const delta of [1e-12, 1e-7, q / 10, Math.min(0.9, q * 2)]) {
      const exact = sampledGaussianEpsilon(delta, q, z);
      const epsilon = composedEpsilon('test', [{ samplingRate: q, noiseMultiplier: z, steps: 1 }], delta, options);
      expect(epsilon).toBeGreaterThanOrEqual(exact * BELOW);
      expect(epsilon).toBeAllclose(exact, { rtol: 5e-3, atol: 0 });
    }
  });

  it('cost nothing when nothing was used, and are finite with hardly any noise', () => {
    expect(composedEpsilon('test', [], 1e-5, options)).toBe(0);
    expect(composedDelta('test', [], 0, options)).toBe(0);
    const hardly = [{ samplingRate: 0.5, noiseMultiplier: 1e-3, steps: 2 }];
    expect(composedEpsilon('test', hardly, 1e-5, options)).toBe(gaussianEpsilon(1e-5, 1e-3 / Math.SQRT2));
    expect(composedDelta('test', [{ samplingRate: 0.5, noiseMultiplier: 1, steps: 2 }], 1e4, options)).toBeLessThan(
      1e-12,
    );
  });
});
