// N points, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { FeatureMap } from '../feature-map';
import { maclaurinBlocks, type Block } from './blocks';
import { optimisedDistribution, randomDistribution } from './distribution';
import { degreeMoments, medianDistance, type Points } from './moments';
import { maclaurinPlan, type MaclaurinFeaturesOptions, type MaclaurinPlan } from './plan';
import type { Pair } from '../sketches/pair';
import type { SketchMode } from '../sketches/projected-sketch';
import { readRows, type Rows } from '../rows';
import { keyOf, prefixed, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';

const { argumentMessage } = check;

/** Of more points than these, so many are taken at equal distances: all pairs of them are looked at. */
const FIT_POINTS = 512;

/** The mean squared error of an estimated kernel that is expected, in its two parts. */
export interface MaclaurinPrediction {
  variance: number;
  squaredBias: number;
}

/** What data tell. */
interface FitState {
  lengthscale: number;
  distribution?: readonly number[];
  prediction?: MaclaurinPrediction;
}

/** The same, and the features that are made of it. */
interface Fitted {
  lengthscale: number;
  distribution: readonly number[];
  prediction: MaclaurinPrediction | null;
  blocks: readonly Block[];
}

/**
 * Random Maclaurin features of a kernel k(x, y) = w(u) w(v) sum_n a_n (u.v)^n with a_n >= 0, u = x / lengthscale.
 *
 *   phi(x) = w(u) [sqrt(a_0), sqrt(a_1) u (h01), sqrt(a_1) phi_1(u), sqrt(a_2) phi_2(u), ...]
 *
 * with product sketches phi_n of degree n and D_n features, that are found by `fit`: by the least expected squared error
 * over pairs of points, or at random with P(n) ~ 2^-n and scales sqrt(a_n / P(n)). Terms of a_n = 0 have no features.
 *
 * For 'ctr' each phi_n is [Re, Im] of D_n complex features. If the number of columns for them is odd, the longest phi_n goes
 * without its last imaginary part, and is scaled for what it has.
 *
 * @throws TypeError, RangeError for options outside their ranges, a negative coefficient, too few features, or neither key
 *   nor weights
 * @see Wacker, Kanagawa & Filippone, 2022, "Improved Random Features for Dot Product Kernels", arXiv:2201.08712;
 *   Kar & Karnick, 2012, "Random feature maps for dot product kernels", arXiv:1201.6530
 * @remarks The reference has no CtR features here.
 */
export class MaclaurinFeatures extends FeatureMap {
  readonly mode: SketchMode;
  private readonly plan: MaclaurinPlan;
  private readonly given: MaclaurinFeaturesOptions;
  private readonly key: random.Key | null;
  private readonly needsData: boolean;
  private fitted: Fitted | null = null;

  constructor(options: MaclaurinFeaturesOptions) {
    const where = 'ctr-features.MaclaurinFeatures';
    const plan = maclaurinPlan(where, options);
    super('MaclaurinFeatures', options.inputDim, options.features);
    this.mode = plan.mode;
    this.plan = plan;
    this.key = keyOf(where, options);
    this.given = { ...options };
    const { lengthscale = plan.kernel.gaussian ? null : 1, distribution } = options;
    const isRandom = plan.allocation === 'kar-karnick';
    if (isRandom && this.key === null && distribution === undefined) {
      const wanted = "be given together with weights for allocation 'kar-karnick'";
      throw new TypeError(argumentMessage(where, 'distribution', wanted, distribution));
    }
    this.needsData = lengthscale === null || !(isRandom || distribution !== undefined);
    if (!this.needsData) this.fitted = this.drawn({ lengthscale: lengthscale! });
  }

  /** The lengthscale. @throws TypeError before it is known */
  get lengthscale(): number {
    return this.known('lengthscale').lengthscale;
  }

  /** D_1, D_2, ..., for 'ctr' of complex features. @throws TypeError before it is known */
  get distribution(): readonly number[] {
    return this.known('distribution').distribution;
  }

  /**
   * The mean squared error of the estimated kernel that is expected on pairs of points as those of `fit`, in two parts;
   * null where no allocation was optimised.
   */
  get prediction(): MaclaurinPrediction | null {
    return this.known('prediction').prediction;
  }

  /**
   * Finds what was not given of lengthscale and distribution, and draws the features.
   *
   * @param x  [n, d], at least two points where something is to be found; of more than 512 so many are taken at equal steps
   * @returns this map
   * @throws as `transform`; RangeError when a lengthscale is needed and most points are equal, or there are only two
   */
  override fit(x: Rows | tf.Tensor2D): this {
    if (!this.needsData) return super.fit(x);
    const where = this.where('fit');
    const points = sampleOf(where, x, this.inputDim);
    const lengthscale = this.given.lengthscale ?? (this.plan.kernel.gaussian ? medianDistance(points) : 1);
    if (lengthscale === 0) {
      const wanted = 'have rows whose distances have a median above 0, the lengthscale';
      throw new RangeError(argumentMessage(where, 'x', wanted, `${points.count} rows`, 'Give lengthscale.'));
    }
    const { allocation, kernel, budget, mode, projection } = this.plan;
    let state: FitState = { lengthscale };
    if (allocation === 'optimised' && this.given.distribution === undefined) {
      const u = { ...points, data: points.data.map((value) => value / lengthscale) };
      const moments = degreeMoments(u, kernel, { mode, projection, maxDegree: budget.maxDegree });
      const { distribution, ...prediction } = optimisedDistribution(moments, budget);
      state = { lengthscale, distribution, prediction };
    }
    const fitted = this.drawn(state);
    this.dispose();
    this.fitted = fitted;
    return this;
  }

  /**
   * The complex features of mode 'complex'.
   *
   * @param x_ND  [n, d]
   * @returns real and imaginary parts, each float32 [n, D]
   * @throws TypeError for another mode or before `fit`, ShapeError as `transform`
   */
  transformComplex(x_ND: tf.Tensor2D): { re: tf.Tensor2D; im: tf.Tensor2D } {
    const where = this.where('transformComplex');
    if (this.mode !== 'complex') throw new TypeError(argumentMessage(where, 'mode', "be 'complex'", this.mode));
    check.checkShape(where, 'x', x_ND, [null, this.inputDim]);
    return tf.tidy(() => this.pairOf(x_ND.toFloat()) as { re: tf.Tensor2D; im: tf.Tensor2D });
  }

  weights(): Weights {
    return Object.assign(
      {},
      ...this.known('weights').blocks.map(({ name, sketch }) => prefixed(sketch.weights(), name)),
    ) as Weights;
  }

  /** The same features with new random numbers: random degrees too; a lengthscale and degrees fitted to data are kept. */
  resample(key: random.Key | number): MaclaurinFeatures {
    const { weights: _, ...options } = this.plainOptions();
    return new MaclaurinFeatures({ ...options, key });
  }

  toJSON(): FeatureMapJson {
    return jsonOf(this.kind, this.plainOptions());
  }

  dispose(): void {
    for (const { sketch } of this.fitted?.blocks ?? []) sketch.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    if (this.mode === 'complex') {
      const fix = "Use transformComplex, or mode 'ctr' with twice as many features.";
      throw new TypeError(argumentMessage(this.where('transform'), 'mode', 'give real features', this.mode, fix));
    }
    return this.pairOf(x_ND).re;
  }

  private pairOf(x_ND: tf.Tensor2D): Pair {
    const { lengthscale, blocks } = this.known('transform');
    const { mode } = this;
    const { kernel, constant, linear } = this.plan;
    const count = x_ND.shape[0];
    const u_ND = x_ND.div<tf.Tensor2D>(lengthscale);
    const parts = blocks.map(({ sketch, columns }): Pair => {
      if (mode === 'complex') return sketch.transformComplex(u_ND);
      const re = sketch.transform(u_ND);
      return { re: columns < sketch.features ? re.slice([0, 0], [count, columns]) : re, im: null };
    });
    const real = (re: tf.Tensor2D): Pair => ({ re, im: mode === 'complex' ? tf.zerosLike(re) : null });
    if (linear) parts.unshift(real(u_ND.mul(Math.sqrt(kernel.coefs[1]!))));
    if (constant) parts.unshift(real(tf.fill([count, 1], Math.sqrt(kernel.coefs[0]!))));
    const factor = kernel.gaussian ? u_ND.square().sum(1, true).div(-2).exp() : tf.scalar(1);
    const re = tf.concat(parts.map((part) => part.re), 1).mul<tf.Tensor2D>(factor); // prettier-ignore
    if (mode !== 'complex') return { re, im: null };
    return { re, im: tf.concat(parts.map((part) => part.im!), 1).mul<tf.Tensor2D>(factor) }; // prettier-ignore
  }

  /** The features of given or fitted numbers, drawn. */
  private drawn({ lengthscale, distribution, prediction }: FitState): Fitted {
    const { key, plan, given } = this;
    // Number 0 under the key draws the degrees, number n what has degree n.
    const counts = distribution ?? given.distribution ?? randomDistribution(random.foldIn(key!, 0), plan.budget);
    const blocks = maclaurinBlocks(plan, counts, this.inputDim, key ?? given.weights!);
    return { lengthscale, distribution: counts, blocks, prediction: prediction ?? null };
  }

  private known(method: string): Fitted {
    if (this.fitted !== null) return this.fitted;
    const fix = 'Call fit(x) with points, or give the options distribution and lengthscale.';
    throw new TypeError(argumentMessage(this.where(method), 'the map', 'be fitted first', 'one that is not', fix));
  }

  /** The options of the map as it is, as plain data. */
  private plainOptions(): MaclaurinFeaturesOptions {
    const options = { ...this.given };
    if (typeof options.kernel === 'object') options.kernel = { coefs: this.plan.kernel.coefs };
    if (this.fitted === null) return options;
    options.lengthscale = this.fitted.lengthscale;
    if (this.plan.allocation === 'optimised') options.distribution = this.fitted.distribution;
    return options;
  }
}

/** At most 512 rows of x, at equal distances. */
function sampleOf(where: string, x: Rows | tf.Tensor2D, columns: number): Points {
  const reader = readRows(x, { where, columns });
  if (reader.count < 2) {
    throw new check.ShapeError(argumentMessage(where, 'x', 'have at least two rows', reader.count));
  }
  const count = Math.min(reader.count, FIT_POINTS);
  const data = new Float64Array(count * columns);
  for (let i = 0; i < count; i++) {
    const out = new Float32Array(columns);
    const row = Math.floor((i * reader.count) / count);
    reader.read(row, 1, { out, stride: columns, offset: 0, scale: 1 });
    data.set(out, i * columns);
  }
  return { count, columns, data };
}
