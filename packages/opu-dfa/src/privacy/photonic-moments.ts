// m examples of a batch, n inputs of a layer and a further one of 1 for the bias, k units
import { check, linalg } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Numbers on the host: a matrix or its rows. */
export type HostMatrix = linalg.Matrix64 | readonly ArrayLike<number>[];

/** What the update of a layer is made of, clipped as it is in training; rows are examples. */
export interface PhotonicLayer {
  /** h, the inputs of the layer, [m, n]. */
  inputs: HostMatrix;
  /** s = phi'(z), [m, k]. */
  derivatives: HostMatrix;
  /** p, the projected errors without noise, [m, k]. */
  projections: HostMatrix;
}

/** The noise of an update and what it is divided by. */
export interface PhotonicNoise {
  /** Standard deviation of the optical noise of a projection, per example and unit, > 0. */
  sigma: number;
  /** Of the digital noise on every entry of the update, >= 0, default 0. */
  sigmaDigital?: number;
  /**
   * What sums over examples are divided by, default the rows of the layer. Where an example is left out the divisor stays
   * that of the full batch.
   */
  examples?: number;
  /** Whether the update has a row for the bias, as if a last input were 1; default true. */
  bias?: boolean;
}

/** The law of a unit's update. */
export interface UpdateMoments {
  /** mu_k, [n], with a bias [n + 1]. */
  mean: Float64Array;
  /** S_k, [n, n], with a bias [n + 1, n + 1]. */
  covariance: linalg.Matrix64;
}

/**
 * The Gaussian law of the photonic update u_k = (1/m) sum_i s_ik (p_ik + g_ik) h_i + d_k of each unit, given the data.
 *
 *   g ~ N(0, sigma^2), d ~ N(0, sigmaDigital^2 I), all independent:  u_k ~ N(mu_k, S_k),
 *   mu_k = (1/m) sum_i s_ik p_ik h_i,  S_k = (sigma/m)^2 sum_i s_ik^2 h_i h_i^T + sigmaDigital^2 I
 *
 * @returns of each unit, k n^2 numbers in all
 * @throws RangeError for options outside their ranges and numbers that are not finite, ShapeError when sizes do not agree or
 *   there is no example, TypeError for what are no matrices
 * @see Ohana et al., 2021, arXiv:2106.03645
 */
export function photonicMoments(layer: PhotonicLayer, noise: PhotonicNoise): UpdateMoments[] {
  const where = 'opu-dfa.photonicMoments';
  const data = checkedLayer(where, 'layer', layer, noise.bias);
  const momentsOf = momentsOfUnits(data, checkedNoise(where, noise, data.m), 'full');
  return Array.from({ length: data.k }, (_, unit) => {
    const { mean, covariance } = momentsOf(unit);
    return { mean: mean.slice(), covariance: { rows: data.n, cols: data.n, data: covariance.slice() } };
  });
}

/** A layer as row-major arrays; `inputs` has its column of ones where there is a bias, and n counts it. */
export interface LayerData {
  m: number;
  n: number;
  k: number;
  inputs: Float64Array;
  derivatives: Float64Array;
  projections: Float64Array;
}

/** @param like  a layer that has the same inputs and units; then there may be no example at all */
export function checkedLayer(
  where: string,
  name: string,
  { inputs, derivatives, projections }: PhotonicLayer,
  bias = true,
  like?: LayerData,
): LayerData {
  const h = hostMatrix(where, `${name}.inputs`, inputs, null, like && like.n - Number(bias));
  const s = hostMatrix(where, `${name}.derivatives`, derivatives, h.rows, like?.k);
  const p = hostMatrix(where, `${name}.projections`, projections, h.rows, s.cols);
  const sizes = { m: h.rows, n: h.cols + Number(bias), k: s.cols };
  const extended = new Float64Array(sizes.m * sizes.n).fill(1);
  for (let i = 0; i < sizes.m; i++) extended.set(linalg.rowOf(h, i), i * sizes.n);
  return { ...sizes, inputs: extended, derivatives: s.data, projections: p.data };
}

/** Variances that S_k is made of, and the divisor. */
export interface NoiseData {
  /** (sigma/m)^2 */
  optical: number;
  /** sigmaDigital^2 */
  digital: number;
  /** m */
  divisor: number;
}

