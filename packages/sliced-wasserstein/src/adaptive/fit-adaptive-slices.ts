// N points of x, M of y, D coordinates
import { check, random, scope } from '@tfsci/tensor-core';
import type { Cloud } from '../cloud';
import { maxSlicedWasserstein } from '../max-sliced/max-sliced-wasserstein';
import type { AxialFamily } from '../slices/axial-distribution';
import { unitVector } from '../slices/unit-rows';
import { checkAdaptiveState } from './adaptive-state';
import { type AxialAdamState, axialAdamStart } from './axial-adam';
import { AxialLearner } from './axial-learner';
import { checkFitBound, fitCertificate, theoremShare } from './fit-certificate';
import {
  type AxialFit,
  type AxialFitOptions,
  type CheckedFitOptions,
  checkFitOptions,
  type MaxFit,
  type MaxFitOptions,
  type NetworkFit,
  type NetworkFitOptions,
} from './fit-options';
import { NetworkLearner, type NetworkLearnerState } from './network-learner';
import { cosinePrice, klPrice } from './price';
import { reachOf } from './reach';
import { fitKeys, runLearner } from './run-learner';
import { SingleSlice } from './single-slice';
import { sliceProblem, type SliceProblem } from './slice-problem';

const WHERE = 'sliced-wasserstein.fitAdaptiveSlices';
/** The search for a start of mu: a rough maximum will do. */
const SEARCH = { restarts: 4, maxIterations: 30, tolerance: 1e-3 };

/**
 * A distribution of slices learnt to tell two clouds apart.
 *
 *   rho = argmax SW_p^p(x, y; rho) - KL(rho || uniform) / lambda     objective 'pac'
 *
 * The families 'vmf' (von Mises-Fisher), 'vmfSymmetric' and 'powerSpherical' have an axis mu and a concentration kappa, which
 * Adam learns from fresh slices in each iteration by implicit reparametrisation; what is returned is an average of the
 * iterates. 'network' is the image of the uniform law under a network, with a discriminator's estimate of KL. The objective
 * 'dsw' keeps slices apart by the mean |cosine| of pairs instead of KL; 'max' is the single slice of the largest distance.
 *
 * The distribution is then a `sampler` of sliced distances, of test data above all: `trainValue` is what was climbed. With a
 * `bound` there is a certificate: a lower bound of the distance of the laws that the points come from.
 * O(L (n + m) (d + log n)) an iteration.
 *
 * @param x  [n, d] tensor or rows
 * @param y  [m, d]
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, options
 *   outside their ranges, a bound without what it needs or where there is no certificate; FormatError for a state of another
 *   fit; NonFiniteFitError, whose state is that before, when an iteration is not finite
 * @see Ohana, Nadjahi, Rakotomamonjy & Ralaivola, 2023, "Shedding a PAC-Bayesian Light on Adaptive Sliced-Wasserstein
 *   Distances", arXiv:2206.03230; Nguyen, Ho, Pham & Bui, 2021, arXiv:2002.07367, for 'dsw'
 * @remarks Differs from the authors' program: KL is exact (theirs is kappa too large), the gradient in kappa is unbiased
 *   (theirs, through the rejection sampler, is too small for d != 3), mu is learnt too, and learning starts where the clouds
 *   differ most, with a kappa at which slices show it.
 * @example
 * const { distribution, trainValue } = await fitAdaptiveSlices(x, y, { key: 0 });
 * const test = slicedWasserstein(xTest, yTest, { sampler: distribution, key: 1 });
 */
export function fitAdaptiveSlices(x: Cloud, y: Cloud, options: MaxFitOptions): Promise<MaxFit>;
export function fitAdaptiveSlices(x: Cloud, y: Cloud, options: NetworkFitOptions): Promise<NetworkFit>;
export function fitAdaptiveSlices(x: Cloud, y: Cloud, options: AxialFitOptions): Promise<AxialFit>;
export async function fitAdaptiveSlices(
  x: Cloud,
  y: Cloud,
  options: MaxFitOptions | NetworkFitOptions | AxialFitOptions,
): Promise<MaxFit | NetworkFit | AxialFit> {
  if (options.objective === 'max') return largestSlice(x, y, options);
  const checked = checkFitOptions(WHERE, options);
  return scope(async (own) => {
    const problem = sliceProblem(WHERE, x, y, checked);
    own([problem.x_ND, problem.y_MD]);
    const { family, objective, state } = checked;
    if (state !== undefined) checkAdaptiveState(WHERE, state, { family, objective, dim: problem.x_ND.shape[1] });
    return family === 'network' ? fitNetwork(problem, checked) : fitAxis(problem, checked, family);
  });
}

