import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momoReference, momoStepSize, type ReferenceOptions, type ReferenceProblem, type ReferenceRun } from '../src';
import { loadProblem, optionsOf, splitRow } from './problems';

// All in float64: identities hold up to rounding, which 40 steps of these problems keep below 1e-10.
const ROUNDING = 1e-10;

const flat = (run: ReferenceRun): number[][] => run.weights.map((row) => row.flatMap((part) => [...part]));
const norm = (values: number[]): number => Math.hypot(...values);

/** f(x) = scale * sum_i a_i (x_i - m_i)^2 / 2 + shift, with minimum `shift`. */
function bowl({ scale = 1, shift = 0, start = [1, -2, 3] } = {}): ReferenceProblem {
  const curvature = [0.5, 2, 5];
  const centre = [0.3, -0.1, 0.7];
  return {
    initial: [start],
    lossAndGradient: ([x]) => {
      const gradient = [...x!].map((value, i) => scale * curvature[i]! * (value - centre[i]!));
      const loss = [...x!].reduce(
        (sum, value, i) => sum + (scale * curvature[i]! * (value - centre[i]!) ** 2) / 2,
        shift,
      );
      return { loss, gradient: [gradient] };
    },
  };
}

describe('MoMo', () => {
  it('with beta = 0 is ProxSPS, step for step, with and without weight decay', () => {
    for (const weightDecay of [0, 0.1]) {
      const momo = momoReference(bowl(), { steps: 40, beta: 0, weightDecay });
      const sps = momoReference(bowl(), { steps: 40, method: 'sps', learningRate: 1, weightDecay });
      expect(flat(momo)).toEqual(flat(sps));
    }
  });

  it('takes the stochastic Polyak step first: (f - lb) / ||g||^2', () => {
    const { loss, gradient } = bowl().lossAndGradient([Float64Array.of(1, -2, 3)], 1);
    const [log] = momoReference(bowl(), { steps: 1, learningRate: 100, lowerBound: -0.5 }).steps;
    expect(log!.stepSize).toBeCloseTo((loss + 0.5) / norm([...(gradient[0]! as number[])]) ** 2, 12);
  });

  it('with a tiny cap is SGD with momentum as an average', () => {
    const learningRate = 1e-3;
    const run = momoReference(bowl(), { steps: 40, learningRate });
    let x = [1, -2, 3];
    let d: number[] | null = null;
    for (let k = 1; k <= 40; k++) {
      const g = [...(bowl().lossAndGradient([Float64Array.from(x)], k).gradient[0] as number[])];
      d = d === null ? g : d.map((value, i) => 0.9 * value + 0.1 * g[i]!);
      x = x.map((value, i) => value - learningRate * d![i]!);
      expect(flat(run)[k]).toBeAllclose(x, { rtol: ROUNDING });
    }
  });

  it('halves x on a x^2 / 2, and lands on the minimiser of a |x| in one step', () => {
    const parabola: ReferenceProblem = {
      initial: [[8]],
      lossAndGradient: ([x]) => ({ loss: (3 * x![0]! ** 2) / 2, gradient: [[3 * x![0]!]] }),
    };
    const options: ReferenceOptions = { steps: 5, beta: 0, learningRate: 1e9 };
    expect(flat(momoReference(parabola, options)).flat()).toBeAllclose([8, 4, 2, 1, 0.5, 0.25], { rtol: 1e-15 });
    const wedge: ReferenceProblem = {
      initial: [[-5]],
      lossAndGradient: ([x]) => ({ loss: 2 * Math.abs(x![0]!), gradient: [[2 * Math.sign(x![0]!)]] }),
    };
    expect(flat(momoReference(wedge, { ...options, steps: 1 }))[1]).toEqual([0]);
  });

  it('does not see a cap that never binds: rates of 10 and 1e6 give the same run', () => {
    const [ten, million] = [10, 1e6].map((learningRate) => momoReference(bowl(), { steps: 40, learningRate }));
    expect(ten!.steps.some((log) => log.capped)).toBe(false);
    expect(flat(ten!)).toEqual(flat(million!));
  });

  it.each([{}, { biasCorrection: true }])('is unchanged by a scale of the loss: %o', (options) => {
    const plain = momoReference(bowl(), { steps: 40, learningRate: 1e9, ...options });
    const scaled = momoReference(bowl({ scale: 37, shift: 37 }), {
      steps: 40,
      learningRate: 1e9,
      lowerBound: 37,
      ...options,
    });
    expect(flat(scaled)).toBeAllclose(flat(plain), { rtol: 1e-7, atol: 1e-9 });
  });

  // With useFstar only while no reset halves the bound: half of a number depends on where zero is.
  it.each([
    { method: 'momo' },
    { method: 'momo', biasCorrection: true },
    { method: 'momo', weightDecay: 0.1 },
    { method: 'momo-adam', learningRate: 1 },
    { method: 'momo', useFstar: true, biasCorrection: true, learningRate: 0.01 },
    { method: 'sps', learningRate: 1 },
  ] as const)('is unchanged when loss and bound are shifted together: %o', (options) => {
    const plain = momoReference(bowl(), { steps: 40, lowerBound: 0, ...options });
    const shifted = momoReference(bowl({ shift: 5 }), { steps: 40, lowerBound: 5, ...options });
    expect(flat(shifted)).toBeAllclose(flat(plain), { rtol: 1e-9, atol: 1e-10 });
  });

  it('never moves away from the common minimiser, capped or not (convex, bound exact, no decay)', () => {
    const problem = loadProblem('quadratic');
    const variants = Object.entries(problem.variants).filter(
      ([name, [method, o]]) => name.startsWith('momo') && method === 'momo' && !o.lb && !o.weight_decay && !o.use_fstar,
    );
    expect(variants.length).toBeGreaterThan(5);
    for (const [variant, [, settings]] of variants) {
      const run = momoReference(problem.host(variant), { steps: 40, ...optionsOf(settings) });
      const distances = flat(run).map(norm);
      distances.slice(1).forEach((distance, k) => {
        // The theorem is exact; rounding is that of one float64 update.
        expect(distance, `${variant}, step ${k + 1}`).toBeLessThanOrEqual(distances[k]! * (1 + 1e-14));
      });
    }
  });

  it('solves the proximal subproblem with weight decay: [1, 2, 3] on sum x^2 goes to [0.5, 1, 1.5]', () => {
    const squares: ReferenceProblem = {
      initial: [[1, 2, 3]],
      lossAndGradient: ([x]) => ({
        loss: x!.reduce((sum, value) => sum + value ** 2, 0),
        gradient: [x!.map((value) => 2 * value)],
      }),
    };
    expect(flat(momoReference(squares, { steps: 1, weightDecay: 0.1 }))[1]).toBeAllclose([0.5, 1, 1.5], {
      rtol: 1e-15,
    });
    // The true losses of five steps without decay.
    const { steps } = momoReference(squares, { steps: 6 });
    expect(steps.map((log) => log.loss)).toBeAllclose([14, 3.5, 3.31821, 3.14186, 2.97131, 2.80686], { rtol: 2e-6 });
  });

  it('is the minimiser of its model: no other point has a smaller subproblem value', () => {
    // Subproblem (no decay, rho = 1): max(fbar + <d, y> - gamma, lb) + ||y - x||^2 / (2 alpha).
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        (offset, learningRate) => {
          const run = momoReference(bowl(), { steps: 4, learningRate });
          const x = flat(run);
          const { lossAvg } = run.steps[3]!;
          const g = x
            .slice(0, 4)
            .map((row) => bowl().lossAndGradient([Float64Array.from(row)], 1).gradient[0] as number[]);
          const weights = [0.9 ** 3, 0.1 * 0.9 ** 2, 0.1 * 0.9, 0.1];
          const d = [0, 1, 2].map((i) => weights.reduce((sum, weight, j) => sum + weight * g[j]![i]!, 0));
          const gamma = weights.reduce(
            (sum, weight, j) => sum + weight * g[j]!.reduce((s, v, i) => s + v * x[j]![i]!, 0),
            0,
          );
          const value = (y: number[]): number =>
            Math.max(lossAvg + y.reduce((s, v, i) => s + v * d[i]!, 0) - gamma, 0) +
            norm(y.map((v, i) => v - x[3]![i]!)) ** 2 / (2 * learningRate);
          const best = value(x[4]!);
          expect(best).toBeLessThanOrEqual(value(x[4]!.map((v, i) => v + offset[i]!)) + 1e-12);
        },
      ),
    );
  });
});

