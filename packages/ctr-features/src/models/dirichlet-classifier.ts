// N rows, D features, C classes, S samples
import type * as tf from '@tensorflow/tfjs';
import { check, linalg } from '@tfsci/tensor-core';
import type { FeatureMap, TransformOptions } from '../feature-map';
import type { Rows } from '../rows';
import { dirichletMoments } from './dirichlet-labels';
import { fitted } from './linear-head';
import { checkMap } from './model-options';
import { NormalEquations } from './normal-equations';
import { gathered } from './ridge-data';
import { featureBlocks } from './row-blocks';
import { drawSamples, meanSoftmax, type SampleOptions } from './softmax-samples';
import { readLabels, type Labels } from './targets';
import { streamOf, trainingBlocks, type FitOptions, type TrainingStream } from './training-data';
import { GrowingRows, WeightPosterior, type NormalRows, type OutputRows } from './weight-posterior';

const { argumentMessage, checkNumber } = check;

/** Options of `DirichletClassifier`. */
export interface DirichletClassifierOptions {
  map: FeatureMap;
  /** C >= 2 */
  classes: number;
  /**
   * Pseudo-count of every class, > 0, default 0.01: the smaller, the more a label is believed. Of several the one with
   * the least negative log-likelihood on the validation rows that `fit` is given.
   */
  alpha?: number | readonly number[];
  /** Factor of the kernel, > 0; default the sample variance of the targets that the labels become, as the authors have it. */
  kernelVariance?: number;
}

/** Options of `DirichletClassifier.fit`. */
export interface DirichletFitOptions extends FitOptions {
  /** Rows that an alpha is chosen by. */
  validation?: { x: Rows | tf.Tensor2D; y: Labels } & SampleOptions;
}

/** Options of `DirichletClassifier.predict`. */
export type DirichletPredictOptions = TransformOptions & SampleOptions;

/** Predictions of classes; `mean` and `std` are those of the latent functions, the logarithms of concentrations. */
export interface ClassPredictions extends NormalRows {
  /** [n, C], rows that add up to 1. */
  probabilities: OutputRows;
}

/** What an alpha scored. */
export interface AlphaScore {
  alpha: number;
  /** Mean negative logarithm of the probability of the true class (MNLL). */
  negativeLogLikelihood: number;
}

interface Fit {
  alpha: number;
  posteriors: WeightPosterior[];
  /** What each latent function has as its prior mean. */
  mean: Float64Array;
  kernelVariance: number;
}

/**
 * Gaussian process classification by regression on labels that are made log-normal: see `dirichletLabels`.
 *
 *   p_c(x) = E softmax_c(f(x)),  f_c(x) ~ N(mean_c(x), std_c(x)^2)
 *
 * The noise of a class has two values, of rows in the class and of the others, so sums over the rows of each class serve
 * all classes and all alphas. The cost is O(n D^2 + C D^3). Memory is 8 C D^2 bytes for these sums during the fit, and as
 * much for the factors, which stay.
 *
 * @throws TypeError, RangeError for options outside their ranges
 * @see Milios, Camoriano, Michiardi, Rosasco & Filippone, 2018, "Dirichlet-based Gaussian Processes for Large-scale
 *   Calibrated Classification", arXiv:1805.10915; Wacker, Ohana & Filippone, 2023, arXiv:2202.02031, for the features
 */
export class DirichletClassifier {
  readonly map: FeatureMap;
  readonly classes: number;
  private readonly alphas: readonly number[];
  private readonly kernelVariance: number | undefined;
  private solution: Fit | undefined;
  private fittedScores: AlphaScore[] = [];

