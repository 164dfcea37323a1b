import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { isRecording, jit, readsAtOnce, useBackend, valuesAtHand } from '../src/backend';
import { backendsUnderTest } from '../src/testing';

describe.each(backendsUnderTest())('valuesAtHand on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is true in plain code', () => {
    expect(valuesAtHand()).toBe(true);
    expect(readsAtOnce()).toBe(true);
    expect(isRecording()).toBe(false);
  });

  it('is false while a gradient is taken, when values can be read all the same, and true after it', () => {
    const seen: boolean[] = [];
    const readable: boolean[] = [];
    const gradient = tf.grad((x) => {
      seen.push(valuesAtHand());
      readable.push(readsAtOnce());
      return x.square().sum();
    });
    tf.tidy(() => void gradient(tf.scalar(2)));
    expect([...seen, valuesAtHand()]).toEqual([false, true]);
    expect(readable).toEqual([true]);
  });

  it('is false exactly where jit records', () => {
    const seen: boolean[][] = [];
    const double = jit((x: tf.Tensor) => {
      seen.push([valuesAtHand(), readsAtOnce(), isRecording()]);
      return x.mul(2);
    });
    tf.tidy(() => void expect(double(tf.scalar(2)).dataSync()).toEqual(Float32Array.of(4)));
    const compiles = backend === 'onnx';
    expect(seen).toEqual(seen.map(() => [!compiles, !compiles, compiles]));
    expect(seen.length).toBeGreaterThan(0);
    expect(valuesAtHand()).toBe(true);
  });
});

describe('valuesAtHand', () => {
  it('is false on a backend that keeps tensors on a device', async () => {
    const before = tf.getBackend();
    tf.registerBackend('a-device', () => Object.assign(new tf.KernelBackend(), { dispose: () => undefined }));
    await tf.setBackend('a-device');
    expect([valuesAtHand(), readsAtOnce()]).toEqual([false, false]);
    await tf.setBackend(before);
    tf.removeBackend('a-device');
  });
});
