// N points, D features
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import type { KernelError } from './expected-error';
import { FeatureMap } from '../feature-map';
import { checkFinite, pairMoments } from './pair-moments';
import { checkKernel, type PolynomialKernel, type PolynomialKernelOptions } from '../sketches/polynomial-kernel';
import type { ProjectedSketch } from '../sketches/projected-sketch';
import { readRows, type Rows } from '../rows';

const { argumentMessage } = check;

/** Options of `measuredError`. */
export interface MeasuredErrorOptions {
  /** What new random numbers are drawn with. */
  key: random.Key | number;
  /** How often, >= 2, default 10. */
  draws?: number;
  /** The exact kernel: of a polynomial sketch known, else to be given. */
  kernel?: PolynomialKernelOptions | ((x: Float64Array, y: Float64Array) => number);
  /** Told the number of draws done so far. */
  onProgress?: (draws: number) => void;
  signal?: AbortSignal;
}

/** Estimates of the numbers that `expectedError` predicts, from draws. */
export interface MeasuredError extends KernelError {
  /** Standard error of `relativeFrobenius`. */
  standardError: number;
  /** |K_hat - K|_F / |K|_F of each draw. */
  draws: Float64Array;
}

/**
 * The error of the approximate kernel matrix of a sample, measured by drawing the map's random numbers anew.
 *
 * For every map; where a closed form exists, `expectedError` needs no draws. The estimated kernel is of float32: errors
 * below about 1e-6 are its rounding.
 *
 * @param x_ND  [n, d]; memory for n x n numbers and for n rows of features
 * @throws TypeError when no kernel is given for a map whose kernel is not known; RangeError where the kernel of all pairs
 *   is 0; as the map's `transformRows`; the signal's reason when it is aborted
 */
export async function measuredError(
  map: FeatureMap,
  x_ND: Rows | tf.Tensor2D,
  options: MeasuredErrorOptions,
): Promise<MeasuredError> {
  const where = 'ctr-features.measuredError';
  if (!((map as unknown) instanceof FeatureMap)) {
    throw new TypeError(argumentMessage(where, 'map', 'be a feature map', map));
  }
  const { draws = 10, onProgress, signal } = options;
  check.checkNumber(where, 'draws', draws, { min: 2, integer: true });
  const key = random.asKey(where, options.key);
  const exact = exactKernel(where, map, x_ND, options.kernel);
  const squares = exact.reduce((sum, value) => sum + value * value, 0);
  if (squares === 0) throw new RangeError(argumentMessage(where, 'x', 'have pairs whose kernel is not 0', squares));
  checkFinite(where, squares);
  const sums = new Float64Array(exact.length);
  const errors = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    signal?.throwIfAborted();
    const drawn = map.resample(random.foldIn(key, draw));
    try {
      errors[draw] = Math.sqrt(addSquares(sums, await estimatedKernel(drawn, x_ND), exact) / squares);
    } finally {
      drawn.dispose();
    }
    onProgress?.(draw + 1);
  }
  const mean = errors.reduce((sum, error) => sum + error ** 2, 0) / draws;
  const spread = errors.reduce((sum, error) => sum + (error ** 2 - mean) ** 2, 0) / (draws - 1);
  const relativeFrobenius = Math.sqrt(mean);
  return {
    relativeFrobenius,
    // Of the root of a mean: d sqrt(m) = dm / (2 sqrt(m)).
    standardError: mean === 0 ? 0 : Math.sqrt(spread / draws) / (2 * relativeFrobenius),
    maxStd: Math.sqrt(sums.reduce((most, sum) => Math.max(most, sum), 0) / draws),
    rms: Math.sqrt((mean * squares) / exact.length),
    draws: errors,
  };
}

/** Parts of an approximate kernel matrix. */
interface Estimate {
  re: ArrayLike<number>;
  /** null where all numbers are real. */
  im: ArrayLike<number> | null;
}

