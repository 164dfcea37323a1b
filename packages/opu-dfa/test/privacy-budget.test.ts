import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from '@tfsci/tensor-core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileBudgetStore } from '../src/training/node/file-budget-store';
import { AffordableSteps } from '../src/training/affordable-steps';
import { memoryBudgetStore, webBudgetStore, type BudgetStore } from '../src/training/budget-store';
import { BudgetExhaustedError, PrivacyBudget, type PrivacyBudgetOptions } from '../src/training/privacy-budget';
import { AddingAccountant } from './training-support';

/** Costs 0.5 a step. */
const event = { noiseMultiplier: 2 };
/** Costs 0.25 a step. */
const cheaper = { noiseMultiplier: 4 };
const options = (): PrivacyBudgetOptions => ({ epsilon: 3, delta: 1e-5, accountant: new AddingAccountant() });

describe('PrivacyBudget', () => {
  it('counts uses up to epsilon, and refuses the one that would exceed it', async () => {
    const budget = new PrivacyBudget(options());
    expect(budget.spent).toMatchObject({ epsilon: 0, delta: 1e-5, relation: 'add-remove' });
    for (let i = 1; i <= 6; i++) {
      await budget.spend(event);
      expect(budget.spent.epsilon).toBe(i / 2);
      expect(budget.remaining).toBe(3 - i / 2);
    }
    const refused = await budget.spend(event).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BudgetExhaustedError);
    expect(refused).toMatchObject({ name: 'BudgetExhaustedError', epsilon: 3, spent: 3, wouldBe: 3.5 });
    expect((refused as Error).message).toBe(
      'opu-dfa.PrivacyBudget.spend: epsilon must stay at most 3, got 3.5 after this use. ' +
        '3 are spent; take more noise, a smaller sampling rate or fewer steps.',
    );
    expect(budget.spent.epsilon).toBe(3);
  });

  it('records nothing of what it refuses, and still allows what is cheaper', async () => {
    const budget = new PrivacyBudget({ ...options(), epsilon: 1.8 });
    await budget.spend({ ...event, steps: 3 });
    await expect(budget.spend({ ...event, steps: 4 })).rejects.toMatchObject({ spent: 1.5, wouldBe: 3.5 });
    await expect(budget.spend(event)).rejects.toBeInstanceOf(BudgetExhaustedError);
    await budget.spend(cheaper);
    expect(budget.spent.epsilon).toBe(1.75);
    await expect(budget.spend(cheaper)).rejects.toMatchObject({ spent: 1.75, wouldBe: 2 });
  });

  it('counts uses of different kinds together, in any order', async () => {
    const budget = new PrivacyBudget(options());
    for (const each of [event, cheaper, event, cheaper, { ...event, samplingRate: 0.5 }]) await budget.spend(each);
    expect(budget.spent.epsilon).toBe(0.5 + 0.25 + 0.5 + 0.25 + 0.25);
  });

  it('says how many steps are left, and is right about it', async () => {
    const budget = new PrivacyBudget(options());
    expect(budget.stepsLeft(event)).toBe(6);
    await budget.spend(cheaper);
    expect(budget.stepsLeft(event)).toBe(5);
    expect(budget.stepsLeft(cheaper)).toBe(11);
    expect(budget.stepsLeft(cheaper, 4)).toBe(4);
    expect(budget.stepsLeft(event, 0)).toBe(0);
    expect(budget.stepsLeft({ ...cheaper, steps: 3 })).toBe(3);
    // To ask costs nothing.
    expect(budget.spent.epsilon).toBe(0.25);
    for (let left = 11; left > 0; left--) {
      expect(budget.stepsLeft(cheaper)).toBe(left);
      await budget.spend(cheaper);
    }
    expect(budget.stepsLeft(cheaper)).toBe(0);
    await expect(budget.spend(cheaper)).rejects.toBeInstanceOf(BudgetExhaustedError);
  });

  it('has an epsilon computed for few of many steps', async () => {
    const accountant = new AddingAccountant();
    const budget = new PrivacyBudget({ epsilon: 10, delta: 1e-5, accountant });
    // 5120 of them cost 10, in sums that are exact.
    const small = { noiseMultiplier: 512, samplingRate: 1 };
    let taken = 0;
    while (budget.stepsLeft(small, 1) === 1) {
      await budget.spend(small);
      taken++;
    }
    expect(taken).toBe(5120);
    // Doubling up to 8192 and bisection of what is between: 2 log2(8192) or so.
    expect(accountant.evaluations.count).toBeLessThan(30);
  });

  it('counts without an end where epsilon is Infinity', async () => {
    const budget = await PrivacyBudget.open(memoryBudgetStore(), { ...options(), epsilon: Infinity });
    await budget.spend({ noiseMultiplier: 0 });
    expect(budget.spent.epsilon).toBe(Infinity);
    expect(budget.remaining).toBe(Infinity);
    expect(budget.stepsLeft({ noiseMultiplier: 0 })).toBe(1e6);
  });

  it('never affords what has no noise', async () => {
    const budget = new PrivacyBudget(options());
    await expect(budget.spend({ noiseMultiplier: 0 })).rejects.toMatchObject({ spent: 0, wouldBe: Infinity });
    expect(budget.stepsLeft({ noiseMultiplier: 0 })).toBe(0);
  });

  it('never affords what has no epsilon', async () => {
    const accountant = new AddingAccountant();
    vi.spyOn(AddingAccountant.prototype, 'epsilon').mockReturnValue({
      ...{ epsilon: NaN, delta: 1e-5, relation: 'add-remove', accountant: 'rdp' },
    });
    try {
      const budget = new PrivacyBudget({ ...options(), accountant });
      await expect(budget.spend(event)).rejects.toBeInstanceOf(BudgetExhaustedError);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('keeps an accountant of its own', async () => {
    const accountant = new AddingAccountant();
    accountant.step(event);
    const budget = new PrivacyBudget({ ...options(), accountant });
    accountant.step(event);
    expect(budget.spent.epsilon).toBe(0.5);
    await budget.spend(event);
    expect(accountant.events).toMatchObject([{ steps: 2 }]);
  });

  it('takes calls that overlap one after the other', async () => {
    const store = slowStore();
    const budget = await PrivacyBudget.open(store, options());
    const calls = Array.from({ length: 9 }, () => budget.spend(event));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status)).toEqual([
      ...new Array<string>(6).fill('fulfilled'),
      ...new Array<string>(3).fill('rejected'),
    ]);
    expect((await PrivacyBudget.open(store, options())).spent.epsilon).toBe(3);
  });

  it.each<[object, ErrorConstructor, string]>([
    [{ epsilon: 0 }, RangeError, 'epsilon must be > 0, or Infinity, got 0.'],
    [{ epsilon: -1 }, RangeError, 'epsilon must be > 0, or Infinity, got -1.'],
    [{ epsilon: NaN }, RangeError, 'epsilon must be > 0, or Infinity, got NaN.'],
    [{ epsilon: '3' }, TypeError, 'epsilon must be a number, got "3".'],
    [{ delta: 0 }, RangeError, 'delta must be a finite number > 0 and < 1, got 0.'],
    [{ delta: 1 }, RangeError, 'delta must be a finite number > 0 and < 1, got 1.'],
    [{ accountant: undefined }, TypeError, 'accountant must be an Accountant, got undefined. RdpAccountant is one.'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => new PrivacyBudget({ ...options(), ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.PrivacyBudget: ${message}`);
  });

  it('refuses uses that cannot be, and records nothing', async () => {
    const budget = new PrivacyBudget(options());
    await expect(budget.spend({ noiseMultiplier: -1 })).rejects.toThrow(
      'opu-dfa.PrivacyBudget.spend: noiseMultiplier must be a finite number >= 0, got -1.',
    );
    await expect(budget.spend({ noiseMultiplier: 1, samplingRate: 1.5 })).rejects.toThrow(RangeError);
    expect(() => budget.stepsLeft({ noiseMultiplier: NaN })).toThrow(
      'opu-dfa.PrivacyBudget.stepsLeft: noiseMultiplier must be a finite number >= 0, got NaN.',
    );
    expect(() => budget.stepsLeft(event, -1)).toThrow(
      'opu-dfa.PrivacyBudget.stepsLeft: most must be an integer >= 0, got -1.',
    );
    expect(budget.spent.epsilon).toBe(0);
    // One refusal does not stop the next.
    await budget.spend(event);
    expect(budget.spent.epsilon).toBe(0.5);
  });
});

describe('a budget that is kept', () => {
  it('goes on after a restart, and cannot be had twice', async () => {
    const store = memoryBudgetStore();
    const first = await PrivacyBudget.open(store, options());
    await first.spend({ ...event, steps: 2 });
    await first.spend(cheaper);
    const second = await PrivacyBudget.open(store, options());
    expect(second.spent).toEqual(first.spent);
    expect(second.stepsLeft(event)).toBe(3);
    await second.spend({ ...event, steps: 3 });
    const third = await PrivacyBudget.open(store, options());
    expect(third.spent.epsilon).toBe(2.75);
    await expect(third.spend(event)).rejects.toBeInstanceOf(BudgetExhaustedError);
  });

  it('is written before a use is allowed', async () => {
    const store = memoryBudgetStore();
    const budget = await PrivacyBudget.open(store, options());
    const write = vi.spyOn(store, 'write');
    let written = '';
    write.mockImplementation((text) => Promise.resolve(void (written = text)));
    vi.spyOn(store, 'read').mockImplementation(() => Promise.resolve(budget['written']));
    await budget.spend(event);
    expect(JSON.parse(written)).toMatchObject({ accountant: { events: [{ noiseMultiplier: 2, steps: 1 }] } });
    // A disk that is full: no use, and nothing is counted that was not allowed.
    write.mockRejectedValueOnce(new Error('full'));
    await expect(budget.spend(event)).rejects.toThrow('full');
    expect(budget.spent.epsilon).toBe(0.5);
  });

  it('counts a charge whose program ended before its use', async () => {
    const store = memoryBudgetStore();
    const charged = await PrivacyBudget.open(store, options());
    // The program is gone after the write, before anyone hears of it.
    void charged.spend(event);
    await new Promise((resolve) => setTimeout(resolve));
    expect((await PrivacyBudget.open(store, options())).spent.epsilon).toBe(0.5);
  });

  it('notices that another program spends as well', async () => {
    const store = memoryBudgetStore();
    const [one, other] = [await PrivacyBudget.open(store, options()), await PrivacyBudget.open(store, options())];
    await one.spend(event);
    await expect(other.spend(event)).rejects.toThrow(check.FormatError);
    await expect(other.spend(event)).rejects.toThrow(
      'opu-dfa.PrivacyBudget.spend: the store must hold what this budget has written, got something else. ' +
        'Another program spends from it: open the budget again, and share one.',
    );
    expect((await PrivacyBudget.open(store, options())).spent.epsilon).toBe(0.5);
  });

  it('is the same with epsilon Infinity', async () => {
    const store = memoryBudgetStore();
    const unlimited = { ...options(), epsilon: Infinity };
    await (await PrivacyBudget.open(store, unlimited)).spend(event);
    expect((await PrivacyBudget.open(store, unlimited)).spent.epsilon).toBe(0.5);
    await expect(PrivacyBudget.open(store, options())).rejects.toThrow(
      'opu-dfa.PrivacyBudget.open: epsilon must be Infinity, as the store has it, got 3. For other data take another store.',
    );
  });

  it.each<[Partial<PrivacyBudgetOptions>, string]>([
    [{ epsilon: 4 }, 'epsilon must be 3, as the store has it, got 4.'],
    [{ delta: 1e-6 }, 'delta must be 0.00001, as the store has it, got 0.000001.'],
    [
      { accountant: new AddingAccountant('replace') },
      'the relation of the accountant must be "add-remove", as the store has it, got "replace".',
    ],
    [
      {
        accountant: Object.assign(new AddingAccountant(), {
          toJSON: () => ({ accountant: 'pld', relation: 'add-remove' }),
        }),
      },
      'the kind of accountant must be "rdp", as the store has it, got "pld".',
    ],
    [
      { accountant: new AddingAccountant('add-remove', { orders: [2, 3] }) },
      'the options of the accountant must be "{\\"orders\\":[2,null]}", as the store has it, got "{\\"orders\\":[2,3]}".',
    ],
  ])('refuses to go on with %o', async (other, message) => {
    const store = memoryBudgetStore();
    await (await PrivacyBudget.open(store, options())).spend(event);
    const { accountant = new AddingAccountant(), ...numbers } = other;
    const given = Object.assign(accountant, { clone: () => accountant });
    const opened = PrivacyBudget.open(store, { ...options(), ...numbers, accountant: given });
    await expect(opened).rejects.toThrow(RangeError);
    await expect(opened).rejects.toThrow(`opu-dfa.PrivacyBudget.open: ${message}`);
    expect((await PrivacyBudget.open(store, options())).spent.epsilon).toBe(0.5);
  });

  it('refuses an accountant with uses of its own', async () => {
    const store = memoryBudgetStore();
    await PrivacyBudget.open(store, options());
    const accountant = new AddingAccountant();
    accountant.step(event);
    await expect(PrivacyBudget.open(store, { ...options(), accountant })).rejects.toThrow(
      'opu-dfa.PrivacyBudget.open: accountant must have no uses yet, got 1. Those in the store are counted instead.',
    );
  });

  const got = (what: string): string =>
    `opu-dfa.PrivacyBudget.open: the store must hold a budget (tfsci-privacy-budget-1), got ${what}. ` +
    'What has been spent is unknown then: restore it, or count the data as spent.';

  it('refuses what is cut off anywhere, or has any letter changed', async () => {
    const store = memoryBudgetStore();
    await (await PrivacyBudget.open(store, options())).spend({ noiseMultiplier: 2.5, samplingRate: 0.125, steps: 3 });
    const text = (await store.read())!;
    const opened = async (other: string): Promise<unknown> => {
      await store.write(other);
      return PrivacyBudget.open(store, options()).catch((error: unknown) => error);
    };
    const positions = fc.integer({ min: 0, max: text.length - 1 });
    await fc.assert(
      fc.asyncProperty(positions, fc.string({ maxLength: 2 }), async (at, letters) => {
        expect(await opened(text.slice(0, at))).toBeInstanceOf(check.FormatError);
        const changed = text.slice(0, at) + letters + text.slice(at + 1);
        fc.pre(changed !== text);
        expect(await opened(changed)).toBeInstanceOf(check.FormatError);
      }),
      { seed: 1, numRuns: 150 },
    );
    expect(await opened('')).toMatchObject({ message: got('text that is not JSON') });
    expect(await opened('null')).toMatchObject({ message: got('JSON without a record') });
    expect(await opened('{}')).toMatchObject({ message: got('the format null') });
    expect(await opened(text.replace('2.5', '9.5'))).toMatchObject({
      message: got('contents that differ from their checksum'),
    });
    expect(await opened(text)).toBeInstanceOf(PrivacyBudget);
  });

  it('refuses uses that cannot be, though their checksum be right', async () => {
    const store = memoryBudgetStore();
    const accountant = new AddingAccountant();
    accountant.events.push({ noiseMultiplier: -2, samplingRate: 1, sampling: 'poisson', steps: 1 });
    await PrivacyBudget.open(store, { ...options(), accountant });
    await expect(PrivacyBudget.open(store, options())).rejects.toThrow(check.FormatError);
    await expect(PrivacyBudget.open(store, options())).rejects.toThrow(got('uses of the data that cannot be'));
  });
});

describe('AffordableSteps', () => {
  it('agrees with looking at every number, for any cost that grows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.array(fc.integer({ min: 0, max: 400 })), (most, asked) => {
        const steps = new AffordableSteps((count) => count, most);
        for (const count of asked) {
          expect(steps.allow(count)).toBe(count <= most);
          if (count <= most) expect(steps.beyondSteps(count, 1000)).toBe(most - count);
          expect(steps.beyondSteps(count, 7)).toBe(Math.max(0, Math.min(7, most - count)));
        }
      }),
      { seed: 1 },
    );
  });
});

describe('fileBudgetStore', () => {
  let folder = '';
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'budget-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps a budget in a file', async () => {
    const path = join(folder, 'digits.budget');
    const store = fileBudgetStore(path);
    expect(await store.read()).toBeNull();
    await (await PrivacyBudget.open(store, options())).spend(event);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ epsilon: '3', delta: 1e-5 });
    expect((await PrivacyBudget.open(fileBudgetStore(path), options())).spent.epsilon).toBe(0.5);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.slice(0, -20));
    await expect(PrivacyBudget.open(store, options())).rejects.toThrow(check.FormatError);
  });

  it('says which file cannot be used', async () => {
    await expect(fileBudgetStore(folder).read()).rejects.toThrow(
      `opu-dfa.fileBudgetStore: ${folder} could not be read.`,
    );
    await expect(fileBudgetStore(join(folder, 'none', 'x')).write('')).rejects.toThrow('Create its directory first.');
  });
});

describe('webBudgetStore', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('keeps budgets apart by name', async () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, text: string) => void kept.set(key, text),
    });
    const store = webBudgetStore('digits');
    await (await PrivacyBudget.open(store, options())).spend(event);
    expect([...kept.keys()]).toEqual(['opu-dfa.budget.digits']);
    expect((await PrivacyBudget.open(webBudgetStore('digits'), options())).spent.epsilon).toBe(0.5);
    expect(await webBudgetStore('other').read()).toBeNull();
  });

  it('rejects where there is no localStorage', async () => {
    vi.stubGlobal('localStorage', undefined);
    const message = 'opu-dfa.webBudgetStore: localStorage must be there, got undefined. In Node take fileBudgetStore.';
    await expect(webBudgetStore('digits').read()).rejects.toThrow(message);
    await expect(webBudgetStore('digits').write('')).rejects.toThrow(message);
  });
});

/** A store that answers later, so that calls overlap. */
function slowStore(): BudgetStore {
  const store = memoryBudgetStore();
  const later = () => new Promise((resolve) => setTimeout(resolve, 1));
  return {
    read: () => later().then(() => store.read()),
    write: (text) => later().then(() => store.write(text)),
  };
}
