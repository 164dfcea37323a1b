import * as tf from '@tensorflow/tfjs';
import { afterRun } from '../backend';
import { checkNumber, checkOneOf } from '../check';
import { drawn } from '../random/drawn';
import { clipFactor, sumOfSquares } from './clipping';
import { pairsOf, type GradientPair, type Gradients } from './gradient-pairs';
import { NonFiniteError } from './non-finite-error';
import { unsaved, type NonFinitePolicy, type OptimizerOptions } from './optimizer-options';
import { OptimizerState, type NamedTensor } from './optimizer-state';
import { GroupBook, type GroupSettings } from './parameter-groups';
import type { Batch, Commit, OptimizerSpec, Row } from './rule';
import { checkScheduled, configOf, scheduledValue, type Schedule, type ScheduleConfig } from './schedule';

/**
 * What the optimisers of this package share: a tf.Optimizer whose steps are tensor operations alone, so that a whole
 * training step may be compiled; with groups, schedules, clipping and a state that is saved and restored exactly.
 *
 * Numbers that change from step to step enter as inputs that the host fills at each run, state is held in variables:
 * nothing of them becomes part of a compiled step.
 */
export abstract class BaseOptimizer<Name extends string = never, Scalar extends string = never> extends tf.Optimizer {
  /** tf.Optimizer takes anything with its methods for an instance; here `instanceof` means what it says. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }

  protected readonly where: string;
  private rate: number | Schedule;
  private readonly decay: number | Schedule;
  private readonly clipNorm: number | undefined;
  private readonly nonFinite: NonFinitePolicy;
  private readonly book: GroupBook;
  private readonly state: OptimizerState<Name, Scalar | 'refused'>;
  /** Options that a saved configuration did not hold, as functions and variables cannot be saved. */
  private readonly lacks: Set<string>;
  private readonly hasGroups: boolean;
  /** Steps of the present run whose numbers are filled in, but which are not counted yet. */
  private ahead = 0;

  protected constructor(
    private readonly spec: OptimizerSpec<Name, Scalar>,
    options: OptimizerOptions,
  ) {
    super();
    const where = `tensor-core.${spec.className}`;
    const { groups = [], parameters = [], clipNorm, nonFinite = 'propagate' } = options;
    this.where = where;
    this.rate = checkScheduled(where, 'learningRate', unsaved(options.learningRate) ?? spec.learningRate);
    this.decay = checkScheduled(where, 'weightDecay', unsaved(options.weightDecay) ?? spec.weightDecay);
    if (clipNorm !== undefined) checkNumber(where, 'clipNorm', clipNorm, { above: 0 });
    this.clipNorm = clipNorm;
    this.nonFinite = checkOneOf(where, 'nonFinite', nonFinite, ['throw', 'skip', 'propagate']);
    this.book = new GroupBook(where, groups, parameters, this.decay);
    const scalars = { refused: 0, ...spec.scalars } as Record<Scalar | 'refused', number>;
    this.state = new OptimizerState(where, spec.className, spec.slots, scalars);
    this.lacks = new Set((options as { lacks?: string[] }).lacks);
    this.hasGroups = groups.length > 0;
  }

  /** The learning rate of the next step. */
  get learningRate(): number {
    return scheduledValue(this.where, 'learningRate', this.rate, this.iterations);
  }

  /**
   * Sets a constant learning rate or a schedule, compiled steps included. A rate that changes all the time is better given
   * as a schedule: a compiled step is recorded anew when a constant has changed.
   *
   * @throws TypeError, RangeError when negative or not finite
   */
  setLearningRate(value: number | Schedule): void {
    this.rate = checkScheduled(`${this.where}.setLearningRate`, 'learningRate', value);
    this.lacks.delete('learningRate');
  }

  /** How many steps were left out under nonFinite 'skip'. */
  async refusedSteps(): Promise<number> {
    return (await this.state.scalars().refused.data())[0]!;
  }

  /** The numbers of the state, as scalar variables. */
  protected scalars(): Record<Scalar, tf.Variable> {
    return this.state.scalars();
  }

  /** The rule: computes the new weights and state of the step, and commits them. */
  protected abstract advance(batches: Batch<Name>[], commit: Commit, scalars: Record<Scalar, tf.Variable>): void;

