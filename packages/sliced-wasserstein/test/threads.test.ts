import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { build } from 'tsup';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { slicedWasserstein, type Weights } from '../src';
import { useThreads } from '../src/node';
import { startThreads } from '../src/threads/row-threads';
import {
  isFinished,
  rowsOfBlock,
  shareProblem,
  solveBlocks,
  takeBlock,
  waitForBlocks,
} from '../src/threads/shared-problem';
import { type RowProblem, solveRows } from '../src/transport/host-rows';
import { solveProblem } from '../src/transport/row-solver';
import { transportPlan } from '../src/transport/transport-plan';

const WHERE = 'sliced-wasserstein.useThreads';
/** Far above what any of these problems takes: a test that hangs fails by it. */
const PATIENCE = 30_000;

const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-threads-'));
const workerFile = path.join(folder, 'worker.mjs');
beforeAll(async () => {
  const entry = { worker: path.join(import.meta.dirname, '../src/threads/worker.ts') };
  const outExtension = () => ({ js: '.mjs' });
  await build({ entry, outDir: folder, format: ['esm'], outExtension, config: false, silent: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** A worker with a program of its own. */
function worker(name: string, program: string): string {
  const file = path.join(folder, `${name}.mjs`);
  writeFileSync(file, program);
  return file;
}

interface Case {
  name: string;
  n: number;
  m: number;
  rows: number;
  weights?: Weights;
}

const normals = (count: number, seed: number): Float32Array =>
  random.fillNormal(random.key(seed), new Float32Array(count));

/** All of more than 2^16 numbers, the fewest that are shared. */
const EQUAL: Case = { name: 'equal sizes', n: 500, m: 500, rows: 97 };
const CASES: Case[] = [
  EQUAL,
  { name: 'unequal sizes', n: 300, m: 401, rows: 120 },
  { name: 'weights', n: 300, m: 300, rows: 130, weights: { a: normals(300, 9).map(Math.abs) } },
  { name: 'two long rows', n: 20_000, m: 20_000, rows: 2 },
];

type Solved = RowProblem & { slopes: { x: Float32Array; y: Float32Array } };

function problemOf({ n, m, rows, weights }: Case, p: number): Solved {
  return {
    plan: transportPlan('test', n, m, weights),
    p,
    x: normals(rows * n, 1),
    y: normals(rows * m, 2).map((value) => value + 0.5),
    costs: new Float64Array(rows).fill(NaN),
    slopes: { x: new Float32Array(rows * n).fill(NaN), y: new Float32Array(rows * m).fill(NaN) },
  };
}

/** The bits of what was found. */
function found({ costs, slopes }: Solved): string {
  const bytes = [costs, slopes.x, slopes.y].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  );
  return bytes.join();
}

function foundBy(solve: (problem: RowProblem) => void, of = EQUAL, p = 2): string {
  const problem = problemOf(of, p);
  solve(problem);
  return found(problem);
}

/** Has `answer` say which block the calling thread takes first; the pool, which counts its messages so too, has two numbers. */
function atFirstBlock(answer: (state: Int32Array) => number): void {
  const add = Atomics.add.bind(Atomics) as (state: Int32Array, index: number, value: number) => number;
  let asked = false;
  const other = (state: Int32Array, index: number, value: number): number => {
    if (asked || index !== 0 || state.length === 2) return add(state, index, value);
    asked = true;
    return answer(state);
  };
  vi.spyOn(Atomics, 'add').mockImplementation(other as typeof Atomics.add);
}

/** The calling thread comes when a helper has taken the first block, and takes the second. */
function secondAfterHelper(state: Int32Array): number {
  for (const end = Date.now() + PATIENCE; Atomics.load(state, 0) === 0 && Date.now() < end;);
  return Atomics.exchange(state, 0, 2);
}

/** Solves a problem for which the calling thread is so late that helpers have done all; whether there were any. */
function solvedByHelpers(): boolean {
  let helped = false;
  const [problem, alone] = [problemOf(EQUAL, 2), foundBy(solveRows)];
  atFirstBlock((state) => {
    const blocks = state.length - 2;
    helped = waitForBlocks({ problem, block: 1, state }, blocks, PATIENCE);
    return blocks;
  });
  solveProblem(problem);
  expect(found(problem)).toBe(alone);
  vi.restoreAllMocks();
  return helped;
}

describe('useThreads', () => {
  let stop: () => Promise<void>;
  beforeAll(async () => void (stop = await startThreads(WHERE, workerFile, { threads: 3 })));
  afterAll(() => stop());

  it.each(CASES.flatMap((of) => [1, 2, 3].map((p) => ({ ...of, p }))))(
    'gives the same bits as the calling thread alone: $name, p = $p',
    ({ p, ...of }) => {
      const alone = foundBy(solveRows, of, p);
      // Again and again without a turn of the event loop, in the same shared memory.
      for (let call = 0; call < 5; call++) expect(foundBy(solveProblem, of, p)).toBe(alone);
    },
  );

  it('gives them without slopes', () => {
    const costs = (solve: (problem: RowProblem) => void): Float64Array => {
      const { slopes: _, ...problem } = problemOf(EQUAL, 2);
      solve(problem);
      return problem.costs;
    };
    expect(costs(solveProblem)).toEqual(costs(solveRows));
  });

  it('has helpers that take what the calling thread leaves', () => {
    expect(solvedByHelpers()).toBe(true);
  });

  it('leaves small problems and single rows to the calling thread', () => {
    const shares = vi.spyOn(Atomics, 'add');
    for (const of of [
      { ...EQUAL, rows: 65 },
      { ...EQUAL, n: 50_000, m: 50_000, rows: 1 },
    ]) {
      expect(foundBy(solveProblem, of)).toBe(foundBy(solveRows, of));
    }
    expect(shares).not.toHaveBeenCalled();
    foundBy(solveProblem, { ...EQUAL, rows: 66 });
    expect(shares).toHaveBeenCalled();
  });

  describe.each(backendsUnderTest())('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it('leaves distances and gradients as they are, and no tensor behind', async () => {
      const cloud = (seed: number): tf.Tensor2D => random.normal(random.key(seed), [600, 3]) as tf.Tensor2D;
      const [x, y] = [cloud(1), cloud(2)];
      const results = (): number[][] =>
        tf.tidy(() => {
          const loss = (a: tf.Tensor, b: tf.Tensor): tf.Scalar =>
            slicedWasserstein(a as tf.Tensor2D, b as tf.Tensor2D, { slices: 80, key: random.key(3), root: false });
          const { value, grads } = tf.valueAndGrads(loss)([x, y]);
          return [value, ...grads].map((tensor) => Array.from(tensor.dataSync()));
        });
      const shares = vi.spyOn(Atomics, 'add');
      const shared = results();
      expect(shares).toHaveBeenCalled();
      expect(() => void results()).toLeakNothing();
      await stop();
      shares.mockClear();
      expect(results()).toEqual(shared);
      expect(shares).not.toHaveBeenCalled();
      stop = await startThreads(WHERE, workerFile, { threads: 3 });
      tf.dispose([x, y]);
    });
  });
});

