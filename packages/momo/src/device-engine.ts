import * as tf from '@tensorflow/tfjs';
import { assertSameShape, NonFiniteError, type Parameter, type SavedState, type StepEngine } from './engine';
import type { ModelConfig } from './model-config';
import type { NonFinitePolicy } from './options';
import type { StepLog } from './step-size';

interface Slot {
  d: tf.Variable;
  v: tf.Variable | null;
}

/** State scalars as float32 variables on the device. */
interface Scalars {
  step: tf.Variable;
  lossAvg: tf.Variable;
  gamma: tf.Variable;
  lowerBound: tf.Variable;
  /** First step that was refused and not yet reported, 0 for none: records in between may go unread. */
  refused: tf.Variable;
}

/** Order of the numbers in the one tensor that a step may send back. */
const LOG_FIELDS = [
  'step',
  'loss',
  'lossAvg',
  'adaptiveStep',
  'userStep',
  'stepSize',
  'lowerBound',
  'modelValue',
  'gradNormSq',
  'finite',
  'refused',
] as const;
type LogRecord = Record<(typeof LOG_FIELDS)[number], number>;

/**
 * The path for backends where a read stalls the pipeline: the whole step runs as tensor operations,
 * state and scalars (float32) stay on the device, and at most one small tensor comes back, later.
 */
export class DeviceEngine implements StepEngine {
  private readonly slots = new Map<string, Slot>();
  private readonly scalars: Scalars;
  private restored: SavedState['slots'];
  private reading = false;
  /** The record of the latest compiled step. */
  private readonly record: tf.Variable;
  /** The latest record, if it was not read. */
  private unread: tf.Tensor1D | null = null;

  constructor(
    private readonly where: string,
    private readonly config: ModelConfig,
    private readonly nonFinite: NonFinitePolicy,
    saved?: SavedState,
  ) {
    const variable = (value: number): tf.Variable => tf.tidy(() => tf.scalar(value).variable(false));
    this.scalars = {
      step: variable(saved?.step ?? 0),
      lossAvg: variable(saved?.lossAvg ?? 0),
      gamma: variable(saved?.gamma ?? 0),
      lowerBound: variable(saved?.lowerBound ?? config.lowerBound),
      refused: variable(0),
    };
    this.record = tf.tidy(() => tf.zeros([LOG_FIELDS.length]).variable(false));
    this.restored = saved?.slots ?? [];
  }

  step(
    parameters: Parameter[],
    loss: tf.Scalar,
    learningRate: number,
    wanted: boolean,
  ): Promise<StepLog | null> | null {
    // Kept, as the reading outlasts a tidy around the step.
    const record = tf.keep(tf.tidy(() => this.advance(parameters, loss, learningRate)));
    this.unread?.dispose();
    this.unread = record;
    return this.reading && !wanted ? null : this.latest();
  }

  /** The step inside of a compiled function: its record stays in a variable, for `ran` after each run. */
  stepRecorded(parameters: Parameter[], loss: tf.Scalar, learningRate: number): void {
    tf.tidy(() => this.record.assign(this.advance(parameters, loss, learningRate)));
  }

  /** After a run of a compiled step: its record, as `step` gives it. */
  ran(wanted: boolean): Promise<StepLog | null> | null {
    this.unread?.dispose();
    this.unread = tf.keep(this.record.clone()) as tf.Tensor1D;
    return this.reading && !wanted ? null : this.latest();
  }

  /** Reads the latest record, null when that has been done. */
  latest(): Promise<StepLog | null> | null {
    const record = this.unread;
    if (record === null) return null;
    this.unread = null;
    this.reading = true;
    return this.read(record).finally(() => (this.reading = false));
  }

