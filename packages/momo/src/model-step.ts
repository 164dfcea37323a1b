import type { ModelConfig } from './model-config';
import { momoStepSize, type StepLog } from './step-size';

/** Storage of one parameter tensor, flattened: float32 behind an optimiser, float64 in the reference. */
export type FloatArray = Float32Array | Float64Array;

/** State of the averages; rows of `d` and `v` belong to parameter tensors and are null until first used. */
export interface ModelState<A extends FloatArray> {
  /** k, steps taken. */
  step: number;
  /** fbar, averaged loss. */
  lossAvg: number;
  /** Average of <g_j, x_j>. */
  gamma: number;
  /** lb. */
  lowerBound: number;
  /** d, averaged gradients. */
  d: (A | null)[];
  /** v, averaged squared gradients (MoMo-Adam only). */
  v: (A | null)[];
}

/** A step that has been computed but not taken. */
export interface PlannedStep<A extends FloatArray> {
  log: StepLog;
  /** Takes it: gives the weights and the state after it; arrays of the state before are reused. */
  commit(): { weights: A[]; state: ModelState<A> };
}

/** The state before the first step. */
export function initialState<A extends FloatArray>(lowerBound: number): ModelState<A> {
  return { step: 0, lossAvg: 0, gamma: 0, lowerBound, d: [], v: [] };
}

/** One parameter tensor in a step. */
interface Row<A extends FloatArray> {
  x: A;
  g: A;
  d: A;
  v: A;
  /** Weights after the step; until it is taken they hold its direction, D^-1 d. */
  out: A;
  /** beta of this row; 0 where its average starts from this gradient. */
  beta: number;
}

/**
 * One step of the momentum model on plain arrays, all sums in float64 (section 2.6 of the docs of
 * this family: averages, step size, preconditioned proximal update). Pass one reads and sums, pass
 * two writes, so that a step which turns out not to be finite can still be left out.
 *
 * @param state  state before the step; untouched until `commit`
 * @param rows   row of `state.d` for each parameter tensor
 * @param x      weights before the step
 * @param g      gradient of the batch loss at x
 * @param loss   batch loss at x
 * @param learningRate  alpha of this step
 */
export function modelStep<A extends FloatArray>(
  state: ModelState<A>,
  rows: number[],
  x: A[],
  g: A[],
  loss: number,
  learningRate: number,
  config: ModelConfig,
): PlannedStep<A> {
  const { weightDecay, decay, zeroInit } = config;
  const step = state.step + 1;
  const penalty = decay === 'penalty' ? weightDecay : 0;
  const beta = step === 1 && !zeroInit ? 0 : config.beta;
  const unbias = config.beta2 === null ? 1 : 1 - config.beta2 ** step;

  let gradDotX = 0;
  let dot = 0;
  let gradNormSq = 0;
  let batchLoss = loss;
  const work = rows.map((row, i): Row<A> => {
    const values = x[i]!;
    const known = state.d[row];
    return {
      x: values,
      g: penalty === 0 ? g[i]! : withPenalty(g[i]!, values, penalty),
      d: known ?? zerosLike(values),
      v: state.v[row] ?? (config.beta2 === null ? values : zerosLike(values)),
      out: zerosLike(values),
      beta: known || zeroInit ? beta : 0,
    };
  });
  for (const row of work) {
    const sums = config.beta2 === null ? momentumSums(row) : adamSums(row, config.beta2, config.epsilon, unbias);
    gradDotX += sums.gradDotX;
    dot += sums.dot;
    gradNormSq += sums.gradNormSq;
    if (penalty !== 0) batchLoss += (penalty / 2) * squaredNorm(row.x);
  }

  const lossAvg = beta * state.lossAvg + (1 - beta) * batchLoss;
  const gamma = beta * state.gamma + (1 - beta) * gradDotX;
  const rho = zeroInit ? 1 - config.beta ** step : 1;
  const size = momoStepSize({ lossAvg, gamma, dot, gradNormSq, rho }, learningRate, state.lowerBound, config);

  return {
    log: { step, loss, lossAvg, gradNormSq, ...size },
    commit() {
      const shrink = decay === 'decoupled' ? 1 - learningRate * weightDecay : 1;
      const w = decay === 'proximal' ? 1 + learningRate * weightDecay : 1;
      const d = [...state.d];
      const v = [...state.v];
      work.forEach((row, i) => {
        if (config.beta2 === null) row.d.set(row.out);
        else updateAverages(row, config.beta2);
        move(row, size.stepSize, shrink, w);
        d[rows[i]!] = row.d;
        if (config.beta2 !== null) v[rows[i]!] = row.v;
      });
      return {
        weights: work.map(({ out }) => out),
        state: { step, lossAvg, gamma, lowerBound: size.lowerBound, d, v },
      };
    },
  };
}

/** Sums of a row without a preconditioner; leaves the new average in `out`. */
function momentumSums<A extends FloatArray>({ x, g, d, out, beta }: Row<A>) {
  let gradDotX = 0;
  let dot = 0;
  let gradNormSq = 0;
  for (let i = 0; i < x.length; i++) {
    const average = beta * d[i]! + (1 - beta) * g[i]!;
    out[i] = average;
    gradDotX += g[i]! * x[i]!;
    dot += average * x[i]!;
    gradNormSq += average * average;
  }
  return { gradDotX, dot, gradNormSq };
}

/** Sums of a row in the metric of Adam; leaves the direction average / D in `out`. */
function adamSums<A extends FloatArray>(
  { x, g, d, v, out, beta }: Row<A>,
  beta2: number,
  epsilon: number,
  unbias: number,
) {
  const scale = 1 / unbias;
  let gradDotX = 0;
  let dot = 0;
  let gradNormSq = 0;
  for (let i = 0; i < x.length; i++) {
    const gradient = g[i]!;
    const average = beta * d[i]! + (1 - beta) * gradient;
    const square = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
    // Where nothing was ever averaged, D may be 0 (epsilon 0) and the term is 0 / 0; it counts as 0.
    const direction = average === 0 ? 0 : average / (epsilon + Math.sqrt(square * scale));
    out[i] = direction;
    gradDotX += gradient * x[i]!;
    dot += average * x[i]!;
    gradNormSq += average * direction;
  }
  return { gradDotX, dot, gradNormSq };
}

function updateAverages<A extends FloatArray>({ g, d, v, beta }: Row<A>, beta2: number): void {
  for (let i = 0; i < g.length; i++) {
    const gradient = g[i]!;
    d[i] = beta * d[i]! + (1 - beta) * gradient;
    v[i] = beta2 * v[i]! + (1 - beta2) * gradient * gradient;
  }
}

function move<A extends FloatArray>({ x, out }: Row<A>, tau: number, shrink: number, w: number): void {
  // A division by 1 costs as much as any other.
  if (w === 1) for (let i = 0; i < x.length; i++) out[i] = shrink * x[i]! - tau * out[i]!;
  else for (let i = 0; i < x.length; i++) out[i] = (shrink * x[i]! - tau * out[i]!) / w;
}

function zerosLike<A extends FloatArray>(values: A): A {
  return new (values.constructor as new (length: number) => A)(values.length);
}

function withPenalty<A extends FloatArray>(g: A, x: A, penalty: number): A {
  const sum = zerosLike(g);
  for (let i = 0; i < g.length; i++) sum[i] = g[i]! + penalty * x[i]!;
  return sum;
}

function squaredNorm(x: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * x[i]!;
  return sum;
}
