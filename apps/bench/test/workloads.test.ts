import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { WORKLOADS } from '../src/registry';
import type { Computation } from '../src/workload';

const named = (gives: 'loss' | 'output') =>
  WORKLOADS.filter((workload) => workload.gives === gives).map((workload) => [workload.name, workload] as const);

function valuesOf({ step }: Computation): Float32Array {
  const result = step();
  const values = result.dataSync<'float32'>();
  result.dispose();
  return values;
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => void (await useBackend(backend)));

  describe.each(named('loss'))('%s', (_, workload) => {
    it('trains: the loss is finite and falls', () => {
      const computation = workload.make('tiny');
      const losses = Array.from({ length: 6 }, () => valuesOf(computation)[0]!);
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(losses.at(-1)).toBeLessThan(losses[0]!);
    });
  });

  describe.each(named('output'))('%s', (_, workload) => {
    it('computes the same finite values each time, not all alike', () => {
      const computation = workload.make('tiny');
      const values = valuesOf(computation);
      expect(values.every(Number.isFinite)).toBe(true);
      expect(new Set(values).size).toBeGreaterThan(1);
      expect(valuesOf(computation)).toEqual(values);
    });
  });

  it.each(WORKLOADS.map((workload) => [workload.name, workload] as const))('%s leaves no tensors behind', (_, one) => {
    const computation = one.make('tiny');
    // The optimiser makes its own in the first step.
    valuesOf(computation);
    const before = tf.memory().numTensors;
    valuesOf(computation);
    expect(tf.memory().numTensors).toBe(before);
  });
});
