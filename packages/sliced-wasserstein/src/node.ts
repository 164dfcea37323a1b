import { pathToFileURL } from 'node:url';
import { startThreads, type ThreadOptions } from './threads/row-threads';

export type { ThreadOptions };

/**
 * Has the functions of this package sort on several threads where values are in the memory of the processor; they stay
 * synchronous, and their results are the same to the last bit.
 *
 * Problems of less than a millisecond stay in the calling thread. Where the backend has threads of its own that wait
 * actively, as `onnx` has by default, both take time from each other: `configure({ spinning: false })` of backend-onnx.
 * Answers of the threads are taken in when the event loop turns: a program that keeps it from that for 16384 calls works
 * alone from then on.
 *
 * @param options.threads  in all, with the calling one; default the number of cores that the process may use
 * @returns what ends the threads; a program that ends need not call it
 * @throws RangeError when `threads` is no integer >= 1; Error with the install command when piscina is not installed, and
 *   when the threads cannot be started
 * @example
 * const stop = await useThreads();
 */
export async function useThreads(options: ThreadOptions = {}): Promise<() => Promise<void>> {
  const here = typeof __filename === 'string' ? pathToFileURL(__filename).href : import.meta.url;
  return startThreads('sliced-wasserstein.useThreads', new URL('./worker.js', here), options);
}
