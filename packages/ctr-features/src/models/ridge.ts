// N rows, D features, K outputs
import type * as tf from '@tensorflow/tfjs';
import { check, type linalg } from '@tfsci/tensor-core';
import { type FeatureMap, type FeatureRows, type TransformOptions } from '../feature-map';
import { featureMapFromJSON } from '../feature-map-json';
import type { Rows } from '../rows';
import { fitted, LinearHead } from './linear-head';
import { checkMap, isTensor, modelOptionsOf } from './model-options';
import { crossValidate, leastOf, type RidgeScore } from './ridge-choice';
import { RidgeData } from './ridge-data';
import type { RidgeProblem } from './ridge-problem';
import { readTargets, type Targets } from './targets';
import { streamOf, trainingBlocks, type FitOptions, type TrainingStream } from './training-data';
import type { FeatureMapJson } from '../json';

const { argumentMessage, checkNumber } = check;

/** Below this part of the mean |phi_i|^2 a lambda does not damp the peak at D = n. */
const TINY = 0.01;
/** The peak reaches that far, as a part of n. */
const NEAR = 0.2;
/** Options of `RidgeOnFeatures`. */
export interface RidgeOptions {
  map: FeatureMap;
  /** The penalty of sum |w|^2 beside sums over rows (not means), > 0: scikit-learn's alpha. Default: chosen, see `lambdas`. */
  lambda?: number;
  /**
   * Where no lambda is given, those to choose from by cross-validation, > 0; default 1e-4, 1e-3 .. 100 times the mean
   * |phi_i|^2 of the rows (about the mean, where there is an intercept).
   */
  lambdas?: readonly number[];
  /** Of the cross-validation, an integer >= 2, default 5. Row i is in fold i mod folds. */
  folds?: number;
  /** Whether a constant is fitted that is not penalised, default true. */
  intercept?: boolean;
  /** Told when a given lambda is too small for as many features as rows; default console.warn, null for silence. */
  onWarning?: ((message: string) => void) | null;
}

/** A ridge regression as plain data. */
export interface RidgeJson {
  kind: 'RidgeOnFeatures';
  options: { lambda?: number; lambdas?: readonly number[]; folds: number; intercept: boolean };
  map: FeatureMapJson;
  /** The lambda and the scores of the fit, and its solution: a safetensors file in base64. */
  fit?: { lambda: number; scores: RidgeScore[]; solution: string };
}

/**
 * Ridge regression on features.
 *
 *   W = argmin sum_i |y_i - phi(x_i) W - b|^2 + lambda |W|^2
 *
 * Solved by a Cholesky factor in float64, D x D, or n x n where there are fewer rows than features. Rows may come piece
 * by piece: memory is O(D^2) for a given lambda, O(folds D^2) for a chosen one. For classes, give targets of k outputs
 * such as 1 for the class and 0 for the others, and take the largest output.
 *
 * @throws TypeError, RangeError for options outside their ranges, or both lambda and lambdas
 * @see Hoerl & Kennard, 1970, "Ridge regression"; Wacker, Ohana & Filippone, 2023, arXiv:2202.02031, for the features
 */
export class RidgeOnFeatures {
  readonly map: FeatureMap;
  private readonly options: RidgeJson['options'];
  private readonly onWarning: ((message: string) => void) | null;
  private head: LinearHead | undefined;
  private fittedLambda = NaN;
  private fittedScores: RidgeScore[] = [];

  constructor(options: RidgeOptions) {
    const where = 'ctr-features.RidgeOnFeatures';
    const { map, lambda, lambdas, folds = 5, intercept = true } = options;
    this.map = checkMap(where, map);
    if (lambda !== undefined && lambdas !== undefined) {
      throw new TypeError(argumentMessage(where, 'options', 'have at most one of lambda and lambdas', 'both'));
    }
    if (lambda !== undefined) checkNumber(where, 'lambda', lambda, { above: 0 });
    if (lambdas !== undefined) {
      checkNumber(where, 'the number of lambdas', lambdas.length, { min: 1 });
      lambdas.forEach((value, i) => checkNumber(where, `lambdas[${i}]`, value, { above: 0 }));
    }
    checkNumber(where, 'folds', folds, { min: 2, integer: true });
    this.options = {
      ...(lambda !== undefined && { lambda }),
      ...(lambdas !== undefined && { lambdas: [...lambdas] }),
      folds,
      intercept,
    };
    this.onWarning = options.onWarning === undefined ? (message) => console.warn(message) : options.onWarning;
  }

  /** The lambda of the fit, given or chosen. @throws TypeError before the fit */
  get lambda(): number {
    fitted('ctr-features.RidgeOnFeatures.lambda', this.head);
    return this.fittedLambda;
  }

  /** What the lambdas scored, none for a given one. @throws TypeError before the fit */
  get scores(): readonly RidgeScore[] {
    fitted('ctr-features.RidgeOnFeatures.scores', this.head);
    return this.fittedScores;
  }

  /** W, float64 [D, k]: the model's own. @throws TypeError before the fit */
  get coefficients(): linalg.Matrix64 {
    return fitted('ctr-features.RidgeOnFeatures.coefficients', this.head).coefficients;
  }

