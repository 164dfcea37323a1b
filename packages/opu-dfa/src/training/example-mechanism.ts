// M rows of a batch, N units of a hidden layer.
import type * as tf from '@tensorflow/tfjs';
import type { random, train } from '@tfsci/tensor-core';
import type { DfaNetwork, NetworkGradients } from '../network/dfa-network';
import type { Outward } from '../network/update';
import type { CompleteUpdate } from '../network/update-options';
import type { PrivacyEvent } from '../privacy/privacy-event';
import type { Mechanism, PrivateBatch } from './mechanism';
import { normalNumbers, type NormalSource } from './noise-source';
import { PoissonSampler, type Examples } from './poisson-sampler';
import { protectedGradients } from './private-gradients';

/** Numbers of the mechanism, checked. */
export interface ExampleNumbers {
  clip: number;
  noiseMultiplier: number;
  samplingRate: number;
}

/**
 * Poisson batches, gradients clipped by example, noise on their sum: differential privacy for examples, by feedback or
 * back-propagation. Noise of the projection comes on top and is not counted.
 */
export class ExampleMechanism implements Mechanism {
  readonly relation = 'add-remove';
  readonly signature: string;

  constructor(
    readonly update: CompleteUpdate,
    private readonly numbers: ExampleNumbers,
  ) {
    const { clip, noiseMultiplier } = numbers;
    const { mode, sigma, threshold } = update;
    this.signature = `${mode}, clip ${clip}, noise ${noiseMultiplier}, sigma ${sigma}, threshold ${threshold as number}`;
  }

  batches(dataset: train.Dataset<Examples>, key: random.Key): train.BatchSource<PrivateBatch> {
    return new PoissonSampler(dataset, { samplingRate: this.numbers.samplingRate, key });
  }

  event(): Promise<PrivacyEvent> {
    const { noiseMultiplier, samplingRate } = this.numbers;
    return Promise.resolve({ noiseMultiplier, samplingRate });
  }

  isChargedAt(): boolean {
    return true;
  }

  noiseShapes(network: DfaNetwork, rows: number, widths: readonly number[]): number[][] {
    const released = Object.values(network.parameters).map(({ shape }) => shape);
    return this.update.sigma > 0 ? [...released, ...widths.map((width) => [rows, width])] : released;
  }

  gradients(
    where: string,
    network: DfaNetwork,
    half: Outward,
    signals: readonly tf.Tensor2D[] | null,
    { mask }: PrivateBatch,
    noise: NormalSource,
    size: number,
  ): NetworkGradients {
    const first = Object.keys(network.parameters).length;
    const optical = (): tf.Tensor[] =>
      (signals ?? []).map((signal, l) => normalNumbers(where, noise, first + l, signal.shape));
    const update = this.update.sigma > 0 ? { ...this.update, noise: optical() } : this.update;
    const { samplingRate, ...protection } = this.numbers;
    const expectedExamples = samplingRate * size;
    const options = { ...protection, expectedExamples, noise };
    return protectedGradients(where, network, half, signals, mask!, update, options);
  }
}
