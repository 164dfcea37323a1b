// N rows of a block, D features, C classes
import * as tf from '@tensorflow/tfjs';
import { check, scope } from '@tfsci/tensor-core';
import type { FeatureMap, TransformOptions } from '../feature-map';
import type { Evaluation } from './lbfgs';
import { readLabels, type Labels } from './targets';
import { trainingBlocks, type TrainingStream } from './training-data';

/** Features of rows on the device, and their classes. */
interface Block {
  phi_ND: tf.Tensor2D;
  labels: Float64Array;
}

/** Where the rows of the objective come from. */
export interface SoftmaxSource {
  where: string;
  map: FeatureMap;
  stream: TrainingStream<Labels>;
  /** C, undefined where the labels tell. */
  classes: number | undefined;
  /** Features are kept between passes while they take no more bytes than that. */
  keepBytes: number;
  options: TransformOptions;
}

/**
 * The penalised mean cross-entropy of the softmax of a linear function of features, and its gradient:
 *
 *   f(W, b) = (1/n) (sum_i (log sum_c exp z_ic - z_i,y_i) + lambda / 2 |W|^2),  z_i = phi(x_i) W + b
 *
 * Products with features are computed in float32 on the active backend, everything else in float64 on the host.
 */
export class SoftmaxObjective {
  /** n */
  rows = 0;
  /** C */
  classes = 0;
  private readonly source: SoftmaxSource;
  /** null where they take too many bytes, and are computed again in each pass. */
  private kept: Block[] | null = [];

  constructor(source: SoftmaxSource) {
    this.source = source;
  }

  /** Goes through all rows once: checks and counts them, and keeps their features where they fit. */
  async prepare(fitMap: boolean): Promise<void> {
    const { map, keepBytes } = this.source;
    for await (const { phi, targets, offset, first } of this.blocks(fitMap)) {
      const labels = targets.slice(offset, offset + phi.shape[0]);
      this.rows = first + labels.length;
      this.classes = labels.reduce((most, label) => Math.max(most, label + 1), this.classes);
      if (this.kept === null) continue;
      if (this.rows * map.features * 4 <= keepBytes) {
        this.kept.push({ phi_ND: tf.tensor2d(phi.data, phi.shape), labels });
      } else {
        this.dispose();
        this.kept = null;
      }
    }
    this.classes = this.source.classes ?? this.classes;
  }

  /** @param point  W row after row, [D, C], and b, [C], where there is an intercept */
  async evaluate(point: Float64Array, lambda: number, intercept: boolean): Promise<Evaluation> {
    const { rows, classes: C, source } = this;
    const D = source.map.features;
    const gradient = new Float64Array(point.length);
    let sum = 0;
    const add = async (block: Block): Promise<void> => {
      sum += await this.addBlock(block, point, gradient, intercept);
    };
    if (this.kept !== null) for (const block of this.kept) await add(block);
    else {
      let again = 0;
      for await (const { phi, targets, offset } of this.blocks(false)) {
        const labels = targets.subarray(offset, offset + phi.shape[0]);
        again += labels.length;
        await scope(async (own) => add({ phi_ND: own(tf.tensor2d(phi.data, phi.shape)), labels }));
      }
      if (again !== rows) this.failedAgain(again);
    }
    for (let at = 0; at < D * C; at++) {
      sum += (lambda / 2) * point[at]! ** 2;
      gradient[at]! += lambda * point[at]!;
    }
    return { value: sum / rows, gradient: gradient.map((entry) => entry / rows) };
  }

  dispose(): void {
    for (const { phi_ND } of this.kept ?? []) phi_ND.dispose();
    this.kept = [];
  }

  /** Adds the gradient of a block's cross-entropy, and returns the cross-entropy. */
  private addBlock(
    { phi_ND, labels }: Block,
    point: Float64Array,
    gradient: Float64Array,
    intercept: boolean,
  ): Promise<number> {
    const C = this.classes;
    const D = this.source.map.features;
    return scope(async (own) => {
      const w_DC = own(tf.tensor2d(Float32Array.from(point.subarray(0, D * C)), [D, C]));
      const logits = await own(tf.matMul(phi_ND, w_DC)).data();
      const b = intercept ? point.subarray(D * C) : new Float64Array(C);
      const rest = new Float32Array(logits.length);
      let sum = 0;
      labels.forEach((label, n) => (sum += crossEntropy(logits, b, n, label, rest)));
      if (intercept) rest.forEach((value, at) => (gradient[D * C + (at % C)]! += value));
      const rest_NC = own(tf.tensor2d(rest, [labels.length, C]));
      const slopes = await own(tf.matMul(phi_ND, rest_NC, true, false)).data();
      for (let at = 0; at < D * C; at++) gradient[at]! += slopes[at]!;
      return sum;
    });
  }

  private blocks(fitMap: boolean): ReturnType<typeof trainingBlocks<Labels, Float64Array>> {
    const { where, map, stream, classes, options } = this.source;
    const read = (chunk: { y: Labels }, rows: number, firstRow: number): Promise<Float64Array> =>
      readLabels(chunk.y, { where, rows, firstRow }, classes);
    return trainingBlocks(stream, { where, map, fitMap, read }, options);
  }

  private failedAgain(got: number): never {
    const fix = 'Give something that can be gone through many times, or more keepBytes.';
    const wanted = `give its ${this.rows} rows again in every pass`;
    throw new RangeError(check.argumentMessage(this.source.where, 'the stream', wanted, got, fix));
  }
}

/** -log softmax_label of row n of logits + b; its gradient, the softmax less one-hot, goes to row n of `rest`. */
function crossEntropy(logits: tf.TypedArray, b: Float64Array, n: number, label: number, rest: Float32Array): number {
  const C = b.length;
  let most = -Infinity;
  for (let c = 0; c < C; c++) most = Math.max(most, logits[n * C + c]! + b[c]!);
  let sum = 0;
  for (let c = 0; c < C; c++) sum += Math.exp(logits[n * C + c]! + b[c]! - most);
  const logSum = most + Math.log(sum);
  for (let c = 0; c < C; c++) {
    rest[n * C + c] = Math.exp(logits[n * C + c]! + b[c]! - logSum) - (c === label ? 1 : 0);
  }
  return logSum - (logits[n * C + label]! + b[label]!);
}
