import { PolynomialSketch, TensorSketch, type FeatureMap } from '@tfsci/ctr-features';
import type { random } from '@tfsci/tensor-core';

/** What a feature map is made for. */
export interface MapShape {
  inputDim: number;
  features: number;
  degree: number;
  key: random.Key;
}

/** (x.y / 2 + 1 / 2)^p, the paper's kernel for points on the sphere with a = 2. */
export const KERNEL = { gamma: 0.5, coef0: 0.5 };

const sketch =
  (projection: 'gaussian' | 'rademacher' | 'srht', mode: 'real' | 'ctr') =>
  (shape: MapShape): PolynomialSketch =>
    new PolynomialSketch({ ...KERNEL, ...shape, projection, mode });

/** The feature maps that are compared, by the names of plots and checks. */
export const METHODS: Readonly<Record<string, (shape: MapShape) => FeatureMap>> = {
  'Gaussian, real': sketch('gaussian', 'real'),
  'Gaussian, CtR': sketch('gaussian', 'ctr'),
  'Rademacher, real': sketch('rademacher', 'real'),
  'Rademacher, CtR': sketch('rademacher', 'ctr'),
  'SRHT, real': sketch('srht', 'real'),
  'SRHT, CtR': sketch('srht', 'ctr'),
  TensorSketch: (shape) => new TensorSketch({ ...KERNEL, ...shape }),
};

/** The projections whose real and complex-to-real features are held against one another. */
export const PROJECTIONS = ['Gaussian', 'Rademacher', 'SRHT'] as const;
