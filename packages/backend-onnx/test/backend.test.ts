import * as tf from '@tensorflow/tfjs';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OnnxBackend } from '../src/backend';
import { backendInfo, configure } from '../src/index';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

const backend = (): OnnxBackend => tf.backend() as OnnxBackend;
const values = (x: tf.Tensor): number[] => [...x.dataSync()];
/** A tensor whose elements the host has written; tf.fill would be an operation. */
const written = (size: number, value: number): tf.Tensor1D => tf.tensor1d(new Float32Array(size).fill(value));

describe('recording', () => {
  it('runs nothing before a value is read, and then everything at once', () => {
    const before = backendInfo().compilations;
    const x = tf.tensor1d([1, 2, 3]);
    const y = x.add(1);
    const z = y.mul(y);
    expect(backendInfo().pendingNodes).toBeGreaterThan(0);
    expect(backendInfo().compilations).toBe(before);
    expect(values(z)).toEqual([4, 9, 16]);
    expect(backendInfo().pendingNodes).toBe(0);
    expect(backendInfo().compilations).toBe(before + 1);
    // y was alive, so it came with z.
    expect(values(y)).toEqual([2, 3, 4]);
    expect(backendInfo().compilations).toBe(before + 1);
  });

  it('compiles a loop once, whatever its numbers are', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const counts: number[] = [];
    for (let i = 0; i < 20; i++) {
      tf.tidy(() => w.assign(w.mul(1 - 0.01 * i).add(tf.scalar(i))));
      w.dataSync();
      counts.push(backendInfo().compilations);
    }
    expect(counts.at(-1)! - counts[0]!).toBe(0);
    w.dispose();
  });

  it('compiles a loop that reads nothing at most twice', () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const before = backendInfo().compilations;
    const { maxPendingNodes } = backendInfo();
    let expected = 1;
    // 7 operations a step do not divide the limit.
    for (let i = 0; i < (5 * maxPendingNodes) / 7; i++) {
      tf.tidy(() => w.assign(w.add(1).sub(0.5).mul(1).add(0.25).sub(0.25).mul(1).sub<tf.Tensor1D>(0.25)));
      expected += 0.25;
    }
    expect(backendInfo().compilations - before).toBeLessThanOrEqual(2);
    expect(backendInfo().pendingNodes).toBeLessThan(maxPendingNodes);
    expect(values(w)[0]).toBe(expected);
    w.dispose();
  });

  it('runs when disposed operands hold more memory than they may', () => {
    const { maxPendingBytes } = backendInfo();
    configure({ maxPendingBytes: 2 ** 20 });
    const sum = tf.variable(tf.zeros([2 ** 16]));
    const pending: number[] = [];
    for (let i = 0; i < 12; i++) {
      // 256 KiB each.
      tf.tidy(() => sum.assign(sum.add(written(2 ** 16, i))));
      pending.push(backendInfo().pendingNodes);
    }
    configure({ maxPendingBytes });
    expect(pending.some((nodes, i) => nodes < pending[i - 1]!)).toBe(true);
    expect(values(sum)[7]).toBe(66);
    sum.dispose();
  });

  it('takes tensors whose structure differs for different programs', () => {
    const x = tf.tensor1d([1, 2]);
    const y = tf.tensor1d([10, 20]);
    expect(values(x.sub(y))).toEqual([-9, -18]);
    expect(values(y.sub(x))).toEqual([9, 18]);
    expect(values(x.sub(x))).toEqual([0, 0]);
    expect(values(x.add(y).mul(x))).toEqual([11, 44]);
    expect(values(x.add(x).mul(y))).toEqual([20, 80]);
  });

  it('runs what is alive only', () => {
    const x = tf.ones([64]);
    const dead = x.add(1);
    dead.dispose();
    expect(values(x.add(2))[0]).toBe(3);
  });
});

