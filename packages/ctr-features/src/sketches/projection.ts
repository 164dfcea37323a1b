import { check, type random } from '@tfsci/tensor-core';
import type { Pair } from './pair';
import type { Weights } from '../weights';

/** How the projections of a sketch are distributed. */
export const PROJECTIONS = ['gaussian', 'rademacher', 'srht'] as const;
/** Normal weights, signs, or rows of Hadamard matrices with random signs (SRHT). */
export type ProjectionKind = (typeof PROJECTIONS)[number];

/** Whether the blocks of a Hadamard projection share their signs: one transform a degree, or as many as blocks. */
export const SRHT_BLOCKS = ['shared', 'independent'] as const;
/** The same signs for all blocks of Hadamard rows, or other ones for each. */
export type SrhtBlocks = (typeof SRHT_BLOCKS)[number];

/** A random linear map x -> W^T x with E [W W^H] a multiple of the identity: D_f weight vectors of variance 1. */
export interface Projection {
  /** @param x  [n, d], real or complex; inside of tf.tidy @returns [n, D_f] */
  project(x: Pair): Pair;
  /** Its random numbers, by names such as `w.2` and `rad.2.im`. */
  weights(): Weights;
  dispose(): void;
}

/** What projection is made. */
export interface ProjectionShape {
  projection: ProjectionKind;
  blocks: SrhtBlocks;
  /** d */
  inputDim: number;
  /** D_f */
  features: number;
  complex: boolean;
}

/** Where its random numbers come from and what they are called. */
export interface ProjectionSource {
  /** The function that the user called, for messages. */
  where: string;
  /** Number of the projection among its like: the end of the names. */
  index: number;
  /** Before the names, '' or such as 'node.'. */
  prefix?: string;
  /** To draw them with, or them themselves. */
  from: random.Key | Weights;
}

/** The checked kind of projection and blocks of options. */
export function checkProjection(
  where: string,
  { projection = 'srht', srhtBlocks = 'shared' }: { projection?: ProjectionKind; srhtBlocks?: SrhtBlocks },
): { projection: ProjectionKind; blocks: SrhtBlocks } {
  return {
    projection: check.checkOneOf(where, 'projection', projection, PROJECTIONS),
    blocks: check.checkOneOf(where, 'srhtBlocks', srhtBlocks, SRHT_BLOCKS),
  };
}
