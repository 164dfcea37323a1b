import { random } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { type AxialAdamState, axialAdamStart, axialAdamStep } from '../src/adaptive/axial-adam';
import type { AxialGradient } from '../src/slices/axial-draw';

/** float64 sums in another order. */
const ROUNDING = 1e-12;
const OPTIONS = { rate: 0.1, learnMu: true, size: 1 };

type Field = (mu: number[], logKappa: number) => { mu: number[]; logKappa: number };

/** Steps up a field of gradients, whose part along mu is taken off. */
function climb(field: Field, start: AxialAdamState, steps: number, options = OPTIONS): AxialAdamState[] {
  const states = [start];
  for (let i = 0; i < steps; i++) {
    const state = states.at(-1)!;
    const { mu, logKappa } = state.point;
    const gradient = field(mu, logKappa);
    const along = dot(gradient.mu, mu);
    const tangent = Float64Array.from(gradient.mu, (entry, j) => entry - along * mu[j]!);
    states.push(axialAdamStep(state, { mu: tangent, logKappa: gradient.logKappa }, options));
  }
  return states;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, entry, j) => sum + entry * b[j]!, 0);
}

/** Of <mu, a> - (log kappa - 2)^2. */
const hill =
  (a: number[]): Field =>
  (_, logKappa) => ({ mu: a, logKappa: -2 * (logKappa - 2) });

describe('axialAdamStep', () => {
  it('changes log kappa by the rate and turns mu by it in radians in the first step, whatever the gradient', () => {
    for (const size of [1e-3, 1, 1e3]) {
      const [, state] = climb(
        (mu) => ({ mu: mu.map((_, j) => (j > 0 ? 5 * size : 0)), logKappa: 3 * size }),
        axialAdamStart([1, 0, 0, 0], 2),
        1,
        { ...OPTIONS, size },
      );
      expect(state!.point.logKappa - Math.log(2)).toBeAllclose(0.1, { rtol: 1e-4 });
      // A step along the tangent, back on the sphere.
      expect(Math.acos(state!.point.mu[0]!)).toBeAllclose(Math.atan(0.1), { rtol: 1e-4 });
      expect(dot(state!.point.mu, state!.point.mu)).toBeAllclose(1, { rtol: ROUNDING });
    }
  });

  it('is Adam: moving averages of gradients and of their squares, with their bias corrected', () => {
    const gradients = [0.3, -0.2, 0.5, 0.1];
    let state = axialAdamStart([1, 0], 1);
    let [m, v, logKappa] = [0, 0, 0];
    gradients.forEach((g, i) => {
      state = axialAdamStep(state, { mu: new Float64Array(2), logKappa: g }, { ...OPTIONS, size: 2 });
      m = 0.9 * m + 0.1 * (g / 2);
      v = 0.95 * v + 0.05 * (g / 2) ** 2;
      logKappa += (0.1 * (m / (1 - 0.9 ** (i + 1)))) / (Math.sqrt(v / (1 - 0.95 ** (i + 1))) + 1e-5);
    });
    expect(state.point.logKappa).toBeAllclose(logKappa, { rtol: ROUNDING });
    expect(state.steps).toBe(4);
  });

  it('climbs to the top, with a momentum that stays across mu', () => {
    const a = [0.6, 0, -0.8];
    const states = climb(hill(a), axialAdamStart([0, 1, 0], 1), 600);
    for (const { momentum, point } of states) {
      expect(Math.abs(dot(momentum.mu, point.mu))).toBeLessThan(1e-12);
    }
    const { average } = states.at(-1)!;
    expect(average.logKappa).toBeAllclose(2, { rtol: 0, atol: 1e-3 });
    expect(dot(average.mu, a) / Math.sqrt(dot(average.mu, average.mu))).toBeGreaterThan(1 - 1e-4);
  });

  it('goes the same way in rotated coordinates', () => {
    const turned = ([x, y]: number[]): number[] => [0.28 * x! - 0.96 * y!, 0.96 * x! + 0.28 * y!];
    const [a, start] = [
      [0.8, -0.6],
      [0, 1],
    ];
    const one = climb(hill(a), axialAdamStart(start, 1), 50);
    const other = climb(hill(turned(a)), axialAdamStart(turned(start), 1), 50);
    one.forEach(({ point }, i) => {
      expect(other[i]!.point.mu).toBeAllclose(turned(point.mu), { rtol: 0, atol: 1e-9 });
    });
  });

  it('takes steps made of rounding to be nothing', () => {
    const [, state] = climb(() => ({ mu: [0, 1e-8], logKappa: 1e-8 }), axialAdamStart([1, 0], 1), 1);
    // Of 0.1 at a gradient above the floor of 1e-5: here 1e-3 of it.
    expect(Math.abs(state!.point.logKappa)).toBeLessThan(2e-4);
    expect(Math.abs(state!.point.mu[1]!)).toBeLessThan(2e-4);
  });

  it('averages all points with weights t (t + 1) ... (t + 7)', () => {
    const gradients = random.fillNormal(random.key(1), new Float64Array(20));
    let state = axialAdamStart([1, 0], 1);
    const points: number[] = [];
    for (const g of gradients) {
      state = axialAdamStep(state, { mu: new Float64Array(2), logKappa: g }, OPTIONS);
      points.push(state.point.logKappa);
    }
    const weights = points.map((_, i) => Array.from({ length: 8 }, (_, k) => i + 1 + k).reduce((a, b) => a * b));
    const total = weights.reduce((a, b) => a + b);
    expect(state.average.logKappa).toBeAllclose(dot(weights, points) / total, { rtol: ROUNDING });
  });

  it('leaves mu where it is when it is not to be learnt, and kappa within 1e-3 and 1e7', () => {
    const away =
      (logKappa: number): Field =>
      () => ({ mu: [0, 1], logKappa });
    const down = climb(away(-1), axialAdamStart([1, 0], 1), 120, { ...OPTIONS, learnMu: false });
    expect(down.at(-1)!.point).toEqual({ logKappa: Math.log(1e-3), mu: [1, 0] });
    const up = climb(away(1), axialAdamStart([1, 0], 1e6), 120, { ...OPTIONS, learnMu: false });
    expect(up.at(-1)!.point.logKappa).toBe(Math.log(1e7));
    expect(axialAdamStart([1, 0], 1e-9).point.logKappa).toBe(Math.log(1e-3));
  });

  it('does not change its arguments', () => {
    const start = axialAdamStart([1, 0], 1);
    const copy = structuredClone(start);
    const gradient: AxialGradient = { mu: Float64Array.of(0, 1), logKappa: 1 };
    axialAdamStep(start, gradient, OPTIONS);
    expect(start).toEqual(copy);
    expect(gradient).toEqual({ mu: Float64Array.of(0, 1), logKappa: 1 });
  });
});
