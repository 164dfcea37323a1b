import { check } from '@tfsci/tensor-core';
import type { StepLog } from './step-size';

/** A constant learning rate, or a schedule of the step number k = 1, 2, ... */
export type LearningRate = number | ((step: number) => number);

/** What to do when the loss or the gradient of a step is not finite; the step is otherwise as if it had not been. */
export type NonFinitePolicy = 'throw' | 'skip' | 'propagate';

/** Where the global scalars live: float64 on the host, float32 on the device, or the one that suits the backend. */
export type ScalarPath = 'auto' | 'exact' | 'device';

/** Options that the whole family shares. */
export interface PolyakOptions {
  /** alpha (lambda in [1]), the cap of the step; see each optimiser for its default. */
  learningRate?: LearningRate;
  /** lambda, decoupled weight decay; default 0. */
  weightDecay?: number;
  /** f*, a lower bound of the loss; default 0, which holds for cross-entropy, squared error, hinge, KL, ... */
  lowerBound?: number;
  /** Default 'throw': an error that names the step; 'skip' ignores the batch; 'propagate' does as PyTorch. */
  nonFinite?: NonFinitePolicy;
  /** Called with the record of each step; on 'device' with a delay, in order. */
  onStep?: (log: StepLog) => void;
  /** Default 'auto': 'exact' where tensors can be read without a stall (cpu, wasm, node), else 'device'. */
  scalars?: ScalarPath;
}

/** Options of MoMo. */
export interface MomoOptions extends PolyakOptions {
  /** beta, weight of the past in the averages, in [0, 1); default 0.9. */
  beta?: number;
  /** Start the averages from zero and correct by rho_k = 1 - beta^k; default false (they start from the first batch). */
  biasCorrection?: boolean;
  /** MoMo*: estimate the lower bound on the fly, with `lowerBound` as its floor; default false. */
  useFstar?: boolean;
}

/** Options of MoMo-Adam. */
export interface MomoAdamOptions extends PolyakOptions {
  /** Weight of the past in the averages of loss and gradient, in [0, 1); default 0.9. */
  beta1?: number;
  /** Weight of the past in the average of squared gradients, in [0, 1); default 0.999. */
  beta2?: number;
  /** Added to the root of the squared average; default 1e-8. */
  epsilon?: number;
  /** true (default): proximal weight decay, the whole update is divided by 1 + alpha lambda; false: as AdamW. */
  divide?: boolean;
  /** MoMo-Adam*: estimate the lower bound on the fly, with `lowerBound` as its floor; default false. */
  useFstar?: boolean;
}

/** Options of SPS_max and ProxSPS. */
export interface SpsOptions extends PolyakOptions {
  /** true (default): weight decay by the proximal step (ProxSPS); false: as an L2 penalty inside the loss. */
  prox?: boolean;
}

/** What the family shares, with defaults filled in. */
export type CheckedOptions = Required<Omit<PolyakOptions, 'onStep'>> & Pick<PolyakOptions, 'onStep'>;

/** Checks what the family shares. @throws RangeError or TypeError that names the option */
export function checkPolyakOptions(where: string, options: PolyakOptions, defaultRate: number): CheckedOptions {
  const {
    learningRate = defaultRate,
    weightDecay = 0,
    lowerBound = 0,
    nonFinite = 'throw',
    scalars = 'auto',
  } = options;
  if (typeof learningRate !== 'function') checkRate(where, learningRate);
  check.checkNumber(where, 'weightDecay', weightDecay, { min: 0 });
  check.checkNumber(where, 'lowerBound', lowerBound, {}, 'Without a known bound take a generous one and useFstar.');
  check.checkOneOf(where, 'nonFinite', nonFinite, ['throw', 'skip', 'propagate']);
  check.checkOneOf(where, 'scalars', scalars, ['auto', 'exact', 'device']);
  const { onStep } = options;
  if (onStep !== undefined && typeof onStep !== 'function') {
    throw new TypeError(check.argumentMessage(where, 'onStep', 'be a function', onStep));
  }
  return { learningRate, weightDecay, lowerBound, nonFinite, scalars, ...(onStep && { onStep }) };
}

/** Checks a learning rate. @throws RangeError or TypeError */
export function checkRate(where: string, value: unknown): number {
  return check.checkNumber(where, 'learningRate', value, { min: 0 });
}

/** Checks a weight of the past, in [0, 1). @throws RangeError or TypeError */
export function checkBeta(where: string, name: string, value: unknown): number {
  return check.checkNumber(where, name, value, { min: 0, below: 1 }, 'With 1 the averages would never move.');
}
