import { checkNumber, checkOneOf } from '../check';

/** How a step size is learnt. */
export interface DualAveragingOptions {
  /** Acceptance probability to reach, in (0, 1), default 0.8. */
  target?: number;
  /** Strength of the shrinkage to mu, > 0, default 0.05. */
  gamma?: number;
  /** How much the first iterations are damped, > 0, default 10. */
  t0?: number;
  /** Exponent of the averaging weights m^-kappa, in (0.5, 1], default 0.75. */
  kappa?: number;
  /** The point of attraction is mu = log(muFactor * initial step), default factor 10. */
  muFactor?: number;
  /**
   * 'mean' (default): log s = mu - sqrt(m) / gamma * sum (target - a) / (m + t0), weights m^-kappa, m = 1, 2, ...
   * 'sum': log s = mu - sum (target - a) / (gamma sqrt(t)), weights t^-kappa, t = t0, t0 + 1, ..., and the average
   * begins at log s = 0, as in the public code of Gibbs diffusion.
   */
  form?: 'mean' | 'sum';
}

/** State of the method, plain data. */
export interface DualAveragingState {
  mu: number;
  /** sum (target - a). */
  errorSum: number;
  /** Number of updates. */
  count: number;
  logStep: number;
  logAverage: number;
}

/** The state before the first update. @throws TypeError, RangeError for a step that is not > 0 or a bad option */
export function startDualAveraging(initialStep: number, options: DualAveragingOptions = {}): DualAveragingState {
  checkNumber('tensor-core.startDualAveraging', 'initialStep', initialStep, { above: 0 });
  const { muFactor } = checkDualAveraging('tensor-core.startDualAveraging', options);
  return { mu: Math.log(muFactor * initialStep), errorSum: 0, count: 0, logStep: Math.log(initialStep), logAverage: 0 };
}

/**
 * The state after a trajectory; the next step is exp(logStep), the one to keep at the end exp(logAverage).
 *
 * @param acceptance  min(1, exp(H0 - H1)); larger values count as 1, NaN as 0
 * @throws TypeError, RangeError for a bad option
 * @see Hoffman & Gelman, 2014, "The No-U-Turn sampler", section 3.2, arXiv:1111.4246; Nesterov, 2009
 */
export function updateDualAveraging(
  state: DualAveragingState,
  acceptance: number,
  options: DualAveragingOptions = {},
): DualAveragingState {
  const { target, gamma, t0, kappa, form } = checkDualAveraging('tensor-core.updateDualAveraging', options);
  const a = Number.isNaN(acceptance) ? 0 : Math.min(1, acceptance);
  const errorSum = state.errorSum + target - a;
  const count = state.count + 1;
  const t = form === 'mean' ? count : t0 + state.count;
  const gain = form === 'mean' ? Math.sqrt(t) / (gamma * (t + t0)) : 1 / (gamma * Math.sqrt(t));
  const logStep = state.mu - gain * errorSum;
  const weight = t ** -kappa;
  return { mu: state.mu, errorSum, count, logStep, logAverage: weight * logStep + (1 - weight) * state.logAverage };
}

/** The options with their defaults. @throws TypeError, RangeError */
export function checkDualAveraging(where: string, options: DualAveragingOptions): Required<DualAveragingOptions> {
  const { target = 0.8, gamma = 0.05, t0 = 10, kappa = 0.75, muFactor = 10, form = 'mean' } = options;
  checkNumber(where, 'target', target, { above: 0, below: 1 });
  checkNumber(where, 'gamma', gamma, { above: 0 });
  checkNumber(where, 't0', t0, { above: 0 });
  checkNumber(where, 'kappa', kappa, { above: 0.5, max: 1 });
  checkNumber(where, 'muFactor', muFactor, { above: 0 });
  checkOneOf(where, 'form', form, ['mean', 'sum']);
  return { target, gamma, t0, kappa, muFactor, form };
}
