import { check } from '@tfsci/tensor-core';
import { MatrixFeedback, SharedFeedback } from '../feedback/matrix-feedback';
import { ACTIVATION_NAMES, type ActivationName } from './activations';
import { ConvolutionMap, type ConvolutionWindow } from './convolution-map';
import { DenseMap } from './dense-map';
import type { DfaNetwork } from './dfa-network';
import { LOSS_NAMES, type LossName } from './losses';
import type { Tail, TailDescription } from './tail';

const { argumentMessage, checkNumber, checkOneOf, FormatError } = check;

const FEEDBACKS = ['independent', 'shared', 'device'] as const;

/** The format's name in the metadata of a file. */
const FORMAT = 'opu-dfa network 1';

/** A block as data; its parameters lie beside it. */
export interface BlockDescription {
  name: string;
  activation: ActivationName;
  hasBias: boolean;
  /** Of a convolution; null for a dense layer. */
  window: ConvolutionWindow | null;
  /** Of a dense layer, whether its weight is [K, N], as PyTorch's. */
  isTransposed: boolean;
  tail: readonly TailDescription[];
  entrance: readonly TailDescription[];
}

/** A network as data. */
export interface NetworkDescription {
  loss: LossName;
  blocks: readonly BlockDescription[];
  /** 'device' for one's own. */
  feedback: 'independent' | 'shared' | 'device' | null;
}

/**
 * The metadata of a network's file.
 *
 * @throws RangeError naming the block that cannot be described
 */
export function describeNetwork(where: string, { blocks, loss, feedback }: DfaNetwork): Record<string, string> {
  const described = blocks.map(({ name, map, activation, tail, entrance }): BlockDescription => {
    if (!(map instanceof DenseMap || map instanceof ConvolutionMap)) {
      throw new RangeError(argumentMessage(where, `block ${name}`, 'be dense or a convolution', map));
    }
    return {
      ...{ name, activation, hasBias: map.bias !== null },
      window: map instanceof ConvolutionMap ? windowOf(map) : null,
      isTransposed: map instanceof DenseMap && map.isTransposed,
      tail: describeTail(where, name, tail),
      entrance: describeTail(where, name, entrance ?? null),
    };
  });
  const network: NetworkDescription = { loss, blocks: described, feedback: feedbackKind(feedback) };
  return { format: FORMAT, network: JSON.stringify(network) };
}

/**
 * The description in a file's metadata; that of pooling and reshaping is left to `tailPart`.
 *
 * @throws FormatError when it is anything else
 */
export function readDescription(where: string, metadata: Readonly<Record<string, string>>): NetworkDescription {
  if (metadata['format'] !== FORMAT) {
    const message = argumentMessage(where, 'the format in the metadata', `be ${FORMAT}`, metadata['format']);
    throw new FormatError(message);
  }
  try {
    const { loss, blocks, feedback } = record(where, 'the network', JSON.parse(metadata['network'] ?? ''));
    return {
      loss: checkOneOf(where, 'loss', loss, LOSS_NAMES),
      blocks: list(where, 'blocks', blocks).map((block) => readBlock(where, block)),
      feedback: feedback === null ? null : checkOneOf(where, 'feedback', feedback, FEEDBACKS),
    };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    if (!(cause instanceof SyntaxError)) throw new FormatError((cause as Error).message, { cause });
    throw new FormatError(`${where}: the network in the metadata must be JSON. ${cause.message}`, { cause });
  }
}

function windowOf({ window: { strides, padding } }: ConvolutionMap): ConvolutionWindow {
  return { strides, padding };
}

function readBlock(where: string, value: unknown): BlockDescription {
  const { name, activation, hasBias, window, isTransposed, tail, entrance } = record(where, 'a block', value);
  if (typeof name !== 'string') throw new FormatError(argumentMessage(where, 'the name of a block', 'be text', name));
  for (const flag of [hasBias, isTransposed]) {
    if (typeof flag !== 'boolean') {
      throw new FormatError(argumentMessage(where, `hasBias and isTransposed of ${name}`, 'be booleans', flag));
    }
  }
  return {
    name,
    activation: checkOneOf(where, `the activation of ${name}`, activation, ACTIVATION_NAMES),
    hasBias: hasBias as boolean,
    window: window === null ? null : readWindow(where, name, window),
    isTransposed: isTransposed as boolean,
    tail: list(where, `the tail of ${name}`, tail).map((part) => record(where, 'a part', part) as TailDescription),
    entrance: list(where, `the entrance of ${name}`, entrance).map(
      (part) => record(where, 'a part', part) as TailDescription,
    ),
  };
}

function readWindow(where: string, name: string, value: unknown): ConvolutionWindow {
  const { strides, padding } = record(where, `the window of ${name}`, value);
  return {
    strides: counts(where, `the strides of ${name}`, strides, 2, 1) as [number, number],
    padding: padding === 'same' ? padding : (counts(where, `the padding of ${name}`, padding, 4, 0) as never),
  };
}

function counts(where: string, what: string, value: unknown, length: number, min: number): number[] {
  const numbers = list(where, what, value).map((entry) => checkNumber(where, what, entry, { min, integer: true }));
  if (numbers.length === length) return numbers;
  throw new FormatError(argumentMessage(where, what, `have ${length} numbers`, numbers));
}

function record(where: string, what: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError(argumentMessage(where, what, 'be an object', value));
}

function list(where: string, what: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new FormatError(argumentMessage(where, what, 'be an array', value));
}

function describeTail(where: string, name: string, tail: Tail | null): TailDescription[] {
  return (tail ?? []).map(({ description }) => {
    if (description !== null) return description;
    const wanted = 'have no function of your own in its tail';
    throw new RangeError(argumentMessage(where, `block ${name}`, wanted, description));
  });
}

function feedbackKind(feedback: DfaNetwork['feedback']): NetworkDescription['feedback'] {
  if (feedback === null) return null;
  if (feedback instanceof SharedFeedback) return 'shared';
  return feedback instanceof MatrixFeedback ? 'independent' : 'device';
}
