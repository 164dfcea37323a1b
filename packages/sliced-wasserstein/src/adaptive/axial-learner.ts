// L slices, D coordinates
import * as tf from '@tensorflow/tfjs';
import { type random, scope } from '@tfsci/tensor-core';
import { costGradient } from '../sliced/cost-gradient';
import type { AxialDistribution, AxialFamily } from '../slices/axial-distribution';
import type { AxialDraw, AxialGradient } from '../slices/axial-draw';
import { makeAxial } from '../slices/axial-json';
import { type AxialAdamState, type AxialPoint, axialAdamStep } from './axial-adam';
import { meanOf } from './fit-certificate';
import { allFinite, type Learner, type Measured, type Step } from './learner';
import { meanAbsoluteCosine } from './mean-cosine';
import type { Price } from './price';
import type { SliceProblem } from './slice-problem';

/** How a distribution around an axis is learnt. */
export interface AxialLearning {
  family: AxialFamily;
  /** Slices of an iteration. */
  slices: number;
  rate: number;
  learnMu: boolean;
  price: Price;
}

/** Learns axis and concentration by implicit reparametrisation; see `AxialDistribution.pullback`. */
export class AxialLearner implements Learner<AxialDistribution, AxialAdamState> {
  constructor(
    private readonly problem: SliceProblem,
    private readonly learning: AxialLearning,
    private state: AxialAdamState,
  ) {}

  async step(key: random.Key): Promise<Step> {
    const { price, slices } = this.learning;
    const distribution = this.at(this.state.point);
    const { kappa } = distribution;
    const kl = distribution.klUniform();
    if (price.of === 'cosine') {
      // Independent slices: mirror images are closer to each other than two slices of the law are.
      const draw = distribution.draw(slices, key);
      const { value, gradient, cosine } = await this.slopesAt(draw, price.lambda);
      const measured = { objective: value - price.lambda * cosine, value, kl, kappa };
      return this.climb(measured, distribution.pullback(draw, gradient), value + price.lambda);
    }
    // W(theta) is even: mirror images cancel what is odd across the axis, which is most of the noise in mu.
    const draw = withMirrored(distribution.draw(Math.ceil(slices / 2), key), distribution.mu);
    const { value, gradient } = await this.slopesAt(draw);
    const slope = distribution.pullback(draw, gradient);
    const { lambda, penalty } = price.at(kl);
    slope.logKappa -= (kappa * distribution.klSlope()) / lambda;
    return this.climb({ objective: value - penalty, value, kl, kappa }, slope, value + 1 / lambda);
  }

  result(): Promise<{ distribution: AxialDistribution; kl: number }> {
    const distribution = this.at(this.state.average);
    return Promise.resolve({ distribution, kl: distribution.klUniform() });
  }

  save(): Promise<AxialAdamState> {
    return Promise.resolve(this.state);
  }

  release(): void {
    // Nothing of it is on a device.
  }

  dispose(): void {
    // As before.
  }

  private at({ logKappa, mu }: AxialPoint): AxialDistribution {
    return makeAxial(this.problem.where, this.learning.family, mu, Math.exp(logKappa));
  }

  private climb(measured: Measured, gradient: AxialGradient, size: number): Step {
    const finite = allFinite([measured.objective, gradient.logKappa], gradient.mu);
    const { rate, learnMu } = this.learning;
    if (finite) this.state = axialAdamStep(this.state, gradient, { rate, learnMu, size });
    return { measured, finite };
  }

  /** The mean cost, less `ofCosine` times the mean |cosine| of pairs, differentiated in the slices. */
  private slopesAt(
    draw: AxialDraw,
    ofCosine = 0,
  ): Promise<{ value: number; gradient: ArrayLike<number>; cosine: number }> {
    const { x_ND: x, y_MD: y, plan, p } = this.problem;
    const dim = x.shape[1];
    return scope(async (own) => {
      const tensors = own(
        tf.tidy(() => {
          const theta = tf.tensor2d(Float32Array.from(draw.theta), [draw.theta.length / dim, dim]);
          const { costs, gradient } = costGradient({ x, y, theta }, plan, p, 'theta');
          if (ofCosine === 0) return { costs, gradient, cosine: tf.scalar(0) };
          const spread = tf.valueAndGrad((slices) => meanAbsoluteCosine(slices as tf.Tensor2D))(theta);
          return { costs, gradient: gradient.sub(spread.grad.mul(ofCosine)), cosine: spread.value };
        }),
      );
      const read = [tensors.costs, tensors.gradient, tensors.cosine].map(async (tensor) =>
        Float32Array.from(await tensor.data()),
      );
      const [costs, gradient, cosine] = (await Promise.all(read)) as [Float32Array, Float32Array, Float32Array];
      return { value: meanOf(costs), gradient, cosine: cosine[0]! };
    });
  }
}

/** Slices and their mirror images across the axis, 2 w mu - theta, which have the same cosines. */
function withMirrored({ theta, w, oneMinusW, slope }: AxialDraw, mu: Float64Array): AxialDraw {
  const dim = mu.length;
  const twice = (values: Float64Array, others = values): Float64Array => {
    const both = new Float64Array(2 * values.length);
    both.set(values);
    both.set(others, values.length);
    return both;
  };
  const images = theta.map((entry, i) => 2 * w[Math.floor(i / dim)]! * mu[i % dim]! - entry);
  return { theta: twice(theta, images), w: twice(w), oneMinusW: twice(oneMinusW), slope: twice(slope) };
}
