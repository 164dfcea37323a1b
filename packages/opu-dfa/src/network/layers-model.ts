import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { ACTIVATION_NAMES, type ActivationName } from './activations';
import { adaptedNetwork, BlockChain, type AdapterOptions } from './block-chain';
import { ConvolutionMap, type ConvolutionWindow, type Padding } from './convolution-map';
import { DenseMap } from './dense-map';
import type { DfaNetwork } from './dfa-network';
import { LOSS_NAMES, type LossName } from './losses';
import { tailPart, type TailDescription } from './tail';

const { argumentMessage, checkOneOf, ShapeError } = check;

/** Options of `networkFromLayersModel`. */
export interface LayersNetworkOptions extends AdapterOptions {
  /** Default by the last activation: 'softmaxCrossEntropy' for softmax, 'sigmoidCrossEntropy' for sigmoid; else needed. */
  loss?: LossName;
  /** Of an example, where the model leaves some of its lengths open. */
  inputShape?: readonly number[];
}

/** Settings of a layer, by their names in Keras. */
type Config = Record<string, unknown>;

const WHERE = 'opu-dfa.networkFromLayersModel';
/** What the loss applies itself, where the model ends with it. */
const LAST_ACTIVATIONS: Record<string, LossName> = { softmax: 'softmaxCrossEntropy', sigmoid: 'sigmoidCrossEntropy' };

/**
 * A network for direct feedback alignment of a sequential model. It trains the model's weights in place, and leaves them
 * when it is disposed; frozen layers stay as they are. Blocks are named as the layers.
 *
 * @param model  tf.Sequential of Dense, Conv2D, Activation, Flatten, Reshape, ZeroPadding2D before a Conv2D, pooling
 *   layers; the last activation, softmax or sigmoid, becomes a part of the loss, and `logits` come before it
 * @returns the caller's to dispose
 * @throws TypeError when the model is not a tf.Sequential; RangeError naming the layer that feedback cannot train, for a
 *   loss that does not fit the last activation, and for bad options; ShapeError when the shape of inputs is not known
 * @example
 * const network = networkFromLayersModel(model, { key: 0 }); // and later model.evaluate, model.save
 */
export function networkFromLayersModel(model: tf.LayersModel, options: LayersNetworkOptions): DfaNetwork {
  if (!(model instanceof tf.Sequential)) {
    const fix = 'Feedback goes to layers that follow one another.';
    throw new TypeError(argumentMessage(WHERE, 'model', 'be a tf.Sequential', model, fix));
  }
  const reader = new LayerReader();
  model.layers.forEach((layer) => reader.read(layer));
  const { chain, lastActivation } = reader.end();
  const loss = options.loss ?? LAST_ACTIVATIONS[lastActivation ?? ''];
  checkOneOf(WHERE, 'loss', loss, LOSS_NAMES);
  if (lastActivation !== null && LAST_ACTIVATIONS[lastActivation] !== loss) {
    const wanted = `be '${LAST_ACTIVATIONS[lastActivation]}' where the last activation is ${lastActivation}`;
    throw new RangeError(argumentMessage(WHERE, 'loss', wanted, loss));
  }
  return adaptedNetwork(WHERE, chain.blocks(WHERE), inputShapeOf(model, options), loss!, options);
}

function inputShapeOf(model: tf.Sequential, { inputShape }: LayersNetworkOptions): readonly number[] {
  const shape: readonly (number | null)[] = inputShape ?? model.inputs[0]!.shape.slice(1);
  if (!shape.includes(null)) return shape as number[];
  const lengths = shape.map((length) => length ?? 'open');
  const fix = 'Give inputShape for an example.';
  throw new ShapeError(argumentMessage(WHERE, 'the inputs of the model', 'have a known shape', lengths, fix));
}

/** Reads layers one after the other. */
class LayerReader {
  private readonly chain = new BlockChain();
  private padding: { of: tf.layers.Layer; sides: Padding } | null = null;
  /** A softmax or sigmoid that must be the end. */
  private last: { of: tf.layers.Layer; activation: string } | null = null;

  read(layer: tf.layers.Layer): void {
    const kind = layer.getClassName();
    const config = layer.getConfig() as Config;
    if (kind === 'InputLayer') return;
    if (this.last && !(kind === 'Activation' && config['activation'] === 'linear')) this.endSigmoid();
    if (this.padding && kind !== 'Conv2D') throw refusal(this.padding.of, 'come before a Conv2D with padding valid');
    if (kind === 'Dense') {
      const [kernel, bias] = parametersOf(layer, config);
      if (kernel.shape.length !== 2 || (layer.input as tf.SymbolicTensor).rank !== 2) {
        throw refusal(
          layer,
          'get inputs of rank 2',
          (layer.input as tf.SymbolicTensor).rank,
          'Put a Flatten before it.',
        );
      }
      this.chain.layer(layer.name, new DenseMap(kernel, bias));
      this.activation(layer, config['activation']);
    } else if (kind === 'Conv2D') {
      const window = this.windowOf(layer, config);
      this.chain.layer(layer.name, new ConvolutionMap(...parametersOf(layer, config), window));
      this.activation(layer, config['activation']);
    } else if (kind === 'Activation') {
      this.activation(layer, config['activation']);
    } else if (kind === 'ZeroPadding2D') {
      checkChannelsLast(layer, config);
      const [[top, bottom], [left, right]] = config['padding'] as [[number, number], [number, number]];
      this.padding = { of: layer, sides: [top, bottom, left, right] };
    } else {
      this.chain.part(tailPart(WHERE, partOf(layer, kind, config)));
    }
  }