describe('MoMo-Adam', () => {
  const beta1 = 0.9;
  const beta2 = 0.999;

  it('with a small cap is Adam', () => {
    const learningRate = 1e-3;
    const run = momoReference(bowl(), { steps: 40, method: 'momo-adam', learningRate });
    let x = [1, -2, 3];
    let m = [0, 0, 0];
    let v = [0, 0, 0];
    for (let k = 1; k <= 40; k++) {
      const g = bowl().lossAndGradient([Float64Array.from(x)], k).gradient[0] as number[];
      m = m.map((value, i) => beta1 * value + (1 - beta1) * g[i]!);
      v = v.map((value, i) => beta2 * value + (1 - beta2) * g[i]! ** 2);
      x = x.map(
        (value, i) =>
          value - (learningRate * (m[i]! / (1 - beta1 ** k))) / (Math.sqrt(v[i]! / (1 - beta2 ** k)) + 1e-8),
      );
      expect(flat(run)[k]).toBeAllclose(x, { rtol: ROUNDING });
    }
  });

  it('with epsilon = 0 is unchanged by a scale of the loss', () => {
    const options: ReferenceOptions = { steps: 40, method: 'momo-adam', learningRate: 1e9, epsilon: 0 };
    const plain = momoReference(bowl(), options);
    const scaled = momoReference(bowl({ scale: 37 }), options);
    expect(flat(scaled)).toBeAllclose(flat(plain), { rtol: 1e-7, atol: 1e-9 });
  });

  it('with epsilon = 0 passes over weights whose gradient has always been zero', () => {
    const half: ReferenceProblem = {
      initial: [[2, 5]],
      lossAndGradient: ([x]) => ({ loss: x![0]! ** 2, gradient: [[2 * x![0]!, 0]] }),
    };
    const run = momoReference(half, { steps: 20, method: 'momo-adam', learningRate: 1, epsilon: 0 });
    expect(run.weights.at(-1)![0]![1]).toBe(5);
    expect(run.steps.at(-1)!.loss).toBeLessThan(run.steps[0]!.loss);
  });
});

