import * as tf from '@tensorflow/tfjs';
import { linear } from '../models/layers';
import { Parameters } from '../models/parameters';
import { trainingStep } from '../models/training-step';
import { integers, uniform } from '../values';
import { workload } from '../workload';

interface Sizes {
  /** Inputs, hidden units, classes. */
  units: number[];
  batch: number;
}

export const mlp = workload<Sizes>({
  name: 'mlp',
  title: 'Multilayer perceptron, training',
  describe: ({ units, batch }) => `${units.join('-')} with ReLU, batch ${batch}; cross entropy, Adam step`,
  gives: 'loss',
  peer: 'mlp',
  affordableOnWasm: true,
  sizes: {
    full: { units: [784, 512, 512, 10], batch: 128 },
    tiny: { units: [6, 8, 8, 3], batch: 5 },
  },
  make({ units, batch }) {
    const [inputs, classes] = [units[0]!, units.at(-1)!];
    const parameters = new Parameters();
    const layers = units.slice(1).map((outputs, i) => parameters.linear(`layers.${i}`, units[i]!, outputs));
    const last = layers.pop()!;
    const loss = (x: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar => {
      const hidden = layers.reduce((h, layer) => linear(h, layer).relu(), x);
      return tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), linear(hidden, last));
    };
    const x = tf.tensor2d(uniform('input', batch * inputs, Math.sqrt(3)), [batch, inputs]);
    const labels = tf.tensor1d(integers('labels', batch, classes), 'int32');
    return trainingStep(parameters, tf.train.adam(1e-3), loss, [x, labels]);
  },
});
