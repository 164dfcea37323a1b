// N rows, D features, C classes
import * as tf from '@tensorflow/tfjs';
import { check, linalg } from '@tfsci/tensor-core';
import type { FeatureMap, FeatureRows, TransformOptions } from '../feature-map';
import { featureMapFromJSON } from '../feature-map-json';
import type { Rows } from '../rows';
import { minimize, type MinimizeProgress } from './lbfgs';
import { fitted, LinearHead } from './linear-head';
import { checkMap, isTensor, modelOptionsOf } from './model-options';
import { SoftmaxObjective } from './softmax-objective';
import type { Labels } from './targets';
import { streamOf, type FitOptions, type TrainingStream } from './training-data';
import type { FeatureMapJson } from '../json';

const { argumentMessage, checkNumber } = check;

/** Options of `SoftmaxRegression`. */
export interface SoftmaxRegressionOptions {
  map: FeatureMap;
  /** The penalty of |W|^2 / 2 beside sums over rows (not means), >= 0, default 1: 1 / C of scikit-learn. */
  lambda?: number;
  /** C >= 2; default the largest label plus one. */
  classes?: number;
  /** Whether each class has a constant that is not penalised, default true. */
  intercept?: boolean;
  /** The largest entry of the gradient of the mean loss at which it stops, > 0, default 1e-5; float32 allows about 1e-6. */
  tolerance?: number;
  /** Default 500. */
  maxIterations?: number;
  /** Told when the fit did not converge; default console.warn, null for silence. */
  onWarning?: ((message: string) => void) | null;
}

/** How far a fit has come: iterations, mean penalised loss, largest entry of its gradient. */
export type SoftmaxProgress = MinimizeProgress;

/** Options of `SoftmaxRegression.fit`. */
export interface SoftmaxFitOptions extends Pick<FitOptions, 'blockRows' | 'signal'> {
  /** Told after each iteration. */
  onProgress?: (progress: SoftmaxProgress) => void;
  /** Whether it begins with the last fit's solution, and leaves the map as it is; default false. */
  warmStart?: boolean;
  /** Bytes up to which features are kept between passes, default 2^29; if they take more, they are computed in each. */
  keepBytes?: number;
}

/** What came out of a fit. */
export interface SoftmaxResult extends SoftmaxProgress {
  converged: boolean;
}

/** A softmax regression as plain data. */
export interface SoftmaxJson {
  kind: 'SoftmaxRegression';
  options: Omit<SoftmaxRegressionOptions, 'map' | 'onWarning'>;
  map: FeatureMapJson;
  /** The result of the fit, and its solution: a safetensors file in base64. */
  fit?: { result: SoftmaxResult; solution: string };
}

/**
 * Multinomial logistic regression on features: the classes' probabilities are softmax(phi(x) W + b).
 *
 *   W, b = argmin sum_i -log softmax_{y_i}(phi(x_i) W + b) + lambda / 2 |W|^2
 *
 * The optimum of all rows, by L-BFGS: convex, without a step size, and without randomness. Every evaluation goes through
 * all rows block by block, so a stream must be able to be gone through many times where its features take more than
 * `keepBytes`: an array or an object with an iterator, not a running generator.
 *
 * @throws TypeError, RangeError for options outside their ranges
 * @see Liu & Nocedal, 1989, for L-BFGS; Wacker, Ohana & Filippone, 2023, arXiv:2202.02031, for the features
 */
export class SoftmaxRegression {
  readonly map: FeatureMap;
  private readonly options: SoftmaxJson['options'];
  private readonly onWarning: ((message: string) => void) | null;
  private head: LinearHead | undefined;
  private fittedResult: SoftmaxResult | undefined;

  constructor(options: SoftmaxRegressionOptions) {
    const where = 'ctr-features.SoftmaxRegression';
    const { map, onWarning, ...others } = options;
    const { lambda = 1, classes, tolerance = 1e-5, maxIterations = 500 } = others;
    this.map = checkMap(where, map);
    checkNumber(where, 'lambda', lambda, { min: 0 });
    if (classes !== undefined) checkNumber(where, 'classes', classes, { min: 2, integer: true });
    checkNumber(where, 'tolerance', tolerance, { above: 0 });
    checkNumber(where, 'maxIterations', maxIterations, { min: 1, integer: true });
    this.options = others;
    this.onWarning = onWarning === undefined ? (message) => console.warn(message) : onWarning;
  }

  /** Iterations, loss and gradient of the fit, and whether it converged. @throws TypeError before the fit */
  get result(): SoftmaxResult {
    return fitted('ctr-features.SoftmaxRegression.result', this.fittedResult);
  }

  /** W, float64 [D, C]: the model's own. @throws TypeError before the fit */
  get coefficients(): linalg.Matrix64 {
    return fitted('ctr-features.SoftmaxRegression.coefficients', this.head).coefficients;
  }

  /** b, float64 [C], zeros without an intercept: the model's own. @throws TypeError before the fit */
  get intercept(): Float64Array {
    return fitted('ctr-features.SoftmaxRegression.intercept', this.head).intercept;
  }