/** Adds the squared errors of one draw to the sums over draws; returns their sum over pairs. */
function addSquares(sums: Float64Array, { re, im }: Estimate, exact: Float64Array): number {
  let total = 0;
  exact.forEach((value, index) => {
    const square = (re[index]! - value) ** 2 + (im === null ? 0 : im[index]! ** 2);
    sums[index]! += square;
    total += square;
  });
  return total;
}

function estimatedKernel(map: FeatureMap, x_ND: Rows | tf.Tensor2D): Promise<Estimate> {
  return scope(async (own) => {
    const gram = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.matMul(a, b, false, true);
    if (!isComplex(map)) {
      const { data, shape } = await map.transformRows(x_ND);
      const phi_ND = own(tf.tensor2d(data, shape));
      return { re: await own(gram(phi_ND, phi_ND)).data(), im: null };
    }
    const x = own(tensorOf(x_ND, map.inputDim));
    const parts = own(
      tf.tidy(() => {
        const { re, im } = map.transformComplex(x);
        return { re: gram(re, re).add(gram(im, im)), im: gram(im, re).sub(gram(re, im)) };
      }),
    );
    return { re: await parts.re.data(), im: await parts.im.data() };
  });
}

/** A map whose features are complex, and which `transform` therefore refuses. */
type ComplexMap = FeatureMap & Pick<ProjectedSketch, 'mode' | 'transformComplex'>;

function isComplex(map: FeatureMap): map is ComplexMap {
  return 'transformComplex' in map && (map as ComplexMap).mode === 'complex';
}

/** A tensor of rows on the host. */
function tensorOf(x_ND: Rows | tf.Tensor2D, inputDim: number): tf.Tensor2D {
  const { data, count } = denseRows('ctr-features.measuredError', x_ND, inputDim);
  return tf.tensor2d(data, [count, inputDim]);
}

function denseRows(where: string, x_ND: Rows | tf.Tensor2D, columns: number): { data: Float32Array; count: number } {
  const reader = readRows(x_ND, { where, columns });
  const data = new Float32Array(reader.count * columns);
  reader.read(0, reader.count, { out: data, stride: columns, offset: 0, scale: 1 });
  return { data, count: reader.count };
}

/** k of all pairs, [n, n]. */
function exactKernel(
  where: string,
  map: FeatureMap,
  x_ND: Rows | tf.Tensor2D,
  kernel: MeasuredErrorOptions['kernel'],
): Float64Array {
  const columns = map.inputDim;
  if (typeof kernel === 'function') {
    const { data, count } = denseRows(where, x_ND, columns);
    const rows = Array.from({ length: count }, (_, i) => Float64Array.from(data.subarray(i * columns, (i + 1) * columns))); // prettier-ignore
    return Float64Array.from({ length: count * count }, (_, index) => kernel(rows[Math.floor(index / count)]!, rows[index % count]!)); // prettier-ignore
  }
  const polynomial = kernel === undefined ? knownKernel(where, map) : checkKernel(where, kernel);
  const { s } = pairMoments(x_ND, x_ND, { where, columns, kernel: polynomial });
  return s.map((value) => polynomial.variance * value ** polynomial.degree);
}

/** The polynomial kernel of a sketch; of a compressed map that of the inner one. */
function knownKernel(where: string, map: FeatureMap): PolynomialKernel {
  const { kernelOptions, up } = map as FeatureMap & { kernelOptions?: PolynomialKernel; up?: FeatureMap };
  if (['PolynomialSketch', 'HierarchicalSketch', 'TensorSketch', 'CountSketch'].includes(map.kind))
    return kernelOptions!;
  if (up instanceof FeatureMap) return knownKernel(where, up);
  throw new TypeError(
    argumentMessage(where, 'kernel', `be given for ${map.kind}`, undefined, 'Pass (x, y) => k(x, y).'),
  );
}
