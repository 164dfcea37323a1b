// M examples, N units of a layer, C outputs.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { ACTIVATIONS } from './activations';
import type { MapGradients } from './affine-map';
import type { Block, Tail } from './block';

const { argumentMessage, ShapeError } = check;

/** What a batch leaves in each layer on its way to the output. */
export interface Pass {
  /** h^(l-1), the inputs of each map. */
  inputs: tf.Tensor[];
  /** phi(z^l); of the last layer z^L itself. */
  activated: tf.Tensor[];
  /** What each block's tail makes of that, part by part; first phi(z^l), last the block's end. */
  tails: tf.Tensor[][];
  /** Ends of the blocks. */
  outputs: tf.Tensor[];
  /** z^L [M, C]. */
  logits: tf.Tensor2D;
}

/** Upper limits for what the update of a hidden layer consists of; the forward pass is not changed. */
export interface UpdateClips {
  /** tau_h: the L2 norm of each example's inputs of a layer. */
  inputs?: number;
  /** s_max: |phi'| of each unit. */
  slope?: number;
  /** tau_f: the L2 norm of each example's signal, before noise is added to it. */
  projection?: number;
}

/** Runs a batch through the blocks. Call it in a tidy. @throws Error when x is disposed */
export function forwardPass(blocks: readonly Block[], x: tf.Tensor): Pass {
  if (x.isDisposed) throw new Error(argumentMessage('opu-dfa.DfaNetwork', 'x', 'not be disposed', x));
  const pass: Omit<Pass, 'logits'> = { inputs: [], activated: [], tails: [], outputs: [] };
  let h = throughTail(blocks[0]?.entrance ?? null, x).at(-1)!;
  for (const { map, activation, tail } of blocks) {
    pass.inputs.push(h);
    const activated = ACTIVATIONS[activation].apply(map.apply(h));
    pass.activated.push(activated);
    const parts = throughTail(tail, activated);
    pass.tails.push(parts);
    h = parts.at(-1)!;
    pass.outputs.push(h);
  }
  return { ...pass, logits: h as tf.Tensor2D };
}

/**
 * Direct feedback alignment: delta^l = f^l * phi'(z^l), delta^L = e.
 *
 * @param signals  f^l of the hidden layers, [M, N_l]
 * @throws ShapeError when they are others
 */
export function feedbackDeltas(
  blocks: readonly Block[],
  pass: Pass,
  signals: readonly tf.Tensor2D[],
  e_MC: tf.Tensor2D,
  maxSlope?: number,
): tf.Tensor[] {
  const hidden = blocks.slice(0, -1).map((block, l) => {
    const { shape, size } = pass.outputs[l]!;
    const signal = signals[l];
    if (signal?.shape[0] !== shape[0] || signal?.size !== size) {
      const wanted = `give the shape [${shape[0]}, ${size / shape[0]}] for hidden layer ${l}`;
      throw new ShapeError(argumentMessage('opu-dfa.DfaNetwork', 'feedback', wanted, signal));
    }
    const shaped = shape.length === 2 ? signal : signal.reshape(shape);
    return throughActivation(block, pass, l, shaped, maxSlope);
  });
  return [...hidden, e_MC];
}

/** Back-propagation: delta^l = (delta^(l+1) W^(l+1)T) * phi'(z^l), delta^L = e. */
export function backpropagatedDeltas(blocks: readonly Block[], pass: Pass, e_MC: tf.Tensor2D): tf.Tensor[] {
  const deltas: tf.Tensor[] = [e_MC];
  for (let l = blocks.length - 2; l >= 0; l--) {
    const signal = blocks[l + 1]!.map.backward(pass.inputs[l + 1]!, deltas[0]!);
    deltas.unshift(throughActivation(blocks[l]!, pass, l, signal));
  }
  return deltas;
}

/** The gradients of all layers, summed over the examples, by the names of their parameters. */
export function gradientsOf(
  blocks: readonly Block[],
  inputs: readonly tf.Tensor[],
  deltas: readonly (tf.Tensor | null)[],
): Record<string, tf.Tensor> {
  const gradients: Record<string, tf.Tensor> = {};
  blocks.forEach(({ name, map }, l) => {
    const delta = deltas[l];
    const found: MapGradients = delta
      ? map.gradients(inputs[l]!, delta)
      : { kernel: tf.zerosLike(map.kernel), bias: map.bias && tf.zerosLike(map.bias) };
    gradients[`${name}.weight`] = found.kernel;
    if (found.bias) gradients[`${name}.bias`] = found.bias;
  });
  return gradients;
}

/** The squared norm of each example's gradient of all layers together, [M]. */
export function squaredNormsOf(blocks: readonly Block[], pass: Pass, deltas: readonly tf.Tensor[]): tf.Tensor1D {
  const norms = blocks.map(({ map }, l) => map.squaredNorms(pass.inputs[l]!, deltas[l]!));
  return norms.length === 1 ? norms[0]! : tf.addN(norms);
}

/** Each example's entries scaled so that their L2 norm is at most `limit`. */
export function clipExamples<T extends tf.Tensor>(v: T, limit: number): T {
  const norm = v.square().sum(axesOf(v), true).sqrt();
  return v.mul<T>(tf.minimum(1, tf.div(limit, tf.maximum(norm, TINY))));
}

/** A norm of 0 must not become 0 / 0. */
const TINY = 1e-12;

function axesOf(v: tf.Tensor): number[] {
  return v.shape.slice(1).map((_, axis) => axis + 1);
}

function throughActivation(
  { activation, tail }: Block,
  pass: Pass,
  l: number,
  signal: tf.Tensor,
  maxSlope?: number,
): tf.Tensor {
  const h = pass.activated[l]!;
  const through = pass.tails[l]!;
  const shaped = (tail ?? []).reduceRight((dy, part, i) => part.backward(through[i]!, through[i + 1]!, dy), signal);
  const slope = ACTIVATIONS[activation].slope(h);
  if (slope === null) return maxSlope === undefined || maxSlope >= 1 ? shaped : shaped.mul(maxSlope);
  return shaped.mul(maxSlope === undefined ? slope : slope.clipByValue(-maxSlope, maxSlope));
}

/** h, and what the tail makes of it part by part. */
function throughTail(tail: Tail | null, h: tf.Tensor): tf.Tensor[] {
  const through = [h];
  for (const part of tail ?? []) through.push(part.apply(through.at(-1)!));
  return through;
}
