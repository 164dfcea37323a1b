import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chain,
  constant,
  cosine,
  exponential,
  inverseSqrt,
  join,
  linearWarmup,
  oneCycle,
  piecewise,
  stepDecay,
  type Schedule,
} from '../src/optim';
import { configOf } from '../src/optim/schedule';
import { scheduleFromConfig } from '../src/optim/saved-schedule';
import { loadGolden } from '../src/testing';

const golden = (name: string) => loadGolden(new URL(`golden/optim/${name}.safetensors`, import.meta.url));
const torch = golden('schedules');
const dinov2 = golden('dinov2-schedules');

/** Both sides compute in float64; PyTorch multiplies rates step by step, so its rounding grows with the steps. */
const FLOAT64 = { rtol: 1e-12, atol: 1e-16 };
const rates = (schedule: Schedule, steps: number): number[] =>
  Array.from({ length: steps }, (_, step) => schedule(step));

/** Names of the golden file of torch.optim.lr_scheduler. */
const TORCH: Record<string, Schedule> = {
  constant: constant(0.4),
  linear_warmup: linearWarmup({ base: 0.4, start: 0.1, steps: 8 }),
  cosine: cosine({ base: 0.4, final: 0.01, steps: 30 }),
  one_cycle_cos: oneCycle({ max: 0.5, steps: 60 }),
  one_cycle_linear: oneCycle({ max: 0.5, steps: 60, anneal: 'linear', pctStart: 0.4 }),
  one_cycle_three: oneCycle({ max: 0.5, steps: 60, threePhase: true, divFactor: 10, finalDivFactor: 100 }),
  one_cycle_three_linear: oneCycle({ max: 0.5, steps: 60, threePhase: true, anneal: 'linear' }),
  one_cycle_short: oneCycle({ max: 0.5, steps: 7, pctStart: 0.25 }),
  step_decay: stepDecay({ base: 0.4, every: 10 }),
  exponential: exponential({ base: 0.4, factor: 0.93 }),
  piecewise: piecewise({ boundaries: [5, 12], values: [0.4, 0.04, 0.004] }),
  join: join([linearWarmup({ base: 0.4, start: 0.04, steps: 6 }), exponential({ base: 0.4, factor: 0.9 })], [6]),
  chain: chain(linearWarmup({ base: 1, start: 0.5, steps: 6 }), exponential({ base: 0.4, factor: 0.9 })),
};

