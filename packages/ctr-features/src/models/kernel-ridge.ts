// N training rows, M rows of a block, D coordinates, K outputs
import * as tf from '@tensorflow/tfjs';
import { check, linalg, scope } from '@tfsci/tensor-core';
import type { TransformOptions } from '../feature-map';
import { checkKernel, polynomialKernel, type PolynomialKernelOptions } from '../sketches/polynomial-kernel';
import { hostRows, readRows, shapeOfRows, type Rows } from '../rows';
import { fitted } from './linear-head';
import { solved } from './ridge-problem';
import { readTargets, type Targets } from './targets';
import { GrowingRows, type OutputRows } from './weight-posterior';

/** Rows whose kernel with the training rows is computed at a time. */
const BLOCK_ROWS = 256;

/** A kernel: the matrix [m, n] of k(x_i, y_j) of rows x [m, d] and y [n, d]. */
export type KernelFunction = (x_MD: tf.Tensor2D, y_ND: tf.Tensor2D) => tf.Tensor2D;

/** Options of `KernelRidge`. */
export interface KernelRidgeOptions {
  kernel: PolynomialKernelOptions | KernelFunction;
  /** > 0, in the unit of the kernel. */
  lambda: number;
}

interface Fit {
  /** [n, d] */
  rows: Float32Array;
  shape: [number, number];
  /** [n, k] */
  dual: linalg.Matrix64;
}

/**
 * Ridge regression with the kernel itself, which that on features approximates.
 *
 *   f(x) = sum_i k(x, x_i) a_i,  (K + lambda I) A = Y,  K_ij = k(x_i, x_j)
 *
 * The kernel is computed in float32 on the active backend, the system solved in float64. The cost is O(n^3) and memory
 * O(n^2): for some thousand rows. There is no intercept.
 *
 * @throws TypeError, RangeError for options outside their ranges
 * @see Saunders, Gammerman & Vovk, 1998, "Ridge regression learning algorithm in dual variables"
 */
export class KernelRidge {
  private readonly kernel: KernelFunction;
  private readonly lambda: number;
  private solution: Fit | undefined;

  constructor({ kernel, lambda }: KernelRidgeOptions) {
    const where = 'ctr-features.KernelRidge';
    this.lambda = check.checkNumber(where, 'lambda', lambda, { above: 0 });
    if (typeof kernel === 'function') this.kernel = kernel;
    else {
      if (typeof kernel !== 'object' || (kernel as unknown) === null) {
        const wanted = 'be options of a polynomial kernel or a function';
        throw new TypeError(check.argumentMessage(where, 'kernel', wanted, kernel));
      }
      checkKernel(where, kernel);
      this.kernel = (x, y) => polynomialKernel(x, y, kernel);
    }
  }

  /**
   * @param x  rows [n, d]
   * @param y  targets [n] or [n, k]
   * @returns this model
   * @throws ShapeError, RangeError that names the row for broken rows or targets, RangeError for a lambda that is too
   *   small for the rounding of the kernel; the signal's reason when it is aborted
   */
  async fit(x: Rows | tf.Tensor2D, y: Targets, { signal }: Pick<TransformOptions, 'signal'> = {}): Promise<this> {
    const where = 'ctr-features.KernelRidge.fit';
    const given = await hostRows(where, x);
    const shape = shapeOfRows(where, given);
    const rows = readAll(where, given, shape[1]);
    const { data, outputs } = await readTargets(y, { where, rows: shape[0], firstRow: 0 });
    const [N] = shape;
    const gram = linalg.matrix(N, N);
    await this.eachBlock(where, { rows, shape }, { rows, shape }, signal, (values, first) => {
      values.forEach((value, at) => {
        // Of two that differ by rounding, the lower one.
        const [i, j] = [first + Math.floor(at / N), at % N];
        if (j <= i) gram.data[i * N + j] = gram.data[j * N + i] = value;
      });
    });
    this.solution = { rows, shape, dual: solved(gram, { rows: N, cols: outputs, data }, this.lambda) };
    return this;
  }

  /**
   * f(x), float64 [m, k].
   *
   * @throws TypeError before the fit; ShapeError, RangeError as `fit`
   */
  async predict(x: Rows | tf.Tensor2D, { signal }: Pick<TransformOptions, 'signal'> = {}): Promise<OutputRows> {
    const where = 'ctr-features.KernelRidge.predict';
    const fit = fitted(where, this.solution);
    const [N, d] = fit.shape;
    const K = fit.dual.cols;
    const rows = readAll(where, await hostRows(where, x), d);
    const result = new GrowingRows(K);
    await this.eachBlock(where, { rows, shape: [rows.length / d, d] }, fit, signal, (values) => {
      const block = new Float64Array((values.length / N) * K);
      values.forEach((value, at) => {
        const [m, n] = [Math.floor(at / N), at % N];
        for (let k = 0; k < K; k++) block[m * K + k]! += value * fit.dual.data[n * K + k]!;
      });
      result.push(block);
    });
    return result.all();
  }

  /** Calls `use` with the kernel of some rows and all `to` after another, as row-major [m, n]. */
  private async eachBlock(
    where: string,
    of: Pick<Fit, 'rows' | 'shape'>,
    to: Pick<Fit, 'rows' | 'shape'>,
    signal: AbortSignal | undefined,
    use: (values: tf.TypedArray, first: number) => void,
  ): Promise<void> {
    const [count, d] = of.shape;
    await scope(async (own) => {
      const to_ND = own(tf.tensor2d(to.rows, to.shape));
      for (let first = 0; first < count; first += BLOCK_ROWS) {
        signal?.throwIfAborted();
        const M = Math.min(BLOCK_ROWS, count - first);
        const block = tf.tidy(() => {
          const kernel = this.kernel(tf.tensor2d(of.rows.subarray(first * d, (first + M) * d), [M, d]), to_ND);
          return check.checkShape(where, 'the kernel', kernel, [M, to.shape[0]]);
        });
        use(await own(block).data(), first);
        block.dispose();
        // So that a page stays alive, and a signal can come.
        await new Promise((resolve) => setTimeout(resolve));
      }
    });
  }
}

/** All rows in float32, checked. */
function readAll(where: string, x: Rows, columns: number): Float32Array {
  const reader = readRows(x, { where, columns });
  const out = new Float32Array(reader.count * columns);
  reader.read(0, reader.count, { out, stride: columns, offset: 0, scale: 1 });
  return out;
}
