/** What long work of this room takes besides its own options. */
export interface RunOptions<Progress> {
  /** Called after every iteration. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Stops the work after the iteration in progress; what is done by then is returned. */
  signal?: AbortSignal | undefined;
}

/** How long the asynchronous forms work before the event loop gets its turn. */
const TURN_MS = 12;

/** Runs an iteration after the other. */
export function drain<P, R>(work: Generator<P, R, void>, { onProgress }: RunOptions<P>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
  }
}

/** The same, with a turn for the event loop every few milliseconds: a page stays alive and a timer can abort. */
export async function drainAsync<P, R>(work: Generator<P, R, void>, { onProgress }: RunOptions<P>): Promise<R> {
  let turn = Date.now();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    onProgress?.(step.value);
    if (Date.now() - turn < TURN_MS) continue;
    await eventLoopTurn();
    turn = Date.now();
  }
}

/** Lets timers and messages of the program run. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
