import { check } from '@tfsci/tensor-core';
import { MODES, type SketchMode } from '../sketches/projected-sketch';
import { PROJECTIONS, SRHT_BLOCKS, type ProjectionKind, type SrhtBlocks } from '../sketches/projection';

/** What the variance of an estimate of (x.y)^p depends on, of two points. */
export interface PairMoments {
  /** x.y */
  s: number;
  /** sum_i x_i^2 y_i^2 */
  squares: number;
  /** |x|^2 |y|^2 */
  norms: number;
}

/** The features whose variance is asked for. */
export interface FeatureKind {
  projection: ProjectionKind;
  mode: SketchMode;
  /** p */
  degree: number;
}

/** A whole product sketch. */
export interface SketchShape extends FeatureKind {
  /** D: real features; complex ones for mode 'complex'. */
  features: number;
  /** Coordinates of the points before they are padded, the bias among them. */
  inputDim: number;
  /** Only for 'srht', default 'shared'. */
  srhtBlocks?: SrhtBlocks;
}

/**
 * The variance of the estimate of (x.y)^p by a product sketch, E |k_hat - k|^2 = V_1 / D + c C.
 *
 * V_1 is `featureVariance`; c C is what rows of one Hadamard matrix have in common, 0 for independent rows.
 *
 * @throws RangeError, TypeError for a shape outside its ranges
 * @see Wacker, Kanagawa & Filippone, 2022, "Improved Random Features for Dot Product Kernels", arXiv:2201.08712
 */
export function sketchVariance(pair: PairMoments, shape: SketchShape): number {
  return sketchVarianceOf(shape)(pair);
}

/** `sketchVariance` of one shape, for many pairs. */
export function sketchVarianceOf(shape: SketchShape): (pair: PairMoments) => number {
  const { features, inputDim, srhtBlocks = 'shared', mode, projection, degree } = shape;
  const where = 'ctr-features.sketchVariance';
  check.checkOneOf(where, 'projection', projection, PROJECTIONS);
  check.checkOneOf(where, 'mode', mode, MODES);
  check.checkOneOf(where, 'srhtBlocks', srhtBlocks, SRHT_BLOCKS);
  check.checkNumber(where, 'degree', degree, { min: 1, integer: true });
  check.checkNumber(where, 'features', features, { min: 1, integer: true });
  check.checkNumber(where, 'inputDim', inputDim, { min: 1, integer: true });
  const { share, beta } = sharedRows(mode === 'ctr' ? features / 2 : features, inputDim, srhtBlocks);
  // Of one row there is no other one of its matrix, and beta may be infinite.
  const together = projection === 'srht' && share > 0;
  return (pair) => {
    const variance = featureVariance(pair, shape) / features;
    // Both parts may cancel: what rounding leaves of them may be negative.
    return Math.max(together ? variance + share * featureCovariance(pair, shape, beta) : variance, 0);
  };
}

/**
 * V_1, the variance of one feature; with S* = 0 for Gaussian weights and S for signs:
 *
 *   real     (N + 2 s^2 - 2 S*)^p - s^2p
 *   complex  (N + s^2 - S*)^p - s^2p
 *   ctr      (N + s^2 - S*)^p + (2 s^2 - S*)^p - 2 s^2p, a real feature
 */
export function featureVariance(pair: PairMoments, { projection, mode, degree }: FeatureKind): number {
  const { s, squares, norms } = pair;
  const square = s * s;
  const signs = projection === 'gaussian' ? 0 : squares;
  if (mode === 'real') return powerGain(square, norms + square - 2 * signs, degree);
  const complex = powerGain(square, norms - signs, degree);
  return mode === 'complex' ? complex : complex + powerGain(square, square - signs, degree);
}

/**
 * C, the covariance of two features whose rows come from one Hadamard matrix:
 *
 *   real     (s^2 - beta (N + s^2 - 2 S))^p - s^2p
 *   complex  (s^2 - beta (N - S))^p - s^2p
 *   ctr      the mean of (s^2 - beta (N - S))^p and (s^2 - beta (s^2 - S))^p, - s^2p
 *
 * @param beta  see `sharedRows`
 */
export function featureCovariance(pair: PairMoments, { mode, degree }: FeatureKind, beta: number): number {
  const { s, squares, norms } = pair;
  const square = s * s;
  if (mode === 'real') return powerGain(square, -beta * (norms + square - 2 * squares), degree);
  const complex = powerGain(square, -beta * (norms - squares), degree);
  return mode === 'complex' ? complex : (complex + powerGain(square, -beta * (square - squares), degree)) / 2;
}

/** (base + gain)^p - base^p as a multiple of the gain: the difference of the powers would lose the digits of small ones. */
function powerGain(base: number, gain: number, degree: number): number {
  let power = 1;
  let sum = 1;
  for (let i = 1; i < degree; i++) {
    power *= base;
    sum = sum * (base + gain) + power;
  }
  return gain * sum;
}

/**
 * Which share c of all pairs of features has its rows from one matrix, and beta, for D_f features of d' long rows.
 *
 *   shared       c = (D_f - 1) / D_f,                                  beta = 1 / (B d' - 1)
 *   independent  c = (floor(D_f / d') d' (d' - 1) + r (r - 1)) / D_f^2,  beta = 1 / (d' - 1),  r = D_f mod d'
 */
export function sharedRows(features: number, inputDim: number, blocks: SrhtBlocks): { share: number; beta: number } {
  const padded = 2 ** Math.ceil(Math.log2(inputDim));
  if (blocks === 'shared') {
    return { share: (features - 1) / features, beta: 1 / (Math.ceil(features / padded) * padded - 1) };
  }
  const rest = features % padded;
  const pairs = Math.floor(features / padded) * padded * (padded - 1) + rest * (rest - 1);
  return { share: pairs / features ** 2, beta: 1 / (padded - 1) };
}
