import { afterEach, describe, expect, it, vi } from 'vitest';
import { engineProgram, pythonWithTorch, torchPrograms, type Program } from '../src/programs';
import { convolutions } from '../src/workloads/convolutions';
import { mlp } from '../src/workloads/mlp';

const taskOf = ({ args }: Program): unknown => JSON.parse(args.at(-1)!);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('engineProgram', () => {
  it('tells the worker what to measure', () => {
    const program = engineProgram('onnx', 2, mlp, 'tiny');
    expect(program).toMatchObject({ side: 'onnx', label: 'onnx, 2 threads', threads: 2, command: process.execPath });
    expect(taskOf(program)).toEqual({ engine: 'onnx', threads: 2, workload: 'mlp', size: 'tiny' });
    expect([engineProgram('onnx', 1, mlp, 'full').label, engineProgram('wasm', 1, mlp, 'full').label]).toEqual([
      'onnx, 1 thread',
      'wasm',
    ]);
  });
});

describe('torchPrograms', () => {
  it('has every setting of threads: one or all, its own and those of its BLAS', () => {
    const programs = torchPrograms('python3', 2, mlp, 'tiny');
    expect(programs.map(({ label }) => label)).toEqual([
      'PyTorch, 1 thread, 1 of BLAS',
      'PyTorch, 1 thread, 2 of BLAS',
      'PyTorch, 2 threads, 1 of BLAS',
      'PyTorch, 2 threads, 2 of BLAS',
    ]);
    const names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'BLIS_NUM_THREADS'];
    const threads = Object.fromEntries(names.map((name, i) => [name, i === 0 ? '1' : '2']));
    expect(programs[1]!.env).toMatchObject(threads);
    // Without the former, glibc takes the latter as a reason to return every block of 128 KiB at once.
    expect(Object.keys(programs[1]!.env)).toEqual(
      expect.arrayContaining(['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_']),
    );
    expect(taskOf(programs[2]!)).toEqual({
      ...{ peer: 'mlp', variant: 'plain', gives: 'loss', threads: 2 },
      sizes: mlp.sizes.tiny,
    });
    expect(torchPrograms('python3', 1, mlp, 'tiny')).toHaveLength(1);
  });

  it('has every variant of the twin', () => {
    expect(torchPrograms('python3', 1, convolutions, 'full').map(({ label }) => label)).toEqual([
      'PyTorch, 1 thread, 1 of BLAS, contiguous',
      'PyTorch, 1 thread, 1 of BLAS, channels_last',
    ]);
  });
});

describe('pythonWithTorch', () => {
  it('asks the interpreter that the environment names, and no other', () => {
    vi.stubEnv('TFSCI_PYTHON', '/nowhere/python3');
    expect(pythonWithTorch()).toBeUndefined();
    // Whatever ends without a complaint will do.
    vi.stubEnv('TFSCI_PYTHON', process.execPath);
    expect(pythonWithTorch()).toBeUndefined();
  });
});
