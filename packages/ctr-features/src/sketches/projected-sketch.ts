// N points, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { FeatureMap, type FeatureRows, type TransformOptions } from '../feature-map';
import { pairScale, type Pair } from './pair';
import {
  biasedDim,
  checkKernel,
  withBias,
  type PolynomialKernel,
  type PolynomialKernelOptions,
} from './polynomial-kernel';
import {
  checkProjection,
  type Projection,
  type ProjectionKind,
  type ProjectionShape,
  type SrhtBlocks,
} from './projection';
import type { Rows } from '../rows';
import { keyOf, type WeightSource, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';
import { makeProjection } from './make-projection';

/** Whether a sketch is real, complex, or complex with its real and imaginary parts as real features. */
export const MODES = ['real', 'complex', 'ctr'] as const;
/** Real, complex, or complex features with their parts as real ones (CtR). */
export type SketchMode = (typeof MODES)[number];

/** What all sketches of products of projections are made by. */
export interface ProjectedSketchOptions extends PolynomialKernelOptions, WeightSource {
  /** d */
  inputDim: number;
  /** D: of real numbers, for 'complex' of complex ones; even for 'ctr'. */
  features: number;
  /** Default 'srht', the fastest. */
  projection?: ProjectionKind;
  /** Default 'ctr'. */
  mode?: SketchMode;
  /** Only for 'srht'; default 'shared'. */
  srhtBlocks?: SrhtBlocks;
}

/** Which projections a sketch has, given the shape of those that take points and the degree. */
export type ProjectionPlan = (
  base: ProjectionShape,
  degree: number,
) => { shape: ProjectionShape; prefix: string; index: number }[];

/** What is common to the sketches of products of projections: options, weights, and the complex-to-real step. */
export abstract class ProjectedSketch extends FeatureMap {
  readonly mode: SketchMode;
  readonly kernelOptions: PolynomialKernel;
  /** D_f, the number of features of a projection: D, for 'ctr' D / 2 complex ones. */
  readonly projectedFeatures: number;
  /** How its projections are distributed. */
  readonly projection: ProjectionKind;
  readonly srhtBlocks: SrhtBlocks;
  protected readonly projections: readonly Projection[];
  private readonly given: ProjectedSketchOptions;

  constructor(kind: string, options: ProjectedSketchOptions, plan: ProjectionPlan) {
    const where = `ctr-features.${kind}`;
    const { inputDim, features, mode = 'ctr' } = options;
    super(
      kind,
      check.checkNumber(where, 'inputDim', inputDim, { min: 1, integer: true }),
      check.checkNumber(where, 'features', features, { min: 1, integer: true }),
    );
    this.mode = check.checkOneOf(where, 'mode', mode, MODES);
    if (mode === 'ctr' && features % 2 !== 0) {
      const wanted = "be even for mode 'ctr' (as many real as imaginary parts)";
      throw new RangeError(check.argumentMessage(where, 'features', wanted, features));
    }
    this.projectedFeatures = mode === 'ctr' ? features / 2 : features;
    this.kernelOptions = checkKernel(where, options);
    const { projection, blocks } = checkProjection(where, options);
    this.projection = projection;
    this.srhtBlocks = blocks;
    this.given = { ...options };
    const key = keyOf(where, options);
    const shape = {
      projection,
      blocks,
      inputDim: biasedDim(inputDim, this.kernelOptions),
      features: this.projectedFeatures,
      complex: mode !== 'real',
    };
    this.projections = plan(shape, this.kernelOptions.degree).map(({ shape, prefix, index }, i) =>
      makeProjection(shape, { where, prefix, index, from: key === null ? options.weights! : random.foldIn(key, i) }),
    );
  }

  /** The sketch, not yet scaled by sqrt(variance). @param z_ND  [n, d], with the bias */
  protected abstract sketch(z_ND: tf.Tensor2D): Pair;

  /**
   * The complex features, phi_C with E sum_l phi_C,l(x) conj(phi_C,l(y)) = k(x, y).
   *
   * @param x_ND  [n, d]
   * @returns real and imaginary parts, each float32 [n, D_f]; for mode 'ctr' the two halves of `transform`
   * @throws TypeError for mode 'real', ShapeError as `transform`
   */
  transformComplex(x_ND: tf.Tensor2D): { re: tf.Tensor2D; im: tf.Tensor2D } {
    const where = this.where('transformComplex');
    if (this.mode === 'real') {
      throw new TypeError(check.argumentMessage(where, 'mode', "be 'complex' or 'ctr'", this.mode));
    }
    check.checkShape(where, 'x', x_ND, [null, this.inputDim]);
    return tf.tidy(() => this.scaled(x_ND.toFloat()) as { re: tf.Tensor2D; im: tf.Tensor2D });
  }

  override transform(x_ND: tf.Tensor2D): tf.Tensor2D {
    this.checkReal('transform');
    return super.transform(x_ND);
  }

  override async transformRows(x: Rows | tf.Tensor2D, options?: TransformOptions): Promise<FeatureRows> {
    this.checkReal('transformRows');
    return super.transformRows(x, options);
  }

  override async *transformChunks(
    source: Iterable<Rows> | AsyncIterable<Rows>,
    options?: TransformOptions,
  ): AsyncGenerator<FeatureRows, void, undefined> {
    this.checkReal('transformChunks');
    yield* super.transformChunks(source, options);
  }

  weights(): Weights {
    return Object.assign({}, ...this.projections.map((projection) => projection.weights())) as Weights;
  }

  /** The same sketch with new random numbers. */
  resample(key: random.Key | number): this {
    const { weights: _, ...options } = this.given;
    return new (this.constructor as new (options: ProjectedSketchOptions) => this)({ ...options, key });
  }

  toJSON(): FeatureMapJson {
    return jsonOf(this.kind, this.given);
  }

  dispose(): void {
    for (const projection of this.projections) projection.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    const { re, im } = this.scaled(x_ND);
    return im === null ? re : tf.concat([re, im], 1);
  }

  private checkReal(method: string): void {
    if (this.mode !== 'complex') return;
    const fix = "Use transformComplex, or mode 'ctr' with twice as many features.";
    throw new TypeError(check.argumentMessage(this.where(method), 'mode', 'give real features', this.mode, fix));
  }

  private scaled(x_ND: tf.Tensor2D): Pair {
    return pairScale(this.sketch(withBias(x_ND, this.kernelOptions)), Math.sqrt(this.kernelOptions.variance));
  }
}