/** @param rows  the divisor where none is given */
export function checkedNoise(where: string, noise: PhotonicNoise, rows: number): NoiseData {
  const { sigma, sigmaDigital = 0, examples = rows } = noise;
  checkNumber(where, 'sigma', sigma, { above: 0 });
  checkNumber(where, 'sigmaDigital', sigmaDigital, { min: 0 });
  checkNumber(where, 'examples', examples, { above: 0 });
  return { optical: (sigma / examples) ** 2, digital: sigmaDigital ** 2, divisor: examples };
}

/** mean [n] and covariance [n, n], or [n] its diagonal alone. */
interface UnitBuffers {
  mean: Float64Array;
  covariance: Float64Array;
}

/** Moments of one unit at a time: the next call overwrites what the last one gave. */
export function momentsOfUnits(
  { m, n, k, inputs, derivatives, projections }: LayerData,
  { optical, digital, divisor }: NoiseData,
  kind: 'full' | 'diagonal',
): (unit: number) => UnitBuffers {
  const mean = new Float64Array(n);
  const covariance = new Float64Array(kind === 'full' ? n * n : n);
  /** Where entry (a, a) is: a * toDiagonal. */
  const toDiagonal = kind === 'full' ? n + 1 : 1;
  return (unit) => {
    mean.fill(0);
    covariance.fill(0);
    for (let i = 0; i < m; i++) {
      const slope = derivatives[i * k + unit]!;
      const weight = (slope * projections[i * k + unit]!) / divisor;
      const variance = optical * slope ** 2;
      const at = i * n;
      for (let a = 0; a < n; a++) {
        const input = inputs[at + a]!;
        mean[a]! += weight * input;
        const scaled = variance * input;
        if (kind === 'diagonal') covariance[a]! += scaled * input;
        else for (let b = 0; b <= a; b++) covariance[a * n + b]! += scaled * inputs[at + b]!;
      }
    }
    if (kind === 'full') mirror(covariance, n);
    for (let a = 0; a < n; a++) covariance[a * toDiagonal]! += digital;
    return { mean, covariance };
  };
}

/** Copies the lower triangle to the upper one. */
function mirror(matrix: Float64Array, n: number): void {
  for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) matrix[b * n + a] = matrix[a * n + b]!;
}

/**
 * A matrix of finite numbers, not copied where it is one.
 *
 * @param rows  how many, null for any number
 * @param cols  how many; undefined for any number, and then there must be a row
 */
export function hostMatrix(
  where: string,
  name: string,
  value: HostMatrix,
  rows: number | null,
  cols: number | undefined,
): linalg.Matrix64 {
  const matrix = Array.isArray(value) ? fromRows(where, name, value as ArrayLike<number>[], cols) : value;
  const { data } = ((matrix as unknown) ?? {}) as Partial<linalg.Matrix64>;
  if (!(data instanceof Float64Array)) {
    throw new TypeError(argumentMessage(where, name, 'be a Matrix64 or an array of rows', value));
  }
  const { rows: m, cols: n } = matrix as linalg.Matrix64;
  const fits = (rows === null || rows === m) && (cols === undefined ? m * n > 0 : cols === n);
  if (!fits || m * n !== data.length) {
    const wanted = `have the shape [${rows ?? '*'}, ${cols ?? '*'}]${cols === undefined ? ', not empty' : ''}`;
    throw new ShapeError(argumentMessage(where, name, wanted, [m, n]));
  }
  const broken = data.findIndex((number) => !Number.isFinite(number));
  if (broken >= 0) {
    const entry = `${name}[${Math.floor(broken / n)}, ${broken % n}]`;
    throw new RangeError(argumentMessage(where, entry, 'be finite', data[broken]));
  }
  return matrix as linalg.Matrix64;
}

function fromRows(where: string, name: string, rows: ArrayLike<number>[], width?: number): linalg.Matrix64 {
  const cols = rows[0]?.length ?? width ?? 0;
  const data = new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    if ((row as ArrayLike<number> | null)?.length !== cols) {
      throw new ShapeError(argumentMessage(where, `${name}[${i}]`, `have ${cols} numbers as the first row`, row));
    }
    data.set(row, i * cols);
  });
  return { rows: rows.length, cols, data };
}
