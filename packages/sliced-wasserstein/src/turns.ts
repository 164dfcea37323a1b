/** How long work on the host may last before the event loop gets its turn. */
const TURN_MS = 12;

/**
 * Something to await between steps of long work: a turn for the event loop every few milliseconds, so that a page stays alive
 * and a signal can come.
 *
 * @throws from the returned function, the signal's reason when it is aborted
 */
export function turns(signal: AbortSignal | undefined): () => Promise<void> {
  let last = Date.now();
  return async () => {
    signal?.throwIfAborted();
    if (Date.now() - last < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    last = Date.now();
    signal?.throwIfAborted();
  };
}
