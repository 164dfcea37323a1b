import * as tf from '@tensorflow/tfjs';
import { describe, expect, it, vi } from 'vitest';
import { registerTrainingKernels } from '../src/backend/training-kernels';

describe('registerTrainingKernels before the wasm package is imported', () => {
  it('takes effect when the backend is set, without a warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    registerTrainingKernels();
    expect(tf.getKernel('Slice', 'wasm')).toBeUndefined();
    await import('@tensorflow/tfjs-backend-wasm');
    expect(await tf.setBackend('wasm')).toBe(true);
    // Reading, a guarded kernel, an improved kernel and one that was missing.
    const z = tf.complex([1, 2, 3], [4, 5, 6]);
    expect([...tf.slice(z, [1], [2]).dataSync()]).toEqual([2, 5, 3, 6]);
    expect(() => tf.exp(z)).toThrow(/operands of Exp must not be complex64/);
    const product = tf.matMul(tf.ones([2, 1, 24, 20]), tf.ones([1, 3, 20, 24]));
    expect(product).toBeAllclose(tf.fill([2, 3, 24, 24], 20));
    expect(tf.unsortedSegmentSum(tf.tensor1d([1, 2]), tf.tensor1d([0, 0], 'int32'), 1)).toBeAllclose([3]);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('works again on a backend that was removed and made anew', async () => {
    const { engine } = tf;
    const factory = engine().findBackendFactory('wasm');
    tf.removeBackend('wasm');
    tf.registerBackend('wasm', factory, 2);
    expect(await tf.setBackend('wasm')).toBe(true);
    expect([...tf.spectral.fft(tf.complex([1, 2], [0, 0])).dataSync()]).toEqual([3, 0, -1, 0]);
  });
});
