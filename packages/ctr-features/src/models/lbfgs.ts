/** A function's value and gradient at a point. */
export interface Evaluation {
  value: number;
  gradient: Float64Array;
}

/** How far a minimisation has come. */
export interface MinimizeProgress {
  iteration: number;
  value: number;
  /** The largest absolute entry of the gradient. */
  gradientNorm: number;
}

/** Options of `minimize`. */
export interface MinimizeOptions {
  /** Stops when no entry of the gradient is larger. */
  tolerance: number;
  maxIterations: number;
  onIteration?: ((progress: MinimizeProgress) => void) | undefined;
}

/** Where a minimisation ended. */
export interface Minimum extends MinimizeProgress {
  point: Float64Array;
  /** Whether the gradient is within the tolerance. */
  converged: boolean;
}

/** Pairs of steps and changes of the gradient that the Hessian is approximated by. */
const MEMORY = 20;
/** Of Wolfe's conditions: how much of the promised decrease is asked for, and how much of the slope may be left. */
const DECREASE = 1e-4;
const SLOPE = 0.5;
/** Below this part of a value its changes may be rounding, of float32 averaged over rows: then only slopes are asked. */
const VALUE_NOISE = 1e-6;
const LINE_STEPS = 30;

/**
 * A minimum of a smooth function by L-BFGS with a line search for Wolfe's conditions.
 *
 * @param evaluate  the function
 * @param start     where it begins; not changed
 * @returns the last point, also where it did not converge: within the iterations, or as rounding hides any decrease
 * @see Liu & Nocedal, 1989, "On the limited memory BFGS method for large scale optimization"
 */
export async function minimize(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  start: Float64Array,
  { tolerance, maxIterations, onIteration }: MinimizeOptions,
): Promise<Minimum> {
  let point: Float64Array = start.slice();
  let { value, gradient }: Evaluation = await evaluate(point);
  const pairs: Pair[] = [];
  const report = (iteration: number): Minimum => {
    const gradientNorm = gradient.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
    return { point, value, gradientNorm, iteration, converged: gradientNorm <= tolerance };
  };
  let state = report(0);
  while (!state.converged && state.iteration < maxIterations) {
    const direction = newtonLike(gradient, pairs);
    // Without a pair the length of the direction means nothing.
    const first = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    const next = await search(evaluate, { point, value, gradient }, direction, first);
    if (next === null) break;
    const step = next.point.map((entry, i) => entry - point[i]!);
    const change = next.gradient.map((entry, i) => entry - gradient[i]!);
    const curvature = dot(step, change);
    if (curvature > 0) pairs.push({ step, change, curvature });
    if (pairs.length > MEMORY) pairs.shift();
    ({ point, value, gradient } = next);
    state = report(state.iteration + 1);
    const { iteration, gradientNorm } = state;
    onIteration?.({ iteration, value, gradientNorm });
  }
  return state;
}

interface Pair {
  step: Float64Array;
  change: Float64Array;
  /** step . change, > 0 */
  curvature: number;
}

/** - H gradient, H the approximate inverse of the Hessian, by two loops over the pairs. */
function newtonLike(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((entry) => -entry);
  const factors: number[] = [];
  for (const { step, change, curvature } of [...pairs].reverse()) {
    const factor = dot(step, direction) / curvature;
    factors.unshift(factor);
    addTo(direction, change, -factor);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = last.curvature / dot(last.change, last.change);
    direction.forEach((entry, i) => (direction[i] = entry * scale));
  }
  pairs.forEach(({ step, change, curvature }, i) => {
    addTo(direction, step, factors[i]! - dot(change, direction) / curvature);
  });
  return direction;
}

/**
 * A point on the line that satisfies Wolfe's conditions, where values are rounded too much their form for slopes; null
 * where none was found.
 *
 * @see Hager & Zhang, 2005, "A new conjugate gradient method with guaranteed descent", eq. (4.3)
 */
async function search(
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  from: Evaluation & { point: Float64Array },
  direction: Float64Array,
  first: number,
): Promise<(Evaluation & { point: Float64Array }) | null> {
  const slope = dot(from.gradient, direction);
  if (!(slope < 0)) return null;
  let low = { length: 0, slope };
  let high = { length: Infinity, slope: NaN };
  let length = first;
  for (let trial = 0; trial < LINE_STEPS; trial++) {
    const point = from.point.map((entry, i) => entry + length * direction[i]!);
    const { value, gradient } = await evaluate(point);
    const here = { length, slope: dot(gradient, direction) };
    const lower = value <= from.value + DECREASE * length * slope;
    const noise = VALUE_NOISE * Math.abs(from.value);
    const flatter = value <= from.value + noise && here.slope <= (2 * DECREASE - 1) * slope;
    if (!lower && !flatter) high = here;
    else if (here.slope < SLOPE * slope) low = here;
    else return { point, value, gradient };
    length = high.length === Infinity ? 2 * low.length : between(low, high);
  }
  return null;
}

/** Where the slope would be 0 if it were linear, but not too near the ends; the middle where it has no such place. */
function between(low: { length: number; slope: number }, high: { length: number; slope: number }): number {
  const part = high.slope > 0 ? low.slope / (low.slope - high.slope) : 0.5;
  return low.length + Math.min(0.9, Math.max(0.1, part)) * (high.length - low.length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTo(to: Float64Array, from: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i]! += factor * from[i]!;
}
