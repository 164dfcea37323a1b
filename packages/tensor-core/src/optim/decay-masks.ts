import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import type { NamedVariable, ParameterGroup } from './parameter-groups';

/** Whether the variable has at most one axis longer than 1: biases, scales and shifts of norms, but not matrices. */
export function isVectorLike(_name: string, variable: tf.Variable): boolean {
  return variable.shape.filter((length) => length !== 1).length <= 1;
}

/** Whether the name is that of a bias, a norm or a layer scale: it ends in `.bias`, or contains `norm` or `gamma`. */
export function isBiasOrNorm(name: string): boolean {
  return name.endsWith('.bias') || name.includes('norm') || name.includes('gamma');
}

/**
 * The group of all vectors, without weight decay: `groups: [noDecayOnVectors]`.
 *
 * @see McCabe et al., 2023, arXiv:2310.02994 (weight decay on tensors of squeezed rank above 1 only)
 */
export const noDecayOnVectors: ParameterGroup = { filter: isVectorLike, weightDecay: 0 };

/**
 * The group of biases, norms and layer scales by their names, without weight decay. The optimiser must know the names:
 * `{ groups: [noDecayOnBiasAndNorm], parameters: model.namedParameters() }`.
 *
 * @see Oquab et al., 2023, arXiv:2304.07193
 */
export const noDecayOnBiasAndNorm: ParameterGroup = { filter: isBiasOrNorm, weightDecay: 0 };

/** Options of `layerwiseGroups`. */
export interface LayerwiseOptions {
  /** Blocks of the network, >= 1. */
  depth: number;
  /** Factor from one layer to the one below, in (0, 1]; default 0.9. */
  decay?: number;
  /** A further factor on names that contain `patch_embed`; default 0.2. */
  patchEmbedScale?: number;
  /** The layer of a parameter, from 0 (the input) to depth + 1 (the output); default `vitLayer`. */
  layerOf?: (name: string, depth: number) => number;
  /** Parameters without weight decay; default `isBiasOrNorm`. */
  withoutDecay?: (name: string, variable: tf.Variable) => boolean;
}

/**
 * Groups whose learning rate falls towards the input: lrScale = decay^(depth + 1 - layer).
 *
 * @param parameters  names and variables of a vision transformer, `model.namedParameters()`
 * @returns one group for each rate that occurs, with decay and without; the order is that of their first parameters
 * @throws TypeError, RangeError for a bad option or layer
 * @see Clark et al., 2020, arXiv:2003.10555; Oquab et al., 2023, arXiv:2304.07193
 */
export function layerwiseGroups(parameters: readonly NamedVariable[], options: LayerwiseOptions): ParameterGroup[] {
  const where = 'tensor-core.layerwiseGroups';
  const { depth, decay = 0.9, patchEmbedScale = 0.2, layerOf = vitLayer, withoutDecay = isBiasOrNorm } = options;
  checkNumber(where, 'depth', depth, { min: 1, integer: true });
  checkNumber(where, 'decay', decay, { above: 0, max: 1 });
  checkNumber(where, 'patchEmbedScale', patchEmbedScale, { min: 0 });
  const groups = new Map<string, ParameterGroup & { variables: NamedVariable[] }>();
  for (const [name, variable] of parameters) {
    const layer = checkNumber(where, `the layer of ${name}`, layerOf(name, depth), { min: 0, max: depth + 1 });
    const lrScale = decay ** (depth + 1 - layer) * (name.includes('patch_embed') ? patchEmbedScale : 1);
    const free = withoutDecay(name, variable);
    const id = `${lrScale} ${free}`;
    const group = groups.get(id) ?? { variables: [], lrScale, ...(free && { weightDecay: 0 }) };
    group.variables.push([name, variable]);
    groups.set(id, group);
  }
  if (groups.size === 0) throw new RangeError(argumentMessage(where, 'parameters', 'not be empty', parameters));
  return [...groups.values()];
}

/**
 * The layer of a parameter of a vision transformer by its name: tokens, positions and patch embedding are layer 0,
 * `blocks.<j>` (also in chunks, `blocks.<chunk>.<j>`) is layer j + 1, all else (the last norm, heads) depth + 1.
 */
export function vitLayer(name: string, depth: number): number {
  const block = /(?:^|\.)blocks\.(?:\d+\.)?(\d+)\./.exec(name);
  if (block) return Number(block[1]) + 1;
  return /(?:^|\.)(?:cls_token|mask_token|register_tokens|pos_embed|patch_embed)/.test(name) ? 0 : depth + 1;
}
