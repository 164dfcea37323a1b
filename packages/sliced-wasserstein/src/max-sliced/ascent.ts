// R starts, D coordinates

/** Armijo's condition: the share of the rise along the tangent that a step must bring. */
const SUFFICIENT = 1e-4;

/** Costs W_p^p of unit vectors, and the gradient of each in its vector. */
export interface Evaluated {
  costs: ArrayLike<number>;
  gradients: Float64Array[];
}

/** An ascent of f = W_p^p on the unit sphere from one start. */
export interface Climb {
  /** Unit vector, [D]. */
  theta: Float64Array;
  cost: number;
  /** Steps tried, also those that were refused. */
  iterations: number;
  converged: boolean;
  /** The cost at the start and after each iteration. */
  trace: number[];
  /** Riemannian gradient at theta: g - <g, theta> theta. */
  tangent: Float64Array;
  step: number;
}

/**
 * A climb that has not moved yet. Its first step is that of a power iteration, theta <- g / |g|: as f is homogeneous of degree
 * p, <g, theta> = p f, which makes 1 / (p f) a step whatever the scale of the clouds.
 */
export function climbFrom(theta: Float64Array, cost: number, gradient: Float64Array, p: number): Climb {
  const tangent = tangentOf(gradient, theta);
  const step = cost > 0 ? 1 / (p * cost) : 0;
  return { theta, cost, iterations: 0, converged: false, trace: [cost], tangent, step };
}

/** theta + step tangent, back on the sphere. */
export function proposal({ theta, step, tangent }: Climb): Float64Array {
  return unit(theta.map((value, j) => value + step * tangent[j]!));
}

/** Goes where f has risen enough, with a longer step the next time; else tries a shorter one. */
export function judge(climb: Climb, theta: Float64Array, cost: number, gradient: Float64Array): void {
  const { step, tangent } = climb;
  climb.iterations++;
  if (cost >= climb.cost + SUFFICIENT * step * dot(tangent, tangent)) {
    climb.theta = theta;
    climb.cost = cost;
    climb.tangent = tangentOf(gradient, theta);
    climb.step = 2 * step;
  } else {
    climb.step = step / 2;
  }
  climb.trace.push(climb.cost);
}

/** Whether the next step promises less than the fraction `tolerance` of f. */
export function hasArrived({ cost, step, tangent }: Climb, tolerance: number): boolean {
  return step * dot(tangent, tangent) <= tolerance * cost;
}

/** @returns the vector divided by its norm; undefined for the zero vector */
export function direction(vector: Float64Array): Float64Array | undefined {
  const norm = Math.sqrt(dot(vector, vector));
  return norm > 0 && Number.isFinite(norm) ? vector.map((value) => value / norm) : undefined;
}

function unit(vector: Float64Array): Float64Array {
  // A point of the sphere and a tangent at it: the sum is never shorter than 1.
  return direction(vector)!;
}

function tangentOf(gradient: Float64Array, theta: Float64Array): Float64Array {
  const radial = dot(gradient, theta);
  return gradient.map((value, j) => value - radial * theta[j]!);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}
