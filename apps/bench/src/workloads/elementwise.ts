import * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import { uniform } from '../values';
import { workload } from '../workload';

export const elementwise = workload<{ values: number }>({
  name: 'elementwise',
  title: 'Elementwise operations',
  describe: ({ values }) => `eight in a chain on ${values} values`,
  gives: 'output',
  peer: 'elementwise',
  affordableOnWasm: true,
  sizes: { full: { values: 2 ** 22 }, tiny: { values: 64 } },
  make({ values }) {
    const chain = jit((x: tf.Tensor1D) =>
      tf.tidy(() => x.mul(1.5).add(0.25).relu().neg().exp().add<tf.Tensor1D>(1).sqrt().mul<tf.Tensor1D>(x)),
    );
    const x = tf.tensor1d(uniform('input', values, 2));
    return { step: () => chain(x) };
  },
});