describe('schedules', () => {
  it.each(Object.keys(TORCH))('%s equals PyTorch’s at each step', (name) => {
    const { data } = torch.get(name);
    expect(rates(TORCH[name]!, data.length)).toBeAllclose([...data], FLOAT64);
  });

  it.each(['astroclip', 'nonzero_min', 'no_warmup'])('cosine equals AstroCLIP’s: %s', (name) => {
    const [base, steps, warmup, final] = dinov2.get(`${name}.config`).data as unknown as [
      number,
      number,
      number,
      number,
    ];
    const { data } = dinov2.get(`${name}.lr`);
    expect(rates(cosine({ base, steps, warmup, final }), data.length)).toBeAllclose([...data], FLOAT64);
  });

  it.each(['lr', 'wd', 'momentum', 'teacher_temp'])('cosine with an inclusive warm-up equals DINOv2’s: %s', (name) => {
    const config = [...dinov2.get(`dinov2_${name}.config`).data] as [number, number, number, number, number];
    const [base, final, steps, warmup, warmupStart] = config;
    const { data } = dinov2.get(`dinov2_${name}`);
    const schedule = cosine({ base, final, steps, warmup, warmupStart, inclusive: true });
    expect(rates(schedule, data.length)).toBeAllclose([...data], FLOAT64);
  });

  it('linearWarmup, inclusive, is linspace and then its end', () => {
    const schedule = linearWarmup({ base: 0.07, start: 0.04, steps: 4, inclusive: true });
    expect(rates(schedule, 6)).toBeAllclose([0.04, 0.05, 0.06, 0.07, 0.07, 0.07], FLOAT64);
    expect(linearWarmup({ base: 2, start: 1, steps: 1, inclusive: true })(0)).toBe(1);
  });

  it('inverseSqrt rises to its base, comes back to it a step later, and falls to its floor', () => {
    const schedule = inverseSqrt({ base: 4e-4, warmup: 100, floor: 4e-5 });
    expect([0, 1, 50, 100, 101, 404, 10100, 1e6].map(schedule)).toBeAllclose(
      [0, 4e-6, 2e-4, 4e-4, 4e-4, 2e-4, 4e-5, 4e-5],
      FLOAT64,
    );
  });

  it('stay at their last value when they have ended', () => {
    expect(cosine({ base: 1, final: 0.25, steps: 10 })(1e9)).toBe(0.25);
    expect(cosine({ base: 1, final: 0.25, steps: 10, warmup: 10 })(10)).toBe(0.25);
    expect(oneCycle({ max: 1, steps: 10 })(10)).toBe(1 / 25 / 1e4);
    expect(piecewise({ boundaries: [1], values: [3, 4] })(1e9)).toBe(4);
  });

  it('oneCycle begins at its peak when the rise has one step, and falls from there when it has none', () => {
    expect(oneCycle({ max: 1, steps: 10, pctStart: 0.1 })(0)).toBe(1);
    const falling = rates(oneCycle({ max: 1, steps: 10, pctStart: 0, anneal: 'linear' }), 10);
    expect(falling[0]).toBeLessThan(1);
    expect(falling[9]).toBeAllclose(1 / 25 / 1e4, FLOAT64);
  });

  it('cosine is between its ends, and monotone after the warm-up', () => {
    const value = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.integer({ min: 2, max: 60 }), fc.nat(59), (base, final, steps, wanted) => {
        const warmup = Math.min(wanted, steps - 1);
        const values = rates(cosine({ base, final, steps, warmup }), steps + 2).slice(warmup);
        expect(values[0]).toBeCloseTo(base, 12);
        expect(values.at(-1)).toBe(final);
        const direction = Math.sign(final - base);
        for (let i = 1; i < values.length; i++) {
          expect((values[i]! - values[i - 1]!) * direction).toBeGreaterThanOrEqual(-1e-15);
        }
      }),
    );
  });

  it('join lets each part count from 0, and chain multiplies', () => {
    const count: Schedule = (step) => step;
    const joined = join([constant(7), count, count], [2, 5]);
    expect(rates(joined, 8)).toEqual([7, 7, 0, 1, 2, 0, 1, 2]);
    expect(rates(chain(count, count, constant(2)), 4)).toEqual([0, 2, 8, 18]);
  });

  it('come back from what they are saved as', () => {
    const inverse = inverseSqrt({ base: 1, warmup: 3, floor: 0.1 });
    const made = {
      ...TORCH,
      inverse,
      dino: cosine({ base: 1, steps: 9, warmup: 3, warmupStart: 0.5, inclusive: true }),
    };
    for (const schedule of Object.values(made)) {
      const saved = JSON.parse(JSON.stringify(configOf(schedule))) as NonNullable<ReturnType<typeof configOf>>;
      const again = scheduleFromConfig(saved);
      expect(rates(again, 70)).toEqual(rates(schedule, 70));
      expect(configOf(again)).toEqual(configOf(schedule));
    }
    expect(configOf((step) => step)).toBeNull();
    expect(configOf(join([constant(1), (step) => step], [3]))).toBeNull();
    expect(configOf(chain((step) => step))).toBeNull();
    expect(() => scheduleFromConfig({ kind: 'toString' })).toThrow(
      'tensor-core.scheduleFromConfig: kind must be one of constant, linearWarmup, cosine, inverseSqrt, stepDecay, ' +
        'exponential, piecewise, oneCycle, join, chain, got "toString".',
    );
  });

  it.each([
    [() => constant(NaN), RangeError, 'tensor-core.constant: value must be a finite number, got NaN.'],
    [() => constant(1)(-1), RangeError, 'tensor-core.constant: step must be a finite number >= 0, got -1.'],
    [() => constant(1)('1' as unknown as number), TypeError, 'step must be a finite number >= 0, got "1".'],
    [() => linearWarmup({ base: 1, steps: 0 }), RangeError, 'tensor-core.linearWarmup: steps must be an integer >= 1'],
    [() => linearWarmup({ base: NaN, steps: 1 }), RangeError, 'base'],
    [() => linearWarmup({ base: 1, steps: 1, start: NaN }), RangeError, 'start'],
    [() => cosine({ base: 1, steps: 2.5 }), RangeError, 'tensor-core.cosine: steps must be an integer >= 1, got 2.5.'],
    [
      () => cosine({ base: 1, steps: 10, warmup: 11 }),
      RangeError,
      'tensor-core.cosine: warmup must be an integer >= 0 and <= 10, got 11. steps counts the warm-up too.',
    ],
    [() => cosine({ base: NaN, steps: 1 }), RangeError, 'base'],
    [() => cosine({ base: 1, steps: 1, final: Infinity }), RangeError, 'final'],
    [() => cosine({ base: 1, steps: 1, warmupStart: NaN }), RangeError, 'warmupStart'],
    [() => inverseSqrt({ base: 1, warmup: 0 }), RangeError, 'tensor-core.inverseSqrt: warmup must be an integer >= 1'],
    [() => inverseSqrt({ base: NaN, warmup: 1 }), RangeError, 'base'],
    [() => inverseSqrt({ base: 1, warmup: 1, floor: -1 }), RangeError, 'floor'],
    [() => stepDecay({ base: 1, every: 0 }), RangeError, 'tensor-core.stepDecay: every must be an integer >= 1'],
    [() => stepDecay({ base: NaN, every: 1 }), RangeError, 'base'],
    [() => stepDecay({ base: 1, every: 1, factor: -1 }), RangeError, 'factor'],
    [() => exponential({ base: NaN, factor: 1 }), RangeError, 'base'],
    [
      () => exponential({ base: 1, factor: -1 }),
      RangeError,
      'tensor-core.exponential: factor must be a finite number >= 0',
    ],
    [
      () => piecewise({ boundaries: [5, 5], values: [1, 2, 3] }),
      RangeError,
      'tensor-core.piecewise: boundaries must be a finite number > 5, got 5. They must increase from 0 on.',
    ],
    [
      () => piecewise({ boundaries: [5], values: [1] }),
      RangeError,
      'tensor-core.piecewise: values must hold one number more than there are boundaries (1), got [1].',
    ],
    [() => piecewise({ boundaries: [5], values: [1, NaN] }), RangeError, 'values must be a finite number'],
    [() => oneCycle({ max: 1, steps: 1 }), RangeError, 'tensor-core.oneCycle: steps must be an integer >= 2, got 1.'],
    [() => oneCycle({ max: NaN, steps: 10 }), RangeError, 'max'],
    [
      () => oneCycle({ max: 1, steps: 10, pctStart: 1.1 }),
      RangeError,
      'pctStart must be a finite number >= 0 and <= 1',
    ],
    [() => oneCycle({ max: 1, steps: 10, pctStart: 0.6, threePhase: true }), RangeError, '>= 0 and <= 0.5, got 0.6'],
    [
      () => oneCycle({ max: 1, steps: 10, anneal: 'sin' as 'cos' }),
      RangeError,
      'anneal must be one of "cos", "linear"',
    ],
    [() => oneCycle({ max: 1, steps: 10, divFactor: 0 }), RangeError, 'divFactor'],
    [() => oneCycle({ max: 1, steps: 10, finalDivFactor: 0 }), RangeError, 'finalDivFactor'],
    [() => join([], []), RangeError, 'tensor-core.join: schedules must not be empty, got [].'],
    [
      () => join([constant(1)], [3]),
      RangeError,
      'tensor-core.join: boundaries must be one fewer than the schedules (1), got [3].',
    ],
    [
      () => chain(0.5 as unknown as Schedule),
      TypeError,
      'tensor-core.chain: schedules must be functions of the step, got 0.5. Write constant(value) for a number.',
    ],
  ] as const)('names what it refuses: %s', (make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
});
