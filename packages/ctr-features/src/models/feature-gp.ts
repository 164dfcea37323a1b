import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { FeatureMap, TransformOptions } from '../feature-map';
import type { Rows } from '../rows';
import { checkNoise, GpSums } from './gp-sums';
import { fitted } from './linear-head';
import { checkMap } from './model-options';
import { featureBlocks } from './row-blocks';
import { readTargets, type Targets } from './targets';
import { streamOf, trainingBlocks, type FitOptions, type TrainingChunk } from './training-data';
import { GrowingRows, type NormalRows, type WeightPosterior } from './weight-posterior';

const { argumentMessage, checkNumber } = check;

/** Multiples of the mean y^2 that are tried by default. */
const GRID = [1e-4, 1e-3, 1e-2, 1e-1, 1];

/** Options of `FeatureGP`. */
export interface FeatureGPOptions {
  map: FeatureMap;
  /**
   * Variance of the noise of all rows and outputs, > 0, in the square of the targets' unit; of several the one with the
   * largest marginal likelihood. Default 1e-4, 1e-3 .. 1 times the mean y^2. Not used where `fit` is given variances.
   */
  noiseVariance?: number | readonly number[];
}

/** A piece of training data for `FeatureGP`. */
export interface GpChunk extends TrainingChunk<Targets> {
  /** Variance of the noise of each row [n], or of each row and output [n, k]; in all pieces or none. */
  noiseVariance?: Targets;
}

/** Options of `FeatureGP.fit`. */
export interface GpFitOptions extends FitOptions {
  /** Variance of the noise of each row [n], or of each row and output [n, k]; in a stream the pieces have them. */
  noiseVariance?: Targets;
}

/** Options of `FeatureGP.predict`. */
export interface GpPredictOptions extends TransformOptions {
  /** Whether the standard deviations are those of y, not of the function: with the noise; default false. */
  withNoise?: boolean;
}

/** What a fit has found. */
interface Fit {
  posteriors: WeightPosterior[];
  logMarginalLikelihood: number;
  outputs: number;
  /** null where every row had its own. */
  noiseVariance: number | null;
}

/**
 * Gaussian process regression with the kernel phi(x).phi(y): Bayesian linear regression on features.
 *
 *   f(x) = phi(x).w,  w ~ N(0, I),  y_i ~ N(f(x_i), v_i)
 *
 * The targets should have a mean of about 0, as the prior has. The cost is O(n D^2 + D^3) and memory O(D^2), both times
 * k where the noise differs between the k outputs; rows may come piece by piece.
 *
 * @throws TypeError, RangeError for options outside their ranges
 * @see Rasmussen & Williams, 2006, "Gaussian Processes for Machine Learning", section 2.1; Wacker, Ohana & Filippone,
 *   2023, arXiv:2202.02031, for the features
 */
export class FeatureGP {
  readonly map: FeatureMap;
  private readonly noises: readonly number[] | undefined;
  private solution: Fit | undefined;

  constructor({ map, noiseVariance }: FeatureGPOptions) {
    const where = 'ctr-features.FeatureGP';
    this.map = checkMap(where, map);
    if (noiseVariance === undefined) return;
    if (typeof noiseVariance === 'number')
      this.noises = [checkNumber(where, 'noiseVariance', noiseVariance, { above: 0 })];
    else {
      checkNumber(where, 'the number of noiseVariance', noiseVariance.length, { min: 1 });
      this.noises = noiseVariance.map((v, i) => checkNumber(where, `noiseVariance[${i}]`, v, { above: 0 }));
    }
  }

  /** log p(y) = sum over outputs of log N(y; 0, Phi Phi^T + diag v). @throws TypeError before the fit */
  get logMarginalLikelihood(): number {
    return fitted('ctr-features.FeatureGP.logMarginalLikelihood', this.solution).logMarginalLikelihood;
  }

  /** The variance of the noise, given or chosen; null where every row had its own. @throws TypeError before the fit */
  get noiseVariance(): number | null {
    return fitted('ctr-features.FeatureGP.noiseVariance', this.solution).noiseVariance;
  }