async function fitAxis(problem: SliceProblem, options: CheckedFitOptions, family: AxialFamily): Promise<AxialFit> {
  const { objective, p, lambda, bound, delta, slices, learningRate: rate, learnMu, state } = options;
  const laws = { p, n: problem.plan.n, m: problem.plan.m };
  const price =
    objective === 'pac'
      ? klPrice(WHERE, { ...laws, lambda: lambda ?? 'sqrt', bound, delta: theoremShare(delta) })
      : cosinePrice(WHERE, lambda);
  // The price of cosines is none of KL: then the certificate takes the best of all.
  const fitBound = bound && { ...laws, bound, delta, lambda: objective === 'pac' ? (lambda ?? 'sqrt') : 'grid' };
  if (fitBound) checkFitBound(WHERE, fitBound);
  const reach = await reachOf(problem);
  const start = (state?.learner as AxialAdamState | undefined) ?? (await axisStart(problem, options));
  const learner = new AxialLearner(problem, { family, slices, rate, learnMu, price }, start);
  const { fit, costs } = await runLearner(problem, learner, price, options);
  const kl = fit.kl!;
  return { ...fit, kl, ...(fitBound && { certificate: fitCertificate(fitBound, costs, kl, reach) }) };
}

async function axisStart(problem: SliceProblem, options: CheckedFitOptions): Promise<AxialAdamState> {
  const { x_ND, y_MD, p } = problem;
  const { mu, kappa = x_ND.shape[1], key, weights } = options;
  if (mu !== undefined) {
    const axis = unitVector(WHERE, 'mu', mu);
    if (axis.length === x_ND.shape[1]) return axialAdamStart(axis, kappa);
    const wanted = `have ${x_ND.shape[1]} numbers, as the points have`;
    throw new check.ShapeError(check.argumentMessage(WHERE, 'mu', wanted, axis.length));
  }
  const search = { ...SEARCH, p, key: fitKeys(key).start, ...(weights && { weights }) };
  const { theta } = await maxSlicedWasserstein(x_ND, y_MD, search);
  return axialAdamStart(unitVector(WHERE, 'mu', theta), kappa);
}

async function fitNetwork(problem: SliceProblem, options: CheckedFitOptions): Promise<NetworkFit> {
  const { objective, p, lambda, bound, delta, slices, learningRate: rate, discriminator, key, state } = options;
  const laws = { p, n: problem.plan.n, m: problem.plan.m };
  const price =
    objective === 'pac'
      ? klPrice(WHERE, { ...laws, lambda: lambda ?? 'sqrt', bound, delta })
      : cosinePrice(WHERE, lambda);
  // Throws for clouds that are not finite.
  await reachOf(problem);
  const learner = new NetworkLearner(problem, { slices, rate, price, discriminator }, fitKeys(key).start);
  try {
    if (state !== undefined) await learner.restore(state.learner as NetworkLearnerState);
  } catch (error) {
    learner.dispose();
    throw error;
  }
  return (await runLearner(problem, learner, price, options)).fit;
}

async function largestSlice(x: Cloud, y: Cloud, options: MaxFitOptions): Promise<MaxFit> {
  const { p, weights, key, signal } = options;
  const given = { ...(p !== undefined && { p }), ...(weights && { weights }), ...(signal && { signal }) };
  const { value, theta } = await maxSlicedWasserstein(x, y, {
    ...given,
    key: random.asKey(WHERE, key),
    root: false,
  });
  return { distribution: new SingleSlice(theta), trainValue: value, standardError: 0, kl: Infinity };
}