describe('startThreads', () => {
  const alone = foundBy(solveRows);
  const expectSolved = (): void => expect(foundBy(solveProblem)).toBe(alone);

  it('lets the caller do what a helper has taken and does not finish', async () => {
    const program = 'export default (shared) => { if (shared) { Atomics.add(shared.state, 0, 1); process.exit(1); } };';
    const stop = await startThreads(WHERE, worker('taker', program), { threads: 2 });
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    // The caller comes when the helper has taken the first block.
    atFirstBlock((state) => {
      for (const end = Date.now() + PATIENCE; Atomics.load(state, 0) === 0 && Date.now() < end;);
      return Atomics.exchange(state, 0, 2);
    });
    expectSolved();
    expect(waits.mock.calls[0]![3]).toBeGreaterThan(2000);
    expect(waits.mock.calls[0]![3]).toBeLessThan(2020);
    await stop();
  });

  it('leaves its memory to a helper that comes back late', async () => {
    const program = `
      import help from './worker.mjs';
      let first;
      export default (shared) => {
        if (!shared) return;
        if (!first) {
          first = shared;
          Atomics.add(shared.state, 0, 1);
          return;
        }
        help({ ...shared, state: new Int32Array(new SharedArrayBuffer(shared.state.byteLength)) });
        first.problem.costs.fill(7);
        shared.state.fill(1, 2);
        Atomics.store(shared.state, 1, shared.state.length - 2);
        Atomics.notify(shared.state, 1);
      };`;
    const stop = await startThreads(WHERE, worker('late', program), { threads: 2 });
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    atFirstBlock(secondAfterHelper);
    expectSolved();
    expect(waits).toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(solvedByHelpers()).toBe(true);
    await stop();
  });

  it('gives up waiting for a helper without news', () => {
    const shared = shareProblem(problemOf(EQUAL, 2), 10);
    expect(takeBlock(shared)).toBe(0);
    expect(waitForBlocks(shared, 1, 20)).toBe(false);
    solveBlocks(shared);
    expect(takeBlock(shared)).toBeUndefined();
    // 97 rows are 10 blocks.
    expect(waitForBlocks(shared, 9, 20)).toBe(true);
    expect(waitForBlocks(shared, 10, 20)).toBe(false);
    expect(Array.from({ length: 10 }, (_, index) => isFinished(shared, index))).toEqual([false, ...Array<boolean>(9).fill(true)]); // prettier-ignore
    expect(rowsOfBlock(shared, 8)).toEqual([80, 90]);
    expect(rowsOfBlock(shared, 9)).toEqual([90, 97]);
  });

  it('lets the caller do all when helpers fail', async () => {
    const program = 'export default (shared) => { if (shared) throw new Error("no"); };';
    const stop = await startThreads(WHERE, worker('thrower', program), { threads: 2 });
    for (let call = 0; call < 3; call++) {
      expectSolved();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await stop();
    expectSolved();
  });

  it('starts nothing for one thread', async () => {
    const stop = await startThreads(WHERE, 'nowhere.mjs', { threads: 1 });
    expectSolved();
    await stop();
  });

  it('keeps later threads when earlier ones are ended, and ends twice', async () => {
    const first = await startThreads(WHERE, workerFile, { threads: 2 });
    const second = await startThreads(WHERE, workerFile, { threads: 2 });
    await first();
    expect(solvedByHelpers()).toBe(true);
    const third = await startThreads(WHERE, workerFile, { threads: 2 });
    await third();
    await third();
    expect(solvedByHelpers()).toBe(true);
    await second();
    const shares = vi.spyOn(Atomics, 'add');
    expectSolved();
    expect(shares).not.toHaveBeenCalled();
  });

  it('refuses numbers of threads below 1, and tells why threads do not start', async () => {
    await expect(useThreads({ threads: 0 })).rejects.toThrow(
      new RangeError('sliced-wasserstein.useThreads: threads must be an integer >= 1, got 0.'),
    );
    await expect(startThreads(WHERE, path.join(folder, 'missing.mjs'), { threads: 2 })).rejects.toThrow(
      /^sliced-wasserstein\.useThreads: the threads must start, got Error: Cannot find module .*missing\.mjs/,
    );
    expectSolved();
  });

  it('names the package that is missing', async () => {
    vi.doMock('piscina', () => {
      throw new Error('not there');
    });
    await expect(startThreads(WHERE, workerFile, { threads: 2 })).rejects.toThrow(
      'sliced-wasserstein.useThreads: piscina must be installed, and cannot be imported. npm i piscina',
    );
    vi.doUnmock('piscina');
  });
});
