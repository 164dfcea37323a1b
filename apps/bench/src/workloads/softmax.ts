import * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import { uniform } from '../values';
import { workload } from '../workload';

export const softmax = workload<{ rows: number; columns: number }>({
  name: 'softmax',
  title: 'Softmax',
  describe: ({ rows, columns }) => `over the rows of [${rows}, ${columns}]`,
  gives: 'output',
  peer: 'softmax',
  affordableOnWasm: true,
  sizes: { full: { rows: 4096, columns: 512 }, tiny: { rows: 4, columns: 8 } },
  make({ rows, columns }) {
    const normalise = jit((x: tf.Tensor2D) => tf.softmax(x));
    const x = tf.tensor2d(uniform('input', rows * columns, 4), [rows, columns]);
    return { step: () => normalise(x) };
  },
});
