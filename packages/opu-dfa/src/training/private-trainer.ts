import type * as tf from '@tensorflow/tfjs';
import { check, random, scope, tensorsIn, train } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import type { EpsilonReport, PrivacyEvent } from '../privacy/privacy-event';
import type { PrivateBatch } from './mechanism';
import { secureKey, secureNormal, type NormalSource } from './noise-source';
import { widthsOfExamples } from './one-by-one';
import type { Examples } from './poisson-sampler';
import type { PrivacyBudget } from './privacy-budget';
import { checkColumns, datasetOf, type PrivateData } from './private-data';
import { PrivateStep } from './private-step';
import { checkTrainerOptions, type PrivateTrainerOptions, type TrainerSettings } from './trainer-options';

const { argumentMessage } = check;

/** Options that training hands on to `train.fit` of tensor-core. */
type PrivateLoopOptions<V extends tf.TensorContainer> = Omit<
  train.LoopOptions<PrivateBatch, V>,
  'average' | 'nanGuard' | 'compile'
> &
  Pick<train.FitWithStep<PrivateBatch, V>, 'steps' | 'epochs' | 'validate'>;

/** Options of `PrivateTrainer.fit`; with `x` and `y`, or `data`, and `steps` or `epochs`. */
export interface PrivateFitOptions<V extends tf.TensorContainer = PrivateBatch>
  extends PrivateData, PrivateLoopOptions<V> {
  /**
   * Which examples are in which batch; whoever knows it knows that, so for a guarantee it must stay secret, and so must
   * checkpoints, which have it. Default: one that nobody can foresee, and then the run cannot be taken up again.
   */
  key?: random.KeyOrSeed;
}

/** How training has ended. */
export interface PrivateFitResult extends Omit<train.FitResult, 'status'> {
  /** 'exhausted': the budget does not allow a further step; the network is that of the steps before. */
  status: 'finished' | 'stopped-early' | 'aborted' | 'exhausted';
  /** What has been spent of the budget, by whatever. */
  privacy: EpsilonReport;
}

/** What steps on a data set have in common. */
interface Run {
  source: train.BatchSource<PrivateBatch>;
  event: PrivacyEvent;
  widths: number[];
  step: PrivateStep;
  key: random.Key;
}

/**
 * Trains a network with differential privacy, and stops when its budget is spent.
 *
 * - 'example' (default): an example more or less is hardly noticed. Batches by Poisson sampling, gradients clipped by example
 *   to C, noise of z C on their sum; see `privateGradients`. Each step is charged
 * - 'label': the label of an example is hardly noticed, its inputs are public. Noise on the projections, as light gives it,
 *   and on the error at the output; see `labelEvent`. Each epoch is charged when it begins
 * - 'hybrid': as 'example', with noise of the projections besides
 *
 * The weights are covered, at each step; losses and accuracies on the training data are not. A charge comes before its step
 * and stays when the step fails. Steps that a crash undoes are taken and charged again.
 *
 * @throws RangeError, TypeError for options that are missing, cannot be, or belong to another mode, and for a budget of
 *   another relation
 * @see Ohana et al., 2021, arXiv:2106.03645; Abadi et al., 2016, arXiv:1607.00133
 * @example
 * const trainer = new PrivateTrainer({ network, optimizer, budget, clip: 1, noiseMultiplier: 1, samplingRate: 0.09 });
 * const { status, privacy } = await trainer.fit({ x, y, steps: 300 });
 */
export class PrivateTrainer {
  private readonly network: DfaNetwork;
  private readonly optimizer: tf.Optimizer;
  private readonly budget: PrivacyBudget;
  private readonly settings: TrainerSettings;
  /** Made with the first data: how many examples there are is a part of what is released. */
  private made: { size: number; widths: number[]; step: PrivateStep; event: PrivacyEvent } | null = null;
  /** Steps taken with each key: the same choice and the same noise twice would not be as private as is counted. */
  private readonly taken = new Map<string, number>();
  private ownKey: random.Key | null = null;

  constructor(options: PrivateTrainerOptions) {
    this.settings = checkTrainerOptions('opu-dfa.PrivateTrainer', options);
    this.network = options.network;
    this.optimizer = options.optimizer;
    this.budget = options.budget;
  }

  /**
   * Trains until the steps are done or the budget is spent. With a checkpoint and the same key a run that was stopped goes
   * on, and ends bit for bit as if it had not been where noise comes from a key too.
   *
   * @returns how it ended; the network has the last weights
   * @throws RangeError for data that are not finite, or of another size than before, a key whose steps were taken before, and
   *   gradients or weights that are not finite, which are not assigned; TypeError for bad options; FormatError for a
   *   checkpoint made with other settings; BudgetExhaustedError when another run spends the budget meanwhile
   */
  async fit<V extends tf.TensorContainer = PrivateBatch>(options: PrivateFitOptions<V>): Promise<PrivateFitResult> {
    const where = 'opu-dfa.PrivateTrainer.fit';
    const { x, y, data, key: given, signal, ...loop } = options;
    if (given === undefined && loop.checkpoint !== undefined) {
      const fix = 'Without it no run could go on from the checkpoint.';
      throw new TypeError(argumentMessage(where, 'key', 'be given with checkpoint', given, fix));
    }
    const columns = { ...(x && { x }), ...(y && { y }), ...(data && { data }) };
    const dataset = datasetOf(where, columns);
    await checkColumns(where, columns, this.network.outputs);
    const run = await this.begin(where, dataset, given === undefined ? secureKey() : random.asKey(where, given));
    const exhausted = new AbortController();
    const look = (): void => {
      if (this.budget.stepsLeft(run.event, 1) < 1) exhausted.abort();
    };
    look();
    let charged = false;
    const result = await train.fit<PrivateBatch, V>({
      ...loop,
      data: run.source,
      key: run.key,
      model: this.network.parameters,
      state: { ...this.network.feedback?.variables },
      optimizer: this.optimizer,
      signal: signal ? AbortSignal.any([signal, exhausted.signal]) : exhausted.signal,
      step: async (batch, { key, step }) => {
        // A run that goes on in the middle of an epoch may take a part of it a second time.
        const isCharged = !charged || this.isChargedAt(run, step);
        charged = true;
        const values = await this.take(where, run, batch, key, step, isCharged);
        if (this.isChargedAt(run, step + 1)) look();
        return values;
      },
    });
    const isExhausted = result.status === 'aborted' && exhausted.signal.aborted;
    const status = isExhausted ? 'exhausted' : (result.status as Exclude<train.FitStatus, 'diverged'>);
    return { ...result, status, privacy: this.budget.spent };
  }

