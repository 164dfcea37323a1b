import { check, io, random } from '@tfsci/tensor-core';
import type { Weights, WeightSource } from './weights';

const { argumentMessage, FormatError } = check;

/** A feature map as plain data; `featureMapFromJSON` makes it again. */
export interface FeatureMapJson {
  kind: string;
  /** The options of its constructor; a key as plain data. */
  options: Record<string, unknown>;
  /** Random numbers that were given, not drawn with a key: a safetensors file in base64. */
  weights?: string;
}

/** The JSON of a map of the given options. */
export function jsonOf(kind: string, { key, weights, ...options }: WeightSource): FeatureMapJson {
  const plainKey = key instanceof random.Key ? key.toJSON() : key;
  if (weights === undefined) return { kind, options: { ...options, key: plainKey } };
  return { kind, options, weights: weightsToText(weights) };
}

/** The options that `jsonOf` was given. @throws FormatError when the JSON is something else */
export function optionsOf(where: string, { options, weights }: FeatureMapJson): WeightSource {
  const { key, ...others } = options;
  if (weights !== undefined) return { ...others, weights: weightsFromText(where, weights) };
  return { ...others, key: typeof key === 'number' ? key : random.keyFromJSON(key) };
}

/** Weights as text, for JSON: a safetensors file in base64. */
export function weightsToText(weights: Weights): string {
  let bytes = '';
  const file = io.writeSafetensors(weights);
  for (let i = 0; i < file.length; i += 32768) bytes += String.fromCharCode(...file.subarray(i, i + 32768));
  return btoa(bytes);
}

/** The weights that `weightsToText` wrote. @throws FormatError when it is something else */
export function weightsFromText(where: string, text: unknown): Weights {
  let bytes: string;
  try {
    if (typeof text !== 'string') throw new TypeError();
    bytes = atob(text);
  } catch {
    throw new FormatError(argumentMessage(where, 'json.weights', 'be a safetensors file in base64', text));
  }
  return io.readSafetensors(Uint8Array.from(bytes, (char) => char.charCodeAt(0))).tensors;
}
