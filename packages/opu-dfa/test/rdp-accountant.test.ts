import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ORDERS, OPACUS_ORDERS } from '../src/privacy/orders';
import type { PrivacyEvent } from '../src/privacy/privacy-event';
import { RdpAccountant } from '../src/privacy/rdp-accountant';
import { rdpToDelta, rdpToEpsilon } from '../src/privacy/rdp-conversion';
import { rdpGaussian } from '../src/privacy/rdp-gaussian';
import { rdpTable } from '../src/privacy/sampled-gaussian';
import { rdpSampledWithoutReplacement } from '../src/privacy/without-replacement';

/** Sums in another order. */
const ROUNDING = { rtol: 1e-12, atol: 0 };

/** An accountant that has counted everything that can be counted for its relation. */
function busy(): RdpAccountant {
  const accountant = new RdpAccountant({ orders: [1.5, 4, 20, Infinity] });
  accountant.step({ noiseMultiplier: 1.1, samplingRate: 0.01, steps: 500 });
  accountant.step({ noiseMultiplier: 20 });
  accountant.stepRdp((order) => order / 1000, 3);
  accountant.step({ noiseMultiplier: 1.1, samplingRate: 0.01 });
  return accountant;
}

function throughJson(accountant: RdpAccountant): RdpAccountant {
  return RdpAccountant.fromJSON(JSON.parse(JSON.stringify(accountant)));
}