  /**
   * One step: evaluates the loss and its gradient, and moves the weights.
   *
   * @param f           gives the scalar loss
   * @param returnCost  whether to return the loss, which is the caller's then
   * @param varList     variables to train, default all trainable ones
   */
  override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
    const { value, grads } = this.computeGradients(f, varList);
    let kept = false;
    try {
      this.applyGradients(grads);
      kept = returnCost;
      return kept ? value : null;
    } finally {
      tf.dispose(grads);
      if (!kept) value.dispose();
    }
  }

  /**
   * One step with gradients of one's own, which stay the caller's.
   *
   * @param gradients  by variable name, or a list; null entries (unused variables) are passed over: no decay, no step
   * @throws RangeError, ShapeError for gradients that fit no variable; NonFiniteError under nonFinite 'throw'
   */
  override applyGradients(gradients: Gradients): void {
    if (this.lacks.size > 0) {
      throw new Error(
        `${this.where}: ${[...this.lacks].join(', ')} must be given again after loading, got an optimiser whose functions ` +
          'were not saved. Compile the model with a new one, and hand it the weights of this: setWeights(await getWeights()).',
      );
    }
    const pairs = pairsOf(this.where, gradients);
    try {
      tf.tidy(() => this.takeStep(pairs));
    } catch (error) {
      this.ahead = 0;
      throw error;
    }
    if (!afterRun(() => this.finishStep())) this.finishStep();
  }

  /** The whole state as named tensors, which are the caller's; `setWeights` goes on from it bit for bit. */
  override async getWeights(): Promise<NamedTensor[]> {
    return [await this.saveIterations(), ...this.state.save()];
  }

  /**
   * Restores what `getWeights` gave. Variables whose names are known take what has their name, others what was saved in the
   * order in which they come.
   *
   * @throws FormatError when it is not a state of this class
   */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const where = `${this.where}.setWeights`;
    const [iter, ...others] = weights;
    const iterations = iter?.name === 'iter' ? (await iter.tensor.data())[0] : undefined;
    checkNumber(where, 'iter', iterations, { min: 0, integer: true }, 'Hand over what getWeights of this class gave.');
    await this.state.restore(others);
    this.iterations_ = iterations!;
    this.ahead = 0;
  }

  /** Frees the state; the optimiser starts anew if it is used again. */
  override dispose(): void {
    this.state.dispose();
    this.iterations_ = 0;
    this.ahead = 0;
  }

  override getClassName(): string {
    return this.spec.className;
  }

  /** The options as they are saved. Groups, and schedules of one's own, must be given again: see `applyGradients`. */
  override getConfig(): tf.serialization.ConfigDict {
    const lacks = new Set(this.lacks);
    if (this.hasGroups) lacks.add('groups');
    const saved = (name: string, value: number | Schedule): number | ScheduleConfig | undefined => {
      if (typeof value === 'number') return value;
      const config = configOf(value);
      if (config === null) lacks.add(name);
      return config ?? undefined;
    };
    const config = {
      learningRate: saved('learningRate', this.rate),
      weightDecay: saved('weightDecay', this.decay),
      clipNorm: this.clipNorm,
      nonFinite: this.nonFinite,
      lacks: lacks.size > 0 ? [...lacks] : undefined,
    };
    const given = Object.entries(config).filter(([, value]) => value !== undefined);
    return Object.fromEntries(given) as tf.serialization.ConfigDict;
  }

  private takeStep(pairs: GradientPair[]): void {
    const { clipNorm, nonFinite } = this;
    const variables = pairs.map(({ variable }) => variable);
    const slots = this.state.slotsOf(variables, (variable) => this.book.nameOf(variable));
    const scalars = this.state.scalars();
    const needsNorm = clipNorm !== undefined || nonFinite !== 'propagate';
    const squares = needsNorm ? sumOfSquares(pairs.map(({ gradient }) => gradient)) : null;
    const factor = squares && clipNorm !== undefined ? clipFactor(squares.sqrt(), clipNorm) : null;
    const finite = squares && nonFinite !== 'propagate' ? tf.isFinite(squares) : null;
    const commit: Commit = (variable, value) => variable.assign(finite ? tf.where(finite, value, variable) : value);
    const rows = pairs.map(({ variable, gradient }, i): Row<Name> & { counter: tf.Variable } => {
      const { counter, tensors } = slots[i]!;
      return { variable, gradient: factor ? gradient.mul(factor) : gradient, state: tensors, counter };
    });
    const steps = new Map<tf.Variable, tf.Tensor>();
    for (const { counter } of rows) if (!steps.has(counter)) steps.set(counter, counter.add(1));
    this.advance(this.batchesOf(rows, steps), commit, scalars);
    for (const [counter, step] of steps) commit(counter, step);
    if (finite) scalars.refused.assign(scalars.refused.add(tf.logicalNot(finite).toFloat()));
  }

  /** The rows by their counters and groups, with the numbers of the step. */
  private batchesOf(rows: (Row<Name> & { counter: tf.Variable })[], steps: Map<tf.Variable, tf.Tensor>): Batch<Name>[] {
    const settings = rows.map(({ variable }) => this.book.settingsOf(variable));
    const groups = [...new Set(settings)];
    const numbers = tf.unstack(drawn([2 * groups.length], 'float32', (out) => this.fillNumbers(out, groups)));
    const batches = new Map<string, Batch<Name>>();
    rows.forEach((row, i) => {
      const group = groups.indexOf(settings[i]!);
      const id = `${group} ${row.counter.id}`;
      let batch = batches.get(id);
      if (batch === undefined) {
        const decay = settings[i]!.weightDecay === 0 ? null : numbers[2 * group + 1]!;
        batch = { step: steps.get(row.counter)!, rate: numbers[2 * group]!, decay, rows: [] };
        batches.set(id, batch);
      }
      batch.rows.push(row);
    });
    return [...batches.values()];
  }

  /** Rate and decay of each group at this step of the run: called at each run, also where the step is compiled. */
  private fillNumbers(out: Float32Array, groups: readonly GroupSettings[]): void {
    const { where } = this;
    const step = this.iterations + this.ahead;
    const rate = scheduledValue(where, 'learningRate', this.rate, step);
    groups.forEach(({ lrScale, weightDecay }, i) => {
      out[2 * i] = rate * scheduledValue(where, 'lrScale', lrScale, step);
      out[2 * i + 1] = scheduledValue(where, 'weightDecay', weightDecay, step);
    });
    this.ahead++;
  }

  /** After each step has been run. */
  private finishStep(): void {
    this.ahead = 0;
    this.incrementIterations();
    if (this.nonFinite !== 'throw') return;
    const { refused } = this.state.scalars();
    if (refused.dataSync()[0] === 0) return;
    tf.tidy(() => refused.assign(tf.scalar(0)));
    throw new NonFiniteError(this.where, this.iterations - 1);
  }
}
