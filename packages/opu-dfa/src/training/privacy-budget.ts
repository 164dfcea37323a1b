import { check } from '@tfsci/tensor-core';
import {
  checkEvent,
  type Accountant,
  type CompleteEvent,
  type EpsilonReport,
  type NeighbourRelation,
  type PrivacyEvent,
} from '../privacy/privacy-event';
import { AffordableSteps } from './affordable-steps';
import { readRecord, writeRecord } from './budget-record';
import type { BudgetStore } from './budget-store';

const { argumentMessage, checkNumber, FormatError } = check;

/** Options of `PrivacyBudget`. */
export interface PrivacyBudgetOptions {
  /** What uses of the data may cost together, > 0; Infinity counts without an end. */
  epsilon: number;
  /** In (0, 1); take less than 1 / number of examples. */
  delta: number;
  /** Adds up; copied. What it has counted already is spent. */
  accountant: Accountant;
}

/** A use of the data would cost more than is left. Nothing has been recorded, and nothing may be released. */
export class BudgetExhaustedError extends Error {
  override readonly name = 'BudgetExhaustedError';

  constructor(
    /** epsilon that the budget allows. */
    readonly epsilon: number,
    /** epsilon so far. */
    readonly spent: number,
    /** epsilon after the use. */
    readonly wouldBe: number,
  ) {
    super(
      `opu-dfa.PrivacyBudget.spend: epsilon must stay at most ${epsilon}, got ${wouldBe} after this use. ` +
        `${spent} are spent; take more noise, a smaller sampling rate or fewer steps.`,
    );
  }
}

/** Equal uses of the data in a row. */
interface Row {
  event: CompleteEvent;
  /** Counted so far. */
  steps: number;
  affordable: AffordableSteps;
  /** epsilon after a number of them. */
  cost: (steps: number) => number;
}

/**
 * The privacy that may be spent on a data set: it is asked before each release, and refuses those that would cost more than
 * epsilon at delta.
 *
 * One that `open` has made outlives the program. A use is in the store before `spend` resolves, so no crash between
 * the charge and the release makes a release free. One data set must have one budget, however many models see it.
 *
 * @throws RangeError, TypeError for an epsilon that is not above 0 or a delta outside (0, 1)
 * @example
 * const budget = await PrivacyBudget.open(fileBudgetStore('digits.budget'), {
 *   epsilon: 3,
 *   delta: 1e-5,
 *   accountant: new RdpAccountant(),
 * });
 */
export class PrivacyBudget {
  readonly epsilon: number;
  readonly delta: number;
  private accountant: Accountant;
  private store: BudgetStore | null = null;
  /** What the store holds. */
  private written: string | null = null;
  private row: Row | null = null;
  private report: EpsilonReport | null = null;
  /** Ends when nothing is being spent. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor({ epsilon, delta, accountant }: PrivacyBudgetOptions) {
    const where = 'opu-dfa.PrivacyBudget';
    if (typeof epsilon !== 'number') throw new TypeError(argumentMessage(where, 'epsilon', 'be a number', epsilon));
    if (!(epsilon > 0)) throw new RangeError(argumentMessage(where, 'epsilon', 'be > 0, or Infinity', epsilon));
    checkNumber(where, 'delta', delta, { above: 0, below: 1 });
    if (typeof (accountant as Partial<Accountant> | undefined)?.clone !== 'function') {
      throw new TypeError(
        argumentMessage(where, 'accountant', 'be an Accountant', accountant, 'RdpAccountant is one.'),
      );
    }
    this.epsilon = epsilon;
    this.delta = delta;
    this.accountant = accountant.clone();
  }

  /**
   * The budget that a store keeps, or a new one, which it will keep.
   *
   * @param options  those with which it was begun; the accountant without uses, where there is a budget already
   * @throws FormatError when what is kept is truncated or damaged; RangeError when it was begun with other options. It never
   *   begins anew by itself
   */
  static async open(store: BudgetStore, options: PrivacyBudgetOptions): Promise<PrivacyBudget> {
    const where = 'opu-dfa.PrivacyBudget.open';
    const budget = new PrivacyBudget(options);
    budget.store = store;
    budget.written = await store.read();
    if (budget.written === null) {
      await budget.persist(budget.accountant);
      return budget;
    }
    const { epsilon, delta, accountant: kept } = readRecord(where, budget.written);
    const own = budget.accountant.toJSON();
    checkSame(where, 'epsilon', budget.epsilon, epsilon);
    checkSame(where, 'delta', budget.delta, delta);
    checkSame(where, 'the relation of the accountant', own.relation, kept.relation);
    checkSame(where, 'the kind of accountant', own.accountant, kept.accountant);
    checkSame(where, 'the options of the accountant', asText(own.options), asText(kept.options));
    if (own.events.length > 0) {
      const fix = 'Those in the store are counted instead.';
      throw new RangeError(argumentMessage(where, 'accountant', 'have no uses yet', own.events.length, fix));
    }
    for (const event of kept.events) budget.accountant.step(event);
    return budget;
  }

