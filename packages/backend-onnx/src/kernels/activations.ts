import type * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { float, type Value } from '../graph/value';
import { elementwise } from './arithmetic';
import type { LoweringTable } from './registry';
import { floats, numbers } from './unary';

/** Activations of neural networks and what their gradients need. */
export const activations: LoweringTable = {
  Relu: numbers((x, graph) => graph.unary('Relu', x)),
  Relu6: numbers((x, graph) =>
    graph.op('Clip', [x, graph.scalar(x.type, 0), graph.scalar(x.type, 6)], x.type, x.shape),
  ),
  LeakyRelu: ({ x }, { alpha }: tf.LeakyReluAttrs, graph) =>
    elementwise(graph, [x!], ([value]) =>
      graph.unary('LeakyRelu', graph.cast(value!, 'float32'), { alpha: float(alpha) }),
    ),

  // Within 1e-7; nearer to 0 their relative error grows, which one operator instead of seven is worth.
  Elu: floats('Elu'),
  Selu: floats('Selu'),
  EluGrad: ({ dy, y }, _, graph) =>
    elementwise(graph, [graph.cast(dy!, 'float32'), graph.cast(y!, 'float32')], ([gradient, value]) =>
      // y + 1 up to 1; elu is never below -1.
      graph.mul(gradient!, graph.unary('HardSigmoid', value!, { alpha: float(1), beta: float(1) })),
    ),

  Sigmoid: floats(sigmoid),
  Softplus: floats('Softplus'),

  Step({ x }, { alpha }: tf.StepAttrs, graph) {
    if (x!.type === 'bool') return null;
    return elementwise(graph, [x!], ([value]) => step(graph, value!, alpha));
  },
};

/**
 * exp(x) / (1 + exp(x)). The operator Sigmoid has an error of 1e-7 also where the result is far smaller, and is but
 * 1.5 times as fast.
 */
export function sigmoid(x: Value, graph: Builder): Value {
  // exp(88) is finite, and beyond 17 the result is 1.
  const bounded = graph.op('Clip', [x, null, graph.scalar('float32', 88)], 'float32', x.shape);
  return graph.unary('Softsign', graph.unary('Exp', bounded));
}

/** 1 for positive numbers, alpha for others, NaN for NaN. */
function step(graph: Builder, x: Value, alpha: number): Value {
  const scalar = (value: number): Value => graph.scalar(x.type, value);
  if (x.type === 'int32') return graph.where(graph.greater(x, scalar(0)), scalar(1), scalar(alpha));
  // min(3.4e38 x, 1) for x > 0: a third faster than Greater and Cast, less than 1 for x < 3e-39 only.
  const ofPositive = graph.unary('HardSigmoid', x, { alpha: float(3.4e38), beta: float(0) });
  if (alpha === 0) return ofPositive;
  return graph.where(graph.binary('LessOrEqual', x, scalar(0), 'bool'), scalar(alpha), ofPositive);
}
