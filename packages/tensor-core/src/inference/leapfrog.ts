import type { DensityAt, Interval, LogDensity } from './density';
import type { Metric } from './metric';

/**
 * What a trajectory does at a wall.
 *
 *   reflect    the drift is a billiard: it goes to the wall, is mirrored there in the metric, and goes on. Reversible,
 *              keeps volume and energy; needs no gradient outside.
 *   collision  the rule of Gibbs diffusion: a coordinate outside gets no kick but its momentum's sign is changed,
 *              except at the last step. Needs the gradient outside; a trajectory that ends outside is rejected.
 */
export type WallRule = 'reflect' | 'collision';

/** Walls around the target. */
export interface Walls {
  bounds: readonly Interval[];
  rule: WallRule;
}

/** A point of a trajectory, with the density there. */
export interface PhasePoint {
  position: Float64Array;
  momentum: Float64Array;
  /** log p. */
  value: number;
  gradient: ArrayLike<number>;
}

/** More reflections in one drift than this: the step is far too long for the box. */
const MAX_REFLECTIONS = 1000;

/**
 * A trajectory by the leapfrog method: half a kick, then drifts and kicks in turn, half a kick at the end.
 *
 *   p <- p + (s/2) grad log p(q);  q <- q + s M^-1 p;  p <- p + s grad log p(q); ...;  p <- p + (s/2) grad log p(q)
 *
 * @param logDensity  log p and its gradient, called once a step
 * @param start       not changed; its gradient is used
 * @param step        s; the error of the energy over a given time is O(s^2)
 * @param steps       number of drifts, at least 1
 * @returns the end point; where something is not finite the trajectory ends there
 * @see Neal, 2011, "MCMC using Hamiltonian dynamics", section 2.3 and 5.1, arXiv:1206.1901
 */
export function leapfrog(
  logDensity: (q: Float64Array) => DensityAt,
  metric: Metric,
  start: PhasePoint,
  step: number,
  steps: number,
  walls?: Walls,
): PhasePoint {
  const position = start.position.slice();
  const momentum = start.momentum.slice();
  let { value, gradient } = start;
  const kick = (time: number): void => {
    for (let i = 0; i < momentum.length; i++) momentum[i]! += time * gradient[i]!;
  };
  kick(step / 2);
  for (let n = 1; n <= steps; n++) {
    if (walls?.rule === 'reflect') reflectingDrift(metric, position, momentum, step, walls.bounds);
    else drift(metric, position, momentum, step);
    if (!position.every(Number.isFinite)) return { position, momentum, value: NaN, gradient };
    ({ value, gradient } = logDensity(position));
    if (n === steps) break;
    const before = momentum.slice();
    kick(step);
    if (walls?.rule === 'collision') {
      walls.bounds.forEach(([low, high], i) => {
        if (position[i]! < low || position[i]! > high) momentum[i] = -before[i]!;
      });
    }
  }
  kick(step / 2);
  return { position, momentum, value, gradient };
}

/** The density of one chain, as `leapfrog` takes it; copies, as a function may reuse its memory. */
export function densityOfChain(logDensity: LogDensity, chain: number): (q: Float64Array) => DensityAt {
  return (q) => {
    const { value, gradient } = logDensity(q.slice(), chain);
    return { value, gradient: new Float64Array(gradient) };
  };
}

function drift(metric: Metric, position: Float64Array, momentum: Float64Array, time: number): void {
  const velocity = metric.velocity(momentum);
  for (let i = 0; i < position.length; i++) position[i]! += time * velocity[i]!;
}

/**
 * At the wall of coordinate i the momentum loses 2 v_i / (M^-1)_ii in that coordinate: this turns v_i round and
 * keeps p^T M^-1 p, for every metric.
 */
function reflectingDrift(
  metric: Metric,
  position: Float64Array,
  momentum: Float64Array,
  time: number,
  bounds: readonly Interval[],
): void {
  const { rows: n, data: inverseMass } = metric.inverseMass;
  for (let reflections = 0; reflections < MAX_REFLECTIONS; reflections++) {
    const velocity = metric.velocity(momentum);
    let wall = -1;
    let until = time;
    for (let i = 0; i < n; i++) {
      const target = velocity[i]! > 0 ? bounds[i]![1] : bounds[i]![0];
      const reached = velocity[i] === 0 ? Infinity : Math.max(0, (target - position[i]!) / velocity[i]!);
      if (reached < until) [wall, until] = [i, reached];
    }
    for (let i = 0; i < n; i++) position[i]! += until * velocity[i]!;
    if (wall < 0) return;
    position[wall] = velocity[wall]! > 0 ? bounds[wall]![1] : bounds[wall]![0];
    momentum[wall]! -= (2 * velocity[wall]!) / inverseMass[wall * (n + 1)]!;
    time -= until;
  }
  position.fill(NaN);
}
