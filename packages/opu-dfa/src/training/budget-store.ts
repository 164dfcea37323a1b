import { check } from '@tfsci/tensor-core';

const { argumentMessage } = check;

/** Where a budget is kept: `fileBudgetStore` of the Node entry, `webBudgetStore`, or one's own. */
export interface BudgetStore {
  /** What was written last, null before that. */
  read(): Promise<string | null>;
  /** Keeps the text over what was there; when it has resolved, the text outlives a crash. */
  write(text: string): Promise<void>;
}

/** A store that ends with the program, for tests. */
export function memoryBudgetStore(): BudgetStore {
  let kept: string | null = null;
  return {
    read: () => Promise.resolve(kept),
    write: (text) => Promise.resolve(void (kept = text)),
  };
}

/**
 * A store in the browser's localStorage. People can clear it: on a page that they own themselves that is their choice.
 *
 * @param name  of the budget
 * @throws Error, when it is read or written, where there is no localStorage or it is full
 */
export function webBudgetStore(name: string): BudgetStore {
  const key = `opu-dfa.budget.${name}`;
  return {
    // Asynchronous, so that a throw rejects.
    read: async () => Promise.resolve(storage().getItem(key)),
    write: async (text) => Promise.resolve(storage().setItem(key, text)),
  };
}

function storage(): Storage {
  const { localStorage } = globalThis as { localStorage?: Storage };
  if (localStorage) return localStorage;
  const fix = 'In Node take fileBudgetStore.';
  throw new Error(argumentMessage('opu-dfa.webBudgetStore', 'localStorage', 'be there', undefined, fix));
}
