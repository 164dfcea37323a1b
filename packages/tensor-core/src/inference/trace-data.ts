import type { Matrix64 } from '../linalg';
import { chainsOf, checkDraws, checkNames } from './chains';

/** A trace plot of one coordinate. */
export interface Trace {
  name: string;
  /** Numbers of the draws, 0, 1, ... */
  iteration: Int32Array;
  /** Values of each chain. */
  chains: Float64Array[];
  /** Mean of each chain up to every draw. */
  runningMeans: Float64Array[];
}

/** The traces of every coordinate. @throws ShapeError when the chains differ in shape or names do not fit */
export function traceData(draws: readonly Matrix64[], names?: readonly string[]): Trace[] {
  const where = 'tensor-core.traceData';
  const { rows, cols } = checkDraws(where, draws);
  return checkNames(where, names, cols).map((name, i) => {
    const chains = chainsOf(draws, i);
    const runningMeans = chains.map((chain) => {
      let sum = 0;
      return chain.map((value, n) => (sum += value) / (n + 1));
    });
    return { name, iteration: Int32Array.from({ length: rows }, (_, n) => n), chains, runningMeans };
  });
}
