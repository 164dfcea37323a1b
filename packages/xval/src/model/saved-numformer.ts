import { check, nn } from '@tfsci/tensor-core';
import { Numformer } from './numformer';
import { completeConfig, type CompleteNumformerConfig, type NumformerConfig } from './numformer-config';

const { argumentMessage, FormatError } = check;

const LOAD = 'xval.loadNumformer';

/**
 * A model as a safetensors file: its weights by the reference's names, its config in the metadata.
 *
 * @returns the bytes
 * @throws RangeError naming a tensor that is not finite
 */
export function saveNumformer(model: Numformer): Promise<Uint8Array> {
  return nn.saveModule('xval.saveNumformer', model, { numformer: JSON.stringify(model.config) });
}

/**
 * The model that `saveNumformer` wrote, bit for bit.
 *
 * @returns the caller's to dispose
 * @throws FormatError when the file is truncated, corrupt or of something else
 */
export function loadNumformer(bytes: Uint8Array): Numformer {
  const { tensors, metadata } = nn.readSavedModule(LOAD, bytes);
  const config = nn.savedConfig(LOAD, metadata['numformer'], 'saveNumformer', (parsed) => {
    if (typeof parsed !== 'object' || parsed === null) throw new Error('Its config is no object.');
    return completeConfig(LOAD, parsed as NumformerConfig);
  });
  for (const [name, size] of Object.entries(sizesOf(LOAD, tensors))) {
    const described = config[name as keyof CompleteNumformerConfig];
    // Before a model of the described size is made, which a hostile file may want to be huge.
    if (described !== size)
      throw new FormatError(argumentMessage(LOAD, name, `be ${size}, as the tensors are`, described));
  }
  return nn.withState(new Numformer(config, null), tensors);
}

/** What the names and shapes of a state dict do not tell. */
export type StateConfig = Pick<NumformerConfig, 'heads'> &
  Partial<Pick<NumformerConfig, 'numberId' | 'dropout' | 'normFirst' | 'causal'>>;

/**
 * A model of the weights of the authors' code, whose names it has; sizes and biases are told from the shapes.
 *
 * @param state   tensors or entries by name, as the readers of `io` give them; they stay the caller's
 * @param config  what shapes do not tell: heads (default 6), the id of [NUM] (default 3), pre-norm (default)
 * @returns the caller's to dispose
 * @throws FormatError listing every missing, unexpected and misfitting name
 * @example
 * const file = io.readTorch(await fetchBytes(url));
 * const model = numformerOfState(io.torchStateDict(file), { heads: 3 });
 */
export function numformerOfState(state: nn.StateSource, config: StateConfig = {}): Numformer {
  const where = 'xval.numformerOfState';
  const told = sizesOf(where, state);
  const tokenBias = 'lm_head.0.bias' in state;
  const numberBias = 'num_head.0.bias' in state;
  const numberId = 'num_head.0.weight' in state ? (config.numberId ?? 3) : null;
  const complete = completeConfig(where, { ...told, tokenBias, numberBias, ...config, numberId });
  return nn.withState(new Numformer(complete, null), state);
}

/** What the shapes of a state tell about its model. */
function sizesOf(
  where: string,
  state: nn.StateSource,
): Pick<CompleteNumformerConfig, 'vocabSize' | 'width' | 'context' | 'feedForward' | 'layers'> {
  const shapeOf = (name: string): readonly number[] => {
    const shape = (state[name] as { shape?: readonly number[] } | undefined)?.shape;
    if (shape?.length === 2) return shape;
    throw new FormatError(argumentMessage(where, name, 'be a matrix of the state', shape));
  };
  const [vocabSize, width] = shapeOf('token_embed.weight') as [number, number];
  const [context] = shapeOf('position_embed.weight') as [number];
  const [feedForward] = shapeOf('lm_head.0.weight') as [number];
  const layers = Object.keys(state).filter((name) => /^encoder_stack\.layers\.\d+\.linear1\.weight$/.test(name)).length;
  if (layers === 0) throw new FormatError(argumentMessage(where, 'the state', 'have layers of encoder_stack', state));
  return { vocabSize, width, context, feedForward, layers };
}
