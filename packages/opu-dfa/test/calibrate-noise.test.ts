import { describe, expect, it } from 'vitest';
import { calibrateNoise, stepsWithin } from '../src/privacy/calibrate-noise';
import { gaussianNoiseMultiplier } from '../src/privacy/gaussian-mechanism';
import { PldAccountant } from '../src/privacy/pld-accountant';
import { RdpAccountant } from '../src/privacy/rdp-accountant';

const target = { epsilon: 3, delta: 1e-5, samplingRate: 0.05 };

function spent(accountant: 'rdp' | 'pld', noiseMultiplier: number, steps: number): number {
  const book = accountant === 'rdp' ? new RdpAccountant() : new PldAccountant();
  book.step({ noiseMultiplier, samplingRate: target.samplingRate, steps });
  return book.epsilon(target.delta).epsilon;
}

describe('calibrateNoise', () => {
  it.each(['rdp', 'pld'] as const)('is enough, and not much more: %s', (accountant) => {
    const noise = calibrateNoise({ ...target, steps: 200, accountant });
    expect(spent(accountant, noise, 200)).toBeLessThanOrEqual(3);
    expect(spent(accountant, noise / 1.001, 200)).toBeGreaterThan(3 * (1 - 1e-4));
    expect(spent(accountant, noise / 1.01, 200)).toBeGreaterThan(3);
    const rough = calibrateNoise({ ...target, steps: 200, accountant, tolerance: 0.3 });
    expect(rough).toBeGreaterThan(noise * 1.01);
    expect(rough).toBeLessThan(noise * 1.31);
  });

  it('is less by the tighter accountant, which is the default', () => {
    const [rdp, pld] = (['rdp', 'pld'] as const).map((accountant) =>
      calibrateNoise({ ...target, steps: 200, accountant }),
    );
    expect(pld).toBeLessThan(rdp! * 0.98);
    expect(calibrateNoise({ ...target, steps: 200 })).toBe(pld);
  });

  it('is the analytic one without sampling', () => {
    const noise = calibrateNoise({ ...target, samplingRate: 1, steps: 9, tolerance: 1e-9 });
    expect(noise).toBeAllclose(3 * gaussianNoiseMultiplier(3, 1e-5), { rtol: 2e-9, atol: 0 });
    expect(calibrateNoise({ ...target, epsilon: 0.001, samplingRate: 1, steps: 1 })).toBeGreaterThan(1000);
  });

  it('is the least of the search where less would do', () => {
    expect(calibrateNoise({ epsilon: 1e6, delta: 1e-5, samplingRate: 1, steps: 1 })).toBe(2 ** -6);
  });

  it('says what no noise reaches', () => {
    const call = () => calibrateNoise({ ...target, epsilon: 0.001, delta: 1e-30, steps: 10, accountant: 'rdp' });
    expect(call).toThrow(RangeError);
    expect(call).toThrow(
      /^opu-dfa.calibrateNoise: epsilon must be at least 0\.05\d+, which is left with any noise, got 0.001. Take accountant: 'pld'.$/,
    );
  });
});

describe('stepsWithin', () => {
  it.each(['rdp', 'pld'] as const)('is the last number of steps within the budget: %s', (accountant) => {
    const steps = stepsWithin({ ...target, noiseMultiplier: 1.2, accountant });
    expect(steps).toBeGreaterThan(100);
    expect(spent(accountant, 1.2, steps)).toBeLessThanOrEqual(3);
    expect(spent(accountant, 1.2, steps + 1)).toBeGreaterThan(3);
  });

  it('is 0 where one costs too much, and Infinity where there is no limit', () => {
    expect(stepsWithin({ ...target, noiseMultiplier: 0 })).toBe(0);
    expect(stepsWithin({ ...target, samplingRate: 1, noiseMultiplier: 0.3 })).toBe(0);
    expect(stepsWithin({ ...target, samplingRate: 0, noiseMultiplier: 1 })).toBe(Infinity);
    expect(stepsWithin({ ...target, samplingRate: 1, noiseMultiplier: 1e12 })).toBe(Infinity);
    const one = gaussianNoiseMultiplier(3, 1e-5);
    expect(stepsWithin({ ...target, samplingRate: 1, noiseMultiplier: one * 1.0001 })).toBe(1);
    expect(stepsWithin({ ...target, samplingRate: 1, noiseMultiplier: one * 10.0001 })).toBe(100);
  });
});

describe('bad arguments', () => {
  it.each<[object, string]>([
    [{ epsilon: 0 }, 'epsilon must be a finite number > 0, got 0.'],
    [{ delta: 1 }, 'delta must be a finite number > 0 and < 1, got 1.'],
    [{ delta: 1e-13 }, 'delta must be a finite number >= 1e-12, got 1e-13. For smaller ones take an RdpAccountant.'],
    [{ samplingRate: 2 }, 'samplingRate must be a finite number >= 0 and <= 1, got 2.'],
    [{ accountant: 'gdp' }, 'accountant must be one of "rdp", "pld", got "gdp".'],
  ])('of both: %o', (wrong, message) => {
    const calls = {
      calibrateNoise: () => calibrateNoise({ ...target, steps: 10, ...wrong }),
      stepsWithin: () => stepsWithin({ ...target, noiseMultiplier: 1, ...wrong }),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(call).toThrow(RangeError);
      expect(call).toThrow(`opu-dfa.${name}: ${message}`);
    }
  });

  it.each<[() => unknown, string]>([
    [
      () => calibrateNoise({ ...target, steps: 10, samplingRate: 0 }),
      'calibrateNoise: samplingRate must be a finite number > 0, got 0. What is never drawn needs no noise.',
    ],
    [() => calibrateNoise({ ...target, steps: 1.5 }), 'calibrateNoise: steps must be an integer >= 1, got 1.5.'],
    [
      () => calibrateNoise({ ...target, steps: 1, tolerance: 0 }),
      'calibrateNoise: tolerance must be a finite number > 0, got 0.',
    ],
    [
      () => stepsWithin({ ...target, noiseMultiplier: -1 }),
      'stepsWithin: noiseMultiplier must be a finite number >= 0, got -1.',
    ],
  ])('of one: %#', (call, message) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`opu-dfa.${message}`);
  });
});
