import { check, nn } from '@tfsci/tensor-core';
import { completeConfig, type CountingConfig } from './counting-config';
import { CountingTransformer } from './counting-transformer';

const { argumentMessage, FormatError } = check;

const LOAD = 'counting-transformer.loadCounting';

/**
 * A model as a safetensors file, its config in the metadata.
 *
 * @returns the bytes
 * @throws RangeError naming a tensor that is not finite
 */
export function saveCounting(model: CountingTransformer): Promise<Uint8Array> {
  return nn.saveModule('counting-transformer.saveCounting', model, { counting: JSON.stringify(model.config) });
}

/**
 * The model that `saveCounting` wrote, bit for bit.
 *
 * @returns the caller's to dispose
 * @throws FormatError when the file is truncated, corrupt or of something else
 */
export function loadCounting(bytes: Uint8Array): CountingTransformer {
  const { tensors, metadata } = nn.readSavedModule(LOAD, bytes);
  const config = nn.savedConfig(LOAD, metadata['counting'], 'saveCounting', (parsed) =>
    completeConfig(LOAD, parsed as CountingConfig),
  );
  const { regions, maxCount, width, feedForward } = config;
  const told: [string, readonly number[]][] = [
    ['dec.query.weight', [regions, width]],
    ['dec.head.weight', [maxCount + 1, width]],
    ['enc.mlp.0.weight', [feedForward, width]],
    ...(config.positions.kind === 'absolute'
      ? [['pos.weight', [config.positions.maxLength, width]] as [string, readonly number[]]]
      : []),
  ];
  for (const [name, shape] of told) {
    // Before a model of the described size is made, which a hostile file may want to be huge.
    const found = tensors[name]?.shape;
    if (String(found) === String(shape)) continue;
    throw new FormatError(argumentMessage(LOAD, name, `be [${shape.join(', ')}], as the config says`, found));
  }
  return nn.withState(new CountingTransformer(config, null), tensors);
}
