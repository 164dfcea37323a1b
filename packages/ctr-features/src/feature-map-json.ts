import { check } from '@tfsci/tensor-core';
import { CraftSketch } from './sketches/craft-sketch';
import type { FeatureMap } from './feature-map';
import { RandomFourierFeatures, type RandomFourierFeaturesOptions } from './fourier/random-fourier';
import { SphericalFeatures, type SphericalFeaturesOptions } from './fourier/spherical-features';
import { MaclaurinFeatures } from './maclaurin/features';
import type { MaclaurinFeaturesOptions } from './maclaurin/plan';
import { HierarchicalSketch, type HierarchicalSketchOptions } from './sketches/hierarchical-sketch';
import { PolynomialSketch, type PolynomialSketchOptions } from './sketches/polynomial-sketch';
import { CountSketch, TensorSketch, type TensorSketchOptions } from './sketches/tensor-sketch';
import { type FeatureMapJson, optionsOf } from './json';

const WHERE = 'ctr-features.featureMapFromJSON';

/** How each kind of map is made of its options. */
const makers: Record<string, (options: never) => FeatureMap> = {
  PolynomialSketch: (options: PolynomialSketchOptions) => new PolynomialSketch(options),
  HierarchicalSketch: (options: HierarchicalSketchOptions) => new HierarchicalSketch(options),
  TensorSketch: (options: TensorSketchOptions) => new TensorSketch(options),
  CountSketch: (options: TensorSketchOptions) => new CountSketch(options),
  CraftSketch: ({ up, ...options }: { up: FeatureMapJson; features: number }) =>
    new CraftSketch({ ...options, up: featureMapFromJSON(up) }),
  MaclaurinFeatures: (options: MaclaurinFeaturesOptions) => new MaclaurinFeatures(options),
  RandomFourierFeatures: (options: RandomFourierFeaturesOptions) => new RandomFourierFeatures(options),
  SphericalFeatures: (options: SphericalFeaturesOptions) => new SphericalFeatures(options),
};

/**
 * The feature map that `toJSON` wrote, with the same random numbers.
 *
 * @throws FormatError when the value is anything else; TypeError, RangeError for options outside their ranges
 */
export function featureMapFromJSON(json: FeatureMapJson): FeatureMap {
  const { kind, options } = (json ?? {}) as Partial<FeatureMapJson>;
  if (typeof kind !== 'string' || !Object.hasOwn(makers, kind) || typeof options !== 'object' || options === null) {
    const wanted = `be { kind, options } with a kind among ${Object.keys(makers).join(', ')}`;
    throw new check.FormatError(check.argumentMessage(WHERE, 'json', wanted, kind ?? json));
  }
  return makers[kind]!(optionsOf(WHERE, json) as never);
}
