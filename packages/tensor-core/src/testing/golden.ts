import { readFileSync } from 'node:fs';
import { readSafetensors, type SafetensorsDtype } from '../io/safetensors/safetensors';

/** One tensor of a golden file, floats widened to float64. */
export interface GoldenTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  data: Float64Array;
}

/** A golden file: its tensors by name and its string metadata. */
export interface Golden {
  names: string[];
  metadata: Record<string, string>;
  /** @throws Error when the file has no tensor of that name */
  get(name: string): GoldenTensor;
}

/** Reads a golden file (safetensors), every dtype widened to float64. @param path  a path or file URL */
export function loadGolden(path: string | URL): Golden {
  const { tensors, metadata } = readSafetensors(readFileSync(path));
  return {
    names: Object.keys(tensors),
    metadata,
    get(name) {
      const tensor = tensors[name];
      if (tensor === undefined) throw new Error(`golden file ${String(path)} has no tensor ${name}`);
      return { dtype: tensor.dtype, shape: tensor.shape, data: Float64Array.from(tensor.data, Number) };
    },
  };
}
