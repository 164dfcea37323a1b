import * as tf from '@tensorflow/tfjs';
import { afterRun } from '../backend';
import { argumentMessage, checkNumber, FormatError, ShapeError } from '../check';
import { drawn } from '../random/drawn';
import type { NamedTensor } from './optimizer-state';
import { checkScheduled, scheduledValue, type Schedule } from './schedule';

/** Options of `WeightEma`. */
export interface WeightEmaOptions {
  /** Weight of the past, in [0, 1], or a schedule of the update, which counts from 0; default 0.999. */
  decay?: number | Schedule;
  /** Whether the decay is at most (1 + t) / (10 + t) at update t, so that the start is soon forgotten; default false. */
  warmup?: boolean;
  /**
   * Variables that hold the averages, in the order of the weights: those of a teacher network. They stay the caller's, and
   * start from what they hold. Default: variables of its own, which start from the weights.
   */
  into?: readonly tf.Variable[];
}

/** Bounds of a weight of the past. */
const SHARE = { min: 0, max: 1 };

/**
 * The exponential moving average of weights.
 *
 *   a <- decay a + (1 - decay) w
 *
 * @param weights  the variables that are trained
 * @throws TypeError, RangeError for a bad option; ShapeError when `into` does not fit
 * @see Polyak, Juditsky, 1992, "Acceleration of stochastic approximation by averaging"; Caron et al., 2021,
 *   arXiv:2104.14294 (teacher with a cosine from 0.992 to 1)
 * @example
 * const ema = new WeightEma(model.trainableVariables(), { decay: 0.999 });
 * const step = jit((x: tf.Tensor) => {
 *   optimizer.minimize(() => loss(x));
 *   ema.update();
 * });
 * ema.apply(); // the model has the averages, for validation
 * ema.restore();
 */
export class WeightEma {
  /** The averages, in the order of the weights. */
  readonly averages: readonly tf.Variable[];
  private readonly decay: number | Schedule;
  private readonly warmup: boolean;
  private readonly owned: boolean;
  private counted = 0;
  /** Updates of the present run whose decay is filled in, but which are not counted yet. */
  private ahead = 0;
  /** The weights of training, while the model has the averages. */
  private aside: tf.Tensor[] | null = null;

  constructor(
    private readonly weights: readonly tf.Variable[],
    options: WeightEmaOptions = {},
  ) {
    const where = 'tensor-core.WeightEma';
    const { decay = 0.999, warmup = false, into } = options;
    this.decay = checkScheduled(where, 'decay', decay, SHARE);
    this.warmup = warmup;
    this.owned = into === undefined;
    if (weights.length === 0) throw new RangeError(argumentMessage(where, 'weights', 'not be empty', weights));
    if (into !== undefined && into.length !== weights.length) {
      const wanted = `hold one variable for each of the ${weights.length} weights`;
      throw new RangeError(argumentMessage(where, 'into', wanted, into.length));
    }
    weights.forEach(({ shape }, i) => {
      const target = into?.[i];
      if (target === undefined || String(target.shape) === String(shape)) return;
      throw new ShapeError(argumentMessage(where, `into[${i}]`, `have shape [${shape.join(', ')}]`, target));
    });
    this.averages = into ?? weights.map((weight) => tf.tidy(() => weight.clone().variable(false)));
  }

  /** How many updates have been made. */
  get updates(): number {
    return this.counted;
  }

  /** Takes the present weights into the averages; may be part of a compiled step. @throws Error while these are applied */
  update(): void {
    tf.tidy(() => {
      // 1 - decay in float64, as it may be as small as the spacing of float32 near 1.
      const share = drawn([], 'float32', (out) => (out[0] = 1 - this.nextDecay()));
      this.averages.forEach((average, i) => average.assign(average.add(this.weights[i]!.sub(average).mul(share))));
    });
    const finish = (): void => {
      this.counted++;
      this.ahead = 0;
    };
    if (!afterRun(finish)) finish();
  }

  /** Puts the averages in the place of the weights, until `restore`. @throws Error when that is the case already */
  apply(): void {
    this.checkTraining('apply');
    this.aside = this.weights.map((weight) => tf.keep(weight.clone()));
    this.weights.forEach((weight, i) => weight.assign(this.averages[i]!));
  }

  /** Puts the weights of training back. @throws Error without `apply` before */
  restore(): void {
    const { aside } = this;
    if (aside === null) {
      throw new Error('tensor-core.WeightEma.restore: apply must come before, got no weights to put back.');
    }
    this.weights.forEach((weight, i) => {
      if (!weight.isDisposed) weight.assign(aside[i]!);
    });
    tf.dispose(aside);
    this.aside = null;
  }

  /** Exchanges weights and averages for good. @throws Error while the averages are applied */
  swap(): void {
    this.checkTraining('swap');
    tf.tidy(() => {
      this.weights.forEach((weight, i) => {
        const average = this.averages[i]!;
        const trained = weight.clone();
        weight.assign(average);
        average.assign(trained);
      });
    });
  }

  /** The averages and the count as named tensors, which are the caller's. */
  getWeights(): Promise<NamedTensor[]> {
    const averages = this.averages.map((average, i) => ({ name: `ema/${i}`, tensor: average.clone() }));
    return Promise.resolve([{ name: 'iter', tensor: tf.scalar(this.counted, 'int32') }, ...averages]);
  }

  /** Restores what `getWeights` gave; the tensors stay the caller's. @throws FormatError, ShapeError when it does not fit */
  async setWeights(saved: readonly NamedTensor[]): Promise<void> {
    const where = 'tensor-core.WeightEma.setWeights';
    const [iter, ...averages] = saved;
    if (iter?.name !== 'iter' || averages.length !== this.averages.length) {
      throw new FormatError(
        `${where}: weights must be what getWeights of the same model gave, got ${saved.length} tensors for ` +
          `${this.averages.length} averages and the count.`,
      );
    }
    averages.forEach(({ name, tensor }, i) => {
      const { shape } = this.averages[i]!;
      if (String(tensor.shape) === String(shape)) return;
      throw new ShapeError(argumentMessage(where, name, `have shape [${shape.join(', ')}]`, tensor));
    });
    this.counted = checkNumber(where, 'iter', (await iter.tensor.data())[0], { min: 0, integer: true });
    this.ahead = 0;
    this.averages.forEach((average, i) => average.assign(averages[i]!.tensor));
  }

  /** Frees the averages, unless they are the caller's, and puts the weights of training back. */
  dispose(): void {
    if (this.aside !== null) this.restore();
    if (this.owned) for (const average of this.averages) if (!average.isDisposed) average.dispose();
  }

  /** Called at each run, also where the update is compiled. */
  private nextDecay(): number {
    this.checkTraining('update');
    const update = this.counted + this.ahead++;
    const decay = scheduledValue('tensor-core.WeightEma', 'decay', this.decay, update, SHARE);
    return this.warmup ? Math.min(decay, (1 + update) / (10 + update)) : decay;
  }

  private checkTraining(method: string): void {
    if (this.aside === null) return;
    throw new Error(
      `tensor-core.WeightEma.${method}: the weights must be those of training, got the averages. Call restore first.`,
    );
  }
}
