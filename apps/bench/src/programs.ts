import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Engine } from './engine';
import type { SizeName, Workload } from './workload';

/** Who can be measured. */
export type SideName = Engine | 'torch';

/** How a side of a comparison is started. */
export interface Program {
  side: SideName;
  /** What tells it from the others of its row: `onnx, 2 threads`. */
  label: string;
  /** Its threads, of PyTorch those that are not of its BLAS. */
  threads: number;
  command: string;
  args: string[];
  /** Added to the environment. */
  env: Record<string, string>;
}

/** What worker.ts is told. */
export interface EngineTask {
  engine: Engine;
  threads: number;
  workload: string;
  size: SizeName;
}

const WORKER = fileURLToPath(new URL('../dist/worker.js', import.meta.url));
const PEERS = fileURLToPath(new URL('../peers/serve.py', import.meta.url));

/**
 * Has glibc keep freed memory for the next step. By default PyTorch gives large blocks back to the system and has them
 * filled with zeros again, thousands of page faults in a step of a transformer: a tenth of its time.
 */
const KEEP_MEMORY = { MALLOC_MMAP_THRESHOLD_: String(2 ** 30), MALLOC_TRIM_THRESHOLD_: String(2 ** 32) };

/** A TensorFlow.js backend as a side. */
export function engineProgram(engine: Engine, threads: number, { name }: Workload, size: SizeName): Program {
  const task: EngineTask = { engine, threads, workload: name, size };
  return {
    side: engine,
    label: engine === 'onnx' ? `onnx, ${countOf(threads, 'thread')}` : engine,
    threads,
    command: process.execPath,
    args: [WORKER, JSON.stringify(task)],
    env: {},
  };
}

/**
 * PyTorch in all settings worth a try: its own threads and those of its BLAS, one or all, in every variant of the
 * workload's twin. They are independent: with one thread of its own, PyTorch leaves the cores to a threaded BLAS.
 *
 * @param python   an interpreter that has torch
 * @param threads  the most that any side may use
 */
export function torchPrograms(python: string, threads: number, workload: Workload, size: SizeName): Program[] {
  const { peer, peerVariants, gives, sizes } = workload;
  const counts = [...new Set([1, threads])];
  return peerVariants.flatMap((variant) =>
    counts.flatMap((own) =>
      counts.map((blas): Program => {
        const task = { peer, variant, gives, sizes: sizes[size], threads: own };
        const words = [countOf(own, 'thread'), `${blas} of BLAS`, ...(peerVariants.length > 1 ? [variant] : [])];
        return {
          side: 'torch',
          label: `PyTorch, ${words.join(', ')}`,
          threads: own,
          command: python,
          // -B: no __pycache__ beside the sources.
          args: ['-B', PEERS, JSON.stringify(task)],
          env: {
            ...KEEP_MEMORY,
            OMP_NUM_THREADS: String(own),
            ...Object.fromEntries(['OPENBLAS', 'MKL', 'BLIS'].map((name) => [`${name}_NUM_THREADS`, String(blas)])),
          },
        };
      }),
    ),
  );
}

/** A Python that has torch: TFSCI_PYTHON, the system's (whose packages Debian's torch is one of) or the PATH's. */
export function pythonWithTorch(): string | undefined {
  const chosen = process.env['TFSCI_PYTHON'];
  return (chosen ? [chosen] : ['/usr/bin/python3', 'python3']).find(hasTorch);
}

function hasTorch(python: string): boolean {
  // To import torch would take seconds.
  const program = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';
  try {
    execFileSync(python, ['-c', program], { stdio: 'ignore', timeout: 30_000 });
    return true;
  } catch {
    return false;
  }
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
