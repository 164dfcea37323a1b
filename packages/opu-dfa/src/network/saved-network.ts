import * as tf from '@tensorflow/tfjs';
import { check, io } from '@tfsci/tensor-core';
import type { Feedback } from '../feedback/feedback';
import { MatrixFeedback, SharedFeedback } from '../feedback/matrix-feedback';
import { tidied } from '../tidied';
import type { Block } from './block';
import { ConvolutionMap } from './convolution-map';
import { DenseMap } from './dense-map';
import { madeNetwork, type DfaNetwork } from './dfa-network';
import { describeNetwork, readDescription, type BlockDescription } from './network-description';
import { tailPart, type TailDescription } from './tail';

const { argumentMessage, FormatError } = check;

const SAVE = 'opu-dfa.saveNetwork';
const LOAD = 'opu-dfa.loadNetwork';

/**
 * A network as a safetensors file: its parameters by name, its feedback matrices, and a description of its blocks in the
 * metadata.
 *
 * @returns the bytes. A device that feeds back is not in them: give it to `loadNetwork` again
 * @throws RangeError naming the block that has a function or map of one's own, or the tensor that is not finite
 */
export async function saveNetwork(network: DfaNetwork): Promise<Uint8Array> {
  const { feedback, parameters } = network;
  const description = describeNetwork(SAVE, network);
  const isKept = feedback instanceof MatrixFeedback || feedback instanceof SharedFeedback;
  const bytes = await io.tensorsToSafetensors({ ...parameters, ...(isKept ? feedback.variables : {}) }, description);
  for (const [name, { data }] of Object.entries(io.readSafetensors(bytes).tensors)) {
    if (!isFinite(data)) throw new RangeError(`${SAVE}: ${name} must be finite, and is not.`);
  }
  return bytes;
}

/** Options of `loadNetwork`. */
export interface LoadNetworkOptions {
  /** Takes the place of the feedback in the file, and must be given where that was a device. It stays the caller's. */
  feedback?: Feedback;
}

/**
 * The network that `saveNetwork` wrote, bit for bit.
 *
 * @returns the caller's to dispose
 * @throws FormatError when the file is truncated, corrupt, hostile or of something else; TypeError when a device was its
 *   feedback and none is given; ShapeError when the feedback that is given has other outputs
 */
export function loadNetwork(bytes: Uint8Array, options: LoadNetworkOptions = {}): DfaNetwork {
  const { tensors, metadata } = io.readSafetensors(bytes);
  const { loss, blocks: described, feedback } = readDescription(LOAD, metadata);
  const entries = new EntriesInUse(tensors);
  const parts = described.map((block, l) => partsOf(block, entries, l === 0));
  const matrices = feedback === null || feedback === 'device' ? [] : entries.takeMatrices(feedback);
  entries.end();
  if (options.feedback === undefined && feedback === 'device') {
    const fix = 'It was a device, which the file does not hold.';
    throw new TypeError(argumentMessage(LOAD, 'feedback', 'be given', undefined, fix));
  }
  const own =
    options.feedback ??
    tidied(() =>
      feedbackOf(
        feedback,
        matrices.map((entry) => io.toTensor(entry)),
      ),
    );
  const blocks = parts.map((part) => blockOf(part));
  try {
    return madeNetwork({ blocks, loss, feedback: own, ownsFeedback: options.feedback === undefined });
  } catch (cause) {
    if (options.feedback !== undefined) throw cause;
    throw new FormatError(`${LOAD}: the file must describe a network. ${(cause as Error).message}`, { cause });
  }
}

/** A block that has been checked, before there are tensors. */
interface CheckedBlock {
  description: BlockDescription;
  kernel: io.SafetensorsEntry;
  bias: io.SafetensorsEntry | null;
  tail: Block['tail'];
  entrance: Block['tail'];
}

function partsOf(description: BlockDescription, entries: EntriesInUse, isFirst: boolean): CheckedBlock {
  const { name, window, isTransposed, hasBias, tail, entrance } = description;
  const kernel = entries.take(`${name}.weight`, window ? 4 : 2);
  const outputs = kernel.shape[window ? 3 : isTransposed ? 0 : 1]!;
  const bias = hasBias ? entries.take(`${name}.bias`, 1) : null;
  if (bias && bias.shape[0] !== outputs) {
    throw new FormatError(argumentMessage(LOAD, `${name}.bias`, `have the shape [${outputs}]`, bias.shape));
  }
  if (!isFirst && entrance.length > 0) {
    throw new FormatError(`${LOAD}: block ${name} must have no entrance, as the first may.`);
  }
  return { description, kernel, bias, tail: tailOf(tail), entrance: tailOf(entrance) };
}

function tailOf(parts: readonly TailDescription[]): Block['tail'] {
  if (parts.length === 0) return null;
  try {
    return parts.map((part) => tailPart(LOAD, part));
  } catch (cause) {
    throw new FormatError((cause as Error).message, { cause });
  }
}

function blockOf({ description, kernel, bias, tail, entrance }: CheckedBlock): Block {
  const { name, activation, window, isTransposed } = description;
  const variable = (entry: io.SafetensorsEntry): tf.Variable => tf.tidy(() => tf.variable(io.toTensor(entry)));
  const [weights, biases] = [variable(kernel), bias && variable(bias)];
  const map = window ? new ConvolutionMap(weights, biases, window) : new DenseMap(weights, biases, isTransposed);
  return { name, map, activation, tail, ...(entrance ? { entrance } : {}) };
}

function feedbackOf(kind: 'independent' | 'shared' | 'device' | null, matrices: tf.Tensor[]): Feedback | null {
  if (kind === null) return null;
  return kind === 'shared' ? new SharedFeedback(matrices[0]!) : new MatrixFeedback(matrices);
}

/** The tensors of a file, each to be used once. */
class EntriesInUse {
  private readonly left: Map<string, io.SafetensorsEntry>;

  constructor(tensors: Record<string, io.SafetensorsEntry>) {
    this.left = new Map(Object.entries(tensors));
  }

  take(name: string, rank: number): io.SafetensorsEntry {
    const entry = this.left.get(name);
    if (entry === undefined) throw new FormatError(`${LOAD}: the file must have the tensor ${name}, and has not.`);
    this.left.delete(name);
    const { dtype, shape, data } = entry;
    if (dtype !== 'F32' || shape.length !== rank || shape.includes(0)) {
      const wanted = `be F32 of ${rank} dimensions`;
      throw new FormatError(argumentMessage(LOAD, `tensor ${name}`, wanted, `${dtype} [${shape.join(', ')}]`));
    }
    if (!isFinite(data)) throw new FormatError(`${LOAD}: tensor ${name} must be finite, and is not.`);
    return entry;
  }

  takeMatrices(kind: 'independent' | 'shared'): io.SafetensorsEntry[] {
    if (kind === 'shared') return [this.take('feedback', 2)];
    const found: io.SafetensorsEntry[] = [];
    do found.push(this.take(`feedback.${found.length}`, 2));
    while (this.left.has(`feedback.${found.length}`));
    const rows = found[0]!.shape[0];
    const odd = found.find(({ shape }) => shape[0] !== rows);
    if (odd === undefined) return found;
    throw new FormatError(argumentMessage(LOAD, 'all feedback matrices', `have ${rows} rows`, odd.shape));
  }

  end(): void {
    const [stray] = this.left.keys();
    if (stray !== undefined) throw new FormatError(`${LOAD}: the file must have no other tensors, and has ${stray}.`);
  }
}

function isFinite(data: io.NumericArray): boolean {
  return (data as Float32Array).every((value) => Number.isFinite(value));
}