  /** b, float64 [k], zeros without an intercept: the model's own. @throws TypeError before the fit */
  get intercept(): Float64Array {
    return fitted('ctr-features.RidgeOnFeatures.intercept', this.head).intercept;
  }

  /**
   * Fits the map, of a stream to its first piece, and the linear function on it, anew.
   *
   * @param x  rows [n, d], or a stream of pieces { x, y }
   * @param y  targets [n] or [n, k]; not for a stream
   * @returns this model
   * @throws ShapeError, RangeError that names the row for broken rows or targets; RangeError for fewer rows than folds or
   *   a lambda that is too small for float64; the signal's reason when it is aborted
   */
  async fit(x: Rows | tf.Tensor2D | TrainingStream<Targets>, y?: Targets, options: FitOptions = {}): Promise<this> {
    const where = 'ctr-features.RidgeOnFeatures.fit';
    const { map } = this;
    const { lambda, folds, intercept } = this.options;
    let data: RidgeData | undefined;
    let outputs: number | undefined;
    const blocks = trainingBlocks<Targets, Float64Array>(
      streamOf(where, x, y),
      {
        where,
        map,
        fitMap: true,
        read: async (chunk, rows, firstRow) => {
          const known = outputs === undefined ? {} : { outputs };
          const targets = await readTargets(chunk.y, { where, rows, firstRow, ...known });
          outputs = targets.outputs;
          return targets.data;
        },
      },
      options,
    );
    for await (const { phi, targets, offset } of blocks) {
      data ??= new RidgeData({ features: map.features, folds: lambda === undefined ? folds : 0, intercept });
      const k = outputs!;
      await data.add(phi, targets.subarray(offset * k, (offset + phi.shape[0]) * k));
    }
    const problem = await data!.problem();
    options.signal?.throwIfAborted();
    const scores = lambda === undefined ? await crossValidate(where, problem, this.options, options.signal) : [];
    const best = lambda ?? leastOf(scores);
    if (lambda !== undefined) this.warnOfPeak(where, problem);
    const coefficients = solvable(where, best, () => problem.coefficients(best));
    this.head?.dispose();
    this.head = new LinearHead(map, coefficients, data!.intercept(coefficients));
    this.fittedLambda = best;
    this.fittedScores = scores;
    return this;
  }

  /**
   * phi(x) W + b.
   *
   * @param x  [n, d]
   * @returns for a tensor, a tensor float32 [n, k], differentiable in x; for rows, the same on the host
   * @throws TypeError before the fit; as `FeatureMap.transform`
   */
  predict(x: tf.Tensor2D): tf.Tensor2D;
  predict(x: Rows, options?: TransformOptions): Promise<FeatureRows>;
  predict(x: Rows | tf.Tensor2D, options?: TransformOptions): tf.Tensor2D | Promise<FeatureRows> {
    const where = 'ctr-features.RidgeOnFeatures.predict';
    const head = fitted(where, this.head);
    return isTensor(x) ? head.ofTensor(x) : head.ofRows(where, x, options);
  }

  /** @throws as the map's toJSON */
  toJSON(): RidgeJson {
    const { map, options, head } = this;
    const json: RidgeJson = { kind: 'RidgeOnFeatures', options, map: map.toJSON() };
    if (head === undefined) return json;
    return { ...json, fit: { lambda: this.fittedLambda, scores: this.fittedScores, solution: head.toText() } };
  }

  /** The model that `toJSON` wrote. @throws FormatError when it is something else; as the constructor */
  static fromJSON(json: RidgeJson): RidgeOnFeatures {
    const where = 'ctr-features.RidgeOnFeatures.fromJSON';
    const options = modelOptionsOf(where, json, 'RidgeOnFeatures');
    const model = new RidgeOnFeatures({ ...options, map: featureMapFromJSON(json.map) });
    if (json.fit === undefined) return model;
    model.head = LinearHead.fromText(where, model.map, json.fit.solution);
    model.fittedLambda = checkNumber(where, 'json.fit.lambda', json.fit.lambda, { above: 0 });
    model.fittedScores = json.fit.scores;
    return model;
  }

  /** Disposes the tensors that it and its map keep. They are made again when it is used again. */
  dispose(): void {
    this.head?.dispose();
    this.map.dispose();
  }

  private warnOfPeak(where: string, { rows, scale }: RidgeProblem): void {
    const { lambda } = this.options;
    const { features } = this.map;
    if (Math.abs(features - rows) > NEAR * rows || lambda! >= TINY * scale) return;
    const wanted = `be >= ${TINY * scale} where there are about as many features (${features}) as rows (${rows})`;
    const fix =
      'Errors are largest there: take a larger lambda, give none so that it is chosen, or change the features.';
    this.onWarning?.(argumentMessage(where, 'lambda', wanted, lambda, fix));
  }
}

/** The result, or an error that says which lambda was too small for the rounding of the matrix. */
function solvable<T>(where: string, lambda: number, solve: () => T): T {
  try {
    return solve();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const wanted = 'be large enough for a positive definite matrix';
    throw new RangeError(argumentMessage(where, 'lambda', wanted, lambda), { cause });
  }
}
