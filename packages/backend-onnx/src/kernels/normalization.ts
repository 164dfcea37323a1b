import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import type { LoweringTable } from './registry';

/** Values in relation to those around them. */
export const normalization: LoweringTable = {
  Softmax({ logits }, { dim }: tf.SoftmaxAttrs, graph) {
    const { rank, shape, type } = logits!;
    if (rank === 0 || (dim !== -1 && dim !== rank - 1)) return null;
    const numbers = type === 'float32' ? logits! : graph.cast(logits!, 'float32');
    return graph.op('Softmax', [numbers], 'float32', shape, { axis: -1 });
  },

  /**
   * (x - mean) scale / sqrt(variance + epsilon) + offset. As x scale' + offset' it would be one pass less, but where
   * variances are small the two cancel, and the gradient has x - mean anyway.
   */
  FusedBatchNorm({ x, mean, variance, scale, offset }, { varianceEpsilon }: tf.FusedBatchNormAttrs, graph) {
    const parameters = [mean!, variance!, scale, offset].filter((value) => value !== undefined);
    for (const { rank } of parameters) {
      tf.util.assert(rank === mean!.rank, () => 'Batch normalization gradient requires parameters of equal ranks.');
    }
    if ([x!, ...parameters].some(({ type }) => type !== 'float32')) return null;
    const deviation = graph.unary('Sqrt', graph.add(variance!, graph.scalar('float32', varianceEpsilon ?? 0.001)));
    const factor = scale ? graph.div(scale, deviation) : graph.unary('Reciprocal', deviation);
    const normal = graph.mul(graph.sub(x!, mean!), factor);
    return offset ? graph.add(normal, offset) : normal;
  },

  LRN({ x }, attributes: tf.LRNAttrs, graph) {
    if (x!.type !== 'float32') return null;
    return graph.mul(x!, power(graph, surroundings(graph, x!, attributes), -attributes.beta));
  },

  /** dy n^-beta - 2 alpha beta x sum(dy y / n), with n what LRN divides by and the sum over the same channels. */
  LRNGrad({ x, y, dy }, attributes: tf.LRNGradAttrs, graph) {
    if ([x!, y!, dy!].some(({ type }) => type !== 'float32')) return null;
    const { alpha, beta, depthRadius } = attributes;
    const norm = surroundings(graph, x!, attributes);
    const shared = sumOfChannels(graph, graph.div(graph.mul(dy!, y!), norm), depthRadius);
    const indirect = graph.mul(graph.mul(x!, shared), graph.scalar('float32', -2 * alpha * beta));
    return graph.add(graph.mul(dy!, power(graph, norm, -beta)), indirect);
  },
};

/** bias + alpha times the sum of squares over the channels around each. */
function surroundings(graph: Builder, x: Value, { depthRadius, bias, alpha }: tf.LRNAttrs): Value {
  const squares = sumOfChannels(graph, graph.mul(x, x), depthRadius);
  return graph.add(graph.mul(squares, graph.scalar('float32', alpha)), graph.scalar('float32', bias));
}

/** x_NHWC to the sum over the channels at most `radius` away: a convolution along them, ten times as fast as pooling. */
function sumOfChannels(graph: Builder, x: Value, radius: number): Value {
  const channels = x.shape.at(-1)!;
  const reach = Math.min(radius, channels - 1);
  const rows = graph.reshape(x, [x.size / channels, 1, channels]);
  const window = 2 * reach + 1;
  const sums = graph.op('Conv', [rows, graph.fill('float32', [1, 1, window], 1)], 'float32', rows.shape, {
    kernel_shape: [window],
    pads: [reach, reach],
  });
  return graph.reshape(sums, x.shape);
}

/** x^exponent for positive x. The operator Pow takes five times as long. */
function power(graph: Builder, x: Value, exponent: number): Value {
  return graph.unary('Exp', graph.mul(graph.unary('Log', x), graph.scalar('float32', exponent)));
}
