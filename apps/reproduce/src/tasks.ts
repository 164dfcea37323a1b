import type { RunContext } from './experiment';

/** One measurement, kept as a part under its name. */
export interface Task<T> {
  name: string;
  measure: () => Promise<T>;
}

/** Measures lists of tasks one after the other, with progress over `total` tasks; finished ones are taken from the parts. */
export function taskRunner(context: RunContext, total: number): <T>(tasks: readonly Task<T>[]) => Promise<T[]> {
  let done = 0;
  return async <T>(tasks: readonly Task<T>[]) => {
    const results: T[] = [];
    for (const { name, measure } of tasks) {
      context.signal.throwIfAborted();
      const kept = (await context.parts.get(name)) as T | undefined;
      const result = kept ?? (await measure());
      // What was stopped on the way may have come back unfinished.
      context.signal.throwIfAborted();
      if (kept === undefined) await context.parts.set(name, result);
      results.push(result);
      context.onProgress({ fraction: ++done / total, doing: name });
    }
    return results;
  };
}
