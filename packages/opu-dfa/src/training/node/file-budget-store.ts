import { readFile } from 'node:fs/promises';
import { writeFileAtomic, type FilePath } from '@tfsci/tensor-core/node';
import type { BudgetStore } from '../budget-store';

/**
 * A budget in a file. It is written aside, flushed and renamed: after a kill or a power cut there is the old text or the new
 * one, whole.
 *
 * @param path  path or file: URL; its directory must exist
 * @throws Error, when it is read or written, naming the path where that cannot be done
 */
export function fileBudgetStore(path: FilePath): BudgetStore {
  return {
    read: async () => {
      try {
        return await readFile(path, 'utf8');
      } catch (cause) {
        if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
        throw new Error(`opu-dfa.fileBudgetStore: ${String(path)} could not be read.`, { cause });
      }
    },
    write: (text) => writeFileAtomic(path, text),
  };
}