  /**
   * Fits the map, of a stream to its first piece, and the linear function on it.
   *
   * @param x  rows [n, d], or a stream of pieces { x, y }
   * @param y  classes [n]; not for a stream
   * @returns this model
   * @throws ShapeError, RangeError that names the row for broken rows or labels; RangeError for fewer than two classes,
   *   a stream that ends early in a later pass, or a warm start from another number of classes; the signal's reason when
   *   it is aborted
   */
  async fit(
    x: Rows | tf.Tensor2D | TrainingStream<Labels>,
    y?: Labels,
    options: SoftmaxFitOptions = {},
  ): Promise<this> {
    const where = 'ctr-features.SoftmaxRegression.fit';
    const { map } = this;
    const { lambda = 1, classes, intercept = true, tolerance = 1e-5, maxIterations = 500 } = this.options;
    const { warmStart = false, keepBytes = 2 ** 29, onProgress, ...passOptions } = options;
    checkNumber(where, 'keepBytes', keepBytes, { min: 0 });
    const stream = streamOf(where, x, y);
    const objective = new SoftmaxObjective({ where, map, stream, classes, keepBytes, options: passOptions });
    try {
      await objective.prepare(!warmStart || this.head === undefined);
      const C = checkNumber(where, 'the number of classes', objective.classes, { min: 2 });
      const size = map.features * C;
      const { point, converged, ...progress } = await minimize(
        async (at) => {
          // So that a page stays alive, and a signal can come.
          await new Promise((resolve) => setTimeout(resolve));
          options.signal?.throwIfAborted();
          return objective.evaluate(at, lambda, intercept);
        },
        warmStart ? this.startFrom(where, C, intercept) : new Float64Array(size + (intercept ? C : 0)),
        { tolerance, maxIterations, onIteration: onProgress },
      );
      const weights = { rows: map.features, cols: C, data: point.slice(0, size) };
      this.head?.dispose();
      this.head = new LinearHead(map, weights, intercept ? point.slice(size) : new Float64Array(C));
      this.fittedResult = { ...progress, converged };
    } finally {
      objective.dispose();
    }
    if (!this.result.converged) this.warn(where, tolerance);
    return this;
  }

  /**
   * The probability of each class.
   *
   * @param x  [n, d]
   * @returns for a tensor, a tensor float32 [n, C], differentiable in x; for rows, the same on the host
   * @throws TypeError before the fit; as `FeatureMap.transform`
   */
  predictProbabilities(x: tf.Tensor2D): tf.Tensor2D;
  predictProbabilities(x: Rows, options?: TransformOptions): Promise<FeatureRows>;
  predictProbabilities(x: Rows | tf.Tensor2D, options?: TransformOptions): tf.Tensor2D | Promise<FeatureRows> {
    const where = 'ctr-features.SoftmaxRegression.predictProbabilities';
    const head = fitted(where, this.head);
    if (isTensor(x)) return tf.tidy(() => tf.softmax(head.ofTensor(x)));
    return head.ofRows(where, x, options).then((logits) => ({ ...logits, data: softmaxOfRows(logits) }));
  }

  /** The most probable class of each row, [n]. @throws as `predictProbabilities` */
  async predict(x: Rows | tf.Tensor2D, options?: TransformOptions): Promise<Int32Array> {
    const where = 'ctr-features.SoftmaxRegression.predict';
    const { data, shape } = await fitted(where, this.head).ofRows(where, x, options);
    return Int32Array.from({ length: shape[0] }, (_, n) => {
      const row = data.subarray(n * shape[1], (n + 1) * shape[1]);
      return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
    });
  }

  /** @throws as the map's toJSON */
  toJSON(): SoftmaxJson {
    const { map, options, head, fittedResult } = this;
    const json: SoftmaxJson = { kind: 'SoftmaxRegression', options, map: map.toJSON() };
    return head === undefined ? json : { ...json, fit: { result: fittedResult!, solution: head.toText() } };
  }

  /** The model that `toJSON` wrote. @throws FormatError when it is something else; as the constructor */
  static fromJSON(json: SoftmaxJson): SoftmaxRegression {
    const where = 'ctr-features.SoftmaxRegression.fromJSON';
    const options = modelOptionsOf(where, json, 'SoftmaxRegression');
    const model = new SoftmaxRegression({ ...options, map: featureMapFromJSON(json.map) });
    if (json.fit === undefined) return model;
    model.head = LinearHead.fromText(where, model.map, json.fit.solution);
    model.fittedResult = json.fit.result;
    return model;
  }

  /** Disposes the tensors that it and its map keep. They are made again when it is used again. */
  dispose(): void {
    this.head?.dispose();
    this.map.dispose();
  }

  private startFrom(where: string, classes: number, intercept: boolean): Float64Array {
    const size = this.map.features * classes;
    const start = new Float64Array(size + (intercept ? classes : 0));
    if (this.head === undefined) return start;
    const { cols, data } = this.head.coefficients;
    if (cols !== classes) {
      const wanted = `be ${cols} as in the last fit, for a warm start`;
      throw new RangeError(argumentMessage(where, 'the number of classes', wanted, classes));
    }
    start.set(data);
    if (intercept) start.set(this.head.intercept, size);
    return start;
  }

  private warn(where: string, tolerance: number): void {
    const { gradientNorm, iteration } = this.result;
    const wanted = `have a gradient <= ${tolerance} after ${iteration} iterations`;
    const fix = 'Take more maxIterations, a larger lambda or tolerance, or scale the kernel.';
    this.onWarning?.(argumentMessage(where, 'the solution', wanted, gradientNorm, fix));
  }
}

function softmaxOfRows({ data, shape: [, C] }: FeatureRows): Float32Array {
  const out = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += C) {
    const row = data.subarray(at, at + C);
    const logSum = linalg.logSumExp(row);
    row.forEach((value, c) => (out[at + c] = Math.exp(value - logSum)));
  }
  return out;
}
