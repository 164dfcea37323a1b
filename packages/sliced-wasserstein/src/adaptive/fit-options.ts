import { check, random } from '@tfsci/tensor-core';
import type { Bound } from '../certificate/bound';
import type { Certificate } from '../certificate/certify';
import { checkOrder, type Weights } from '../cloud';
import type { SliceDistribution } from '../slices/slice-distribution';
import { AXIAL_CLASSES, type AxialDistribution, type AxialFamily } from '../slices/axial-distribution';
import type { AdaptiveFamily, AdaptiveProgress, AdaptiveState } from './adaptive-state';
import type { DiscriminatorOptions } from './network-learner';
import type { NetworkSlices } from './network-slices';
import type { TradeOff } from './price';
import type { SingleSlice } from './single-slice';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What fits of every kind take. */
export interface AdaptiveFitOptions {
  /** p >= 1, default 2 */
  p?: number;
  /** Masses of the points; default equal. There is no certificate for others. */
  weights?: Weights;
  /** All randomness; needed unless a state is given, which has its own. */
  key?: random.KeyOrSeed;
  /** Fresh slices that `trainValue` is the mean over, default 1024. */
  finalSlices?: number;
  signal?: AbortSignal;
}

/** What learning by iterations takes. */
export interface LearningOptions extends AdaptiveFitOptions {
  /**
   * - `pac` (default): SW_p^p(rho) - KL(rho || uniform) / lambda
   * - `dsw`: SW_p^p(rho) - lambda E |<theta, theta'>|, theta and theta' independent slices
   */
  objective?: 'pac' | 'dsw';
  /** Slices of an iteration, default 128. For 'pac' around an axis they come in pairs of mirror images. */
  slices?: number;
  /** In all, those of `state` included; default 300. */
  iterations?: number;
  /**
   * Ends the fit where the objective, as the mean over the last 25 iterations, is not above that of the 25 before by this
   * fraction of it; >= 0, default none. Noise of the slices may end it early.
   */
  tolerance?: number;
  /** Where an earlier fit of the same clouds and options has stopped. */
  state?: AdaptiveState;
  /** Told after every iteration. */
  onProgress?: (progress: AdaptiveProgress) => void;
}

/** How a distribution around an axis is learnt. */
export interface AxialFitOptions extends LearningOptions {
  /** Default 'vmf'. W(theta) is even: 'vmfSymmetric' has the same distances with a KL lower by up to log 2. */
  family?: AxialFamily;
  /**
   * For 'pac' sqrt(n) by default, n the harmonic mean of both sizes, or 'grid', the best of sqrt(n) 2^(j/2), |j| <= 20, for the
   * certificate; a number must be chosen before the data are seen for the certificate to hold. For 'dsw' a number, default
   * 10. Distances are to be multiplied by lambda: it has the unit of 1 / data^p; of data^p for 'dsw'.
   */
  lambda?: TradeOff;
  /**
   * The most, about, that an iteration changes log kappa by, and the angle in radians that it turns mu by; default 0.1,
   * whatever the scale and the dimension of the clouds are.
   */
  learningRate?: number;
  /**
   * Axis at the start, default where a short search finds the clouds to differ most. From one along which they differ less
   * than elsewhere, kappa may fall to 0 before mu has turned, and stay there.
   */
  mu?: ArrayLike<number>;
  /**
   * Concentration at the start, > 0; default d, a mean cosine of about 0.6. The 1 of the authors' program is nearly uniform
   * in many dimensions: slices then show too little of where to go, and kappa may fall to 0.
   */
  kappa?: number;
  /** Whether mu is learnt, default true; false with a random `mu` is what the authors' program does. */
  learnMu?: boolean;
  /** What is known of the laws of the points, for a certificate. */
  bound?: Bound;
  /** Probability that the certificate may fail, in (0, 1); default 0.05, a tenth of it for the mean over slices. */
  delta?: number;
}

/** How a network of slices is learnt. */
export interface NetworkFitOptions extends LearningOptions {
  family: 'network';
  /** As for axes, but for 'grid': there is no certificate to choose by. */
  lambda?: 'sqrt' | number;
  /** Of Adam, default 0.005. */
  learningRate?: number;
  /** What estimates KL, for 'pac'. */
  discriminator?: DiscriminatorOptions;
}

/** The single slice in which clouds differ most. */
export interface MaxFitOptions extends AdaptiveFitOptions {
  objective: 'max';
}

/** What has been learnt. */
export interface AdaptiveFit<D extends SliceDistribution> {
  /** A sampler of slices; one of networks is to be disposed. */
  distribution: D;
  /** All iterations were made, the objective did not rise any more, or the signal came. */
  status: 'finished' | 'converged' | 'aborted';
  /** SW_p^p of the clouds, the mean over fresh slices; on other clouds it is smaller as a rule. */
  trainValue: number;
  /** Of it, as slices are drawn at random. */
  standardError: number;
  /**
   * KL to the uniform law, in nats. Of a network it is the estimate of a discriminator, heuristic, which may be below 0,
   * and there is none for 'dsw'.
   */
  kl?: number;
  /** Of the objective. */
  lambda: number;
  history: AdaptiveProgress[];
  /** For a fit that goes on, bit for bit as if it had not stopped. */
  state: AdaptiveState;
}