  /** Which pairs of data sets it speaks of. */
  get relation(): NeighbourRelation {
    return this.accountant.relation;
  }

  /** What uses have cost so far. */
  get spent(): EpsilonReport {
    this.report ??= this.accountant.epsilon(this.delta);
    return { ...this.report };
  }

  /** epsilon - spent. The next use adds less to what is spent than it would cost alone: ask `stepsLeft`. */
  get remaining(): number {
    return this.epsilon === Infinity ? Infinity : Math.max(0, this.epsilon - this.spent.epsilon);
  }

  /**
   * How often a use can still be afforded.
   *
   * @param event  one use; its steps count as that many
   * @param most   where to stop counting, default 10^6
   * @throws RangeError, TypeError for a use that cannot be
   */
  stepsLeft(event: PrivacyEvent, most = 1e6): number {
    const where = 'opu-dfa.PrivacyBudget.stepsLeft';
    const complete = checkEvent(where, event, this.relation);
    checkNumber(where, 'most', most, { min: 0, integer: true });
    const { affordable, steps } = this.rowOf(complete);
    return Math.floor(affordable.beyondSteps(steps, most * complete.steps) / complete.steps);
  }

  /**
   * Records a use of the data, to be called before it. Calls that overlap are taken one after the other.
   *
   * @throws BudgetExhaustedError, and nothing is recorded, when it would cost too much; RangeError, TypeError for a use that
   *   cannot be; FormatError when another program has written to the store; whatever the store throws. The data must not
   *   be used then
   */
  spend(event: PrivacyEvent): Promise<void> {
    const turn = this.queue.then(() => this.charge(event));
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async charge(event: PrivacyEvent): Promise<void> {
    const where = 'opu-dfa.PrivacyBudget.spend';
    const complete = checkEvent(where, event, this.relation);
    const row = this.rowOf(complete);
    const steps = row.steps + complete.steps;
    if (!row.affordable.allow(steps)) {
      throw new BudgetExhaustedError(this.epsilon, this.spent.epsilon, row.cost(steps));
    }
    const next = this.accountant.clone();
    next.step(complete);
    await this.persist(next, where);
    this.accountant = next;
    this.row = { ...row, steps };
    this.report = null;
  }

  /** The row that a use goes on with, or begins; what is found out about it is remembered. */
  private rowOf(event: CompleteEvent): Row {
    const { row, accountant, delta, epsilon } = this;
    const one = { ...event, steps: 1 };
    if (row && asText(one) === asText(row.event)) return row;
    const base = accountant.clone();
    const cost = (steps: number): number => {
      const trial = base.clone();
      trial.step({ ...event, steps });
      return trial.epsilon(delta).epsilon;
    };
    this.row = { event: one, steps: 0, affordable: new AffordableSteps(cost, epsilon), cost };
    return this.row;
  }

  private async persist(accountant: Accountant, where?: string): Promise<void> {
    if (this.store === null) return;
    if (where !== undefined && (await this.store.read()) !== this.written) {
      throw new FormatError(
        `${where}: the store must hold what this budget has written, got something else. Another program spends from it: ` +
          'open the budget again, and share one.',
      );
    }
    const { epsilon, delta } = this;
    const text = writeRecord({ epsilon, delta, accountant: accountant.toJSON() });
    await this.store.write(text);
    this.written = text;
  }
}

function checkSame(where: string, name: string, given: unknown, kept: unknown): void {
  if (given === kept) return;
  const fix = 'For other data take another store.';
  throw new RangeError(
    argumentMessage(where, name, `be ${check.describeValue(kept)}, as the store has it`, given, fix),
  );
}

/** What JSON keeps of a value, so that it can be compared with what was kept. */
function asText(value: unknown): string {
  return JSON.stringify(value);
}