  end(): { chain: BlockChain; lastActivation: string | null } {
    if (this.padding) throw refusal(this.padding.of, 'come before a Conv2D with padding valid');
    return { chain: this.chain, lastActivation: this.last?.activation ?? null };
  }

  private activation(layer: tf.layers.Layer, value: unknown): void {
    const activation = (value ?? 'linear') as string;
    if (activation in LAST_ACTIVATIONS) {
      this.last = { of: layer, activation };
      return;
    }
    if (!ACTIVATION_NAMES.includes(activation as ActivationName)) {
      throw refusal(layer, `have one of the activations ${ACTIVATION_NAMES.join(', ')}`, activation);
    }
    this.chain.part(tailPart(WHERE, { kind: 'activation', name: activation as ActivationName }));
  }

  /** What was taken for the end was a hidden layer's. */
  private endSigmoid(): void {
    const { of, activation } = this.last!;
    if (activation === 'softmax') throw refusal(of, 'be the last one where its activation is softmax');
    this.last = null;
    this.chain.part(tailPart(WHERE, { kind: 'activation', name: 'sigmoid' }));
  }

  private windowOf(layer: tf.layers.Layer, config: Config): ConvolutionWindow {
    checkChannelsLast(layer, config);
    if ((config['dilationRate'] as number[]).some((rate) => rate !== 1)) {
      throw refusal(layer, 'have no dilation', config['dilationRate']);
    }
    const strides = config['strides'] as [number, number];
    const isSame = config['padding'] === 'same';
    if (isSame && this.padding) throw refusal(this.padding.of, 'come before a Conv2D with padding valid');
    const padding = isSame ? ('same' as const) : (this.padding?.sides ?? ([0, 0, 0, 0] as const));
    this.padding = null;
    return { strides, padding };
  }
}

/** What a layer without parameters does. @throws RangeError when feedback cannot go through it */
function partOf(layer: tf.layers.Layer, kind: string, config: Config): TailDescription {
  if (kind === 'Reshape') {
    return { kind: 'reshape', shape: (config['targetShape'] as (number | null)[]).map((length) => length ?? -1) };
  }
  if (kind === 'BatchNormalization') {
    const why = 'It mixes the examples of a batch: no example has a gradient of its own, for feedback or for privacy.';
    throw refusal(layer, 'be no BatchNormalization', kind, why);
  }
  if (!(kind in PARTS)) {
    const fix = kind.includes('Dropout') ? 'Feedback has no part for it: leave it out.' : '';
    throw refusal(
      layer,
      `be one of ${['Dense', 'Conv2D', 'Activation', 'Reshape', 'ZeroPadding2D', ...Object.keys(PARTS)].join(', ')}`,
      kind,
      fix,
    );
  }
  if (kind !== 'Flatten' || config['dataFormat'] !== undefined) checkChannelsLast(layer, config);
  return PARTS[kind]!(config);
}

const PARTS: Record<string, (config: Config) => TailDescription> = {
  Flatten: () => ({ kind: 'flatten' }),
  MaxPooling2D: (config) => ({ kind: 'maxPool', ...poolingOf(config) }),
  AveragePooling2D: (config) => ({ kind: 'averagePool', ...poolingOf(config) }),
  GlobalAveragePooling2D: () => ({ kind: 'globalAveragePool' }),
};

function poolingOf(config: Config): { size: [number, number]; strides: [number, number]; padding: 'valid' | 'same' } {
  const { poolSize, strides, padding } = config;
  return {
    size: poolSize as [number, number],
    strides: strides as [number, number],
    padding: padding as 'valid' | 'same',
  };
}

/** The model's own variables. @throws RangeError where more is asked of them than feedback does */
function parametersOf(layer: tf.layers.Layer, config: Config): [kernel: tf.Variable, bias: tf.Variable | null] {
  const asked = Object.entries(config).find(
    ([name, value]) => /Regularizer$|Constraint$/.test(name) && value !== null && value !== undefined,
  );
  if (asked) throw refusal(layer, 'have no regularizers and constraints', asked[0], 'The optimiser may decay weights.');
  // A layer that was made frozen has not told its variables yet.
  if (!layer.trainable) layer.trainable = false;
  // A LayerVariable reads as its tf.Variable.
  const [kernel, bias] = layer.weights.map((weight) => weight.read() as tf.Variable);
  return [kernel!, bias ?? null];
}

function checkChannelsLast(layer: tf.layers.Layer, { dataFormat }: Config): void {
  if (dataFormat === 'channelsFirst') throw refusal(layer, 'have channels last', dataFormat);
}

function refusal(layer: tf.layers.Layer, wanted: string, value: unknown = layer.getClassName(), fix = ''): RangeError {
  return new RangeError(argumentMessage(WHERE, `the layer ${layer.name}`, wanted, value, fix));
}
