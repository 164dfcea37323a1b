// M rows of a batch, N units of a hidden layer.
import type * as tf from '@tensorflow/tfjs';
import type { random, train } from '@tfsci/tensor-core';
import type { DfaNetwork, NetworkGradients } from '../network/dfa-network';
import type { Outward } from '../network/update';
import type { CompleteUpdate } from '../network/update-options';
import type { NeighbourRelation, PrivacyEvent } from '../privacy/privacy-event';
import type { NormalSource } from './noise-source';
import type { Examples } from './poisson-sampler';

/** A batch of either way to choose: with a mask where it has padding. */
export type PrivateBatch = Examples & { mask?: tf.Tensor1D };

/** A way to train with a guarantee: which batches, what is added to what, and what it costs. */
export interface Mechanism {
  readonly relation: NeighbourRelation;
  readonly update: CompleteUpdate;
  /** What runs must have in common to be parts of one, as text for people. */
  readonly signature: string;
  batches(dataset: train.Dataset<Examples>, key: random.Key): train.BatchSource<PrivateBatch>;
  /** What is charged at a time. @param widths  N_l of the hidden layers */
  event(network: DfaNetwork, widths: readonly number[]): Promise<PrivacyEvent>;
  /** Whether it is charged before a step; else it has been for a whole epoch. */
  isChargedAt(step: number, batchesPerEpoch: number): boolean;
  /** Shapes of the standard normal numbers of a step. @param rows  M */
  noiseShapes(network: DfaNetwork, rows: number, widths: readonly number[]): number[][];
  /** What is released. Call it in a tidy. @param size  examples of the data set */
  gradients(
    where: string,
    network: DfaNetwork,
    half: Outward,
    signals: readonly tf.Tensor2D[] | null,
    batch: PrivateBatch,
    noise: NormalSource,
    size: number,
  ): NetworkGradients;
}
