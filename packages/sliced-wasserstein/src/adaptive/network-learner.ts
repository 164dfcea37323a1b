// L slices, D coordinates
import * as tf from '@tensorflow/tfjs';
import { random, scope } from '@tfsci/tensor-core';
import { uniformSlices } from '../slices/uniform-slices';
import { allFinite, type Learner, type Step } from './learner';
import { meanAbsoluteCosine } from './mean-cosine';
import { NetworkSlices } from './network-slices';
import type { Price } from './price';
import { SliceDiscriminator } from './slice-discriminator';
import { meanCost, type SliceProblem } from './slice-problem';
import { type SavedNetwork, TrainedNetwork } from './trained-network';

/** Of the authors' programs. */
const WEIGHT_DECAY = { dsw: 1e-6, pac: 0, discriminator: 1e-5 };
/** Slices that the last estimate of KL is a mean over. */
const KL_SLICES = 2000;

/** How the discriminator is trained that estimates KL. */
export interface DiscriminatorOptions {
  /** Adam steps in each iteration, default 10. */
  steps?: number;
  /** Slices of rho, and as many uniform ones, of a step; default 2000. */
  slices?: number;
  /** Default 0.01. */
  learningRate?: number;
}

/** How a network of slices is learnt. */
export interface NetworkLearning {
  /** Slices of an iteration. */
  slices: number;
  rate: number;
  price: Price;
  discriminator: Required<DiscriminatorOptions>;
}

/** Plain data. */
export interface NetworkLearnerState {
  network: SavedNetwork;
  /** For the objective 'pac'. */
  discriminator?: SavedNetwork;
}

/** Learns a network of slices by Adam, in turns with a discriminator where KL is to be known. */
export class NetworkLearner implements Learner<NetworkSlices, NetworkLearnerState> {
  private readonly network: TrainedNetwork<NetworkSlices>;
  private readonly judge: TrainedNetwork<SliceDiscriminator> | null;
  /** What one unit of KL, or of the mean |cosine|, costs. */
  private readonly weight: number;
  private isReleased = false;

  constructor(
    private readonly problem: SliceProblem,
    private readonly learning: NetworkLearning,
    key: random.Key,
  ) {
    const dim = problem.x_ND.shape[1];
    const { rate, price, discriminator } = learning;
    const isPac = price.of === 'kl';
    this.weight = isPac ? 1 / price.at(0).lambda : price.lambda;
    const [networkKey, judgeKey] = random.split(key) as [random.Key, random.Key];
    const weightDecay = isPac ? WEIGHT_DECAY.pac : WEIGHT_DECAY.dsw;
    this.network = new TrainedNetwork(NetworkSlices.create(dim, networkKey), { rate, weightDecay });
    const ofJudge = { rate: discriminator.learningRate, weightDecay: WEIGHT_DECAY.discriminator };
    this.judge = isPac ? new TrainedNetwork(SliceDiscriminator.create(dim, judgeKey), ofJudge) : null;
  }

  async step(key: random.Key): Promise<Step> {
    const [judgeKey, slicesKey] = random.split(key) as [random.Key, random.Key];
    if (this.judge) this.train(this.judge, judgeKey);
    return scope(async (own) => {
      // Of what is computed inside of a gradient function only its result would stay.
      const seen: tf.Tensor[] = [];
      const seeing = (tensor: tf.Scalar): tf.Scalar => {
        seen.push(own(tf.keep(tensor.clone())));
        return tensor;
      };
      const { value: loss, grads } = own(
        this.network.gradients(() => {
          const theta_LD = this.network.module.sample(this.learning.slices, slicesKey);
          const value = seeing(meanCost(this.problem, theta_LD));
          const distance = seeing(this.judge?.module.klEstimate(theta_LD) ?? meanAbsoluteCosine(theta_LD));
          return distance.mul(this.weight).sub(value);
        }),
      );
      const size = own(tf.tidy(() => tf.addN(Object.values(grads).map((gradient) => gradient.abs().sum()))));
      const [value, distance, ...others] = (await Promise.all(
        [...seen, loss, size].map(async (tensor) => (await tensor.data())[0]),
      )) as [number, number, ...number[]];
      const finite = allFinite([value, distance, ...others]);
      if (finite) this.network.apply(grads);
      const measured = { objective: value - this.weight * distance, value, ...(this.judge && { kl: distance }) };
      return { measured, finite };
    });
  }

  async result(key: random.Key): Promise<{ distribution: NetworkSlices; kl?: number }> {
    const { judge, network } = this;
    if (judge === null) return { distribution: network.module };
    return scope(async (own) => {
      const estimate = own(tf.tidy(() => judge.module.klEstimate(network.module.sample(KL_SLICES, key))));
      return { distribution: network.module, kl: (await estimate.data())[0]! };
    });
  }

  async save(): Promise<NetworkLearnerState> {
    const network = await this.network.save();
    return this.judge ? { network, discriminator: await this.judge.save() } : { network };
  }

  /** Goes on from what `save` gave. @throws FormatError when it is not of such a learner */
  async restore(state: NetworkLearnerState): Promise<void> {
    await this.network.restore(this.problem.where, state.network);
    if (this.judge) await this.judge.restore(this.problem.where, state.discriminator);
  }

  release(): void {
    this.isReleased = true;
  }

  dispose(): void {
    if (!this.isReleased) this.network.module.dispose();
    this.network.dispose();
    this.judge?.module.dispose();
    this.judge?.dispose();
  }

  /** Steps of the discriminator with slices as they are. */
  private train(judge: TrainedNetwork<SliceDiscriminator>, key: random.Key): void {
    const { steps, slices } = this.learning.discriminator;
    for (let step = 0; step < steps; step++) {
      const [ofRho, ofPrior] = random.split(random.foldIn(key, step)) as [random.Key, random.Key];
      tf.tidy(() => {
        const theta_LD = this.network.module.sample(slices, ofRho);
        const prior_LD = uniformSlices(slices, judge.module.dim, ofPrior);
        judge.apply(judge.gradients(() => judge.module.loss(theta_LD, prior_LD)).grads);
      });
    }
  }
}
