import * as tf from '@tensorflow/tfjs';
import { tensorsIn } from '../scope';
import { firstDifference, valuesOf, type CloseOptions } from './allclose';

interface Verdict {
  pass: boolean;
  message: () => string;
}

/**
 * Matchers for `expect.extend` of Vitest or Jest:
 * `toBeAllclose(expected, { rtol, atol })` and `toLeakNothing()` for a function, synchronous or not.
 */
export const tensorMatchers = {
  toBeAllclose(actual: unknown, expected: unknown, options?: CloseOptions): Verdict {
    const difference = firstDifference(valuesOf(actual), valuesOf(expected), options);
    return { pass: difference === null, message: () => difference ?? 'all elements are within tolerance' };
  },

  toLeakNothing(body: () => unknown): Verdict | Promise<Verdict> {
    const before = tf.memory();
    const judge = (result: unknown): Verdict => {
      tensorsIn(result).forEach((tensor) => tensor.dispose());
      const after = tf.memory();
      const tensors = after.numTensors - before.numTensors;
      const buffers = after.numDataBuffers - before.numDataBuffers;
      const remark = tensors < 0 ? ': it disposed or gave back what it did not make' : ' (its result not counted)';
      return {
        pass: tensors === 0 && buffers === 0,
        message: () => `left ${tensors} tensors and ${buffers} buffers behind${remark}`,
      };
    };
    const result = body();
    return result instanceof Promise ? result.then(judge) : judge(result);
  },
};
