import * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import { layerNorm } from '../models/layers';
import { uniform } from '../values';
import { workload } from '../workload';

export const layernorm = workload<{ rows: number; columns: number }>({
  name: 'layernorm',
  title: 'Layer normalisation',
  describe: ({ rows, columns }) => `over the rows of [${rows}, ${columns}], with scale and shift`,
  gives: 'output',
  peer: 'layernorm',
  affordableOnWasm: true,
  sizes: { full: { rows: 4096, columns: 512 }, tiny: { rows: 4, columns: 8 } },
  make({ rows, columns }) {
    const vector = (name: string) => tf.variable(tf.tensor1d(uniform(name, columns, 1)));
    const norm = { scale: vector('scale'), shift: vector('shift') };
    const normalise = jit((x: tf.Tensor2D) => tf.tidy(() => layerNorm(x, norm)));
    const x = tf.tensor2d(uniform('input', rows * columns, 4), [rows, columns]);
    return { step: () => normalise(x) };
  },
});
