import * as tf from '@tensorflow/tfjs';
import { backend, check } from '@tfsci/tensor-core';
import { DeviceEngine } from './device-engine';
import type { Parameter, SavedState, StepEngine } from './engine';
import { HostEngine } from './host-engine';
import type { ModelConfig } from './model-config';
import { checkRate, type CheckedOptions, type LearningRate } from './options';
import { stateFromTensors, stateToTensors, type NamedTensor } from './state-tensors';
import type { StepLog } from './step-size';

/** Backends whose tensors are read at the cost of a copy at most. */
const READABLE = ['cpu', 'wasm', 'tensorflow'];

/** Gradients as tf.variableGrads gives them, or as a list. */
export type Gradients = Record<string, tf.Tensor | null> | { name: string; tensor: tf.Tensor | null }[];

/**
 * What MoMo, MoMo-Adam and SPS share: a tf.Optimizer that is told the loss.
 *
 * tf.Optimizer.minimize drops the loss before it applies the gradients, so `minimize` is overridden;
 * that is also all that `model.compile` and `model.fit` need. Custom loops over tf.variableGrads call
 * `applyGradientsWithLoss`. All trainable variables of a step share one step size.
 */
export abstract class PolyakOptimizer extends tf.Optimizer {
  /** tf.Optimizer takes anything with its methods for an instance; here `instanceof` means what it says. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /** Set to keep the record of every step also on the device path (`onStep` sets it). */
  logSteps: boolean;
  private schedule: LearningRate;
  private engine: StepEngine | null = null;
  private last: StepLog | null = null;
  private restored: SavedState | undefined;
  private pendingLoss: tf.Scalar | number | null = null;
  private failure: Error | null = null;
  private inFlight: Promise<void> = Promise.resolve();
  private warned = false;

  protected constructor(
    private readonly where: string,
    private readonly shared: CheckedOptions,
    private readonly model: ModelConfig,
  ) {
    super();
    this.schedule = shared.learningRate;
    this.logSteps = shared.onStep !== undefined;
  }

  /** alpha of the next step. */
  get learningRate(): number {
    return typeof this.schedule === 'number' ? this.schedule : this.schedule(this.iterations + 1);
  }

  /** Sets a constant learning rate or a schedule. @throws RangeError when negative or not finite */
  setLearningRate(value: LearningRate): void {
    this.schedule = typeof value === 'function' ? value : checkRate(`${this.where}.setLearningRate`, value);
  }

  /** The record of the latest step that is known here; on the device path see `readLastStep`. */
  get lastStep(): StepLog | null {
    return this.last;
  }

  /**
   * The record of the latest step, after waiting for the device.
   *
   * @throws NonFiniteError when a step on the device path was not finite and nonFinite is 'throw'
   */
  async readLastStep(): Promise<StepLog | null> {
    this.deliver(this.engine?.latest() ?? null);
    await this.inFlight;
    this.throwFailure();
    return this.last;
  }