describe('RdpAccountant', () => {
  it('adds divergences over different uses', () => {
    const accountant = new RdpAccountant();
    accountant.step({ noiseMultiplier: 1.3, samplingRate: 0.02, steps: 40 });
    accountant.step({ noiseMultiplier: 5 });
    accountant.stepRdp((order) => order / 500, 2);
    accountant.stepRdp(DEFAULT_ORDERS.map((order) => order / 1000));
    const sampled = rdpTable(0.02, 1.3);
    const expected = DEFAULT_ORDERS.map((order, i) => 40 * sampled[i]! + rdpGaussian(5, order) + 5 * (order / 1000));
    expect(accountant.rdp()).toBeAllclose(expected, ROUNDING);
    const { epsilon, order } = rdpToEpsilon(DEFAULT_ORDERS, accountant.rdp(), 1e-6);
    expect(accountant.epsilon(1e-6)).toEqual({
      epsilon,
      order,
      delta: 1e-6,
      relation: 'add-remove',
      accountant: 'rdp',
    });
    expect(accountant.delta(2)).toBe(rdpToDelta(DEFAULT_ORDERS, accountant.rdp(), 2));
    expect(accountant.ownMechanisms.steps).toBe(3);
  });

  it('has the published epsilon, whatever the way to it', () => {
    const classic = new RdpAccountant({ orders: OPACUS_ORDERS, conversion: 'classic' });
    const improved = new RdpAccountant({ orders: OPACUS_ORDERS });
    for (let i = 0; i < 900; i++) {
      classic.step({ noiseMultiplier: 1.3, samplingRate: 250 / 15000 });
      improved.step({ noiseMultiplier: 1.3, samplingRate: 250 / 15000 });
    }
    expect(classic.epsilon(1e-5)).toMatchObject({ epsilon: expect.closeTo(2.461023, 6) as number, order: 9.9 });
    expect(improved.epsilon(1e-5)).toMatchObject({ epsilon: expect.closeTo(2.084715, 6) as number, order: 9.1 });
    const byMironov = 10 ** -5;
    expect(classic.delta(classic.epsilon(byMironov).epsilon)).toBeAllclose(byMironov, { rtol: 1e-10, atol: 0 });
    expect(improved.events).toEqual([
      { noiseMultiplier: 1.3, samplingRate: 250 / 15000, sampling: 'poisson', steps: 900 },
    ]);
  });

  it('has the epsilons of 300 steps on 1437 digits', () => {
    const epsilons = [1, 2, 4].map((noiseMultiplier) => {
      const accountant = new RdpAccountant({ orders: OPACUS_ORDERS });
      accountant.step({ noiseMultiplier, samplingRate: 128 / 1437, steps: 300 });
      return accountant.epsilon(1e-4).epsilon;
    });
    expect(epsilons).toBeAllclose([10.572, 3.497, 1.464], { rtol: 0, atol: 5e-4 });
  });

  it('counts alike one by one, at once, and in turns of more kinds than it keeps tables of', () => {
    const kinds = Array.from({ length: 20 }, (_, i): PrivacyEvent => ({
      noiseMultiplier: 1 + i / 10,
      samplingRate: 0.1,
    }));
    const turns = new RdpAccountant();
    const rows = new RdpAccountant();
    for (let i = 0; i < 3; i++) for (const event of kinds) turns.step(event);
    for (const event of kinds) rows.step({ ...event, steps: 3 });
    expect(turns.events).toHaveLength(60);
    expect(rows.events).toHaveLength(20);
    const tables = kinds.map(({ noiseMultiplier }) => rdpTable(0.1, noiseMultiplier));
    const expected = DEFAULT_ORDERS.map((_, i) => tables.reduce((sum, table) => sum + 3 * table[i]!, 0));
    expect(turns.rdp()).toBeAllclose(expected, ROUNDING);
    expect(rows.rdp()).toBeAllclose(expected, ROUNDING);
  });

  it('takes the divergence that goes with the relation', () => {
    const at = (relation: 'replace' | 'label' | 'add-remove', event: PrivacyEvent): number[] => {
      const accountant = new RdpAccountant({ relation, orders: [1.5, 3, 8] });
      accountant.step(event);
      expect(accountant.epsilon(1e-5).relation).toBe(relation);
      return accountant.rdp();
    };
    const orders = [1.5, 3, 8];
    const sampled: PrivacyEvent = { noiseMultiplier: 2, samplingRate: 0.1, sampling: 'without-replacement' };
    expect(at('replace', sampled)).toEqual(orders.map((order) => rdpSampledWithoutReplacement(0.1, 2, order)));
    expect(at('add-remove', { ...sampled, sampling: 'poisson' })).toEqual(rdpTable(0.1, 2, orders));
    const whole = orders.map((order) => rdpGaussian(2, order));
    for (const relation of ['replace', 'label', 'add-remove'] as const) {
      expect(at(relation, { noiseMultiplier: 2 })).toEqual(whole);
    }
    const wrong = { ...sampled, sampling: 'poisson' } as const;
    expect(() => at('replace', wrong)).toThrow(
      'opu-dfa.RdpAccountant.step: sampling must go with the relation \'replace\', got "poisson". Take sampling: ' +
        "'without-replacement', or samplingRate: 1.",
    );
  });

  it('guarantees nothing without noise, and charges nothing where nobody takes part', () => {
    const accountant = new RdpAccountant();
    expect(accountant.epsilon(1e-5)).toMatchObject({ epsilon: 0 });
    expect(accountant.delta(0)).toBe(0);
    accountant.step({ noiseMultiplier: 0, samplingRate: 0, steps: 1000 });
    expect(accountant.epsilon(1e-5)).toMatchObject({ epsilon: 0 });
    accountant.step({ noiseMultiplier: 3, samplingRate: 0.5 });
    expect(accountant.epsilon(1e-5).epsilon).toBeGreaterThan(0);
    accountant.step({ noiseMultiplier: 0, samplingRate: 1e-9 });
    expect(accountant.epsilon(1e-5)).toEqual({
      epsilon: Infinity,
      delta: 1e-5,
      relation: 'add-remove',
      accountant: 'rdp',
      warning:
        'Nothing is guaranteed: the divergence is infinite at every order, as it is for a use of the data without noise.',
    });
    expect(accountant.delta(100)).toBe(1);
    const own = new RdpAccountant({ orders: [2, 3] });
    own.stepRdp([Infinity, Infinity]);
    expect(own.epsilon(1e-5).epsilon).toBe(Infinity);
  });

  it('warns of the ends of the grid and of large deltas', () => {
    const warning = (noiseMultiplier: number, delta = 1e-5, orders: number[] = [2, 5, 20]): string | undefined => {
      const accountant = new RdpAccountant({ orders });
      accountant.step({ noiseMultiplier });
      return accountant.epsilon(delta).warning;
    };
    // The best order of a Gaussian is about 1 + z sqrt(2 log(1 / delta)).
    expect(warning(0.8)).toBeUndefined();
    expect(warning(0.1)).toBe('The best order is the least of the grid, 2. Smaller ones may give a smaller epsilon.');
    expect(warning(9)).toBe('The best order is the largest of the grid, 20. Larger ones may give a smaller epsilon.');
    expect(warning(1, 1e-3)).toBeUndefined();
    const large =
      'A delta of 0.01 is large: a mechanism that publishes each example with that probability has it. Take less than ' +
      'one over the number of examples.';
    expect(warning(1.5, 0.01)).toBe(large);
    expect(warning(9, 0.01)).toBe(
      `The best order is the largest of the grid, 20. Larger ones may give a smaller epsilon. ${large}`,
    );
  });

  it('counts nothing when it refuses', () => {
    const accountant = busy();
    const before = accountant.toJSON();
    const refused: [() => void, string, string][] = [
      [
        () => accountant.step({ noiseMultiplier: -1 }),
        'RangeError',
        'step: noiseMultiplier must be a finite number >= 0, got -1.',
      ],
      [
        () => accountant.step({ noiseMultiplier: 1, steps: 0.5 }),
        'RangeError',
        'step: steps must be an integer >= 1, got 0.5.',
      ],
      [
        () => accountant.stepRdp([1, 2, 3]),
        'ShapeError',
        'stepRdp: rdp must have one value an order (4), got [1, 2, 3].',
      ],
      [
        () => accountant.stepRdp((order) => (order === 20 ? NaN : 1)),
        'RangeError',
        'stepRdp: rdp[2] must be a number >= 0, or Infinity, got NaN.',
      ],
      [() => accountant.stepRdp(() => 1, 0), 'RangeError', 'stepRdp: steps must be an integer >= 1, got 0.'],
      [() => accountant.epsilon(1), 'RangeError', 'epsilon: delta must be a finite number > 0 and < 1, got 1.'],
      [() => accountant.delta(-1), 'RangeError', 'delta: epsilon must be a finite number >= 0, got -1.'],
    ];
    for (const [make, name, message] of refused) {
      expect(make).toThrow(expect.objectContaining({ name, message: `opu-dfa.RdpAccountant.${message}` }));
    }
    expect(accountant.toJSON()).toEqual(before);
  });

  it.each<[object, string, string]>([
    [{ orders: [] }, 'ShapeError', 'orders must be an array of at least one order, got [].'],
    [
      { orders: [2, 1.001] },
      'RangeError',
      'orders[1] must be >= 1.01 for the improved conversion, which is not stable below, got 1.001.',
    ],
    [{ relation: 'same' }, 'RangeError', 'relation must be one of "add-remove", "replace", "label", got "same".'],
    [{ conversion: 'best' }, 'RangeError', 'conversion must be one of "improved", "classic", got "best".'],
  ])('refuses the options %o', (options, name, text) => {
    const make = () => new RdpAccountant(options);
    expect(make).toThrow(expect.objectContaining({ name, message: `opu-dfa.RdpAccountant: ${text}` }));
  });
});

