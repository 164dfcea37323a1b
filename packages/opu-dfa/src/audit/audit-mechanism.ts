import { check, random } from '@tfsci/tensor-core';
import { auditEpsilon, checkClaim, type AuditClaim, type EpsilonAudit } from './audit-epsilon';

const { argumentMessage, checkNumber } = check;

/** How long runs on the host may last before the event loop gets its turn. */
const TURN_MS = 12;

/** Whether the data have the example. */
export type AuditWorld = 'with' | 'without';

/** Options of `auditMechanism`. */
export interface AuditMechanismOptions extends AuditClaim {
  /**
   * Runs the mechanism once in a world and gives a statistic of what it released. All its randomness must come from the
   * key, which is another one for every run and world.
   */
  mechanism: (world: AuditWorld, key: random.Key, trial: number) => number | Promise<number>;
  /** Runs in each world, >= 2; they can prove an epsilon of at most about ln(trials / (2 ln(2 / (1 - confidence)))). */
  trials: number;
  key: random.KeyOrSeed;
  /** Told how many trials, of both worlds each, are done. */
  onProgress?: (trials: number) => void;
  signal?: AbortSignal;
}

/**
 * Runs a mechanism in two neighbouring worlds and bounds its epsilon from below; see `auditEpsilon`.
 *
 * @throws RangeError for options outside their ranges and a statistic that is not finite, TypeError for what is no function
 *   or key and a statistic that is no number; what the mechanism throws; the signal's reason
 * @example
 * const mechanism = (world: AuditWorld, key: random.Key): number =>
 *   random.fillNormal(key, new Float64Array(1), { mean: world === 'with' ? 1 : 0 })[0]!;
 * const { epsilon } = await auditMechanism({ mechanism, trials: 20_000, key: 0, delta: 0.01 });
 */
export async function auditMechanism(options: AuditMechanismOptions): Promise<EpsilonAudit> {
  const where = 'opu-dfa.auditMechanism';
  const { mechanism, trials, delta, confidence = 0.95, onProgress, signal } = options;
  checkClaim(where, options);
  checkNumber(where, 'trials', trials, { min: 2, integer: true });
  if (typeof mechanism !== 'function') {
    throw new TypeError(argumentMessage(where, 'mechanism', 'be a function of world, key and trial', mechanism));
  }
  const [halving, ...worldKeys] = random.split(random.asKey(where, options.key), 3) as [
    random.Key,
    random.Key,
    random.Key,
  ];
  const worlds = [
    { world: 'with', key: worldKeys[0], draws: new Float64Array(trials) },
    { world: 'without', key: worldKeys[1], draws: new Float64Array(trials) },
  ] as const;
  let turn = Date.now();
  for (let trial = 0; trial < trials; trial++) {
    signal?.throwIfAborted();
    for (const { world, key, draws } of worlds) {
      const draw = await mechanism(world, random.foldIn(key, trial), trial);
      draws[trial] = checkNumber(where, `mechanism('${world}', key, ${trial})`, draw);
    }
    onProgress?.(trial + 1);
    if (Date.now() - turn < TURN_MS) continue;
    // A page stays alive, and a signal can come.
    await new Promise((resolve) => setTimeout(resolve));
    turn = Date.now();
  }
  signal?.throwIfAborted();
  const [{ draws: withExample }, { draws: without }] = worlds;
  return auditEpsilon({ withExample, without, delta, confidence, key: halving });
}
