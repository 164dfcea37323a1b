import { check } from '@tfsci/tensor-core';
import { gradientDotWeights, initialState, modelStep, type ModelState } from './model-step';
import type { ModelConfig } from './model-config';
import { checkBeta, checkRate } from './options';
import type { StepLog } from './step-size';

/** A problem on plain arrays: where to start, and the batch loss and gradient of each step. */
export interface ReferenceProblem {
  /** Weights before the first step, one array per parameter tensor. */
  initial: ArrayLike<number>[];
  /** Batch loss and its gradient at weights `x` in step k = 1, 2, ...; must not keep or change `x`. */
  lossAndGradient(x: readonly Float64Array[], step: number): { loss: number; gradient: ArrayLike<number>[] };
}

/** Options of `momoReference`: those of the optimisers, in one record. */
export interface ReferenceOptions {
  method?: 'momo' | 'momo-adam' | 'sps';
  /** Number of steps. */
  steps: number;
  learningRate?: number | ((step: number) => number);
  /** beta of momo, beta1 of momo-adam; default 0.9. */
  beta?: number;
  beta2?: number;
  epsilon?: number;
  weightDecay?: number;
  lowerBound?: number;
  biasCorrection?: boolean;
  useFstar?: boolean;
  divide?: boolean;
  prox?: boolean;
}

/** Every step of a reference run. */
export interface ReferenceRun {
  /** Weights before the first step and after each: `weights[k][tensor]`. */
  weights: Float64Array[][];
  steps: StepLog[];
}

const DEFAULT_RATE = { momo: 1, 'momo-adam': 0.01, sps: 1e-3 };

/**
 * The methods of this package in float64 on plain arrays, with no TensorFlow.js: for tests, for
 * teaching, and for small problems in scripts. The arithmetic is that of the optimisers' exact path.
 *
 * @param problem  start and loss
 * @param options  method (default momo), number of steps, and the method's options
 * @returns weights and records of all steps
 * @throws RangeError or TypeError naming the option; ShapeError when a gradient has another length
 * @see Schaipp, Ohana, Eickenberg, Defazio, Gower, 2024, arXiv:2305.07583
 */
export function momoReference(problem: ReferenceProblem, options: ReferenceOptions): ReferenceRun {
  const where = 'momo.momoReference';
  const method = check.checkOneOf(where, 'method', options.method ?? 'momo', ['momo', 'momo-adam', 'sps']);
  const steps = check.checkNumber(where, 'steps', options.steps, { min: 0, integer: true });
  const config = configOf(where, method, options);
  const rate = options.learningRate ?? DEFAULT_RATE[method];

  let x: Float64Array[] = problem.initial.map((values) => Float64Array.from(values));
  let state: ModelState<Float64Array> = initialState(config.lowerBound);
  state = { ...state, d: x.map(() => null), v: x.map(() => null) };
  const rows = x.map((_, i) => i);
  const run: ReferenceRun = { weights: [x], steps: [] };
  for (let k = 1; k <= steps; k++) {
    const { loss, gradient } = problem.lossAndGradient(x, k);
    const g = gradient.map((values) => Float64Array.from(values));
    if (g.length !== x.length || g.some((values, i) => values.length !== x[i]!.length)) {
      throw new check.ShapeError(
        `${where}: the gradient must have the lengths of the weights (${x.map((v) => v.length).join(', ')}), ` +
          `got ${g.map((v) => v.length).join(', ')}.`,
      );
    }
    const learningRate = checkRate(where, typeof rate === 'function' ? rate(k) : rate);
    const gradDotX = gradientDotWeights(x, g);
    const taken = modelStep(state, rows, x, g, gradDotX, loss, learningRate, config);
    ({ weights: x, state } = taken);
    run.weights.push(x);
    run.steps.push(taken.log);
  }
  return run;
}

function configOf(where: string, method: 'momo' | 'momo-adam' | 'sps', options: ReferenceOptions): ModelConfig {
  const { weightDecay = 0, lowerBound = 0, useFstar = false, epsilon = 1e-8 } = options;
  const adam = method === 'momo-adam';
  const sps = method === 'sps';
  const form = sps && options.prox === false ? 'penalty' : adam && options.divide === false ? 'decoupled' : 'proximal';
  return {
    beta: sps ? 0 : checkBeta(where, 'beta', options.beta ?? 0.9),
    beta2: adam ? checkBeta(where, 'beta2', options.beta2 ?? 0.999) : null,
    epsilon: check.checkNumber(where, 'epsilon', epsilon, { min: 0 }),
    weightDecay: check.checkNumber(where, 'weightDecay', weightDecay, { min: 0 }),
    decay: form,
    lowerBound: check.checkNumber(where, 'lowerBound', lowerBound),
    zeroInit: adam || (options.biasCorrection ?? false),
    useFstar,
  };
}