  private async read(record: tf.Tensor1D): Promise<StepLog | null> {
    const values = await record.data().finally(() => record.dispose());
    const { finite, refused, ...log } = Object.fromEntries(
      LOG_FIELDS.map((name, i) => [name, values[i]!]),
    ) as LogRecord;
    if (refused > 0 && this.nonFinite === 'throw') {
      // The optimiser may have been disposed of while the record was on its way.
      const flag = this.scalars.refused;
      if (!flag.isDisposed) tf.tidy(() => flag.assign(tf.scalar(0)));
      throw new NonFiniteError(this.where, refused, 'loss and gradient');
    }
    if (finite === 0 && this.nonFinite !== 'propagate') return null;
    return { ...log, capped: log.userStep <= log.adaptiveStep };
  }

  async save(): Promise<SavedState> {
    const number = async (variable: tf.Variable): Promise<number> => ((await variable.data()) as Float32Array)[0]!;
    const { step, lossAvg, gamma, lowerBound } = this.scalars;
    const slots = await Promise.all(
      [...this.slots.values()].map(async ({ d, v }) => ({
        shape: d.shape,
        d: ((await d.data()) as Float32Array).slice(),
        v: v && ((await v.data()) as Float32Array).slice(),
      })),
    );
    return {
      step: await number(step),
      lossAvg: await number(lossAvg),
      gamma: await number(gamma),
      lowerBound: await number(lowerBound),
      slots: [...slots, ...this.restored],
    };
  }

  dispose(): void {
    for (const { d, v } of this.slots.values()) tf.dispose(v === null ? [d] : [d, v]);
    this.slots.clear();
    tf.dispose([...(Object.values(this.scalars) as tf.Variable[]), this.record]);
    this.unread?.dispose();
    this.unread = null;
  }

  /** The step of model-step.ts in tensor operations; where the batch is not finite nothing is assigned anew. */
  private advance(parameters: Parameter[], loss: tf.Scalar, learningRate: number): tf.Tensor1D {
    const { beta2, epsilon, weightDecay, decay, zeroInit, useFstar, lowerBound: floor } = this.config;
    const { scalars } = this;
    const step = scalars.step.add(1);
    // Weights of past and present; without zero start the first batch is the whole average.
    const first = step.equal(1);
    const past = zeroInit ? tf.scalar(this.config.beta) : tf.where(first, 0, this.config.beta);
    const now = zeroInit ? tf.scalar(1 - this.config.beta) : tf.where(first, 1, 1 - this.config.beta);
    const mix = (average: tf.Tensor, value: tf.Tensor): tf.Tensor => average.mul(past).add(value.mul(now));
    const unbias = beta2 === null ? null : oneMinusPower(beta2, step);
    const penalty = decay === 'penalty' ? weightDecay : 0;

    const gradDotX: tf.Tensor[] = [];
    const dots: tf.Tensor[] = [];
    const norms: tf.Tensor[] = [];
    const penalties: tf.Tensor[] = [];
    const rows = parameters.map(({ variable: x, gradient }) => {
      const slot = this.slotFor(x, gradient);
      const g = penalty === 0 ? gradient : gradient.add(x.mul(penalty));
      const d = mix(slot.d, g);
      const v = slot.v && beta2 !== null ? slot.v.mul(beta2).add(g.square().mul(1 - beta2)) : null;
      const direction =
        v === null || unbias === null ? d : quotient(d, v.div(unbias).sqrt().add(epsilon), epsilon === 0);
      gradDotX.push(sumOfProduct(g, x));
      dots.push(sumOfProduct(d, x));
      norms.push(sumOfProduct(d, direction));
      if (penalty !== 0) penalties.push(sumOfProduct(x, x));
      return { x, slot, d, v, direction };
    });

    const batchLoss = penalty === 0 ? loss : loss.add(tf.addN(penalties).mul(penalty / 2));
    const lossAvg = mix(scalars.lossAvg, batchLoss);
    const gamma = mix(scalars.gamma, tf.addN(gradDotX));
    const dot = tf.addN(dots);
    const gradNormSq = tf.addN(norms);
    const rho = zeroInit ? oneMinusPower(this.config.beta, step) : tf.scalar(1);
    const w = decay === 'penalty' ? 1 : 1 + learningRate * weightDecay;
    let bound: tf.Tensor = scalars.lowerBound;
    if (useFstar) {
      const cap = lossAvg.sub(gamma).mul(w).add(dot);
      const reset = cap.div(rho.mul(2 * w)).maximum(floor);
      bound = tf.where(cap.less(rho.mul(w).mul(bound)), reset, bound);
    }
    const gap = lossAvg.sub(rho.mul(bound)).sub(gamma).mul(w).add(dot).maximum(0);
    const userStep = tf.scalar(learningRate).div(rho);
    const adaptiveStep = gap.divNoNan(gradNormSq);
    const stepSize = userStep.minimum(adaptiveStep);
    const modelValue = lossAvg.add(dot).sub(gamma).div(rho);
    if (useFstar) bound = modelValue.sub(stepSize.mul(gradNormSq).div(rho.mul(2))).maximum(floor);

    const finite = tf.isFinite(loss).logicalAnd(tf.isFinite(gradNormSq.add(modelValue)));
    const commit = (variable: tf.Variable, value: tf.Tensor): void => {
      if (value === variable) return; // assigning a variable to itself would free its data
      variable.assign(this.nonFinite === 'propagate' ? value : tf.where(finite, value, variable));
    };
    const shrink = decay === 'decoupled' ? 1 - learningRate * weightDecay : 1;
    const divisor = decay === 'proximal' ? w : 1;
    for (const { x, slot, d, v, direction } of rows) {
      const kept = shrink === 1 ? x : x.mul(shrink);
      const moved = kept.sub(direction.mul(stepSize));
      commit(x, divisor === 1 ? moved : moved.div(divisor));
      commit(slot.d, d);
      if (slot.v && v) commit(slot.v, v);
    }
    commit(scalars.step, step);
    commit(scalars.lossAvg, lossAvg);
    commit(scalars.gamma, gamma);
    commit(scalars.lowerBound, bound);
    const refused = tf.where(finite.logicalOr(scalars.refused.greater(0)), scalars.refused, step);
    scalars.refused.assign(refused);
    const numbers = [step, loss, lossAvg, adaptiveStep, userStep, stepSize, bound, modelValue, gradNormSq];
    return tf.stack([...numbers, finite.toFloat(), refused]).as1D();
  }

