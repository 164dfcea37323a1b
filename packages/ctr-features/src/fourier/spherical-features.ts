// N points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, linalg, random } from '@tfsci/tensor-core';
import { DenseProjection } from '../sketches/dense-projection';
import { FeatureMap } from '../feature-map';
import { cosinePairs } from './fourier-layout';
import { densityKernel, drawRadii, radialDensity, type RadialDensity } from './spherical-density';
import { keyOf, type WeightSource, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';

const { argumentMessage, checkNumber } = check;

/** Options of `SphericalFeatures`. */
export interface SphericalFeaturesOptions extends WeightSource {
  /** d >= 2 */
  inputDim: number;
  /** D, even. */
  features: number;
  /** p, an integer >= 1. */
  degree: number;
  /** a >= 2, default 2. */
  a?: number;
}

/** How far the kernel of spherical features is from the polynomial one, over distances from 0 to 2. */
export interface SphericalKernelError {
  /** Root of the mean square. */
  rms: number;
  max: number;
}

/**
 * Spherical random features of k(x, y) = (1 - |x - y|^2 / a^2)^p, the polynomial kernel (1 - 2 / a^2 + 2 x.y / a^2)^p, for
 * points of norm 1.
 *
 *   phi(x) = sqrt(2 / D) [cos w_1.x, sin w_1.x, cos w_2.x, ...]
 *
 * with frequencies w of uniform directions and of lengths that make the kernel closest. It is biased, as no density has the
 * polynomial kernel; `kernelError` says how much. Finding the density of a kernel takes about half a second, once.
 *
 * @throws TypeError, RangeError for options outside their ranges, an odd number of features, or neither key nor weights
 * @see Pennington, Yu & Kumar, 2015, "Spherical random features for polynomial kernels", NIPS 28
 * @remarks The lengths differ from the paper: see `radialDensity`. Drawn lengths depend on the last digits of Math.exp, which
 *   are not the same in all engines: `weights` are.
 */
export class SphericalFeatures extends FeatureMap {
  /** p */
  readonly degree: number;
  readonly a: number;
  private readonly frequencies: DenseProjection;
  private readonly given: SphericalFeaturesOptions;
  private densityKernel: ((distance: number) => number) | null = null;

  constructor(options: SphericalFeaturesOptions) {
    const where = 'ctr-features.SphericalFeatures';
    const { inputDim, features, degree, a = 2 } = options;
    super(
      'SphericalFeatures',
      checkNumber(where, 'inputDim', inputDim, { min: 2, integer: true }),
      checkNumber(where, 'features', features, { min: 2, integer: true }),
    );
    if (features % 2 !== 0) {
      throw new RangeError(argumentMessage(where, 'features', 'be even (as many cosines as sines)', features));
    }
    this.degree = checkNumber(where, 'degree', degree, { min: 1, integer: true });
    this.a = checkNumber(where, 'a', a, { min: 2 });
    const key = keyOf(where, options);
    const from = key === null ? options.weights! : this.draw(key);
    const shape = {
      projection: 'gaussian',
      blocks: 'shared',
      inputDim,
      features: features / 2,
      complex: false,
    } as const;
    this.frequencies = new DenseProjection(shape, { where, index: 0, from });
    this.given = { ...options };
  }

  /**
   * The kernel that the features have in the mean.
   *
   * @param distance  |x - y| of points of norm 1, from 0 to 2
   * @throws TypeError, RangeError for a distance outside
   */
  expectedKernel(distance: number): number {
    checkNumber(this.where('expectedKernel'), 'distance', distance, { min: 0, max: 2 });
    return this.meanKernel()(distance);
  }

  /** How far this kernel is from the polynomial one. */
  kernelError(): SphericalKernelError {
    const kernel = this.meanKernel();
    const { nodes, weights } = linalg.sphereQuadrature(3, 64);
    const errors = nodes.map((u) => kernel(1 + u) - (1 - ((1 + u) / this.a) ** 2) ** this.degree);
    return {
      rms: Math.sqrt(errors.reduce((sum, error, i) => sum + weights[i]! * error * error, 0)),
      max: errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0),
    };
  }

  /** The frequencies as `w.0`, [d, D / 2]. */
  weights(): Weights {
    return this.frequencies.weights();
  }

  resample(key: random.Key | number): SphericalFeatures {
    const { weights: _, ...options } = this.given;
    return new SphericalFeatures({ ...options, key });
  }

  toJSON(): FeatureMapJson {
    return jsonOf(this.kind, this.given);
  }

  dispose(): void {
    this.frequencies.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    return cosinePairs(this.frequencies.project({ re: x_ND, im: null }).re);
  }

  /** The density of the lengths; given frequencies do not need it. */
  private lengths(): RadialDensity {
    return radialDensity(this.inputDim, this);
  }

  private meanKernel(): (distance: number) => number {
    return (this.densityKernel ??= densityKernel(this.inputDim, this.lengths(), 2));
  }

  private draw(key: random.Key): Weights {
    const { inputDim } = this;
    const count = this.features / 2;
    const radii = drawRadii(random.foldIn(key, 1), this.lengths(), count);
    const normal = random.fillNormal(random.foldIn(key, 0), new Float64Array(inputDim * count));
    const squares = new Float64Array(count);
    normal.forEach((value, at) => (squares[at % count]! += value * value));
    const data = Float32Array.from(
      normal,
      (value, at) => (value * radii[at % count]!) / Math.sqrt(squares[at % count]!),
    );
    return { 'w.0': { dtype: 'F32', shape: [inputDim, count], data } };
  }
}
