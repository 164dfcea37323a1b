import { argumentMessage, BackendError } from '../check';
import type { CheckpointStore } from './checkpoint-store';

const TABLE = 'checkpoints';

/**
 * A store in the browser's IndexedDB, which outlives the page. Each write is a transaction: after a crash there is the
 * old value or the new one.
 *
 * @param database  the name of a database of its own; one for each run
 * @throws TypeError for a name that is not a string; BackendError where there is no IndexedDB, or when it refuses (a
 *   private window, no space left), with its error as `cause`
 */
export function indexedDbStore(database: string): CheckpointStore {
  const where = 'tensor-core.indexedDbStore';
  if (typeof database !== 'string' || database === '') {
    throw new TypeError(argumentMessage(where, 'database', 'be a name', database));
  }
  if (typeof indexedDB === 'undefined') {
    throw new BackendError(`${where}: IndexedDB must be there, got none. In Node use directoryStore.`);
  }

  const refuse = (doing: string, cause: unknown): BackendError => {
    const reason = cause instanceof Error ? cause.message : 'no reason given';
    return new BackendError(`${where}: IndexedDB must ${doing} the database ${database}, got the error: ${reason}`, {
      cause,
    });
  };
  const open = (): Promise<IDBDatabase> =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open(database, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(refuse('open', request.error));
    });
  /** Carries out one request in a transaction of its own, and waits for its end. */
  const perform = async <T>(mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const connection = await open();
    try {
      return await new Promise<T>((resolve, reject) => {
        const transaction = connection.transaction(TABLE, mode);
        const request = ask(transaction.objectStore(TABLE));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(refuse(mode === 'readonly' ? 'read' : 'write', transaction.error));
      });
    } finally {
      connection.close();
    }
  };
  return {
    save: async (name, bytes) => void (await perform('readwrite', (table) => table.put(bytes, name))),
    load: async (name) => ((await perform('readonly', (table) => table.get(name))) as Uint8Array | undefined) ?? null,
    list: async () => (await perform('readonly', (table) => table.getAllKeys())).map(String),
    remove: (name) => perform('readwrite', (table) => table.delete(name)),
  };
}