  constructor({ map, classes, alpha = 0.01, kernelVariance }: DirichletClassifierOptions) {
    const where = 'ctr-features.DirichletClassifier';
    this.map = checkMap(where, map);
    this.classes = checkNumber(where, 'classes', classes, { min: 2, integer: true });
    if (typeof alpha === 'number') this.alphas = [checkNumber(where, 'alpha', alpha, { above: 0 })];
    else {
      checkNumber(where, 'the number of alpha', alpha.length, { min: 1 });
      this.alphas = alpha.map((value, i) => checkNumber(where, `alpha[${i}]`, value, { above: 0 }));
    }
    if (kernelVariance !== undefined) checkNumber(where, 'kernelVariance', kernelVariance, { above: 0 });
    this.kernelVariance = kernelVariance;
  }

  /** The alpha of the fit, given or chosen. @throws TypeError before the fit */
  get alpha(): number {
    return fitted('ctr-features.DirichletClassifier.alpha', this.solution).alpha;
  }

  /** What the alphas scored on the validation rows, none without them. @throws TypeError before the fit */
  get scores(): readonly AlphaScore[] {
    fitted('ctr-features.DirichletClassifier.scores', this.solution);
    return this.fittedScores;
  }

  /**
   * Fits the map, of a stream to its first piece, and the posteriors, anew.
   *
   * @param x  rows [n, d], or a stream of pieces { x, y }
   * @param y  classes [n], each of 0 .. C - 1 at least once; not for a stream
   * @returns this model
   * @throws TypeError for several alphas and no validation rows; ShapeError, RangeError that names the row for broken
   *   rows or labels; RangeError for a class without rows; the signal's reason when it is aborted
   */
  async fit(
    x: Rows | tf.Tensor2D | TrainingStream<Labels>,
    y?: Labels,
    { validation, ...options }: DirichletFitOptions = {},
  ): Promise<this> {
    const where = 'ctr-features.DirichletClassifier.fit';
    const { map, classes: C, alphas } = this;
    if (alphas.length > 1 && validation === undefined) {
      throw new TypeError(argumentMessage(where, 'validation', 'be given to choose among several alpha', validation));
    }
    const sums = Array.from({ length: C }, () => new NormalEquations({ features: map.features }));
    const read = (chunk: { y: Labels }, rows: number, firstRow: number): Promise<Float64Array> =>
      readLabels(chunk.y, { where, rows, firstRow }, C);
    const stream = streamOf(where, x, y);
    for await (const { phi, targets, offset } of trainingBlocks(stream, { where, map, fitMap: true, read }, options)) {
      const [n, D] = phi.shape;
      for (const [c, ofClass] of sums.entries()) {
        const rows = Array.from({ length: n }, (_, row) => row).filter((row) => targets[offset + row] === c);
        const data = gathered(phi.data, rows, D, new Float32Array(rows.length * D));
        await ofClass.add({ data, shape: [rows.length, D] }, new Float64Array(rows.length));
      }
    }
    const total = new NormalEquations({ features: map.features });
    for (const ofClass of sums) total.addAll(ofClass);

    let best: Fit | undefined;
    let least = Infinity;
    const scores: AlphaScore[] = [];
    for (const alpha of alphas) {
      const found = await this.solve(where, alpha, sums, total, options.signal);
      if (validation === undefined) {
        best = found;
        break;
      }
      const negativeLogLikelihood = await this.score(where, found, validation, options);
      scores.push({ alpha, negativeLogLikelihood });
      if (best === undefined || negativeLogLikelihood < least) [best, least] = [found, negativeLogLikelihood];
    }
    this.solution = best!;
    this.fittedScores = scores;
    return this;
  }

  /**
   * Class probabilities, and mean and standard deviation of the latent functions, in float64.
   *
   * @param x  [n, d]
   * @throws TypeError before the fit or without a key, RangeError for samples < 1; as `FeatureMap.transformRows`
   */
  async predict(
    x: Rows | tf.Tensor2D,
    { key, samples, ...options }: DirichletPredictOptions,
  ): Promise<ClassPredictions> {
    const where = 'ctr-features.DirichletClassifier.predict';
    return this.predictions(
      where,
      fitted(where, this.solution),
      x,
      { key, ...(samples !== undefined && { samples }) },
      options,
    );
  }

