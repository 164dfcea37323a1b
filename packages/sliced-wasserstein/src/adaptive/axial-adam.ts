// d coordinates
import type { AxialGradient } from '../slices/axial-draw';

const BETA_1 = 0.9;
const BETA_2 = 0.95;
/** Parts of the objective's scale: gradients below it are rounding of float32, which steps must not be made of. */
const EPSILON = 1e-5;
/** The average of all points so far has weights that grow like t^8: it rests on about the last ninth of them. */
const AVERAGE_POWER = 8;
/** Outside of it a law around an axis is uniform, or a single slice, to float32. */
const LOG_KAPPA = { least: Math.log(1e-3), most: Math.log(1e7) };

/** Parameters of a distribution around an axis. */
export interface AxialPoint {
  logKappa: number;
  /** Unit vector, [d]. */
  mu: number[];
}

/** Where the ascent stands: plain data. */
export interface AxialAdamState {
  /** Steps done. */
  steps: number;
  /** What gradients are divided by, the size of the objective; 0 before the first step. */
  scale: number;
  point: AxialPoint;
  /** Averages of gradients; the one of mu is orthogonal to it. */
  momentum: AxialPoint;
  /** Averages of squared gradients; of mu that of the squared norm. */
  squares: { logKappa: number; mu: number };
  /** Weighted average of all points so far, what is learnt in the end. */
  average: AxialPoint;
}

/** The state before the first step. */
export function axialAdamStart(mu: ArrayLike<number>, kappa: number): AxialAdamState {
  const point = (): AxialPoint => ({ logKappa: within(Math.log(kappa)), mu: Array.from(mu) });
  const momentum = { logKappa: 0, mu: Array.from(mu, () => 0) };
  return { steps: 0, scale: 0, point: point(), momentum, squares: { logKappa: 0, mu: 0 }, average: point() };
}

/**
 * One step of Adam up a gradient, in float64.
 *
 *   log kappa += rate m / (sqrt(v) + eps),  m, v averages of g and g^2, bias corrected
 *   mu <- (mu + rate m / (sqrt(v) + eps)) / |.|,  m of the gradient across mu, v of its squared norm
 *
 * One v for all of mu: the way does not depend on the axes of the coordinates, and `rate` is the angle in radians that mu
 * turns by, at most about, whatever d is; it is as well the most that log kappa changes by.
 *
 * @param gradient      of the objective
 * @param options.size  of the objective, > 0, taken at the first step: its gradients are divided by it
 * @see Kingma & Ba, 2015, arXiv:1412.6980; Becigneul & Ganea, 2019, "Riemannian adaptive optimization methods",
 *   arXiv:1810.00760; Shamir & Zhang, 2013, arXiv:1212.1824, for the average
 */
export function axialAdamStep(
  state: AxialAdamState,
  gradient: AxialGradient,
  { rate, learnMu, size }: { rate: number; learnMu: boolean; size: number },
): AxialAdamState {
  const steps = state.steps + 1;
  const scale = state.scale || size;
  const [keep1, keep2] = [1 - BETA_1 ** steps, 1 - BETA_2 ** steps];
  const pace = (square: number): number => rate / keep1 / (Math.sqrt(square / keep2) + EPSILON);

  const slope = gradient.logKappa / scale;
  const squares = {
    logKappa: BETA_2 * state.squares.logKappa + (1 - BETA_2) * slope ** 2,
    mu: BETA_2 * state.squares.mu + (1 - BETA_2) * dot(gradient.mu, gradient.mu) * scale ** -2,
  };
  const ofLogKappa = BETA_1 * state.momentum.logKappa + (1 - BETA_1) * slope;
  const logKappa = within(state.point.logKappa + pace(squares.logKappa) * ofLogKappa);

  let mu = state.point.mu;
  let ofMu = state.momentum.mu;
  if (learnMu) {
    ofMu = ofMu.map((entry, j) => BETA_1 * entry + ((1 - BETA_1) * gradient.mu[j]!) / scale);
    const reach = pace(squares.mu);
    mu = unit(mu.map((entry, j) => entry + reach * ofMu[j]!));
    // The momentum goes along: what of it points along the new mu is lost.
    const along = dot(ofMu, mu);
    ofMu = ofMu.map((entry, j) => entry - along * mu[j]!);
  }
  const share = (AVERAGE_POWER + 1) / (AVERAGE_POWER + steps);
  const { average } = state;
  return {
    steps,
    scale,
    point: { logKappa, mu },
    momentum: { logKappa: ofLogKappa, mu: ofMu },
    squares,
    average: {
      logKappa: average.logKappa + share * (logKappa - average.logKappa),
      mu: average.mu.map((entry, j) => entry + share * (mu[j]! - entry)),
    },
  };
}

function within(logKappa: number): number {
  return Math.min(Math.max(logKappa, LOG_KAPPA.least), LOG_KAPPA.most);
}

function unit(values: number[]): number[] {
  const norm = Math.sqrt(dot(values, values));
  return values.map((value) => value / norm);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}
