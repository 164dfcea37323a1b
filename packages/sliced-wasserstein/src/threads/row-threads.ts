// L rows, n and m numbers in a row of x and of y
import { availableParallelism } from 'node:os';
import { check } from '@tfsci/tensor-core';
import type { Piscina } from 'piscina';
import { type RowProblem, solveRows } from '../transport/host-rows';
import { type RowSolver, useRowSolver } from '../transport/row-solver';
import { blockCount, isFinished, rowsOfBlock, type SharedProblem, shareProblem, takeBlock, waitForBlocks } from './shared-problem'; // prettier-ignore

export interface ThreadOptions {
  /** In all, with the one that calls, default the number of cores that the process may use. */
  threads?: number;
}

/** Fewer numbers, a millisecond of work, are solved sooner than others have heard of them. */
const FEWEST_NUMBERS = 2 ** 16;
/** Numbers of a block at least, and blocks for each thread: what is left when one ends early is little. */
const BLOCK_NUMBERS = 2 ** 13;
const BLOCKS_A_THREAD = 8;
/** Milliseconds without news from a helper that has work, and more for each number of a block: far above its time. */
const PATIENCE = 2000;
const PATIENCE_A_NUMBER = 1e-3;
/** Calls whose answers wait for a turn of the event loop: a program that never gives it one works alone beyond. */
const MOST_UNANSWERED = 2 ** 14;

/** Arrays in shared memory for a problem, kept between calls. */
class SharedRoom {
  private buffer = new SharedArrayBuffer(0);

  /** A problem in shared memory, its rows copied. */
  copyOf({ plan, p, x, y, costs, slopes }: RowProblem): RowProblem {
    const counts = [x.length, y.length, ...(slopes ? [x.length, y.length] : [])];
    const bytes = 8 * costs.length + 4 * counts.reduce((sum, count) => sum + count);
    if (this.buffer.byteLength < bytes) this.buffer = new SharedArrayBuffer(bytes);
    let at = 8 * costs.length;
    const arrays = counts.map((count) => {
      const array = new Float32Array(this.buffer, at, count);
      at += 4 * count;
      return array;
    });
    const [ofX, ofY, slopesX, slopesY] = arrays as [Float32Array, Float32Array, Float32Array?, Float32Array?];
    ofX.set(x);
    ofY.set(y);
    const shared = { plan, p, x: ofX, y: ofY, costs: new Float64Array(this.buffer, 0, costs.length) };
    return slopesX && slopesY ? { ...shared, slopes: { x: slopesX, y: slopesY } } : shared;
  }

  /** Leaves the memory to threads that may still write to it. */
  abandon(): void {
    this.buffer = new SharedArrayBuffer(0);
  }
}

/**
 * Has rows solved by a pool of threads and the calling one.
 *
 * @param workerFile  worker.ts of this folder, built
 * @returns what ends the threads
 * @throws as `useThreads`
 */
export async function startThreads(
  where: string,
  workerFile: string | URL,
  { threads = availableParallelism() }: ThreadOptions = {},
): Promise<() => Promise<void>> {
  check.checkNumber(where, 'threads', threads, { min: 1, integer: true });
  const helpers = threads - 1;
  if (helpers === 0) return () => Promise.resolve();
  const pool = new (await importPool(where))({
    filename: String(workerFile),
    minThreads: helpers,
    maxThreads: helpers,
    // A call that waits for its answer does not keep the next from being posted.
    concurrentTasksPerWorker: MOST_UNANSWERED,
    // Flags of the program, such as those of loaders and profilers, are not for its helpers.
    execArgv: [],
  });
  pool.on('error', () => undefined);
  try {
    await Promise.all(Array.from({ length: helpers }, () => pool.run(undefined)));
  } catch (cause) {
    await pool.destroy();
    throw new Error(`${where}: the threads must start, got ${String(cause)}.`, { cause });
  }
  const end = useRowSolver(withHelpers(pool, helpers));
  return async () => {
    end();
    await pool.destroy();
  };
}

async function importPool(where: string): Promise<typeof Piscina> {
  try {
    return (await import('piscina')).Piscina;
  } catch (cause) {
    throw new Error(`${where}: piscina must be installed, and cannot be imported. npm i piscina`, { cause });
  }
}

function withHelpers(pool: Piscina, helpers: number): RowSolver {
  const room = new SharedRoom();
  let unanswered = 0;
  const call = (shared: SharedProblem): void => {
    unanswered++;
    // What a helper fails to do the caller does.
    void pool.run(shared).then(
      () => unanswered--,
      () => unanswered--,
    );
  };
  return (problem) => {
    const { x, y, costs } = problem;
    const numbers = x.length + y.length;
    if (numbers < FEWEST_NUMBERS || costs.length === 1 || unanswered > MOST_UNANSWERED - helpers) {
      solveRows(problem);
      return;
    }
    const atLeast = (BLOCK_NUMBERS * costs.length) / numbers;
    const block = Math.ceil(Math.max(atLeast, costs.length / (BLOCKS_A_THREAD * (helpers + 1))));
    const shared = shareProblem(room.copyOf(problem), block);
    for (let helper = 0; helper < helpers; helper++) call(shared);
    const mine = new Set<number>();
    for (let index = takeBlock(shared); index !== undefined; index = takeBlock(shared)) {
      solveRows(problem, ...rowsOfBlock(shared, index));
      mine.add(index);
    }
    const patience = PATIENCE + (PATIENCE_A_NUMBER * block * numbers) / costs.length;
    if (!waitForBlocks(shared, blockCount(shared) - mine.size, patience)) room.abandon();
    for (let index = 0; index < blockCount(shared); index++) {
      if (mine.has(index)) continue;
      const rows = rowsOfBlock(shared, index);
      if (isFinished(shared, index)) takeOver(problem, shared.problem, rows);
      // Of a helper that is gone.
      else solveRows(problem, ...rows);
    }
  };
}

/** Copies what was found for rows first .. last - 1. */
function takeOver(to: RowProblem, from: RowProblem, [first, last]: [number, number]): void {
  to.costs.set(from.costs.subarray(first, last), first);
  if (!to.slopes || !from.slopes) return;
  const { n, m } = to.plan;
  to.slopes.x.set(from.slopes.x.subarray(first * n, last * n), first * n);
  to.slopes.y.set(from.slopes.y.subarray(first * m, last * m), first * m);
}