describe('memory', () => {
  it('copies what is written, as its owner may use the array again', () => {
    const batch = new Float32Array([1, 2]);
    const x = tf.tensor1d(batch);
    const y = x.add(1);
    batch.fill(7);
    expect(values(y)).toEqual([2, 3]);
    expect(values(x)).toEqual([1, 2]);
  });

  it('copies what is read, as the reader may change the array', () => {
    const x = tf.tensor1d([1, 2]).add(0);
    x.dataSync().fill(7);
    expect(values(x)).toEqual([1, 2]);
  });

  it('keeps the elements of a disposed operand until they have been used', () => {
    const size = 10_000;
    const x = written(size, 3);
    const y = x.add(1);
    x.dispose();
    // Would take the memory of x if that were free already.
    const others = Array.from({ length: 5 }, () => written(size, -1));
    expect(values(y).every((value) => value === 4)).toBe(true);
    expect(values(others[0]!)[0]).toBe(-1);
  });

  it('counts tensors as the cpu backend does', async () => {
    const count = (): number[] => {
      const numbers = [tf.memory().numTensors, tf.memory().numDataBuffers, tf.memory().numBytes];
      const x = tf.tensor2d([[1, 2, 3]]);
      const v = tf.variable(x);
      const r = x.reshape([3]);
      const c = tf.complex(x, x);
      const kept = tf.tidy(() => tf.real(c).add(v).mul(2));
      v.assign(kept as tf.Tensor2D);
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      tf.dispose([x, v, r, c, kept]);
      const after = [tf.memory().numTensors, tf.memory().numDataBuffers, tf.memory().numBytes];
      return [numTensors, numDataBuffers, numBytes, ...after].map((n, i) => n - numbers[i % 3]!);
    };
    const onOnnx = count();
    await tf.setBackend('cpu');
    const onCpu = count();
    await tf.setBackend('onnx');
    expect(onOnnx).toEqual(onCpu);
    expect(onOnnx.slice(3)).toEqual([0, 0, 0]);
  });

  it('is bounded over 10,000 steps', () => {
    const w = tf.variable(tf.zeros([256, 64]));
    const steps = (n: number): void => {
      for (let i = 0; i < n; i++) {
        tf.tidy(() => w.assign(w.mul(0.9).add(written(256 * 64, i).reshape([256, 64]))));
        if (i % 10 === 0) w.dataSync();
      }
    };
    const used = (): number => {
      globalThis.gc?.();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    steps(1000);
    const { numTensors } = tf.memory();
    const ids = backend().numDataIds();
    const before = used();
    steps(10_000);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(backend().numDataIds()).toBe(ids);
    // Each step makes two tensors of 64 KiB: 1.3 GB in all.
    expect(used() - before).toBeLessThan(150 * 2 ** 20);
    w.dispose();
  });
});

describe('moving between backends', () => {
  it.each(['cpu', 'onnx'])('carries numbers, bools, strings and complex numbers (made on %s)', async (first) => {
    await tf.setBackend(first);
    const x = tf.tensor1d([1, 2]).add(1);
    const b = tf.tensor1d([true, false]);
    const s = tf.tensor1d(['a', 'b']);
    await tf.setBackend(first === 'cpu' ? 'onnx' : 'cpu');
    const y = x.add(1);
    expect(values(y)).toEqual([3, 4]);
    expect(values(b)).toEqual([1, 0]);
    expect(s.reshape([2, 1]).dataSync()).toEqual(['a', 'b']);
    await tf.setBackend('onnx');
    expect(values(y.add(x))).toEqual([5, 7]);
    const ids = backend().numDataIds();
    tf.dispose([x, b, s, y]);
    expect(backend().numDataIds()).toBeLessThan(ids);
  });
});

describe('configure', () => {
  it('changes the options that it is given', () => {
    const { threads } = backendInfo();
    configure({ threads: 1 });
    expect(backendInfo().threads).toBe(1);
    expect(values(tf.tensor1d([1]).add(1))).toEqual([2]);
    configure({ threads });
    expect(backendInfo().threads).toBe(threads);
    expect(backendInfo().runtimeVersion).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it.each([
    [{ threads: 0 }, 'backend-onnx.configure: threads must be an integer, 1 .. 1024, got 0.'],
    [{ threads: 1.5 }, 'backend-onnx.configure: threads must be an integer, 1 .. 1024, got 1.5.'],
    [
      { executionProvider: 'tpu' },
      'backend-onnx.configure: executionProvider must be one of cpu, webgpu, cuda, got tpu.',
    ],
    [{ graphOptimization: 'most' }, 'backend-onnx.configure: graphOptimization must be one of disabled, basic,'],
    [{ thread: 1 }, 'backend-onnx.configure: an option must be one of threads,'],
    [{ spinning: 1 }, 'backend-onnx.configure: spinning must be true or false, got 1.'],
    [{ profile: '' }, 'backend-onnx.configure: profile must be the beginning of a path, got .'],
  ])('refuses %j and changes nothing', (options, message) => {
    const before = backendInfo();
    expect(() => configure({ maxCompiled: 7, ...options } as never)).toThrow(message);
    expect(backendInfo().maxCompiled).toBe(before.maxCompiled);
  });

  it('keeps no more compiled graphs than it may', () => {
    const { maxCompiled } = backendInfo();
    configure({ maxCompiled: 3 });
    for (let size = 1; size < 8; size++) expect(values(tf.ones([size]).add(1)).length).toBe(size);
    expect(backendInfo().compiledGraphs).toBe(3);
    configure({ maxCompiled });
  });
});

describe('what cannot be computed', () => {
  beforeEach(() => backend().recording.flush());

  it('does not take other tensors with it', () => {
    const good = tf.tensor1d([1, 2]).add(1);
    // Too large for any machine: 4 EB.
    const one = tf.ones([1]);
    const huge = tf.tidy(() => one.broadcastTo([2 ** 30, 2 ** 30]).add(one));
    expect(() => huge.dataSync()).toThrow(
      /^backend-onnx: memory for a tensor of 46116860184273\d* bytes must be available/,
    );
    expect(values(good)).toEqual([2, 3]);
    huge.dispose();
    expect(values(good.add(1))).toEqual([3, 4]);
  });

  it('names a tensor that is disposed', () => {
    const x = tf.tensor1d([1]);
    const info = { dataId: x.dataId, shape: [1], dtype: 'float32' as const };
    x.dispose();
    expect(() => backend().operand(info)).toThrow('backend-onnx: a tensor must not be disposed before it is used');
  });
});
