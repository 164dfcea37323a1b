// N rows, D features, K outputs
import * as tf from '@tensorflow/tfjs';
import { check, scope, type linalg } from '@tfsci/tensor-core';
import type { FeatureMap, FeatureRows, TransformOptions } from '../feature-map';
import type { Rows } from '../rows';
import { givenWeight, WeightTensors, type Weights } from '../weights';
import { featureBlocks } from './row-blocks';
import { weightsFromText, weightsToText } from '../json';

/** A linear function of features, phi(x) W + b, with W and b in float64 on the host. */
export class LinearHead {
  readonly map: FeatureMap;
  /** W, [D, k] */
  readonly coefficients: linalg.Matrix64;
  /** b, [k] */
  readonly intercept: Float64Array;
  private readonly tensors = new WeightTensors();

  constructor(map: FeatureMap, coefficients: linalg.Matrix64, intercept: Float64Array) {
    this.map = map;
    this.coefficients = coefficients;
    this.intercept = intercept;
  }

  /** Its values at rows of a tensor, float32 [n, k]; differentiable in x. */
  ofTensor(x_ND: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => this.ofFeatures(this.map.transform(x_ND)));
  }

  /** Its values at rows, [n, k], in float32 on the active backend. */
  async ofRows(where: string, x: Rows | tf.Tensor2D, options: TransformOptions = {}): Promise<FeatureRows> {
    const K = this.intercept.length;
    const blocks: Float32Array[] = [];
    for await (const { phi } of featureBlocks(where, this.map, x, options)) {
      const values = await scope(async (own) =>
        own(tf.tidy(() => this.ofFeatures(tf.tensor2d(phi.data, phi.shape)))).data(),
      );
      blocks.push(values as Float32Array);
    }
    const data = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      data.set(block, at);
      at += block.length;
    }
    return { data, shape: [data.length / K, K] };
  }

  /** What `fromText` reads. */
  toText(): string {
    const { rows, cols, data } = this.coefficients;
    return weightsToText({
      coefficients: { dtype: 'F64', shape: [rows, cols], data },
      intercept: { dtype: 'F64', shape: [cols], data: this.intercept },
    });
  }

  /** The function that `toText` wrote. @throws FormatError, ShapeError, RangeError when it is something else */
  static fromText(where: string, map: FeatureMap, text: unknown): LinearHead {
    const weights: Weights = weightsFromText(where, text);
    const cols = weights['intercept']?.shape[0] ?? 0;
    check.checkNumber(where, 'the number of outputs', cols, { min: 1, integer: true });
    const numbers = (name: string, shape: number[]): Float64Array =>
      Float64Array.from(givenWeight(where, weights, name, shape).data, Number);
    const data = numbers('coefficients', [map.features, cols]);
    return new LinearHead(map, { rows: map.features, cols, data }, numbers('intercept', [cols]));
  }

  dispose(): void {
    this.tensors.dispose();
  }

  private ofFeatures(phi_ND: tf.Tensor2D): tf.Tensor2D {
    const { rows, cols, data } = this.coefficients;
    const w_DK = this.tensors.get('coefficients', Float32Array.from(data), [rows, cols]) as tf.Tensor2D;
    const b_1K = this.tensors.get('intercept', Float32Array.from(this.intercept), [1, cols]);
    return tf.matMul(phi_ND, w_DK).add(b_1K);
  }
}

/** The head of a fitted model. @throws TypeError before the fit */
export function fitted<T>(where: string, head: T | undefined): T {
  if (head !== undefined) return head;
  throw new TypeError(check.argumentMessage(where, 'the model', 'be fitted', 'a new one', 'Call fit first.'));
}
