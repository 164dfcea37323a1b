import * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import { uniform } from '../values';
import { workload } from '../workload';

export const matmul = workload<{ side: number }>({
  name: 'matmul',
  title: 'Matrix product',
  describe: ({ side }) => `two ${side}x${side} matrices`,
  gives: 'output',
  peer: 'matmul',
  affordableOnWasm: true,
  sizes: { full: { side: 1024 }, tiny: { side: 16 } },
  make({ side }) {
    const product = jit((a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b));
    const draw = (name: string) => tf.tensor2d(uniform(name, side * side, 1), [side, side]);
    const [a, b] = [draw('left'), draw('right')];
    return { step: () => product(a, b) };
  },
});
