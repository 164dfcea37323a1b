import {
  CountSketch,
  CraftSketch,
  HierarchicalSketch,
  MaclaurinFeatures,
  PolynomialSketch,
  RandomFourierFeatures,
  SphericalFeatures,
  TensorSketch,
  type FeatureMap,
  type ProjectedSketchOptions,
  type Weights,
  type WeightSource,
} from '../src/index';

/** What a map of the table is made with. */
export interface MapOptions extends WeightSource {
  inputDim: number;
  features: number;
  /** Only for polynomial kernels; the defaults below. */
  coef0?: number;
  variance?: number;
}

/** One kind of feature map, as the tests that hold for all of them see it. */
export interface MapCase {
  name: string;
  /** p of a polynomial kernel, null for another one, whose `make` knows no coef0 and no variance. */
  degree: number | null;
  /** The numbers of features that it can have are the multiples of it. */
  step: 1 | 2;
  /** The least number of coordinates, default 1. */
  leastDim?: number;
  /** The kernel of two points, of the maps made with the default coef0 and variance. */
  kernel: (x: readonly number[], y: readonly number[]) => number;
  make: (options: MapOptions) => FeatureMap;
}

export const GAMMA = 0.8;
const COEF0 = 0.5;
const VARIANCE = 1.3;

type Maker = (options: MapOptions & { degree: number; gamma: number }) => FeatureMap;

function polynomial(name: string, degree: number, step: 1 | 2, maker: Maker): MapCase {
  return {
    name: `${name}, degree ${degree}`,
    degree,
    step,
    kernel: (x, y) => VARIANCE * (GAMMA * inner(x, y) + COEF0) ** degree,
    make: (options) => maker({ coef0: COEF0, variance: VARIANCE, ...options, degree, gamma: GAMMA }),
  };
}

function product(
  projection: ProjectedSketchOptions['projection'] & string,
  mode: 'real' | 'ctr',
  degree: number,
  srhtBlocks: 'shared' | 'independent' = 'shared',
): MapCase {
  const name = `${mode} ${projection}${projection === 'srht' ? ` ${srhtBlocks}` : ''}`;
  return polynomial(
    name,
    degree,
    mode === 'ctr' ? 2 : 1,
    (options) => new PolynomialSketch({ ...options, projection, mode, srhtBlocks }),
  );
}

function hierarchical(
  hierarchy: 'tree' | 'sequential',
  mode: 'real' | 'ctr',
  projection: 'gaussian' | 'srht',
  degree: number,
): MapCase {
  return polynomial(
    `${hierarchy} ${mode} ${projection}`,
    degree,
    mode === 'ctr' ? 2 : 1,
    (options) => new HierarchicalSketch({ ...options, hierarchy, mode, projection, srhtBlocks: 'independent' }),
  );
}

/** CRAFT over a product sketch of twice as many features, with the same weights where they are given. */
function craft(mode: 'real' | 'ctr', degree: number): MapCase {
  return polynomial(`craft ${mode}`, degree, 1, ({ key, weights, features, ...options }) => {
    const source = weights === undefined ? { key: key! } : { weights: innerWeights(weights) };
    const up = new PolynomialSketch({ ...options, ...source, mode, features: 2 * features });
    return new CraftSketch({ up, features, ...(weights === undefined ? { key: key! } : { weights }) });
  });
}

function innerWeights(weights: Weights): Weights {
  return Object.fromEntries(
    Object.entries(weights).flatMap(([name, entry]) => (name.startsWith('up.') ? [[name.slice(3), entry]] : [])),
  );
}

/** The squared inner product with a factor: a_2 alone, so that every number of features can be had. */
function maclaurin(mode: 'real' | 'ctr', projection: 'rademacher' | 'srht'): MapCase {
  const [factor, lengthscale] = [2, 1.2];
  return {
    name: `Maclaurin ${mode} ${projection}`,
    degree: null,
    step: mode === 'ctr' ? 2 : 1,
    kernel: (x, y) => factor * (inner(x, y) / lengthscale ** 2) ** 2,
    make: ({ inputDim, features, coef0: _, variance: __, ...source }) =>
      new MaclaurinFeatures({
        ...{ inputDim, features, kernel: { coefs: [0, 0, factor] }, lengthscale, projection, mode },
        distribution: [0, mode === 'ctr' ? features / 2 : features],
        ...source,
      }),
  };
}

function fourier(projection: 'gaussian' | 'orthogonal', layout: 'paired' | 'phase'): MapCase {
  const gamma = 0.4;
  return {
    name: `Fourier ${projection} ${layout}`,
    degree: null,
    step: layout === 'paired' ? 2 : 1,
    kernel: (x, y) => Math.exp(-gamma * (inner(x, x) - 2 * inner(x, y) + inner(y, y))),
    make: ({ inputDim, features, coef0: _, variance: __, ...source }) =>
      new RandomFourierFeatures({ inputDim, features, gamma, projection, layout, ...source }),
  };
}

/** Biased for the polynomial kernel: its kernel is the one that its features have in the mean. */
function spherical(): MapCase {
  const make: MapCase['make'] = ({ inputDim, features, coef0: _, variance: __, ...source }) =>
    new SphericalFeatures({ inputDim, features, degree: 3, ...source });
  return {
    name: 'spherical',
    degree: null,
    step: 2,
    leastDim: 2,
    kernel: (x, y) => {
      const distance = Math.hypot(...x.map((value, j) => value - y[j]!));
      return new SphericalFeatures({ inputDim: x.length, features: 2, degree: 3, key: 0 }).expectedKernel(distance);
    },
    make,
  };
}

function inner(x: readonly number[], y: readonly number[]): number {
  return x.reduce((sum, value, j) => sum + value * y[j]!, 0);
}

/** Every kind of feature map; a new one is a new row. */
export const FEATURE_MAPS: readonly MapCase[] = [
  product('gaussian', 'real', 2),
  product('gaussian', 'ctr', 3),
  product('rademacher', 'real', 3),
  product('rademacher', 'ctr', 2),
  product('srht', 'real', 2),
  product('srht', 'ctr', 3),
  product('srht', 'real', 3, 'independent'),
  product('srht', 'ctr', 2, 'independent'),
  hierarchical('tree', 'real', 'srht', 3),
  hierarchical('tree', 'ctr', 'gaussian', 2),
  hierarchical('sequential', 'real', 'gaussian', 2),
  hierarchical('sequential', 'ctr', 'srht', 3),
  polynomial('tensor sketch', 2, 1, (options) => new TensorSketch(options)),
  polynomial('tensor sketch', 3, 1, (options) => new TensorSketch(options)),
  polynomial('count sketch', 1, 1, (options) => new CountSketch(options)),
  craft('real', 2),
  craft('ctr', 3),
  maclaurin('real', 'rademacher'),
  maclaurin('ctr', 'srht'),
  fourier('gaussian', 'phase'),
  fourier('orthogonal', 'paired'),
  spherical(),
];