  private slotFor(x: tf.Variable, gradient: tf.Tensor): Slot {
    let slot = this.slots.get(x.name);
    if (slot === undefined) {
      const saved = this.restored[0];
      if (saved !== undefined) {
        assertSameShape(this.where, saved.shape, x.name, x.shape);
        this.restored = this.restored.slice(1);
      }
      const variable = (values: Float32Array | undefined): tf.Variable =>
        tf.tidy(() => (values ? tf.tensor(values, x.shape) : tf.zerosLike(x)).variable(false));
      slot = { d: variable(saved?.d), v: this.config.beta2 === null ? null : variable(saved?.v ?? undefined) };
      // A variable that joins a run later starts its average from its own first gradient.
      if (saved === undefined && !this.config.zeroInit) slot.d.assign(tf.where(tf.isFinite(gradient), gradient, 0));
      this.slots.set(x.name, slot);
    }
    return slot;
  }
}

/** <a, b>, rows first: two short float32 sums lose less than one long one. */
function sumOfProduct(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const product = a.mul(b);
  return product.rank > 1 ? product.sum(-1).sum() : product.sum();
}

/** 1 - beta^k. In float32 the plain form loses all but three digits at beta = 0.999, k = 1. */
function oneMinusPower(beta: number, step: tf.Tensor): tf.Tensor {
  return beta === 0 ? tf.onesLike(step) : step.mul(Math.log(beta)).expm1().neg();
}

/** a / b; with `guarded` 0 where b is 0. */
function quotient(a: tf.Tensor, b: tf.Tensor, guarded: boolean): tf.Tensor {
  return guarded ? a.divNoNan(b) : a.div(b);
}
