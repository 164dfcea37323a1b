// N points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { DenseProjection } from '../sketches/dense-projection';
import { FeatureMap } from '../feature-map';
import { cosinePairs } from './fourier-layout';
import { orthogonalFrequencies } from './orthogonal-frequencies';
import type { Projection } from '../sketches/projection';
import { SorfProjection } from './sorf-projection';
import { givenWeight, keyOf, WeightTensors, type WeightSource, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** How frequencies are drawn: independently, orthogonal to each other, or orthogonal by Hadamard transforms. */
export const FREQUENCIES = ['gaussian', 'orthogonal', 'sorf'] as const;
/** Independent frequencies, orthogonal ones, or orthogonal ones by Hadamard transforms. */
export type FrequencyKind = (typeof FREQUENCIES)[number];

/** Whether a frequency has a cosine and a sine, or a cosine with a random phase. */
export const LAYOUTS = ['paired', 'phase'] as const;
/** Cosine and sine of each frequency, or a cosine with a random phase. */
export type FourierLayout = (typeof LAYOUTS)[number];

/** A Gaussian kernel exp(-|x - y|^2 / (2 lengthscale^2)) = exp(-gamma |x - y|^2), by one of the two. */
export interface GaussianKernelOptions {
  /** > 0 */
  lengthscale?: number;
  /** > 0 */
  gamma?: number;
}

/** Options of `RandomFourierFeatures`. */
export interface RandomFourierFeaturesOptions extends GaussianKernelOptions, WeightSource {
  /** d */
  inputDim: number;
  /** D, even for 'paired'. */
  features: number;
  /** Default 'gaussian'. */
  projection?: FrequencyKind;
  /** Default 'paired'. */
  layout?: FourierLayout;
}

/**
 * Random Fourier features of the Gaussian kernel.
 *
 *   paired  sqrt(2 / D) [cos w_1.u, sin w_1.u, cos w_2.u, ...],  u = x / lengthscale
 *   phase   sqrt(2 / D) [cos(w_1.u + b_1), cos(w_2.u + b_2), ...],  b uniform on [0, 2 pi)
 *
 * with frequencies w ~ N(0, 1). Orthogonal ones have a smaller variance, and cost a QR decomposition for every d of them;
 * 'sorf' takes O(d log d) for d frequencies of a point; they all have the length sqrt(d'), d' the next power of two, which
 * makes a bias of the order of 1 / d'.
 *
 * @throws TypeError, RangeError for options outside their ranges, an odd number of paired features, or not one of
 *   lengthscale and gamma, or of key and weights
 * @see Rahimi & Recht, 2007, "Random features for large-scale kernel machines"; Yu et al., 2016, "Orthogonal random
 *   features", arXiv:1610.09072
 */
export class RandomFourierFeatures extends FeatureMap {
  readonly lengthscale: number;
  readonly projection: FrequencyKind;
  readonly layout: FourierLayout;
  private readonly frequencies: Projection;
  /** b; [] for 'paired'. */
  private readonly phases: Float32Array;
  private readonly tensors = new WeightTensors();
  private readonly given: RandomFourierFeaturesOptions;

  constructor(options: RandomFourierFeaturesOptions) {
    const where = 'ctr-features.RandomFourierFeatures';
    const { inputDim, features, projection = 'gaussian', layout = 'paired' } = options;
    super(
      'RandomFourierFeatures',
      checkNumber(where, 'inputDim', inputDim, { min: 1, integer: true }),
      checkNumber(where, 'features', features, { min: 1, integer: true }),
    );
    this.projection = checkOneOf(where, 'projection', projection, FREQUENCIES);
    this.layout = checkOneOf(where, 'layout', layout, LAYOUTS);
    if (layout === 'paired' && features % 2 !== 0) {
      const wanted = "be even for layout 'paired' (as many cosines as sines)";
      throw new RangeError(argumentMessage(where, 'features', wanted, features));
    }
    this.lengthscale = lengthscaleOf(where, options);
    const key = keyOf(where, options);
    const count = layout === 'paired' ? features / 2 : features;
    const from = key === null ? options.weights! : random.foldIn(key, 0);
    this.frequencies = makeFrequencies(where, projection, { inputDim, features: count }, from);
    if (layout === 'paired') this.phases = new Float32Array(0);
    else if (key === null) {
      this.phases = Float32Array.from(givenWeight(where, options.weights!, 'b', [features]).data, Number);
    } else {
      this.phases = random.fillUniform(random.foldIn(key, 1), new Float32Array(features), { high: 2 * Math.PI });
    }
    this.given = { ...options };
  }

  /** The frequencies as `w.0`, [d, F], or their signs as `rad`, [3, blocks, d']; and for 'phase' `b`, [D]. */
  weights(): Weights {
    const phases: Weights =
      this.layout === 'paired' ? {} : { b: { dtype: 'F32', shape: [this.features], data: this.phases } };
    return { ...this.frequencies.weights(), ...phases };
  }

  resample(key: random.Key | number): RandomFourierFeatures {
    const { weights: _, ...options } = this.given;
    return new RandomFourierFeatures({ ...options, key });
  }

  toJSON(): FeatureMapJson {
    return jsonOf(this.kind, this.given);
  }

  dispose(): void {
    this.frequencies.dispose();
    this.tensors.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    const phases = this.frequencies.project({ re: x_ND.div(this.lengthscale), im: null }).re;
    if (this.layout === 'paired') return cosinePairs(phases);
    const b = this.tensors.get('b', this.phases, [1, this.features]);
    return phases
      .add(b)
      .cos()
      .mul(Math.sqrt(2 / this.features));
  }
}

/** Options of `fourierVariance`. */
export interface FourierVarianceOptions extends GaussianKernelOptions {
  /** D */
  features: number;
  /** Default 'paired'. */
  layout?: FourierLayout;
}

/**
 * The variance of the estimate of k = exp(-distance^2 / (2 lengthscale^2)) by D features of independent frequencies.
 *
 *   paired  (1 - k^2)^2 / D
 *   phase   (1 - k^2 + k^4 / 2) / D
 *
 * as cos^2 a = (1 + cos 2a) / 2 and E cos(w.2u) = k^4, where E cos(w.u) = k.
 *
 * @param distance  |x - y|, >= 0
 * @throws TypeError, RangeError for an argument outside its range, or not one of lengthscale and gamma
 * @see Sutherland & Schneider, 2015, "On the error of random Fourier features", arXiv:1506.02785
 */
export function fourierVariance(distance: number, options: FourierVarianceOptions): number {
  const where = 'ctr-features.fourierVariance';
  checkNumber(where, 'distance', distance, { min: 0 });
  const features = checkNumber(where, 'options.features', options.features, { min: 1, integer: true });
  const layout = checkOneOf(where, 'options.layout', options.layout ?? 'paired', LAYOUTS);
  const square = Math.exp(-((distance / lengthscaleOf(where, options)) ** 2));
  return (layout === 'paired' ? (1 - square) ** 2 : 1 - square + square ** 2 / 2) / features;
}

/** The lengthscale of a kernel. @throws TypeError, RangeError */
function lengthscaleOf(where: string, { lengthscale, gamma }: GaussianKernelOptions): number {
  if ((lengthscale === undefined) === (gamma === undefined)) {
    const both = gamma === undefined ? 'neither' : 'both';
    throw new TypeError(argumentMessage(where, 'options', 'have either lengthscale or gamma', both));
  }
  if (gamma !== undefined) return 1 / Math.sqrt(2 * checkNumber(where, 'gamma', gamma, { above: 0 }));
  return checkNumber(where, 'lengthscale', lengthscale, { above: 0 });
}

function makeFrequencies(
  where: string,
  projection: FrequencyKind,
  shape: { inputDim: number; features: number },
  from: random.Key | Weights,
): Projection {
  if (projection === 'sorf') return new SorfProjection(shape, { where, index: 0, from });
  const dense = { ...shape, projection: 'gaussian', blocks: 'shared', complex: false } as const;
  if (projection === 'gaussian' || !(from instanceof random.Key)) {
    return new DenseProjection(dense, { where, index: 0, from });
  }
  const { inputDim, features } = shape;
  const data = orthogonalFrequencies(from, inputDim, features);
  const weights: Weights = { 'w.0': { dtype: 'F32', shape: [inputDim, features], data } };
  return new DenseProjection(dense, { where, index: 0, from: weights });
}
