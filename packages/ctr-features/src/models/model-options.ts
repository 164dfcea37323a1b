import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { FeatureMap } from '../feature-map';
import type { Rows } from '../rows';

/** Returns `map` if it is a map to real features. @throws TypeError otherwise */
export function checkMap(where: string, map: FeatureMap): FeatureMap {
  if (!((map as unknown) instanceof FeatureMap)) {
    throw new TypeError(check.argumentMessage(where, 'map', 'be a feature map', map));
  }
  if ((map as { mode?: unknown }).mode === 'complex') {
    const fix = "Take mode 'ctr' with twice as many features.";
    throw new TypeError(check.argumentMessage(where, 'map', 'have real features', 'complex', fix));
  }
  return map;
}

export function isTensor(x: Rows | tf.Tensor2D): x is tf.Tensor2D {
  return x instanceof tf.Tensor;
}

/** The options of a model's JSON. @throws FormatError when it is not that of such a model */
export function modelOptionsOf<T>(where: string, json: { kind: string; options: T }, kind: string): T {
  const { kind: got, options } = (json ?? {}) as Partial<{ kind: string; options: T }>;
  if (got === kind && typeof options === 'object' && options !== null) return options;
  const wanted = `be { kind: ${JSON.stringify(kind)}, options, map }`;
  throw new check.FormatError(check.argumentMessage(where, 'json', wanted, got ?? json));
}
