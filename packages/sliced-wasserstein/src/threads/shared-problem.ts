// L rows, n and m numbers in a row of x and of y, B blocks of rows
import { type RowProblem, solveRows } from '../transport/host-rows';

/** A problem in shared memory, of which each thread takes the next block of rows that nobody has. */
export interface SharedProblem {
  problem: RowProblem;
  /** Rows of a block. */
  block: number;
  /** [2 + B] in shared memory: blocks taken, blocks that helpers have finished, and for each block whether they have. */
  state: Int32Array;
}

const TAKEN = 0;
const FINISHED = 1;
const FIRST_BLOCK = 2;

/** The problem, nothing of it taken; its arrays must be over shared memory for others to see them. */
export function shareProblem(problem: RowProblem, block: number): SharedProblem {
  const blocks = Math.ceil(problem.costs.length / block);
  const state = new Int32Array(new SharedArrayBuffer(4 * (FIRST_BLOCK + blocks)));
  return { problem, block, state };
}

/** Number of blocks. */
export function blockCount({ state }: SharedProblem): number {
  return state.length - FIRST_BLOCK;
}

/** First and last + 1 of the rows of a block. */
export function rowsOfBlock({ problem, block }: SharedProblem, index: number): [number, number] {
  return [index * block, Math.min((index + 1) * block, problem.costs.length)];
}

/** The next block, which is the caller's from now on; undefined when all are taken. */
export function takeBlock(shared: SharedProblem): number | undefined {
  const index = Atomics.add(shared.state, TAKEN, 1);
  return index < blockCount(shared) ? index : undefined;
}

/** Solves blocks in their place until none is left: the work of a helper. */
export function solveBlocks(shared: SharedProblem): void {
  for (let index = takeBlock(shared); index !== undefined; index = takeBlock(shared)) {
    solveRows(shared.problem, ...rowsOfBlock(shared, index));
    Atomics.store(shared.state, FIRST_BLOCK + index, 1);
    Atomics.add(shared.state, FINISHED, 1);
    Atomics.notify(shared.state, FINISHED);
  }
}

/** Whether a helper has finished the block. */
export function isFinished({ state }: SharedProblem, index: number): boolean {
  return Atomics.load(state, FIRST_BLOCK + index) === 1;
}

/**
 * Waits until helpers have finished `count` blocks.
 *
 * @param patience  milliseconds without any progress after which it gives up
 * @returns whether they have
 */
export function waitForBlocks({ state }: SharedProblem, count: number, patience: number): boolean {
  for (;;) {
    const finished = Atomics.load(state, FINISHED);
    if (finished >= count) return true;
    if (Atomics.wait(state, FINISHED, finished, patience) === 'timed-out') return false;
  }
}