  /**
   * One step: evaluates the loss and its gradient, and moves the weights.
   *
   * @param f           gives the scalar loss; lower-bounded by `lowerBound`
   * @param returnCost  whether to return the loss (the caller's to dispose)
   * @param varList     variables to train, default all trainable ones
   * @throws TypeError when the loss is not a scalar; NonFiniteError under nonFinite 'throw'
   */
  override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
    // A throw inside the taped function would leak what the tape holds, so a wrong shape waits outside.
    let misfit: tf.Tensor | null = null;
    const { value, grads } = this.computeGradients(() => {
      const loss: tf.Tensor = f();
      if (!(loss instanceof tf.Tensor) || loss.rank === 0) return this.scalarLoss(loss);
      misfit = loss;
      return loss.sum();
    }, varList);
    let kept = false;
    try {
      if (misfit !== null) this.scalarLoss(misfit);
      this.takeStep(grads, value);
      kept = returnCost;
      return kept ? value : null;
    } finally {
      tf.dispose(grads);
      if (!kept) value.dispose();
    }
  }

  /**
   * One step with gradients of one's own.
   *
   * @param gradients  by variable name, or a list; null entries (unused variables) are passed over
   * @param loss       the loss whose gradient they are, a number or scalar; stays the caller's
   */
  applyGradientsWithLoss(gradients: Gradients, loss: tf.Scalar | number): void {
    if (typeof loss !== 'number') return this.takeStep(gradients, this.scalarLoss(loss));
    tf.tidy(() => this.takeStep(gradients, tf.scalar(loss)));
  }

  /** Announces the loss of the next `applyGradients` call, for code that can only call that one. */
  setLoss(loss: tf.Scalar | number): void {
    if (typeof loss !== 'number') this.scalarLoss(loss);
    this.pendingLoss = loss;
  }

  /** @throws Error unless `setLoss` was called just before: the step size needs the loss. */
  override applyGradients(gradients: Gradients): void {
    const loss = this.pendingLoss;
    this.pendingLoss = null;
    if (loss === null) {
      throw new Error(
        `${this.where}.applyGradients: the loss must be known to size the step, got gradients alone. ` +
          'Use minimize, applyGradientsWithLoss(gradients, loss), or setLoss(loss) just before.',
      );
    }
    this.applyGradientsWithLoss(gradients, loss);
  }

  /** The whole state as named tensors, which are the caller's; `setWeights` goes on from it bit for bit. */
  override async getWeights(): Promise<NamedTensor[]> {
    await this.inFlight;
    const empty = { step: 0, lossAvg: 0, gamma: 0, lowerBound: this.model.lowerBound, slots: [] };
    return stateToTensors(this.engine ? await this.engine.save() : (this.restored ?? empty));
  }

  /** Restores what `getWeights` gave; slots go to the variables in the order of their first step. */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const state = await stateFromTensors(`${this.where}.setWeights`, weights, this.model.beta2 !== null);
    await this.inFlight;
    this.dispose();
    this.restored = state;
    this.iterations_ = state.step;
  }

  /** Frees the averages; the optimiser starts anew if it is used again. */
  override dispose(): void {
    this.engine?.dispose();
    this.engine = null;
    this.restored = undefined;
    this.last = null;
    this.failure = null;
    this.pendingLoss = null;
    this.iterations_ = 0;
  }

  /** The options that every class of the family saves; a schedule is saved as its present value. */
  protected sharedConfig(): tf.serialization.ConfigDict {
    const { weightDecay, lowerBound, nonFinite, scalars } = this.shared;
    return { learningRate: this.learningRate, weightDecay, lowerBound, nonFinite, scalars };
  }

  private takeStep(gradients: Gradients, loss: tf.Scalar): void {
    this.throwFailure();
    const parameters = this.parametersOf(gradients);
    this.engine ??= this.startEngine();
    const rate = checkRate(this.where, this.learningRate);
    if (this.stepRecorded(this.engine, parameters, loss, rate)) return;
    const outcome = this.engine.step(parameters, loss, rate, this.logSteps);
    if (outcome instanceof Promise) this.deliver(outcome);
    else this.report(outcome);
    // Only the host knows at once that it left a batch out.
    if (outcome !== null || this.engine instanceof DeviceEngine) this.incrementIterations();
  }

  /** The step inside of a function that is being compiled, where its record comes after each run; false elsewhere. */
  private stepRecorded(engine: StepEngine, parameters: Parameter[], loss: tf.Scalar, rate: number): boolean {
    if (!(engine instanceof DeviceEngine)) return false;
    const recorded = backend.afterRun(() => {
      this.throwFailure();
      this.deliver(engine.ran(this.logSteps));
      this.incrementIterations();
    });
    if (recorded) engine.stepRecorded(parameters, loss, rate);
    return recorded;
  }

  /** Reports a record when it has come, after those before it; an error waits for the next call. */
  private deliver(outcome: Promise<StepLog | null> | null): void {
    if (outcome === null) return;
    // What arrives after dispose or setWeights belongs to a run that is no more.
    const { engine } = this;
    this.inFlight = Promise.all([outcome, this.inFlight])
      .then(([log]) => {
        if (this.engine === engine) this.report(log);
      })
      .catch((error: unknown) => {
        if (this.engine === engine) this.failure ??= error instanceof Error ? error : new Error(String(error));
      });
  }

  private report(log: StepLog | null): void {
    if (log === null) return;
    this.last = log;
    if (log.loss < log.lowerBound && !this.model.useFstar && !this.warned) {
      this.warned = true;
      console.warn(
        `${this.where}: the loss (${log.loss}) is below lowerBound (${log.lowerBound}) at step ${log.step}, ` +
          'so the weights stand still. Lower the bound, or set useFstar with a generous one.',
      );
    }
    this.shared.onStep?.(log);
  }

  private throwFailure(): void {
    const failure = this.failure;
    this.failure = null;
    if (failure !== null) throw failure;
  }

  private startEngine(): StepEngine {
    const { scalars, nonFinite } = this.shared;
    const readable = READABLE.includes(tf.getBackend()) && !backend.canCompile(tf.backend());
    const Engine = scalars === 'exact' || (scalars === 'auto' && readable) ? HostEngine : DeviceEngine;
    const engine = new Engine(this.where, this.model, nonFinite, this.restored);
    this.restored = undefined;
    return engine;
  }

  private parametersOf(gradients: Gradients): Parameter[] {
    const named = Array.isArray(gradients)
      ? gradients.map(({ name, tensor }) => [name, tensor] as const)
      : Object.entries(gradients);
    const registered = tf.engine().registeredVariables;
    const parameters = named.flatMap(([name, gradient]): Parameter[] => {
      if (gradient == null) return [];
      const variable = registered[name];
      if (variable === undefined) {
        throw new RangeError(
          `${this.where}: gradients must be named after registered variables, got ${JSON.stringify(name)}.`,
        );
      }
      if (String(variable.shape) !== String(gradient.shape)) {
        throw new check.ShapeError(
          `${this.where}: the gradient of ${name} must have its shape [${variable.shape.join(', ')}], ` +
            `got [${gradient.shape.join(', ')}].`,
        );
      }
      return [{ variable, gradient }];
    });
    if (parameters.length === 0)
      throw new RangeError(`${this.where}: gradients must name at least one variable, got none.`);
    return parameters;
  }

  private scalarLoss(loss: unknown): tf.Scalar {
    if (loss instanceof tf.Tensor && loss.rank === 0) return loss as tf.Scalar;
    throw new TypeError(
      check.argumentMessage(this.where, 'the loss', 'be a scalar tensor', loss, 'Take its mean over the batch first.'),
    );
  }
}
