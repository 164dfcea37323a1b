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
  /** First the direction of the step, D^-1 d, then the weights after it. */
  out: A;
  /** beta of this row; 0 where its average starts from this gradient. */
  beta: number;
}

/** <g, x> over all parameter tensors. Not finite exactly when an element of g or x is not (sums of float32 cannot overflow). */
export function gradientDotWeights(x: readonly FloatArray[], g: readonly FloatArray[]): number {
  return x.reduce((sum, values, row) => sum + dotProduct(values, g[row]!), 0);
}

/**
 * One step of the family on plain arrays, all sums in float64: averages, step size, preconditioned
 * proximal update.
 *
 * @param state  state before the step; its arrays are reused for the state after it
 * @param rows   row of `state.d` for each parameter tensor
 * @param x      weights before the step; not changed
 * @param g      gradient of the batch loss at x
 * @param gradDotX  <g, x>, from `gradientDotWeights`
 * @param loss   batch loss at x
 * @param learningRate  alpha of this step
 * @returns the record, the weights after the step in new arrays, and the state after it
 */
export function modelStep<A extends FloatArray>(
  state: ModelState<A>,
  rows: number[],
  x: A[],
  g: A[],
  gradDotX: number,
  loss: number,
  learningRate: number,
  config: ModelConfig,
): { log: StepLog; weights: A[]; state: ModelState<A> } {
  const { weightDecay, decay, zeroInit, beta2 } = config;
  const step = state.step + 1;
  const penalty = decay === 'penalty' ? weightDecay : 0;
  const beta = step === 1 && !zeroInit ? 0 : config.beta;
  const d = [...state.d];
  const v = [...state.v];

  let dot = 0;
  let gradNormSq = 0;
  let weightNormSq = 0;
  const work = rows.map((row, i): Row<A> => {
    const values = x[i]!;
    const isNew = d[row] === null;
    return {
      x: values,
      g: penalty === 0 ? g[i]! : withPenalty(g[i]!, values, penalty),
      d: (d[row] ??= zerosLike(values)),
      v: beta2 === null ? values : (v[row] ??= zerosLike(values)),
      out: zerosLike(values),
      beta: isNew && !zeroInit ? 0 : beta,
    };
  });
  for (const row of work) {
    const sums = beta2 === null ? momentum(row) : adam(row, beta2, config.epsilon, 1 - beta2 ** step);
    dot += sums.dot;
    gradNormSq += sums.gradNormSq;
    if (penalty !== 0) weightNormSq += dotProduct(row.x, row.x);
  }

  const lossAvg = beta * state.lossAvg + (1 - beta) * (loss + (penalty / 2) * weightNormSq);
  const gamma = beta * state.gamma + (1 - beta) * (gradDotX + penalty * weightNormSq);
  const rho = zeroInit ? 1 - config.beta ** step : 1;
  const size = momoStepSize({ lossAvg, gamma, dot, gradNormSq, rho }, learningRate, state.lowerBound, config);

  const shrink = decay === 'decoupled' ? 1 - learningRate * weightDecay : 1;
  const divisor = decay === 'proximal' ? 1 + learningRate * weightDecay : 1;
  for (const row of work) move(row, size.stepSize, shrink, divisor);
  return {
    log: { step, loss, lossAvg, gradNormSq, ...size },
    weights: work.map(({ out }) => out),
    state: { step, lossAvg, gamma, lowerBound: size.lowerBound, d, v },
  };
}

// The loops read each element once into a local, which saves a quarter of their time.

/** Updates the average of a row without a preconditioner; leaves it in `out` too, as the direction. */
function momentum<A extends FloatArray>({ x, g, d, out, beta }: Row<A>) {
  const rest = 1 - beta;
  let dot = 0;
  let gradNormSq = 0;
  for (let i = 0; i < x.length; i++) {
    const average = beta * d[i]! + rest * g[i]!;
    out[i] = average;
    dot += average * x[i]!;
    gradNormSq += average * average;
  }
  d.set(out);
  return { dot, gradNormSq };
}

/** Updates both averages of a row; leaves the direction d / D in `out`. */
function adam<A extends FloatArray>({ x, g, d, v, out, beta }: Row<A>, beta2: number, epsilon: number, unbias: number) {
  const rest = 1 - beta;
  const rest2 = 1 - beta2;
  const scale = 1 / unbias;
  let dot = 0;
  let gradNormSq = 0;
  for (let i = 0; i < x.length; i++) {
    const gradient = g[i]!;
    const average = beta * d[i]! + rest * gradient;
    const square = beta2 * v[i]! + rest2 * gradient * gradient;
    d[i] = average;
    v[i] = square;
    const metric = epsilon + Math.sqrt(square * scale);
    // With epsilon 0 the metric is 0 where every gradient was 0, or too small to be squared.
    const direction = metric === 0 ? 0 : average / metric;
    out[i] = direction;
    dot += average * x[i]!;
    gradNormSq += average * direction;
  }
  return { dot, gradNormSq };
}

/** Turns the direction in `out` into the weights after the step. */
function move<A extends FloatArray>({ x, out }: Row<A>, tau: number, shrink: number, divisor: number): void {
  // A division by 1 costs as much as any other.
  if (divisor === 1) for (let i = 0; i < x.length; i++) out[i] = shrink * x[i]! - tau * out[i]!;
  else for (let i = 0; i < x.length; i++) out[i] = (shrink * x[i]! - tau * out[i]!) / divisor;
}

function zerosLike<A extends FloatArray>(values: A): A {
  return new (values.constructor as new (length: number) => A)(values.length);
}

function withPenalty<A extends FloatArray>(g: A, x: A, penalty: number): A {
  const sum = zerosLike(g);
  for (let i = 0; i < g.length; i++) sum[i] = g[i]! + penalty * x[i]!;
  return sum;
}

function dotProduct(a: FloatArray, b: FloatArray): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
