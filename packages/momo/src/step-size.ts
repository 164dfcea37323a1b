import type { ModelConfig } from './model-config';

/** The scalars of the averaged model after a batch has entered the averages. */
export interface ModelScalars {
  /** fbar, averaged loss. */
  lossAvg: number;
  /** gamma, average of <g_j, x_j>. */
  gamma: number;
  /** <d, x>, averaged gradient times the current weights. */
  dot: number;
  /** ||d||^2 in the metric D^-1. */
  gradNormSq: number;
  /** rho, sum of the averaging weights. */
  rho: number;
}

/** The step of one batch and the bound after it. */
export interface StepSize {
  /** t1, the Polyak-type term. */
  adaptiveStep: number;
  /** alpha / rho, the cap. */
  userStep: number;
  /** tau = min(cap, t1), the step taken. */
  stepSize: number;
  /** Whether the cap was the smaller of the two. */
  capped: boolean;
  /** Lower bound after the step; constant without useFstar. */
  lowerBound: number;
  /** h / rho, value of the averaged model at the current weights. */
  modelValue: number;
}

/** The record of one step. */
export interface StepLog extends StepSize {
  /** k, from 1. */
  step: number;
  /** Batch loss at the weights before the step. */
  loss: number;
  /** fbar, averaged loss (not divided by rho). */
  lossAvg: number;
  /** ||d||^2 in the metric D^-1. */
  gradNormSq: number;
}

/**
 * The step size of MoMo, in closed form, for all variants.
 *
 *   w = 1 + alpha lambda
 *   t1 = max(w (fbar - rho lb - gamma) + <d, x>, 0) / ||d||^2,   tau = min(alpha / rho, t1)
 *
 * and with useFstar the bound before (reset) and after (estimate) it. Where ||d|| = 0 the weights
 * cannot move, and tau is 0.
 *
 * @param model         scalars of the averaged model
 * @param learningRate  alpha of this step
 * @param lowerBound    lb before the step
 * @see Schaipp, Ohana, Eickenberg, Defazio, Gower, 2024, arXiv:2305.07583
 */
export function momoStepSize(
  model: ModelScalars,
  learningRate: number,
  lowerBound: number,
  config: Pick<ModelConfig, 'weightDecay' | 'decay' | 'useFstar' | 'lowerBound'>,
): StepSize {
  const { lossAvg, gamma, dot, gradNormSq, rho } = model;
  const w = config.decay === 'penalty' ? 1 : 1 + learningRate * config.weightDecay;
  let bound = lowerBound;
  if (config.useFstar) {
    const cap = w * (lossAvg - gamma) + dot;
    if (cap < w * rho * bound) bound = Math.max(cap / (2 * w * rho), config.lowerBound);
  }
  const gap = Math.max(w * (lossAvg - rho * bound - gamma) + dot, 0);
  const userStep = learningRate / rho;
  const adaptiveStep = gradNormSq === 0 ? 0 : gap / gradNormSq;
  const stepSize = Math.min(userStep, adaptiveStep);
  const modelValue = (lossAvg + dot - gamma) / rho;
  if (config.useFstar) {
    bound = Math.max(modelValue - (stepSize * gradNormSq) / (2 * rho), config.lowerBound);
  }
  return { adaptiveStep, userStep, stepSize, capped: userStep <= adaptiveStep, lowerBound: bound, modelValue };
}
