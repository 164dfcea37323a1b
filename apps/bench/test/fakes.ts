import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Measured } from '../src/measurement';
import type { Program } from '../src/programs';
import type { Row } from '../src/row';

const SCRIPT = fileURLToPath(new URL('fake-side.mjs', import.meta.url));

/** What fake-side.mjs is told; times are made up. */
export interface FakeOptions {
  behaviour?:
    | 'answers'
    | 'dies at once'
    | 'refuses'
    | 'talks nonsense'
    | 'prints'
    | 'is silent'
    | 'dies in a round'
    | 'miscounts';
  checks?: number[];
  milliseconds?: number;
  /** Milliseconds of a step after its first turn, default the same. */
  later?: number;
  /** File to which it appends what it is told. */
  log?: string;
}

export function fakeProgram(label: string, options: FakeOptions = {}): Program {
  const task = { name: label, ...options };
  const args = [SCRIPT, JSON.stringify(task)];
  return { side: 'torch', label, threads: 1, command: process.execPath, args, env: {} };
}

/** A signal that never comes. */
export const { signal: noSignal } = new AbortController();

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The lines of a file. */
export async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n');
}

/** A side with fixed numbers. */
export function measuredSide(fields: Partial<Measured>): Measured {
  return {
    side: 'torch',
    label: 'PyTorch, 1 thread, 2 of BLAS',
    threads: 1,
    engine: 'PyTorch 1.13.0',
    checks: [3, 2, 1],
    warmUpMs: [100, 20, 6, 5],
    firstStepsMs: 120,
    rounds: [[40, 50], [60]],
    medianMs: 50,
    ...fields,
  };
}

/** A row with fixed numbers: PyTorch 50 ms, onnx 75 ms and 40 ms with 1 and 2 threads, wasm 1234 ms. */
export function rowWithNumbers(fields: Partial<Row> = {}): Row {
  const onnx = (threads: number, medianMs: number, firstStepsMs: number) => ({
    ...measuredSide({ side: 'onnx', label: `onnx, ${threads} threads`, threads, medianMs, firstStepsMs }),
    difference: 2e-6,
  });
  return {
    workload: 'mlp',
    title: 'Multilayer perceptron, training',
    description: '784-512-512-10',
    status: 'agrees',
    reasons: [],
    reference: 'PyTorch, 1 thread, 2 of BLAS',
    sides: [
      { ...measuredSide({ blas: 'OpenBLAS' }), difference: 0 },
      onnx(1, 75, 150),
      onnx(2, 40, 180),
      { ...measuredSide({ side: 'wasm', label: 'wasm', medianMs: 1234.5 }), difference: 1e-5 },
    ],
    trials: [
      { label: 'PyTorch, 1 thread, 1 of BLAS', milliseconds: 70 },
      { label: 'PyTorch, 1 thread, 2 of BLAS', milliseconds: 48 },
    ],
    ...fields,
  };
}
