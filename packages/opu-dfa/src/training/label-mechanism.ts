// M examples of a batch, N units of a hidden layer.
import type * as tf from '@tensorflow/tfjs';
import { check, type random, type train } from '@tfsci/tensor-core';
import type { DfaNetwork, NetworkGradients } from '../network/dfa-network';
import type { Outward } from '../network/update';
import type { CompleteUpdate } from '../network/update-options';
import type { PrivacyEvent } from '../privacy/privacy-event';
import { fixedPartition } from './fixed-partition';
import { labelEvent, labelGradients, labelSensitivities } from './label-gradients';
import type { Mechanism, PrivateBatch } from './mechanism';
import type { NormalSource } from './noise-source';
import type { Examples } from './poisson-sampler';

const { argumentMessage } = check;

/** Numbers of the mechanism, checked. */
export interface LabelNumbers {
  sigmaOutput: number;
  /** Infinity: none. */
  projectionClip: number;
  batchSize: number;
}

/** Each example once an epoch, noise on projections and on the error at the output: differential privacy for labels. */
export class LabelMechanism implements Mechanism {
  readonly relation = 'label';
  readonly signature: string;

  constructor(
    readonly update: CompleteUpdate,
    private readonly numbers: LabelNumbers,
  ) {
    const { sigmaOutput, projectionClip } = numbers;
    const { mode, sigma, threshold } = update;
    this.signature = `${mode}, sigma ${sigma} and ${sigmaOutput}, clip ${projectionClip}, threshold ${threshold as number}`;
  }

  batches(dataset: train.Dataset<Examples>, key: random.Key): train.BatchSource<PrivateBatch> {
    return fixedPartition(dataset, { batchSize: this.numbers.batchSize, key });
  }

  async event({ feedback }: DfaNetwork, widths: readonly number[]): Promise<PrivacyEvent> {
    const { projectionClip, sigmaOutput } = this.numbers;
    const mode = this.update.mode as 'dfa' | 'ternary';
    const isHidden = feedback !== null && widths.length > 0;
    const sensitivities = isHidden ? await labelSensitivities(feedback, widths, { mode, projectionClip }) : [];
    return labelEvent({ sensitivities, sigma: this.update.sigma, sigmaOutput });
  }

  isChargedAt(step: number, batchesPerEpoch: number): boolean {
    return step % batchesPerEpoch === 0;
  }

  noiseShapes({ outputs }: DfaNetwork, rows: number, widths: readonly number[]): number[][] {
    return [...widths, outputs].map((width) => [rows, width]);
  }

  gradients(
    where: string,
    network: DfaNetwork,
    half: Outward,
    signals: readonly tf.Tensor2D[] | null,
    { y }: PrivateBatch,
    noise: NormalSource,
  ): NetworkGradients {
    if (y.rank !== 1) {
      const fix = 'Only of one label for each example is it known how far the error moves.';
      throw new check.ShapeError(argumentMessage(where, 'y', 'be labels int32 [M]', y, fix));
    }
    return labelGradients(where, network, half, signals, this.update, { ...this.numbers, noise });
  }
}
