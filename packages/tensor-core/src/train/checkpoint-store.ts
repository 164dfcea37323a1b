import { FormatError } from '../check';
import { readCheckpoint, type Checkpoint } from './checkpoint';

/**
 * Where checkpoints are kept: `memoryStore`, `indexedDbStore`, `directoryStore` of the Node entry, or one's own. Names
 * consist of letters, digits and hyphens.
 */
export interface CheckpointStore {
  /** Keeps the bytes under the name, over what was there; when it has resolved they are safe. */
  save(name: string, bytes: Uint8Array): Promise<void>;
  /** What is kept under the name, null when nothing is. */
  load(name: string): Promise<Uint8Array | null>;
  /** The names under which something is kept. */
  list(): Promise<string[]>;
  remove(name: string): Promise<void>;
}

/** A store that ends with the program: for tests, or to go back to the best weights of a short run. */
export function memoryStore(): CheckpointStore {
  const kept = new Map<string, Uint8Array>();
  return {
    save: (name, bytes) => Promise.resolve(void kept.set(name, bytes.slice())),
    load: (name) => Promise.resolve(kept.get(name)?.slice() ?? null),
    list: () => Promise.resolve([...kept.keys()]),
    remove: (name) => Promise.resolve(void kept.delete(name)),
  };
}

/** The name of the best checkpoint in a store; others are step-000000000120 and the like. */
const BEST = 'best';
const STEP = /^step-\d{12,}$/;
/** Of the newest: one more than is needed, in case it is damaged. */
const NEWEST = 2;

/** Writes the checkpoints of a run to a store, and clears those that are not wanted any more. */
export class CheckpointKeeper {
  constructor(
    private readonly store: CheckpointStore,
    private readonly keepsAll: boolean,
  ) {}

  /** Keeps a checkpoint as the newest and, where it is, as the best. */
  async write(step: number, bytes: Uint8Array, roles: { newest: boolean; best: boolean }): Promise<void> {
    // The best comes first: a run that goes on from this step does not validate it again.
    if (roles.best) await this.store.save(BEST, bytes);
    if (!roles.newest) return;
    await this.store.save(`step-${String(step).padStart(12, '0')}`, bytes);
    if (this.keepsAll) return;
    for (const name of (await newestFirst(this.store)).slice(NEWEST)) await this.store.remove(name);
  }

  /** Makes room for a new run: forgets an earlier one. */
  async clear(): Promise<void> {
    for (const name of await this.store.list()) {
      if (name === BEST || STEP.test(name)) await this.store.remove(name);
    }
  }
}

/**
 * A checkpoint that `fit` has written.
 *
 * @param which  'last' (default): the newest that is whole, a damaged one is passed over with a warning; 'best'
 * @returns null when there is none
 * @throws FormatError when there are some, but all are damaged
 * @example
 * model.loadStateDict((await loadCheckpoint(store, 'best'))!.model);
 */
export async function loadCheckpoint(
  store: CheckpointStore,
  which: 'last' | 'best' = 'last',
): Promise<Checkpoint | null> {
  const where = 'tensor-core.loadCheckpoint';
  const names = which === 'best' ? (await store.list()).filter((name) => name === BEST) : await newestFirst(store);
  const faults: string[] = [];
  for (const name of names) {
    const bytes = await store.load(name);
    if (bytes === null) continue;
    try {
      const checkpoint = readCheckpoint(bytes);
      if (faults.length > 0) console.warn(`${where}: took ${name} instead, as ${faults.join('; ')}`);
      return checkpoint;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      faults.push(`${name} is damaged: ${error.message}`);
    }
  }
  if (faults.length === 0) return null;
  const fix = 'Remove them, or start anew with resume: false.';
  throw new FormatError(`${where}: a checkpoint must be whole, but ${faults.join('; ')} ${fix}`);
}

/** The names of checkpoints by step. */
async function newestFirst(store: CheckpointStore): Promise<string[]> {
  const steps = (await store.list()).filter((name) => STEP.test(name));
  return steps.sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
}
