import { check } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta, gaussianEpsilon } from '../src/privacy/gaussian-mechanism';
import { PldAccountant } from '../src/privacy/pld-accountant';
import type { PrivacyEvent } from '../src/privacy/privacy-event';
import { RdpAccountant } from '../src/privacy/rdp-accountant';

const golden = loadGolden(new URL('golden/accounting.safetensors', import.meta.url));

/** The stated tolerance, and what the reference adds by rounding losses up: half a point of its grid of 2e-5, or more, a step. */
const parity = (steps: number) => ({ rtol: 0.01, atol: 0.005 + steps * 1e-5 });
/** The reference is never below the truth, ours adds at most this part. */
const GRID = 1e-3;
const EXACT = { rtol: 1e-7, atol: 0 };

function counted(...events: PrivacyEvent[]): PldAccountant {
  const accountant = new PldAccountant();
  for (const event of events) accountant.step(event);
  return accountant;
}

function rows(name: string): number[][] {
  const { data, shape } = golden.get(name);
  const width = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => Array.from(data.slice(i * width, (i + 1) * width)));
}

describe('PldAccountant', () => {
  it('agrees with the reference, and is tighter', () => {
    for (const [q, z, steps, delta, expected] of rows('pld/q_sigma_steps_delta_eps') as [
      number,
      number,
      number,
      number,
      number,
    ][]) {
      const accountant = counted({ samplingRate: q, noiseMultiplier: z, steps });
      const { epsilon } = accountant.epsilon(delta);
      expect(epsilon).toBeAllclose(expected, parity(steps));
      expect(epsilon).toBeLessThanOrEqual(expected * (1 + GRID));
    }
  });

  it('is exact for the composition of Gaussian mechanisms', () => {
    for (const [z, steps, delta, expected] of rows('gaussianComposition/sigma_steps_delta_eps') as [
      number,
      number,
      number,
      number,
    ][]) {
      expect(counted({ noiseMultiplier: z, steps }).epsilon(delta).epsilon).toBeAllclose(expected, EXACT);
    }
  });

  it('is below Renyi divergences, and has the published epsilon between', () => {
    const event = { noiseMultiplier: 1.3, samplingRate: 250 / 15000, steps: 900 };
    const rdp = new RdpAccountant();
    rdp.step(event);
    const { epsilon } = counted(event).epsilon(1e-5);
    expect(epsilon).toBeLessThan(rdp.epsilon(1e-5).epsilon);
    expect(epsilon).toBeAllclose(1.8917, { rtol: 1e-3, atol: 0 });
    expect(counted(event).epsilon(1e-5)).toEqual({ epsilon, delta: 1e-5, relation: 'add-remove', accountant: 'pld' });
  });

  it('does not depend on how uses are counted', () => {
    const [a, b] = [
      { noiseMultiplier: 1.1, samplingRate: 0.01 },
      { noiseMultiplier: 2, samplingRate: 0.05 },
    ];
    const together = counted({ ...a, steps: 40 }, { ...b, steps: 20 }, { noiseMultiplier: 9, steps: 2 });
    const apart = new PldAccountant();
    for (let i = 0; i < 20; i++) {
      if (i < 2) apart.step({ noiseMultiplier: 9 });
      apart.step(a);
      apart.step(b);
      apart.step({ ...a, sampling: 'poisson' });
      apart.step({ noiseMultiplier: 0, samplingRate: 0 });
    }
    expect(apart.epsilon(1e-6).epsilon).toBeAllclose(together.epsilon(1e-6).epsilon, { rtol: 1e-12, atol: 0 });
    expect(together.events).toHaveLength(3);
    expect(apart.events.length).toBeGreaterThan(60);
    const more = together.epsilon(1e-6).epsilon;
    expect(counted({ ...a, steps: 40 }, { ...b, steps: 20 }).epsilon(1e-6).epsilon).toBeLessThan(more);
    expect(counted({ ...a, steps: 40 }, { noiseMultiplier: 9, steps: 2 }).epsilon(1e-6).epsilon).toBeLessThan(more);
  });

  it('grows with uses and q, falls with z and delta, and stays below Renyi divergences', () => {
    const number = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
    fc.assert(
      fc.property(
        number(-4, 0),
        number(-0.3, 1.5),
        fc.integer({ min: 1, max: 3000 }),
        number(-9, -2),
        (logQ, logZ, steps, logDelta) => {
          const [samplingRate, noiseMultiplier, delta] = [10 ** logQ, 10 ** logZ, 10 ** logDelta];
          const event = { samplingRate, noiseMultiplier, steps };
          const { epsilon } = counted(event).epsilon(delta);
          const slack = 1 + 5 * GRID;
          expect(counted({ ...event, steps: 2 * steps }).epsilon(delta).epsilon * slack).toBeGreaterThanOrEqual(
            epsilon,
          );
          expect(counted({ ...event, samplingRate: samplingRate / 2 }).epsilon(delta).epsilon).toBeLessThanOrEqual(
            epsilon * slack,
          );
          expect(
            counted({ ...event, noiseMultiplier: 2 * noiseMultiplier }).epsilon(delta).epsilon,
          ).toBeLessThanOrEqual(epsilon * slack);
          expect(counted(event).epsilon(2 * delta).epsilon).toBeLessThanOrEqual(epsilon * slack);
          const rdp = new RdpAccountant();
          rdp.step(event);
          expect(epsilon).toBeLessThanOrEqual(rdp.epsilon(delta).epsilon * slack + 1e-6);
          // At delta again, but for the part that the grid adds.
          const back = counted(event).delta(epsilon);
          if (epsilon > 1e-3) expect(back / delta).toBeGreaterThan(0.8);
          expect(back / delta).toBeLessThan(1.1);
        },
      ),
      { numRuns: 12, seed: 7 },
    );
  });

  it('is an upper bound on any grid', () => {
    const event = { noiseMultiplier: 1.1, samplingRate: 0.1, steps: 50 };
    const fine = counted(event).epsilon(1e-5).epsilon;
    const coarse = [0.3, 0.1, 0.01].map((grid) => {
      const accountant = new PldAccountant({ grid });
      accountant.step(event);
      return accountant.epsilon(1e-5).epsilon;
    });
    expect(coarse[0]).toBeGreaterThan(coarse[1]!);
    expect(coarse[1]).toBeGreaterThan(coarse[2]!);
    expect(coarse[2]).toBeGreaterThan(fine * (1 - GRID));
    expect(coarse[1]).toBeLessThan(fine * 1.05);
  });

  it('takes uses of all data under every relation', () => {
    for (const relation of ['replace', 'label'] as const) {
      const accountant = new PldAccountant({ relation });
      accountant.step({
        noiseMultiplier: 3,
        steps: 4,
        ...(relation === 'replace' && { sampling: 'without-replacement' }),
      });
      expect(accountant.epsilon(1e-5)).toMatchObject({ relation, epsilon: gaussianEpsilon(1e-5, 1.5) });
      expect(accountant.delta(1)).toBe(gaussianDelta(1, 1.5));
    }
  });

  it('says that nothing is guaranteed without noise, and costs nothing unused', () => {
    const warning = 'Nothing is guaranteed: there was a use of the data without noise.';
    const bare = counted({ noiseMultiplier: 2 }, { noiseMultiplier: 0, samplingRate: 0.01 });
    expect(bare.epsilon(1e-5)).toMatchObject({ epsilon: Infinity, warning });
    expect(bare.delta(100)).toBe(1);
    expect(new PldAccountant().epsilon(1e-5)).toEqual({
      epsilon: 0,
      delta: 1e-5,
      relation: 'add-remove',
      accountant: 'pld',
    });
    expect(new PldAccountant().delta(0)).toBe(0);
    expect(counted({ noiseMultiplier: 0, samplingRate: 0 }).epsilon(1e-5).epsilon).toBe(0);
  });

  it('is cloned and saved', () => {
    const accountant = new PldAccountant({ grid: 0.01 });
    accountant.step({ noiseMultiplier: 1.1, samplingRate: 0.1, steps: 50 });
    const expected = accountant.epsilon(1e-5);
    const copy = accountant.clone();
    const saved = PldAccountant.fromJSON(JSON.parse(JSON.stringify(accountant)));
    accountant.step({ noiseMultiplier: 1.1, samplingRate: 0.1 });
    expect(accountant.epsilon(1e-5).epsilon).toBeGreaterThan(expected.epsilon);
    for (const other of [copy, saved]) {
      expect(other.epsilon(1e-5)).toEqual(expected);
      expect(other.grid).toBe(0.01);
    }
    expect(new PldAccountant({ relation: 'label' }).clone().toJSON()).toEqual({
      accountant: 'pld',
      relation: 'label',
      events: [],
      options: {},
    });
  });

  it.each<[unknown, string]>([
    [null, 'got null. json: json must be a record, got null.'],
    [{ accountant: 'rdp' }, 'json: accountant must be one of "pld", got "rdp".'],
    [{ accountant: 'pld' }, 'json: relation must be one of "add-remove", "replace", "label", got undefined.'],
    [{ accountant: 'pld', relation: 'label', events: 3 }, 'json: events must be an array, got 3.'],
    [{ accountant: 'pld', relation: 'label', events: [] }, 'json: options must be a record, got undefined.'],
    [
      { accountant: 'pld', relation: 'label', events: [], options: { grid: -1 } },
      'opu-dfa.PldAccountant: grid must be a finite number > 0, got -1.',
    ],
    [
      { accountant: 'pld', relation: 'label', events: [{ noiseMultiplier: null }], options: {} },
      'opu-dfa.PldAccountant.step: noiseMultiplier must be a finite number >= 0, got null.',
    ],
  ])('refuses to read %o', (json, why) => {
    const read = () => PldAccountant.fromJSON(json);
    expect(read).toThrow(check.FormatError);
    expect(read).toThrow('opu-dfa.PldAccountant.fromJSON: json must be what toJSON of a PldAccountant gives, got');
    expect(read).toThrow(why);
  });

  it.each<[() => unknown, ErrorConstructor, string]>([
    [
      () => new PldAccountant({ relation: 'none' as never }),
      RangeError,
      ': relation must be one of "add-remove", "replace", "label", got "none".',
    ],
    [() => new PldAccountant({ grid: 0 }), RangeError, ': grid must be a finite number > 0, got 0.'],
    [
      () =>
        new PldAccountant({ relation: 'replace' }).step({
          noiseMultiplier: 1,
          samplingRate: 0.1,
          sampling: 'without-replacement',
        }),
      RangeError,
      '.step: sampling must be \'poisson\', got "without-replacement". Take an RdpAccountant.',
    ],
    [
      () => counted({ noiseMultiplier: -1 }),
      RangeError,
      '.step: noiseMultiplier must be a finite number >= 0, got -1.',
    ],
    [() => counted().epsilon(0), RangeError, '.epsilon: delta must be a finite number > 0 and < 1, got 0.'],
    [() => counted().epsilon('1' as never), TypeError, '.epsilon: delta must be a finite number > 0 and < 1, got "1".'],
    [
      () => counted().epsilon(1e-13),
      RangeError,
      '.epsilon: delta must be a finite number >= 1e-12, got 1e-13. For smaller ones take an RdpAccountant.',
    ],
    [() => counted().delta(-1), RangeError, '.delta: epsilon must be a finite number >= 0, got -1.'],
    [
      () => {
        const accountant = new PldAccountant({ grid: 1e-7 });
        accountant.step({ noiseMultiplier: 0.5, samplingRate: 0.5, steps: 10 });
        return accountant.epsilon(1e-5);
      },
      RangeError,
      '.epsilon: grid must be at least ',
    ],
  ])('refuses bad arguments: %#', (call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(`opu-dfa.PldAccountant${message}`);
  });
});
