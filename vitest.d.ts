import 'vitest';
import type { CloseOptions } from './packages/tensor-core/src/testing/index.ts';

declare module 'vitest' {
  interface Matchers<T> {
    /** Every element within atol + rtol |expected|, shapes equal; see tensor-core's testing room. */
    toBeAllclose(expected: unknown, options?: CloseOptions): T;
    /** The function leaves `tf.memory().numTensors` as it found it, apart from what it returns. */
    toLeakNothing(): T extends () => Promise<unknown> ? Promise<void> : void;
  }
}
