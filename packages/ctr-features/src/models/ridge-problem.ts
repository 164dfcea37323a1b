// N rows, D features, K outputs
import * as tf from '@tensorflow/tfjs';
import { linalg, scope } from '@tfsci/tensor-core';
import type { FeatureRows } from '../feature-map';
import { NormalEquations } from './normal-equations';

/** Columns of features whose products are added up in float32 before float64 takes over. */
const COLUMNS = 512;

/** Ridge regression for any lambda, on all rows and with the rows of one fold held out. Row i is in fold i mod folds. */
export interface RidgeProblem {
  /** n */
  readonly rows: number;
  /** k */
  readonly outputs: number;
  /** Mean of |phi_i|^2, with an intercept of |phi_i - mean|^2: what lambda is measured by. */
  readonly scale: number;
  /** W, [D, k]. @throws RangeError when the matrix is not positive definite */
  coefficients(lambda: number): linalg.Matrix64;
  /** sum |y - prediction|^2 over the rows of a fold, by lambda, of the model of all other rows. @throws as before */
  heldOut(fold: number): (lambda: number) => number;
}

/** Sums of squares less those of the means, if there is an intercept. */
interface System {
  /** Phi^T Phi, [D, D] */
  gram: linalg.Matrix64;
  /** Phi^T Y, [D, k] */
  cross: linalg.Matrix64;
  featureMeans: Float64Array;
  targetMeans: Float64Array;
}

/**
 * The problem in its D x D form: (Phi^T Phi + lambda I) W = Phi^T Y.
 *
 * @param total  all rows
 * @param folds  those of each fold; none where no rows are held out
 */
export function primalRidge(
  total: NormalEquations,
  folds: readonly NormalEquations[],
  intercept: boolean,
): RidgeProblem {
  const system = systemOf(total, intercept);
  const { features: D, outputs: K } = total;
  return {
    rows: total.count,
    outputs: K,
    scale: trace(system.gram) / total.count,
    coefficients: (lambda) => solved(system.gram, system.cross, lambda),
    heldOut: (fold) => {
      const held = folds[fold]!;
      const others = new NormalEquations({ features: D, outputs: K });
      for (const other of folds) if (other !== held) others.addAll(other);
      const rest = systemOf(others, intercept);
      const gram = held.gram;
      return (lambda) => {
        const w = solved(rest.gram, rest.cross, lambda);
        const gramW = linalg.multiply(gram, w);
        let error = 0;
        for (let k = 0; k < K; k++) {
          // |y - Phi w - b|^2, multiplied out.
          let b = rest.targetMeans[k]!;
          let [quadratic, linear, sum] = [0, 0, 0];
          for (let j = 0; j < D; j++) {
            const value = w.data[j * K + k]!;
            b -= rest.featureMeans[j]! * value;
            quadratic += value * gramW.data[j * K + k]!;
            linear += value * held.cross.data[j * K + k]!;
            sum += value * held.featureSums[j]!;
          }
          error += held.targetSquares[k]! - 2 * linear + quadratic;
          error += b * (held.count * b + 2 * sum - 2 * held.targetSums[k]!);
        }
        return Math.max(0, error);
      };
    },
  };
}

/**
 * The problem in its n x n form, for n < D: W = Phi^T A with (Phi Phi^T + lambda I) A = Y.
 *
 * @param phi    all rows, [n, D]
 * @param y      [n, k], row after row
 * @param folds  how many
 */
export async function dualRidge(
  phi: FeatureRows,
  y: Float64Array,
  folds: number,
  intercept: boolean,
): Promise<RidgeProblem> {
  const [N, D] = phi.shape;
  const K = y.length / N;
  const kernel = await rowGram(phi);
  const all = Array.from({ length: N }, (_, n) => n);
  const whole = dualSystem(kernel, y, all, intercept);
  return {
    rows: N,
    outputs: K,
    scale: trace(whole.kernel) / N,
    coefficients: (lambda) => {
      const a = solved(whole.kernel, whole.targets, lambda);
      // By outputs, so that the inner loop runs through memory in order.
      const data = new Float64Array(K * D);
      for (let n = 0; n < N; n++) {
        for (let k = 0; k < K; k++) {
          const factor = a.data[n * K + k]!;
          for (let j = 0, from = n * D, to = k * D; j < D; j++) data[to++]! += factor * phi.data[from++]!;
        }
      }
      return linalg.transposed({ rows: K, cols: D, data });
    },
    heldOut: (fold) => {
      const rest = all.filter((n) => n % folds !== fold);
      const system = dualSystem(kernel, y, rest, intercept);
      return (lambda) => {
        const a = solved(system.kernel, system.targets, lambda);
        let error = 0;
        for (let n = fold; n < N; n += folds) {
          const to = rest.map((m) => kernel.data[n * N + m]!);
          // The columns of `a` add up to 0 where there is an intercept, so the mean over `to` does not matter.
          for (let k = 0; k < K; k++) {
            let prediction = system.targetMeans[k]!;
            to.forEach((value, m) => (prediction += (value - system.kernelMeans[m]!) * a.data[m * K + k]!));
            error += (y[n * K + k]! - prediction) ** 2;
          }
        }
        return error;
      };
    },
  };
}