describe('clone and JSON', () => {
  it('give the same numbers, and go their own ways', () => {
    for (const copied of [(original: RdpAccountant) => original.clone(), throughJson]) {
      const accountant = busy();
      const copy = copied(accountant);
      expect(copy.rdp()).toEqual(accountant.rdp());
      expect(copy.epsilon(1e-5)).toEqual(accountant.epsilon(1e-5));
      expect(copy.toJSON()).toEqual(accountant.toJSON());
      const before = accountant.toJSON();
      copy.step({ noiseMultiplier: 1.1, samplingRate: 0.01 });
      copy.stepRdp(() => 1);
      expect(accountant.toJSON()).toEqual(before);
      accountant.step({ noiseMultiplier: 1.1, samplingRate: 0.01 });
      accountant.stepRdp(() => 1);
      expect(copy.rdp()).toEqual(accountant.rdp());
    }
  });

  it('keep relation, conversion, orders and infinite numbers', () => {
    const accountant = new RdpAccountant({ relation: 'label', conversion: 'classic', orders: [1.001, 2, Infinity] });
    accountant.stepRdp([0.1, 0.2, Infinity]);
    const copy = throughJson(accountant);
    expect(copy).toMatchObject({ relation: 'label', conversion: 'classic', orders: [1.001, 2, Infinity] });
    expect(copy.ownMechanisms).toEqual({ rdp: [0.1, 0.2, Infinity], steps: 1 });
    expect(copy.rdp()).toEqual([0.1, 0.2, Infinity]);
  });

  const saved = JSON.parse(JSON.stringify(busy())) as {
    events: object[];
    options: { orders: unknown[]; own: object };
  } & object;
  const { options, events } = saved;
  const own = (change: object): object => ({ ...saved, options: { ...options, own: { ...options.own, ...change } } });
  it.each<[unknown, string]>([
    [null, 'got null. json: json must be a record, got null.'],
    ['{}', 'got "{}". json: json must be a record, got "{}".'],
    [{ ...saved, accountant: 'pld' }, 'json: accountant must be one of "rdp", got "pld".'],
    [{ ...saved, relation: 'x' }, 'relation must be one of "add-remove", "replace", "label", got "x".'],
    [{ ...saved, events: {} }, 'json: events must be an array, got an object.'],
    [{ ...saved, events: [null] }, 'event must be a record with a noiseMultiplier, got null.'],
    [{ ...saved, events: [{ ...events[0], noiseMultiplier: null }] }, 'noiseMultiplier must be a finite number >= 0'],
    [{ ...saved, events: [{ ...events[0], steps: -1 }] }, 'steps must be an integer >= 1, got -1.'],
    [{ ...saved, options: null }, 'json: options must be a record, got null.'],
    [{ ...saved, options: { ...options, orders: [2] } }, 'options.own: rdp must have one value an order (1)'],
    [{ ...saved, options: { ...options, orders: [null, 2, 3, 4] } }, 'options: orders[0] must be a number > 1'],
    [{ ...saved, options: { ...options, conversion: 7 } }, 'options: conversion must be one of'],
    [{ ...saved, options: { ...options, own: 3 } }, 'json: options.own must be a record, got 3.'],
    [own({ rdp: [1, 1, 1, null] }), 'options.own: rdp[3] must be a number >= 0, or Infinity, got null.'],
    [own({ rdp: [1, 1, 1, -1] }), 'options.own: rdp[3] must be a number >= 0, or Infinity, got -1.'],
    [own({ steps: 'x' }), 'options.own: steps must be an integer >= 0, got "x".'],
  ])('refuse %o', (json, text) => {
    const make = () => RdpAccountant.fromJSON(json);
    const start = 'opu-dfa.RdpAccountant.fromJSON: json must be what toJSON of an RdpAccountant gives, got';
    expect(make).toThrow(expect.objectContaining({ name: 'FormatError' }));
    expect(make).toThrow(start);
    expect(make).toThrow(text);
  });

  it('never give a budget that is no number, whatever one entry of the file is', () => {
    const paths = ['noiseMultiplier', 'samplingRate', 'sampling', 'steps'];
    const hostile = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined));
    fc.assert(
      fc.property(fc.constantFrom(...paths), hostile, (name, value) => {
        let copy: RdpAccountant;
        try {
          copy = RdpAccountant.fromJSON({ ...saved, events: [{ ...events[0], [name]: value }] });
        } catch (error) {
          expect(error).toMatchObject({ name: 'FormatError' });
          return;
        }
        expect(copy.epsilon(1e-5).epsilon).toBeGreaterThanOrEqual(0);
        expect(copy.delta(1)).toBeGreaterThanOrEqual(0);
      }),
      { seed: 13, numRuns: 200 },
    );
  });
});
