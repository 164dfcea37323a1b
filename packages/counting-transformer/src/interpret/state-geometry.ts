// n states of width d.
import { check, linalg } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** States in the plane, or space, in which they differ most. */
export interface PrincipalComponents {
  /** [n, k], each state's coordinates. */
  scores: number[][];
  /** [k, d], orthonormal directions. */
  directions: number[][];
  /** [k], parts of the variance, descending. */
  explained: number[];
}

/**
 * The principal components of states: the k directions in which they vary most.
 *
 * @param states  [n, d], such as `enc.attn.out` at the ones of sequences
 * @throws RangeError for fewer than two states, rows of different lengths, or k outside 1 .. d
 */
export function principalComponents(states: readonly ArrayLike<number>[], k = 2): PrincipalComponents {
  const where = 'counting-transformer.principalComponents';
  const rows = checkedStates(where, states, 2);
  const d = rows[0]!.length;
  checkNumber(where, 'k', k, { min: 1, max: d, integer: true });
  const mean = Float64Array.from({ length: d }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
  const centred = rows.map((row) => row.map((value, i) => value - mean[i]!));
  const { values, vectors } = linalg.eigenSymmetric(linalg.covariance(linalg.matrixFromRows(centred)));
  const total = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
  // Eigenvalues ascend.
  const chosen = Array.from({ length: k }, (_, i) => d - 1 - i);
  const directions = chosen.map((column) => [...linalg.columnOf(vectors, column)]);
  return {
    directions,
    scores: centred.map((row) => directions.map((own) => own.reduce((sum, value, i) => sum + value * row[i]!, 0))),
    explained: chosen.map((column) => (total === 0 ? 0 : Math.max(values[column]!, 0) / total)),
  };
}

/** A linear map from states to labels, and how well it does. */
export interface LinearProbe {
  /** On the states that were held out. */
  accuracy: number;
  /** Of always naming the most frequent label. */
  chance: number;
  labels: number[];
  /** The label of a state. */
  predict: (state: ArrayLike<number>) => number;
}

/**
 * Whether something can be read off states linearly: least squares from states to labels, fitted on three of four states
 * and tried on the others.
 *
 *   argmax_c (W x + b)_c,  W, b = argmin sum |W x + b - onehot(label)|^2 + ridge |W|^2
 *
 * @param states         [n, d]
 * @param labels         [n], such as contextual positions, -1 outside of regions
 * @param options.ridge  default 1e-6 of the states' mean square
 * @throws RangeError when there are fewer than four states, lengths differ, or a number is not finite
 * @see Golkar et al., 2024, proposition 1, arXiv:2406.02585: where the contextual position can be read off linearly, one
 *   more layer counts
 */
export function linearProbe(
  states: readonly ArrayLike<number>[],
  labels: readonly number[],
  { ridge = 1e-6 }: { ridge?: number } = {},
): LinearProbe {
  const where = 'counting-transformer.linearProbe';
  const rows = checkedStates(where, states, 4);
  if (labels.length !== rows.length) {
    throw new RangeError(argumentMessage(where, 'labels', `be ${rows.length}, one a state`, labels.length));
  }
  checkNumber(where, 'ridge', ridge, { above: 0 });
  const isHeld = (i: number): boolean => i % 4 === 3;
  const kinds = [...new Set(labels)].sort((a, b) => a - b);
  const extended = rows.map((row) => Float64Array.from([...row, 1]));
  const fitted = extended.filter((_, i) => !isHeld(i));
  const wanted = labels.filter((_, i) => !isHeld(i)).map((label) => kinds.map((kind) => Number(kind === label)));
  const x = linalg.matrixFromRows(fitted);
  const gram = linalg.multiply(linalg.transposed(x), x);
  const d = extended[0]!.length;
  const size = Array.from({ length: d }, (_, i) => gram.data[i * d + i]!).reduce((sum, value) => sum + value, 0) / d;
  for (let i = 0; i < d; i++) gram.data[i * d + i]! += ridge * Math.max(size, Number.MIN_VALUE);
  const target = linalg.multiply(linalg.transposed(x), linalg.matrixFromRows(wanted));
  const solved = linalg.choleskySolve(linalg.cholesky(gram), target);
  const predict = (state: ArrayLike<number>): number => {
    const own = [...Array.from(state), 1];
    const scores = kinds.map((_, c) =>
      own.reduce((sum, value, i) => sum + value * solved.data[i * kinds.length + c]!, 0),
    );
    return kinds[scores.indexOf(Math.max(...scores))]!;
  };
  const held = rows.flatMap((row, i) => (isHeld(i) ? [{ row, label: labels[i]! }] : []));
  const most = Math.max(...kinds.map((kind) => held.filter(({ label }) => label === kind).length));
  return {
    accuracy: held.filter(({ row, label }) => predict(row) === label).length / held.length,
    chance: most / held.length,
    labels: kinds,
    predict,
  };
}

function checkedStates(where: string, states: readonly ArrayLike<number>[], least: number): Float64Array[] {
  if (states.length < least) {
    throw new RangeError(argumentMessage(where, 'states', `be at least ${least}`, states.length));
  }
  const d = states[0]!.length;
  return states.map((state, n) => {
    if (state.length !== d)
      throw new RangeError(argumentMessage(where, `state ${n}`, `have ${d} numbers`, state.length));
    return Float64Array.from(state, (value, i) => checkNumber(where, `number ${i} of state ${n}`, value));
  });
}