/** A learnt distribution around an axis. */
export interface AxialFit extends AdaptiveFit<AxialDistribution> {
  kl: number;
  /** Where a bound was given. For 'dsw' its lambda is the best of the grid. */
  certificate?: Certificate;
}

/** A learnt network. There is no certificate: it would need an upper bound of KL, and the discriminator gives none. */
export type NetworkFit = AdaptiveFit<NetworkSlices>;

/** The slice of the largest distance. */
export interface MaxFit {
  distribution: SingleSlice;
  trainValue: number;
  /** 0 */
  standardError: number;
  /** Infinity: there is nothing to certify. */
  kl: number;
}

type AnyFitOptions = AxialFitOptions | NetworkFitOptions;
type GivenOptions = Omit<AxialFitOptions, 'family'> & { family?: AdaptiveFamily; discriminator?: DiscriminatorOptions };

type Defaulted = 'family' | 'p' | 'slices' | 'iterations' | 'finalSlices' | 'learningRate' | 'learnMu' | 'delta';

/** Options of all kinds with their defaults. */
export interface CheckedFitOptions
  extends Required<Pick<GivenOptions, Defaulted>>, WithUndefined<Omit<GivenOptions, Defaulted | 'key' | 'objective'>> {
  key: random.Key;
  objective: 'pac' | 'dsw';
  discriminator: Required<DiscriminatorOptions>;
}

type WithUndefined<T> = { [name in keyof T]-?: T[name] | undefined };

/** Numbers and choices with their defaults. @throws TypeError, RangeError for those outside their ranges */
export function checkFitOptions(where: string, options: AnyFitOptions): CheckedFitOptions {
  const given = options as GivenOptions;
  const { family = 'vmf', objective = 'pac', lambda, p = 2, weights, state, signal, onProgress } = given;
  const { slices = 128, iterations = 300, finalSlices = 1024, tolerance, bound, delta = 0.05 } = given;
  const { learningRate = family === 'network' ? 0.005 : 0.1, mu, kappa, learnMu = true } = given;
  checkOneOf(where, 'family', family, [...Object.keys(AXIAL_CLASSES), 'network']);
  checkOneOf(where, 'objective', objective, ['pac', 'dsw', 'max']);
  checkOrder(where, p);
  checkNumber(where, 'slices', slices, { min: 2, integer: true });
  checkNumber(where, 'iterations', iterations, { min: 0, integer: true });
  checkNumber(where, 'finalSlices', finalSlices, { min: 2, integer: true });
  if (tolerance !== undefined) checkNumber(where, 'tolerance', tolerance, { min: 0 });
  checkNumber(where, 'learningRate', learningRate, { above: 0 });
  if (kappa !== undefined) checkNumber(where, 'kappa', kappa, { above: 0 });
  checkNumber(where, 'delta', delta, { above: 0, below: 1 });
  if (bound !== undefined) checkCertifiable(where, bound, family, weights);
  const discriminator = checkDiscriminator(where, given.discriminator);
  const key = keyOf(where, given.key, state);
  return {
    ...{ family, objective, lambda, p, weights, key, slices, iterations, finalSlices, tolerance, learningRate },
    ...{ mu, kappa, learnMu, bound, delta, discriminator, state, signal, onProgress },
  };
}

function checkDiscriminator(where: string, options: DiscriminatorOptions = {}): Required<DiscriminatorOptions> {
  const { steps = 10, slices = 2000, learningRate = 0.01 } = options;
  checkNumber(where, 'discriminator.steps', steps, { min: 0, integer: true });
  checkNumber(where, 'discriminator.slices', slices, { min: 1, integer: true });
  checkNumber(where, 'discriminator.learningRate', learningRate, { above: 0 });
  return { steps, slices, learningRate };
}

function checkCertifiable(where: string, bound: Bound, family: AdaptiveFamily, weights: Weights | undefined): void {
  if (family === 'network') {
    const wanted =
      "be left out for the family 'network': certificates need an upper bound of KL, and it is an estimate";
    throw new TypeError(argumentMessage(where, 'bound', wanted, bound));
  }
  if (weights !== undefined) {
    const wanted = 'be left out with weights: certificates are for independent points of equal weight';
    throw new TypeError(argumentMessage(where, 'bound', wanted, bound));
  }
}

function keyOf(where: string, given: random.KeyOrSeed | undefined, state: AdaptiveState | undefined): random.Key {
  if (state === undefined) return random.asKey(where, given);
  const own = random.keyFromJSON(state.key);
  if (given === undefined) return own;
  const key = random.asKey(where, given);
  if (key.word0 !== own.word0 || key.word1 !== own.word1) {
    throw new RangeError(argumentMessage(where, 'key', 'be that of the state', given, 'Leave it out.'));
  }
  return own;
}