describe('MoMo*', () => {
  it('keeps the bound at or above its floor, and brings it near the true optimum 2', () => {
    const problem = loadProblem('quadratic_shifted');
    const run = (biasCorrection: boolean): number[] =>
      momoReference(problem.host('momo_star'), {
        steps: 40,
        useFstar: true,
        lowerBound: -10,
        biasCorrection,
      }).steps.map((log) => log.lowerBound);
    const [plain, corrected] = [run(false), run(true)];
    expect(Math.min(...plain, ...corrected)).toBeGreaterThanOrEqual(-10);
    const at = [1, 2, 3, 6, 11, 21, 40].map((k) => k - 1);
    // Values of the authors' code, printed to three digits.
    expect(at.map((k) => plain[k]!)).toBeAllclose([1.089, -1.404, -1.179, -0.68, 0.198, 0.959, 1.701], { atol: 6e-4 });
    expect(at.map((k) => corrected[k]!)).toBeAllclose([1.089, 0.544, 0.969, 1.234, 1.581, 1.824, 1.967], {
      atol: 6e-4,
    });
  });

  it('halves a bound that is above the model, once, down to the floor', () => {
    const model = { lossAvg: 1, gamma: 0, dot: 0, gradNormSq: 4, rho: 1 };
    const settings = { weightDecay: 0, decay: 'proximal', useFstar: true, lowerBound: 0 } as const;
    // cap = 1 < lb = 3: lb <- 1/2, t1 = (1 - 1/2) / 4.
    expect(momoStepSize(model, 100, 3, settings).adaptiveStep).toBeCloseTo(0.125, 15);
    expect(momoStepSize(model, 100, 3, { ...settings, lowerBound: 0.9 }).adaptiveStep).toBeCloseTo(0.025, 15);
  });
});

describe('momoStepSize', () => {
  const scalar = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  const positive = fc.double({ min: 1e-6, max: 1e3, noNaN: true });

  it('has 0 <= tau <= alpha / rho, t1 >= 0, and tau = 0 exactly when the model is at its bound', () => {
    fc.assert(
      fc.property(
        scalar,
        scalar,
        scalar,
        positive,
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        positive,
        scalar,
        (lossAvg, gamma, dot, gradNormSq, rho, learningRate, lowerBound) => {
          const settings = { weightDecay: 0, decay: 'proximal', useFstar: false, lowerBound } as const;
          const size = momoStepSize({ lossAvg, gamma, dot, gradNormSq, rho }, learningRate, lowerBound, settings);
          expect(size.adaptiveStep).toBeGreaterThanOrEqual(0);
          expect(size.stepSize).toBeLessThanOrEqual(learningRate / rho);
          expect(size.stepSize === 0).toBe(lossAvg - rho * lowerBound - gamma + dot <= 0);
          expect(size.capped).toBe(size.stepSize === size.userStep);
        },
      ),
    );
  });

  it('is 0 where the gradient is', () => {
    const settings = { weightDecay: 0.1, decay: 'proximal', useFstar: false, lowerBound: 0 } as const;
    expect(momoStepSize({ lossAvg: 1, gamma: 0, dot: 0, gradNormSq: 0, rho: 1 }, 1, 0, settings).stepSize).toBe(0);
  });
});

describe('golden start rows', () => {
  it('agree between variants, so that all of them compare the same start', () => {
    const problem = loadProblem('mlp');
    const first = Object.keys(problem.variants).map((name) =>
      splitRow(problem.golden.get(`${name}/params`).data, 0, problem.shapes),
    );
    first.forEach((row) => expect(row).toEqual(first[0]));
  });
});
