// N points, d coordinates, D buckets
import * as tf from '@tensorflow/tfjs';
import { check, random, spectral } from '@tfsci/tensor-core';
import { FeatureMap, type HostTransform } from '../feature-map';
import { convolvedCounts, type Hash } from './host/convolved-counts';
import {
  biasedDim,
  checkKernel,
  withBias,
  type PolynomialKernel,
  type PolynomialKernelOptions,
} from './polynomial-kernel';
import { drawSigns } from './signs';
import { givenIndices, givenWeight, keyOf, WeightTensors, type WeightSource, type Weights } from '../weights';
import { type FeatureMapJson, jsonOf } from '../json';

/** Options of `TensorSketch`. */
export interface TensorSketchOptions extends PolynomialKernelOptions, WeightSource {
  /** d */
  inputDim: number;
  /** D, any number; transforms of powers of two are the fastest. */
  features: number;
}

/** Options of `CountSketch`, a TensorSketch of degree 1. */
export type CountSketchOptions = Omit<TensorSketchOptions, 'degree'>;

/**
 * TensorSketch: the circular convolution of p count sketches.
 *
 *   c_i[k] = sum_{j: h_i(j) = k} s_i(j) x_j,  phi = irfft(prod_i rfft(c_i))
 *
 * The cost of a point is O(p (d + D log D)).
 *
 * @throws TypeError, RangeError for options outside their ranges or neither key nor weights
 * @see Pham & Pagh, 2013, "Fast and scalable polynomial kernels via explicit feature maps"; Charikar, Chen &
 *   Farach-Colton, 2002, for the count sketch
 */
export class TensorSketch extends FeatureMap {
  readonly kernelOptions: PolynomialKernel;
  private readonly hashes: readonly Hash[];
  private readonly given: TensorSketchOptions;
  private readonly tensors = new WeightTensors();

  constructor(options: TensorSketchOptions, kind = 'TensorSketch') {
    const where = `ctr-features.${kind}`;
    const { inputDim, features } = options;
    super(
      kind,
      check.checkNumber(where, 'inputDim', inputDim, { min: 1, integer: true }),
      check.checkNumber(where, 'features', features, { min: 1, integer: true }),
    );
    this.kernelOptions = checkKernel(where, options);
    const key = keyOf(where, options);
    const biased = biasedDim(inputDim, this.kernelOptions);
    this.hashes = Array.from({ length: this.kernelOptions.degree }, (_, i) =>
      key === null
        ? givenHash(where, options.weights!, i, biased, features)
        : drawHash(random.foldIn(key, i), biased, features),
    );
    this.given = { ...options };
  }

  weights(): Weights {
    return Object.fromEntries(
      this.hashes.flatMap(({ bucket, sign }, i) => [
        [`ihash.${i}`, { dtype: 'I32', shape: [bucket.length], data: bucket }],
        [`shash.${i}`, { dtype: 'F32', shape: [sign.length], data: sign }],
      ]),
    ) as Weights;
  }

  resample(key: random.Key | number): TensorSketch {
    const { weights: _, ...options } = this.given;
    return new (this.constructor as typeof TensorSketch)({ ...options, key });
  }

  toJSON(): FeatureMapJson {
    return jsonOf(this.kind, this.given);
  }

  dispose(): void {
    this.tensors.dispose();
  }

  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    const { kernelOptions, features } = this;
    // By columns, as segments are summed over the first axis.
    const z_DN = withBias(x_ND, kernelOptions).transpose<tf.Tensor2D>();
    const counts = this.hashes.map(({ bucket, sign }, i) => {
      const sign_D1 = this.tensors.get(`shash.${i}`, sign, [sign.length, 1]);
      const bucket_D = this.tensors.get(`ihash.${i}`, bucket, [bucket.length]) as tf.Tensor1D;
      return tf.unsortedSegmentSum(z_DN.mul(sign_D1), bucket_D, features).transpose<tf.Tensor2D>();
    });
    const scale = Math.sqrt(kernelOptions.variance);
    if (counts.length === 1) return counts[0]!.mul(scale);
    const spectrum = counts.map((count) => spectral.rfft(count)).reduce(spectral.complexMultiply);
    return spectral.irfft(spectrum, { n: features }).mul<tf.Tensor2D>(scale);
  }

  protected override makeHostTransform(): HostTransform {
    return convolvedCounts(this.hashes, this.kernelOptions, this.features);
  }
}

/**
 * The count sketch: a TensorSketch of degree 1, for the linear kernel gamma x.y + coef0.
 *
 * @see Charikar, Chen & Farach-Colton, 2002, "Finding frequent items in data streams"
 */
export class CountSketch extends TensorSketch {
  constructor(options: CountSketchOptions) {
    super({ ...options, degree: 1 }, 'CountSketch');
  }
}

function drawHash(key: random.Key, inputDim: number, features: number): Hash {
  const bucket = random.fillIntegers(random.foldIn(key, 0), new Int32Array(inputDim), { low: 0, high: features });
  return { bucket, sign: drawSigns(random.foldIn(key, 1), inputDim, false).re };
}

function givenHash(where: string, weights: Weights, i: number, inputDim: number, features: number): Hash {
  const bucket = givenIndices(where, weights, `ihash.${i}`, inputDim, features);
  const sign = Float32Array.from(givenWeight(where, weights, `shash.${i}`, [inputDim]).data, Number);
  return { bucket, sign };
}
