import { argumentMessage, FormatError } from '../check';
import { type KeyJson } from '../random';
import type { DualAveragingState } from './dual-averaging';
import type { RunningCovariance } from './running-covariance';

const FORMAT = 'tensor-core.hmc';

/** What one chain of a run has learnt, plain data. */
export interface HmcChainState {
  /** In free coordinates where the boundary has such. */
  position: number[];
  step: number;
  stepAdaptation: DualAveragingState;
  /** Row-major. */
  inverseMass: number[];
  covariance: RunningCovariance;
}

/** Where a run stands: plain data, which JSON keeps exactly. */
export interface HmcState {
  format: typeof FORMAT;
  version: 1;
  /** Iterations done. */
  iteration: number;
  /** Null when the random numbers were given. */
  key: KeyJson | null;
  chains: HmcChainState[];
}

/** A state of the format's present version. */
export function hmcState(iteration: number, key: KeyJson | null, chains: HmcChainState[]): HmcState {
  return { format: FORMAT, version: 1, iteration, key, chains };
}

/**
 * Returns `state` if it is one of a run with so many chains and coordinates.
 *
 * @throws FormatError otherwise
 */
export function checkHmcState(where: string, state: HmcState, numChains: number, dimension: number): HmcState {
  const { format, version, iteration, chains } = (state ?? {}) as Partial<HmcState>;
  const refuse = (name: string, wanted: string, value: unknown): never => {
    throw new FormatError(argumentMessage(where, name, wanted, value, 'Pass the state that hmc returned.'));
  };
  if (format !== FORMAT) refuse('state.format', `be "${FORMAT}"`, format);
  if (version !== 1) refuse('state.version', 'be 1', version);
  if (!Number.isSafeInteger(iteration) || iteration! < 0) refuse('state.iteration', 'be an integer >= 0', iteration);
  if (chains?.length !== numChains) refuse('state.chains', `have ${numChains} entries, one a chain`, chains?.length);
  chains!.forEach((chain, k) => {
    const numbers = (name: string, values: unknown, length: number): void => {
      if (Array.isArray(values) && values.length === length && values.every(Number.isFinite)) return;
      refuse(`state.chains[${k}].${name}`, `be ${length} finite numbers`, values);
    };
    const { mu, errorSum, count, logStep, logAverage } = chain?.stepAdaptation ?? {};
    numbers('position', chain?.position, dimension);
    numbers('step', [chain?.step], 1);
    numbers('stepAdaptation', [mu, errorSum, count, logStep, logAverage], 5);
    numbers('inverseMass', chain?.inverseMass, dimension ** 2);
    numbers('covariance.count', [chain?.covariance?.count], 1);
    numbers('covariance.mean', chain?.covariance?.mean, dimension);
    numbers('covariance.products', chain?.covariance?.products, dimension ** 2);
  });
  return state;
}
