// n draws with the example, m without it
import { check, linalg, random } from '@tfsci/tensor-core';
import { bestAttack, countErrors, epsilonOfRates, type Attack } from './attack';
import { upperProbability } from './clopper-pearson';

const { argumentMessage, checkNumber, ShapeError } = check;

/** What is claimed of a mechanism, and how sure the audit has to be. */
export interface AuditClaim {
  /** Of (epsilon, delta)-DP, in [0, 1). */
  delta: number;
  /** Probability with which the bound holds, in (0, 1), default 0.95. */
  confidence?: number;
}

/** Options of `auditEpsilon`. */
export interface AuditEpsilonOptions extends AuditClaim {
  /** The statistic of independent runs with the example, [n], n >= 2. */
  withExample: Float64Array;
  /** Of runs without it, or with its neighbour in its place, [m]. */
  without: Float64Array;
  /** Draws the half that the attack is chosen on, default 0: the order of the runs does not matter. */
  key?: random.KeyOrSeed;
}

/** How often the attack was wrong on the runs it was not chosen on. */
export interface AuditedRate {
  errors: number;
  runs: number;
  /** The rate is at most this, with probability 1 - (1 - confidence) / 2. */
  upper: number;
}

/** What an attack on a mechanism has proved. */
export interface EpsilonAudit {
  /** With probability `confidence` the mechanism is (epsilon', delta)-DP for no epsilon' below this; 0 says nothing. */
  epsilon: number;
  delta: number;
  confidence: number;
  /** The guess: with the example when the statistic is above the threshold, or when it is not. */
  attack: Attack;
  /** Guesses 'with' among runs without. */
  falsePositive: AuditedRate;
  /** Guesses 'without' among runs with. */
  falseNegative: AuditedRate;
  /** What epsilon would have been without one error: more needs more runs. */
  ceiling: number;
}

/**
 * A lower bound of the epsilon of a mechanism, from what it gave in two neighbouring worlds: a test of privacy.
 *
 *   epsilon >= max( ln((1 - delta - fnr) / fpr), ln((1 - delta - fpr) / fnr) )
 *
 * (epsilon, delta)-DP limits how well anybody can tell the worlds from each other. Half of the runs choose the best
 * threshold of the statistic, so that on the other half it is a fixed test whose errors are binomial; exact upper bounds
 * (Clopper & Pearson) of both rates, each failing with probability (1 - confidence) / 2, hold together with probability
 * `confidence`. Both formulas fall with both rates, so their maximum needs no further share.
 *
 * A bound above what an accountant says proves that accountant or mechanism are wrong. A bound below it proves nothing:
 * another statistic, other neighbours or more runs may find more.
 *
 * @param options.withExample  any statistic of the output, the same function in both worlds, chosen before these runs
 * @throws RangeError for a delta or confidence outside their ranges and draws that are not finite, ShapeError for fewer than
 *   two runs of a world, TypeError for what is no Float64Array or key
 * @see Jagielski, Ullman & Oprea, 2020, "Auditing differentially private machine learning", arXiv:2006.07709
 * @example
 * auditEpsilon({ withExample, without, delta: 1e-5, confidence: 0.99 }).epsilon;
 */
export function auditEpsilon(options: AuditEpsilonOptions): EpsilonAudit {
  const where = 'opu-dfa.auditEpsilon';
  const { delta, confidence = 0.95, key = 0 } = options;
  checkClaim(where, options);
  const keys = random.split(random.asKey(where, key)) as [random.Key, random.Key];
  const [choose, test] = [0, 1] as const;
  const x = halves(keys[0], checkDraws(where, 'withExample', options.withExample));
  const y = halves(keys[1], checkDraws(where, 'without', options.without));
  const risk = (1 - confidence) / 2;
  const attack = bestAttack(x[choose], y[choose], delta, -linalg.normalQuantile(risk));
  const { falsePositives, falseNegatives } = countErrors(attack, x[test], y[test]);
  const rate = (errors: number, { length: runs }: Float64Array): AuditedRate => {
    return { errors, runs, upper: upperProbability(errors, runs, risk) };
  };
  const [falsePositive, falseNegative] = [rate(falsePositives, y[test]), rate(falseNegatives, x[test])];
  const epsilonAt = (of: AuditedRate, and: AuditedRate): number =>
    Math.max(0, epsilonOfRates(of.upper, and.upper, delta));
  return {
    epsilon: epsilonAt(falsePositive, falseNegative),
    ...{ delta, confidence, attack, falsePositive, falseNegative },
    ceiling: epsilonAt(rate(0, y[test]), rate(0, x[test])),
  };
}

/** @throws RangeError, TypeError for a delta or confidence outside their ranges */
export function checkClaim(where: string, { delta, confidence = 0.95 }: AuditClaim): void {
  checkNumber(where, 'delta', delta, { min: 0, below: 1 });
  checkNumber(where, 'confidence', confidence, { above: 0, below: 1 });
}

function checkDraws(where: string, name: string, draws: Float64Array): Float64Array {
  if (!(draws instanceof Float64Array)) {
    throw new TypeError(argumentMessage(where, name, 'be a Float64Array, a number for each run', draws));
  }
  if (draws.length < 2) {
    throw new ShapeError(argumentMessage(where, name, 'have at least 2 runs, for two halves', draws.length));
  }
  const broken = draws.findIndex((draw) => !Number.isFinite(draw));
  if (broken >= 0) throw new RangeError(argumentMessage(where, `${name}[${broken}]`, 'be finite', draws[broken]));
  return draws;
}

/** A random half, and the rest, which is not smaller. */
function halves(key: random.Key, draws: Float64Array): [Float64Array, Float64Array] {
  const shuffled = Float64Array.from(random.permutation(key, draws.length), (at) => draws[at]!);
  const middle = Math.floor(draws.length / 2);
  return [shuffled.slice(0, middle), shuffled.slice(middle)];
}