  /** Disposes the tensors that its map keeps. They are made again when it is used again. */
  dispose(): void {
    this.map.dispose();
  }

  private async solve(
    where: string,
    alpha: number,
    sums: readonly NormalEquations[],
    total: NormalEquations,
    signal: AbortSignal | undefined,
  ): Promise<Fit> {
    const counts = Float64Array.from(sums, ({ count }) => count);
    const { target, noise, mean, variance } = dirichletMoments(where, counts, alpha);
    const kernelVariance = this.kernelVariance ?? variance;
    const whole = total.gram.data;
    const D = total.features;
    const posteriors: WeightPosterior[] = [];
    for (const [c, ofClass] of sums.entries()) {
      // So that a page stays alive, and a signal can come.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      // Rows in the class have another noise than the rest: G / v_0 + (1 / v_1 - 1 / v_0) G_c.
      const mix = (all: number, own: number, factor: number): number =>
        factor * (all / noise[0] + own * (1 / noise[1] - 1 / noise[0]));
      const gram = ofClass.gram;
      for (let at = 0; at < D * D; at++) gram.data[at] = mix(whole[at]!, gram.data[at]!, kernelVariance);
      const cross = linalg.matrix(D, 1);
      const [off, on] = [(target[0] - mean[c]!) / noise[0], (target[1] - mean[c]!) / noise[1]];
      for (let j = 0; j < D; j++) {
        const own = ofClass.featureSums[j]!;
        cross.data[j] = Math.sqrt(kernelVariance) * (off * (total.featureSums[j]! - own) + on * own);
      }
      posteriors.push(new WeightPosterior({ gram, cross }));
    }
    return { alpha, posteriors, mean, kernelVariance };
  }

  private async score(
    where: string,
    found: Fit,
    { x, y, ...sampling }: NonNullable<DirichletFitOptions['validation']>,
    { signal }: FitOptions,
  ): Promise<number> {
    const { probabilities } = await this.predictions(where, found, x, sampling, signal === undefined ? {} : { signal });
    const { data, shape } = probabilities;
    const labels = await readLabels(y, { where, name: 'validation.y', rows: shape[0] }, this.classes);
    // As small as a probability of one sample can be.
    const likelihood = (row: number): number => Math.max(data[row * shape[1] + labels[row]!]!, Number.MIN_VALUE);
    return -labels.reduce((sum, _, row) => sum + Math.log(likelihood(row)), 0) / shape[0];
  }

  private async predictions(
    where: string,
    { posteriors, mean: prior, kernelVariance }: Fit,
    x: Rows | tf.Tensor2D,
    sampling: SampleOptions,
    options: TransformOptions,
  ): Promise<ClassPredictions> {
    const C = this.classes;
    const noise_SC = drawSamples(where, sampling, C);
    const [mean, std, probabilities] = [new GrowingRows(C), new GrowingRows(C), new GrowingRows(C)];
    for await (const { phi } of featureBlocks(where, this.map, x, options)) {
      const [N] = phi.shape;
      const block = {
        mean: new Float64Array(N * C),
        std: new Float64Array(N * C),
        probabilities: new Float64Array(N * C),
      };
      const root = Math.sqrt(kernelVariance);
      posteriors.forEach((posterior, c) => {
        const { means, variances } = posterior.predict(phi);
        for (let n = 0; n < N; n++) {
          block.mean[n * C + c] = root * means[n]! + prior[c]!;
          block.std[n * C + c] = root * Math.sqrt(variances[n]!);
        }
      });
      for (let n = 0; n < N; n++) {
        const row = (of: Float64Array): Float64Array => of.subarray(n * C, (n + 1) * C);
        meanSoftmax(row(block.mean), row(block.std), noise_SC, row(block.probabilities));
      }
      mean.push(block.mean);
      std.push(block.std);
      probabilities.push(block.probabilities);
    }
    return { probabilities: probabilities.all(), mean: mean.all(), std: std.all() };
  }
}
