import * as tf from '@tensorflow/tfjs';
import {
  AdamW,
  Adan,
  cosine,
  DAdaptAdam,
  DAdaptAdan,
  Sgd,
  type BaseOptimizer,
  type DAdaptOptions,
  type OptimizerOptions,
} from '../src/optim';

/** Any optimiser of the family. */
export type AnyOptimizer = BaseOptimizer<string, string>;

/** The rate of the family's tests: it changes at each step, so that a step that is counted wrongly shows. */
const schedule = cosine({ base: 0.05, steps: 40, warmup: 3, warmupStart: 0.01 });
const dAdapt: DAdaptOptions = { initialD: 1e-2, growthRate: 1.5, learningRate: cosine({ base: 1, steps: 40 }) };

/** One battery for the family: a new optimiser is a new row. */
export const FAMILY: Record<string, (options?: OptimizerOptions) => AnyOptimizer> = {
  AdamW: (o) => new AdamW({ learningRate: schedule, ...o }),
  'AdamW with amsgrad': (o) => new AdamW({ learningRate: schedule, amsgrad: true, beta2: 0.9, ...o }),
  'Adam with a penalty': (o) => new AdamW({ learningRate: schedule, decoupled: false, weightDecay: 0.01, ...o }),
  Sgd: (o) => new Sgd({ learningRate: schedule, ...o }),
  'Sgd with momentum': (o) =>
    new Sgd({ learningRate: schedule, momentum: 0.8, dampening: 0.2, weightDecay: 0.01, ...o }),
  Adan: (o) => new Adan({ learningRate: schedule, ...o }),
  'Adan with restarts': (o) =>
    new Adan({
      learningRate: schedule,
      variant: 'lucidrains',
      beta1: 0.8,
      beta2: 0.7,
      beta3: 0.9,
      restart: ({ step }) => step.equal(5),
      ...o,
    }),
  DAdaptAdam: (o) => new DAdaptAdam({ ...dAdapt, ...o }),
  DAdaptAdan: (o) => new DAdaptAdan({ ...dAdapt, ...o }),
};

/** Mean squared error of x w + b against fixed targets. */
export function regression() {
  const x = tf.tensor2d([1, 2, -1, 0.5, 3, -2, 0, 1], [4, 2]);
  const y = tf.tensor1d([1, -2, 3, 0.5]);
  const w = tf.tidy(() => tf.tensor2d([0.5, -0.3], [2, 1]).variable());
  const b = tf.tidy(() => tf.scalar(0.1).variable());
  const loss = (): tf.Scalar =>
    tf.tidy(() =>
      x
        .matMul(w as tf.Tensor as tf.Tensor2D)
        .add(b)
        .squeeze([1])
        .sub(y)
        .square()
        .mean(),
    );
  const variables: tf.Variable[] = [w, b];
  return { w, b, variables, loss, dispose: () => tf.dispose([x, y, w, b]) };
}

export const bits = (tensors: readonly tf.Tensor[]): number[] => tensors.flatMap((tensor) => [...tensor.dataSync()]);