/** (A + lambda I)^{-1} B */
export function solved(a: linalg.Matrix64, b: linalg.Matrix64, lambda: number): linalg.Matrix64 {
  return linalg.choleskySolve(linalg.cholesky(a, { jitter: lambda }), b);
}

function systemOf(sums: NormalEquations, intercept: boolean): System {
  const { features: D, outputs: K, count } = sums;
  const { gram } = sums;
  const cross = { ...sums.cross, data: sums.cross.data.slice() };
  if (!intercept) return { gram, cross, featureMeans: new Float64Array(D), targetMeans: new Float64Array(K) };
  const featureMeans = sums.featureSums.map((sum) => sum / count);
  const targetMeans = sums.targetSums.map((sum) => sum / count);
  for (let i = 0; i < D; i++) {
    const times = count * featureMeans[i]!;
    for (let j = 0; j < D; j++) gram.data[i * D + j]! -= times * featureMeans[j]!;
    for (let k = 0; k < K; k++) cross.data[i * K + k]! -= times * targetMeans[k]!;
  }
  return { gram, cross, featureMeans, targetMeans };
}

interface DualSystem {
  kernel: linalg.Matrix64;
  targets: linalg.Matrix64;
  targetMeans: Float64Array;
  /** Of each row of the kernel matrix. */
  kernelMeans: Float64Array;
}

function dualSystem(whole: linalg.Matrix64, y: Float64Array, rows: readonly number[], intercept: boolean): DualSystem {
  const n = rows.length;
  const K = y.length / whole.rows;
  const kernel = linalg.matrix(n, n);
  const targets = linalg.matrix(n, K);
  const targetMeans = new Float64Array(K);
  const kernelMeans = new Float64Array(n);
  rows.forEach((row, i) => {
    for (let j = 0; j < n; j++) kernel.data[i * n + j] = whole.data[row * whole.rows + rows[j]!]!;
    for (let k = 0; k < K; k++) targets.data[i * K + k] = y[row * K + k]!;
  });
  if (intercept) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) kernelMeans[i]! += kernel.data[i * n + j]! / n;
      for (let k = 0; k < K; k++) targetMeans[k]! += targets.data[i * K + k]! / n;
    }
    const mean = kernelMeans.reduce((sum, value) => sum + value / n, 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) kernel.data[i * n + j]! += mean - (kernelMeans[i]! + kernelMeans[j]!);
      for (let k = 0; k < K; k++) targets.data[i * K + k]! -= targetMeans[k]!;
    }
  }
  return { kernel, targets, targetMeans, kernelMeans };
}

/** Phi Phi^T, [n, n]: products of some columns in float32, added up in float64. */
async function rowGram({ data, shape: [N, D] }: FeatureRows): Promise<linalg.Matrix64> {
  const gram = linalg.matrix(N, N);
  await scope(async (own) => {
    const phi_ND = own(tf.tensor2d(data, [N, D]));
    for (let first = 0; first < D; first += COLUMNS) {
      const width = Math.min(COLUMNS, D - first);
      const product = tf.tidy(() => {
        const part = phi_ND.slice([0, first], [N, width]);
        return tf.matMul(part, part, false, true);
      });
      const values = await own(product).data();
      product.dispose();
      for (let i = 0; i < N; i++) {
        for (let j = 0; j <= i; j++) gram.data[j * N + i] = gram.data[i * N + j]! += values[i * N + j]!;
      }
    }
  });
  return gram;
}

function trace({ rows, data }: linalg.Matrix64): number {
  let sum = 0;
  for (let i = 0; i < rows; i++) sum += data[i * rows + i]!;
  return sum;
}
