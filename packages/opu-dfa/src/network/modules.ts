import type * as tf from '@tensorflow/tfjs';
import { check, nn } from '@tfsci/tensor-core';
import { ACTIVATION_NAMES, type ActivationName } from './activations';
import { adaptedNetwork, BlockChain, type AdapterOptions } from './block-chain';
import { ConvolutionMap } from './convolution-map';
import { DenseMap } from './dense-map';
import type { DfaNetwork } from './dfa-network';
import { LOSS_NAMES, type LossName } from './losses';
import { tailPart, type TailDescription } from './tail';

const { argumentMessage, checkOneOf } = check;

/** What a network can be put together from; functions keep the first axis, that of the examples, and are differentiable. */
export type NetworkPart =
  nn.Linear | nn.Conv2d | ActivationName | 'flatten' | TailDescription | ((h: tf.Tensor) => tf.Tensor);

/** Options of `networkFromModules`. */
export interface ModulesNetworkOptions extends AdapterOptions {
  /** Default 'softmaxCrossEntropy'. */
  loss?: LossName;
  /** Of an example; needed unless the first part is a Linear. */
  inputShape?: readonly number[];
}

/**
 * A network for direct feedback alignment of modules, as nn.Sequential puts them together. It trains their parameters in
 * place, and leaves them when it is disposed; blocks are named by their place in the list.
 *
 * @param parts  nn.Linear and nn.Conv2d without dilation and with zero padding, and what comes between them: names of
 *   activations, 'flatten', descriptions such as { kind: 'maxPool', size: 2 }, functions. The last one is a Linear
 * @returns the caller's to dispose
 * @throws RangeError, TypeError for other parts and bad options, ShapeError when parts do not fit together
 * @example
 * const network = networkFromModules(
 *   [new nn.Conv2d(1, 8, 3, { key: first }), 'relu', { kind: 'maxPool', size: 2 }, 'flatten', new nn.Linear(1352, 10, { key: second })],
 *   { inputShape: [28, 28, 1], key: 0 },
 * );
 */
export function networkFromModules(parts: readonly NetworkPart[], options: ModulesNetworkOptions): DfaNetwork {
  const where = 'opu-dfa.networkFromModules';
  const { loss = 'softmaxCrossEntropy' } = options;
  checkOneOf(where, 'loss', loss, LOSS_NAMES);
  const chain = new BlockChain();
  parts.forEach((part, i) => {
    const name = `parts[${i}]`;
    if (part instanceof nn.Linear) chain.layer(String(i), new DenseMap(part.weight, part.bias, true));
    else if (part instanceof nn.Conv2d) chain.layer(String(i), convolutionOf(where, name, part));
    else chain.part(tailPart(`${where}: ${name}`, functionOrDescription(where, name, part)));
  });
  const blocks = chain.blocks(where);
  const [first] = parts;
  const inputShape = options.inputShape ?? (first instanceof nn.Linear ? [first.inFeatures] : undefined);
  if (inputShape === undefined) {
    const fix = 'Only a network that begins with a Linear tells it itself.';
    throw new TypeError(argumentMessage(where, 'inputShape', 'be given', undefined, fix));
  }
  return adaptedNetwork(where, blocks, inputShape, loss, options);
}

function convolutionOf(where: string, name: string, { weight, bias, window }: nn.Conv2d): ConvolutionMap {
  const { strides, dilations, sides, isCircular } = window;
  if (isCircular) throw new RangeError(argumentMessage(where, `${name}.paddingMode`, "be 'zeros'", 'circular'));
  if (dilations.some((dilation) => dilation !== 1)) {
    throw new RangeError(argumentMessage(where, `${name}.dilation`, 'be 1', [...dilations]));
  }
  return new ConvolutionMap(weight, bias, { strides, padding: sides });
}

function functionOrDescription(where: string, name: string, part: unknown): Parameters<typeof tailPart>[1] {
  if (part === 'flatten') return { kind: 'flatten' };
  if (ACTIVATION_NAMES.includes(part as ActivationName)) return { kind: 'activation', name: part as ActivationName };
  if (typeof part === 'function') return part as (h: tf.Tensor) => tf.Tensor;
  if (typeof part === 'object' && part !== null && 'kind' in part) return part as TailDescription;
  const wanted = `be a Linear, a Conv2d, a function, a description, 'flatten' or one of ${ACTIVATION_NAMES.join(', ')}`;
  throw new TypeError(argumentMessage(where, name, wanted, part));
}
