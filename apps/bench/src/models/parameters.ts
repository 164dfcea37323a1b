import * as tf from '@tensorflow/tfjs';
import { uniform } from '../values';

/** The weights of y = x W + b: W [inputs, outputs], b [outputs]; of a convolution W [side, side, inputs, outputs]. */
export interface Affine<W extends tf.Rank> {
  weight: tf.Variable<W>;
  bias: tf.Variable<tf.Rank.R1>;
}

/** The weights of a normalisation over channels, both [channels]. */
export interface Norm {
  scale: tf.Variable<tf.Rank.R1>;
  shift: tf.Variable<tf.Rank.R1>;
}

/** Bound of embeddings: a standard deviation of 0.02. */
const TABLE_BOUND = 0.02 * Math.sqrt(3);

/** Makes the variables of a model and keeps them; the values follow from the names, which are those of peers/*.py. */
export class Parameters {
  readonly variables: tf.Variable[] = [];

  /** W and b uniform within 1 / sqrt(inputs). */
  linear(name: string, inputs: number, outputs: number): Affine<tf.Rank.R2> {
    const bound = 1 / Math.sqrt(inputs);
    return {
      weight: this.draw(`${name}.weight`, [inputs, outputs], bound),
      bias: this.draw(`${name}.bias`, [outputs], bound),
    };
  }

  /** W uniform with the variance 2 / fan-in, which keeps activations at their scale; b within 1 / sqrt(fan-in). */
  convolution(name: string, side: number, inputs: number, outputs: number): Affine<tf.Rank.R4> {
    const fanIn = side * side * inputs;
    return {
      weight: this.draw(`${name}.weight`, [side, side, inputs, outputs], Math.sqrt(6 / fanIn)),
      bias: this.draw(`${name}.bias`, [outputs], 1 / Math.sqrt(fanIn)),
    };
  }

  /** Scale 1, shift 0. */
  norm(channels: number): Norm {
    return { scale: this.keep(tf.ones([channels])), shift: this.keep(tf.zeros([channels])) };
  }

  /** An embedding, or learned vectors as they are. */
  table(name: string, rows: number, width: number): tf.Variable<tf.Rank.R2> {
    return this.draw(name, [rows, width], TABLE_BOUND);
  }

  private draw<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R], bound: number): tf.Variable<R> {
    return this.keep<R>(tf.tensor(uniform(name, tf.util.sizeFromShape(shape), bound), shape));
  }

  private keep<R extends tf.Rank>(values: tf.Tensor<R>): tf.Variable<R> {
    const variable = tf.variable(values);
    values.dispose();
    this.variables.push(variable);
    return variable;
  }
}
