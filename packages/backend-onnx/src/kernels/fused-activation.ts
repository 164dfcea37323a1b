import type * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { float, type Attributes, type Value } from '../graph/value';

/** What the fused kernels apply to their result. */
export interface Activation {
  name: tf.FusedConv2DAttrs['activation'];
  /** Slope below 0 of leakyrelu. */
  alpha?: number | undefined;
  /** Slopes below 0 of prelu; they broadcast to x. */
  slopes?: Value | undefined;
}

/** TensorFlow.js's own default. */
const LEAKY_SLOPE = 0.2;

export function activate(graph: Builder, x: Value, { name, alpha = LEAKY_SLOPE, slopes }: Activation): Value {
  switch (name) {
    case 'linear':
      return x;
    case 'relu':
      return graph.unary('Relu', x);
    case 'relu6':
      return graph.op('Clip', [x, graph.scalar(x.type, 0), graph.scalar(x.type, 6)], x.type, x.shape);
    case 'elu':
      return graph.unary('Elu', x);
    case 'sigmoid':
      return graph.unary('Sigmoid', x);
    case 'leakyrelu':
      return graph.unary('LeakyRelu', x, { alpha: float(alpha) });
    case 'prelu':
      return graph.op('PRelu', [x, slopes!], x.type, x.shape);
  }
}

/** The attributes by which ONNX Runtime's own convolutions apply it; `null` if they cannot. */
export function activationAttributes({ name, alpha = LEAKY_SLOPE }: Activation): Attributes | null {
  switch (name) {
    case 'linear':
      return {};
    case 'relu':
      return { activation: 'Relu' };
    case 'relu6':
      return { activation: 'Clip', activation_params: { floats: [0, 6] } };
    case 'sigmoid':
      return { activation: 'Sigmoid' };
    case 'leakyrelu':
      return { activation: 'LeakyRelu', activation_params: { floats: [alpha] } };
    default:
      return null;
  }
}
