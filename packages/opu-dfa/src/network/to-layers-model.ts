import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { Block } from './block';
import { ConvolutionMap } from './convolution-map';
import { DenseMap } from './dense-map';
import type { DfaNetwork } from './dfa-network';
import type { LossName } from './losses';
import type { Tail, TailDescription } from './tail';

const { argumentMessage, ShapeError } = check;

const WHERE = 'opu-dfa.toLayersModel';
const LAST_ACTIVATION: Record<LossName, 'softmax' | 'sigmoid' | 'linear'> = {
  softmaxCrossEntropy: 'softmax',
  sigmoidCrossEntropy: 'sigmoid',
  meanSquared: 'linear',
};

/** A layer, and the weights that it is to have. */
interface LayerWithWeights {
  layer: tf.layers.Layer;
  weights: () => tf.Tensor[];
}

/**
 * An ordinary model of tf.layers with copies of the network's weights: to be evaluated, saved and served without this
 * package. Its last activation is that of the loss, so its predictions are the network's.
 *
 * @param options.inputShape  of an example; needed unless the network begins with a dense layer
 * @returns the caller's to dispose
 * @throws RangeError naming the block that tf.layers has no layer for: functions of one's own; TypeError without the
 *   shape of an example, ShapeError when it does not fit
 */
export function toLayersModel(
  network: DfaNetwork,
  { inputShape }: { inputShape?: readonly number[] } = {},
): tf.Sequential {
  const [first] = network.blocks as [Block];
  const ofDense = first.map instanceof DenseMap && !first.entrance ? [inputsOf(first.map)] : undefined;
  const shape = inputShape ?? ofDense;
  if (shape === undefined) {
    const fix = 'Only a network that begins with a dense layer tells it itself.';
    throw new TypeError(argumentMessage(WHERE, 'inputShape', 'be given', undefined, fix));
  }
  const layers = layersOf(network);
  checkFit(network, shape);
  const model = tf.sequential();
  model.add(tf.layers.inputLayer({ inputShape: [...shape] }));
  for (const { layer } of layers) model.add(layer);
  tf.tidy(() => layers.forEach(({ layer, weights }) => layer.setWeights(weights())));
  return model;
}

/** tf.layers itself would find out with the first prediction only. */
function checkFit(network: DfaNetwork, shape: readonly number[]): void {
  try {
    tf.tidy(() => void network.logits(tf.zeros([1, ...shape])));
  } catch (cause) {
    const fix = (cause as Error).message;
    throw new ShapeError(argumentMessage(WHERE, 'inputShape', 'fit the network', [...shape], fix), { cause });
  }
}

function layersOf({ blocks, loss }: DfaNetwork): LayerWithWeights[] {
  return blocks.flatMap((block, l): LayerWithWeights[] => [
    ...tailLayers(block, block.entrance ?? null),
    ...mapLayers(block, l < blocks.length - 1 ? block.activation : LAST_ACTIVATION[loss]),
    ...tailLayers(block, block.tail),
  ]);
}

function mapLayers({ name, map }: Block, activation: Block['activation'] | 'softmax'): LayerWithWeights[] {
  const options = { name, activation, useBias: map.bias !== null };
  const biases = map.bias ? [map.bias] : [];
  if (map instanceof DenseMap) {
    const layer = tf.layers.dense({ ...options, units: map.outputs });
    return [{ layer, weights: () => [map.isTransposed ? map.kernel.transpose() : map.kernel, ...biases] }];
  }
  if (!(map instanceof ConvolutionMap)) throw refusal(name, 'be dense or a convolution', map);
  const { strides, padding } = map.window;
  const layer = tf.layers.conv2d({
    ...options,
    filters: map.outputs,
    kernelSize: map.kernel.shape.slice(0, 2),
    strides: [...strides],
    padding: padding === 'same' ? 'same' : 'valid',
  });
  const convolution = { layer, weights: () => [map.kernel, ...biases] };
  if (padding === 'same' || padding.every((side) => side === 0)) return [convolution];
  const [top, bottom, left, right] = padding;
  return [withoutWeights(tf.layers.zeroPadding2d({ padding: [[top, bottom], [left, right]] })), convolution]; // prettier-ignore
}

function tailLayers({ name }: Block, tail: Tail | null): LayerWithWeights[] {
  return (tail ?? []).map(({ description }) => {
    if (description === null) throw refusal(name, 'have no function of your own in its tail', description);
    return withoutWeights(tailLayer(description));
  });
}

function tailLayer(part: TailDescription): tf.layers.Layer {
  switch (part.kind) {
    case 'flatten':
      return tf.layers.flatten();
    case 'reshape':
      return tf.layers.reshape({ targetShape: [...part.shape] });
    case 'activation':
      return tf.layers.activation({ activation: part.name });
    case 'globalAveragePool':
      return tf.layers.globalAveragePooling2d({});
    default: {
      const options = {
        poolSize: part.size as [number, number],
        strides: part.strides as [number, number],
        padding: part.padding!,
      };
      return part.kind === 'maxPool' ? tf.layers.maxPooling2d(options) : tf.layers.averagePooling2d(options);
    }
  }
}

function withoutWeights(layer: tf.layers.Layer): LayerWithWeights {
  return { layer, weights: () => [] };
}

function inputsOf({ kernel, isTransposed }: DenseMap): number {
  return kernel.shape[isTransposed ? 1 : 0]!;
}

function refusal(name: string, wanted: string, value: unknown): RangeError {
  return new RangeError(argumentMessage(WHERE, `block ${name}`, wanted, value));
}