  /**
   * Fits the map, of a stream to its first piece, and the posterior, anew.
   *
   * @param x  rows [n, d], or a stream of pieces { x, y, noiseVariance }
   * @param y  targets [n] or [n, k]; not for a stream
   * @returns this model
   * @throws ShapeError, RangeError that names the row for broken rows, targets or variances; the signal's reason when it
   *   is aborted
   */
  async fit(
    x: Rows | tf.Tensor2D | Iterable<GpChunk> | AsyncIterable<GpChunk>,
    y?: Targets,
    { noiseVariance, ...options }: GpFitOptions = {},
  ): Promise<this> {
    const where = 'ctr-features.FeatureGP.fit';
    const { map } = this;
    let sums: GpSums | undefined;
    let outputs: number | undefined;
    let noises: number | undefined;
    const read = async (
      chunk: GpChunk,
      rows: number,
      firstRow: number,
    ): Promise<{ y: Float64Array; noise: Float64Array | null }> => {
      const known = outputs === undefined ? {} : { outputs };
      const targets = await readTargets(chunk.y, { where, rows, firstRow, ...known });
      outputs = targets.outputs;
      const given = chunk.noiseVariance ?? noiseVariance;
      const name = 'noiseVariance';
      const noise = given === undefined ? null : await readTargets(given, { where, name, rows, firstRow });
      const width = noise?.outputs ?? 0;
      if (width !== (noises ?? width) || (width > 1 && width !== outputs)) {
        const wanted = `have ${noises ?? `1 or ${outputs}`} numbers a row`;
        throw new check.ShapeError(argumentMessage(where, name, wanted, width));
      }
      noises = width;
      return { y: targets.data, noise: noise && checkNoise(where, noise, firstRow) };
    };
    const stream = streamOf<Targets>(where, x as Rows, y);
    for await (const { phi, targets, offset } of trainingBlocks(stream, { where, map, fitMap: true, read }, options)) {
      sums ??= new GpSums(map.features, outputs!, noises!);
      const part = (rows: Float64Array, width: number): Float64Array =>
        rows.subarray(offset * width, (offset + phi.shape[0]) * width);
      await sums.add(phi, part(targets.y, outputs!), targets.noise && part(targets.noise, noises!));
    }
    this.solution = { ...(await this.best(sums!, noises === 0, options.signal)), outputs: outputs! };
    return this;
  }

  /**
   * Mean and standard deviation of f at rows, of each output, in float64.
   *
   * @param x  [n, d]
   * @throws TypeError before the fit, or when the noise is asked for where every row had its own; as
   *   `FeatureMap.transformRows`
   */
  async predict(x: Rows | tf.Tensor2D, { withNoise = false, ...options }: GpPredictOptions = {}): Promise<NormalRows> {
    const where = 'ctr-features.FeatureGP.predict';
    const { posteriors, outputs, noiseVariance } = fitted(where, this.solution);
    if (withNoise && noiseVariance === null) {
      throw new TypeError(argumentMessage(where, 'withNoise', 'be false where every row had its own noise', withNoise));
    }
    const added = withNoise ? noiseVariance! : 0;
    const [mean, std] = [new GrowingRows(outputs), new GrowingRows(outputs)];
    for await (const { phi } of featureBlocks(where, this.map, x, options)) {
      const of = posteriors.map((posterior) => posterior.predict(phi));
      const shared = of.length === 1 ? of[0]! : null;
      const length = phi.shape[0] * outputs;
      const at = (i: number): [number, number] => [Math.floor(i / outputs), i % outputs];
      mean.push(
        Float64Array.from({ length }, (_, i) => (shared === null ? of[at(i)[1]]!.means[at(i)[0]]! : shared.means[i]!)),
      );
      std.push(
        Float64Array.from({ length }, (_, i) => Math.sqrt((shared ?? of[at(i)[1]]!).variances[at(i)[0]]! + added)),
      );
    }
    return { mean: mean.all(), std: std.all() };
  }

  /** Disposes the tensors that its map keeps. They are made again when it is used again. */
  dispose(): void {
    this.map.dispose();
  }

  private async best(sums: GpSums, constant: boolean, signal?: AbortSignal): Promise<Omit<Fit, 'outputs'>> {
    if (!constant) return { ...sums.posteriors(), noiseVariance: null };
    let best: Omit<Fit, 'outputs'> | undefined;
    for (const noiseVariance of this.noises ?? GRID.map((factor) => factor * (sums.meanSquare || 1))) {
      // So that a page stays alive, and a signal can come.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      const found = { ...sums.posteriors(noiseVariance), noiseVariance };
      if (best === undefined || found.logMarginalLikelihood > best.logMarginalLikelihood) best = found;
    }
    return best!;
  }
}