  /**
   * Takes one step, for loops of one's own: on a fresh batch in the modes for examples, on the next part of the data for
   * labels.
   *
   * @param options.key  as for `fit`, the same for all steps; by default one that nobody can foresee
   * @returns what has been spent of the budget
   * @throws BudgetExhaustedError when the budget does not allow it, and the weights are as they were; else as `fit`
   */
  async step(options: PrivateData & { key?: random.KeyOrSeed }): Promise<EpsilonReport> {
    const where = 'opu-dfa.PrivateTrainer.step';
    const { key: given, ...data } = options;
    const key = given === undefined ? (this.ownKey ??= secureKey()) : random.asKey(where, given);
    const run = await this.begin(where, datasetOf(where, data), key);
    const step = this.taken.get(textOf(key)) ?? 0;
    const { batchesPerEpoch } = run.source;
    await scope(async (own) => {
      const batch = own(await run.source.batch(Math.floor(step / batchesPerEpoch), step % batchesPerEpoch));
      own(await this.take(where, run, batch, random.foldIn(key, step), step, this.isChargedAt(run, step)));
    });
    return this.budget.spent;
  }

  private isChargedAt({ source }: Run, step: number): boolean {
    return this.settings.mechanism.isChargedAt(step, source.batchesPerEpoch);
  }

  private async begin(where: string, dataset: train.Dataset<Examples>, key: random.Key): Promise<Run> {
    const { mechanism, compile } = this.settings;
    const { network, optimizer } = this;
    const { size } = dataset;
    if (this.made === null) {
      const widths = await widthsOfExamples(where, network, dataset);
      const step = new PrivateStep({ where: 'opu-dfa.PrivateTrainer', network, optimizer, mechanism, size, compile });
      this.made = { size, widths, step, event: await mechanism.event(network, widths) };
    }
    if (size !== this.made.size) {
      const fix = 'Other data need a trainer and a budget of their own.';
      const wanted = `have the ${this.made.size} examples of the first step`;
      throw new RangeError(argumentMessage(where, 'the data', wanted, size, fix));
    }
    const [dataKey] = random.split(key) as [random.Key];
    const batches = mechanism.batches(dataset, dataKey);
    const source: train.BatchSource<PrivateBatch> = {
      batchesPerEpoch: batches.batchesPerEpoch,
      signature: `${batches.signature}; ${mechanism.signature}`,
      batchLength: (epoch, position) => batches.batchLength(epoch, position),
      batch: (epoch, position) => batches.batch(epoch, position),
    };
    return { source, key, ...this.made };
  }

  /** Charges for a step, takes it, and says what may be logged of it. */
  private async take(
    where: string,
    run: Run,
    batch: PrivateBatch,
    stepKey: random.Key,
    step: number,
    isCharged: boolean,
  ): Promise<Record<string, tf.Scalar>> {
    const text = textOf(run.key);
    if (step < (this.taken.get(text) ?? 0)) {
      const fix = 'Take another key, or none; to go on from a checkpoint, make a new trainer.';
      throw new RangeError(argumentMessage(where, 'key', `not have been used for step ${step} before`, text, fix));
    }
    // At once, as calls may overlap; given back if there is no charge, which the next call must not take for made.
    this.taken.set(text, step + 1);
    try {
      if (isCharged) await this.budget.spend(run.event);
    } catch (error) {
      this.taken.set(text, step);
      throw error;
    }
    return scope(async (own) => {
      const [noiseKey, projectionKey] = this.stepKeys(stepKey);
      const noise = this.noiseOf(run, batch, noiseKey);
      own(tensorsIn(noise));
      const { isTaken, loss } = await run.step.run(batch, run.widths, noise, projectionKey);
      own(loss);
      if (isTaken) return this.settings.reportLoss ? { loss: loss.clone() } : {};
      throw new RangeError(
        `${where}: gradients and new weights must be finite, got others at step ${step}, which was charged but not taken. ` +
          'Look at the data, or lower the learning rate.',
      );
    });
  }

  private noiseOf({ widths }: Run, { x }: PrivateBatch, key: random.Key | null): NormalSource {
    if (key !== null) return key;
    return this.settings.mechanism.noiseShapes(this.network, x.shape[0], widths).map(secureNormal);
  }

  /** For the noise, from its own key and that of the step, null where it is secure; and for the projection. */
  private stepKeys(stepKey: random.Key): [noise: random.Key | null, projection: random.Key] {
    const { noiseKey } = this.settings;
    const { word0, word1 } = stepKey;
    return [noiseKey && random.foldIn(random.foldIn(noiseKey, word0), word1), stepKey];
  }
}

function textOf({ word0, word1 }: random.Key): string {
  return `${word0} ${word1}`;
}
