import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkMatrix, type Matrix64 } from './matrix';

/** Mean of the rows. @throws TypeError, ShapeError, RangeError for a broken matrix */
export function meanOfRows(samples: Matrix64): Float64Array {
  const { rows, cols, data } = checkMatrix('tensor-core.meanOfRows', 'samples', samples);
  const mean = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) mean[j]! += data[i * cols + j]!;
  return mean.map((sum) => sum / rows);
}

/**
 * The sample covariance of rows, in two passes.
 *
 *   C = sum_i (x_i - mean) (x_i - mean)^T / (N - ddof)
 *
 * @param samples  [N, D]
 * @param ddof     default 1
 * @returns [D, D], symmetric exactly
 * @throws ShapeError when N <= ddof; TypeError, ShapeError, RangeError for a broken matrix or ddof
 */
export function covariance(samples: Matrix64, ddof = 1): Matrix64 {
  const where = 'tensor-core.covariance';
  const { rows, cols, data } = checkMatrix(where, 'samples', samples);
  checkNumber(where, 'ddof', ddof, { min: 0 });
  if (rows <= ddof) throw new ShapeError(argumentMessage(where, 'samples', `have more than ${ddof} rows`, rows));
  const mean = meanOfRows(samples);
  const sums = new Float64Array(cols * cols);
  const centred = new Float64Array(cols);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) centred[j] = data[i * cols + j]! - mean[j]!;
    for (let j = 0; j < cols; j++) for (let k = 0; k < cols; k++) sums[j * cols + k]! += centred[j]! * centred[k]!;
  }
  return { rows: cols, cols, data: sums.map((sum) => sum / (rows - ddof)) };
}

/**
 * log sum_i exp(x_i) without overflow; -Infinity for no values or when all are -Infinity.
 *
 * @throws RangeError when a value is NaN or Infinity
 */
export function logSumExp(values: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value < Infinity)) {
      throw new RangeError(argumentMessage('tensor-core.logSumExp', `values[${i}]`, 'be below Infinity', value));
    }
    if (value > largest) largest = value;
  }
  if (largest === -Infinity) return largest;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}
