// n points of x and m of y on the circle of circumference 1, T the total mass
import { normalisedWeights, type Weights } from '../cloud';

/** Masses of two clouds in units of which both have T. */
export interface CircleMasses {
  n: number;
  m: number;
  /** T: 1 for weights; the least common multiple of n and m for equal masses, so that every level is an integer. */
  total: number;
  /** Missing for equal masses. */
  a?: Float64Array;
  b?: Float64Array;
}

/** Points in the order of their coordinates. */
interface Side {
  /** Coordinates in [0, 1), ascending. */
  at: Float64Array;
  /** Where the points came from. */
  order: Int32Array;
  /** Mass up to and with each point; the last is T exactly. */
  levels: Float64Array;
}

/** Halvings of the interval [-1, 1] until it holds no other float64 numbers. */
const HALVINGS = 60;

/** @throws as `normalisedWeights` */
export function circleMasses(
  where: string,
  n: number,
  m: number,
  weights: Weights = {},
  prefix = 'weights.',
): CircleMasses {
  const a = normalisedWeights(where, `${prefix}a`, weights.a, n);
  const b = normalisedWeights(where, `${prefix}b`, weights.b, m);
  if (!a && !b) return { n, m, total: (n / greatestDivisor(n, m)) * m };
  return { n, m, total: 1, a: a ?? new Float64Array(n).fill(1 / n), b: b ?? new Float64Array(m).fill(1 / m) };
}

/**
 * W_p^p on the circle, exactly, with the geodesic distance.
 *
 *   W_p^p = min over alpha of C(alpha) = integral over u in (0, 1) of |F^-1(u) - G^-1(u + alpha)|^p
 *
 * where F and G are continued by F(t + 1) = F(t) + 1. C is convex, piecewise linear with corners where a level of x meets
 * one of y, rises at alpha = 1 and falls at -1: its least corner is found by halving, with the slope of C on the right.
 * For equal masses alpha runs over integers / T, and nothing is rounded. O((n + m) log T) after sorting.
 *
 * @param slopes  where dW_p^p / du and / dv are written, at the best plan, which is a constant of the derivative
 * @see Delon, Salomon & Sobolevski, 2010, "Fast transport optimization for Monge costs on the circle", arXiv:0902.3527
 */
export function circleCost(
  u: ArrayLike<number>,
  v: ArrayLike<number>,
  masses: CircleMasses,
  p: number,
  slopes?: { u: Float64Array; v: Float64Array },
): number {
  const { total, a, b } = masses;
  const x = sorted(u, total, a);
  const y = sorted(v, total, b);
  const rises = (alpha: number): boolean => slopeOnTheRight(x, y, total, p, alpha) >= 0;
  // C falls at `low` and rises at `high`.
  let [low, high] = [-total, total];
  if (a) {
    for (let step = 0; step < HALVINGS; step++) {
      const middle = (low + high) / 2;
      if (rises(middle)) high = middle;
      else low = middle;
    }
  } else {
    low--;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (rises(middle)) high = middle;
      else low = middle;
    }
  }
  return costAt(x, y, total, p, high, slopes);
}

/**
 * Coordinates on the circle, in [0, 1).
 *
 * @param t  any finite number
 */
export function onCircle(t: number): number {
  const rest = t - Math.floor(t);
  // Of -1e-20 the rest is 1 after rounding.
  return rest < 1 ? rest : 0;
}

/** The indices that sort numbers. */
export function sortingOrder(at: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: at.length }, (_, i) => i).sort((i, j) => at[i]! - at[j]!);
}

function sorted(coordinates: ArrayLike<number>, total: number, masses?: Float64Array): Side {
  const count = coordinates.length;
  const order = sortingOrder(coordinates);
  const at = Float64Array.from(order, (i) => coordinates[i]!);
  const levels = new Float64Array(count);
  let level = 0;
  for (let k = 0; k < count; k++) {
    level = masses ? level + masses[order[k]!]! : ((k + 1) * total) / count;
    levels[k] = level;
  }
  levels[count - 1] = total;
  return { at, order, levels };
}

/**
 * dC/dalpha to the right, times T: as alpha grows, the mass of x at the level of each point of y goes to the next one.
 */
function slopeOnTheRight(x: Side, y: Side, total: number, p: number, alpha: number): number {
  const [n, m] = [x.at.length, y.at.length];
  let turn = Math.ceil((y.levels[0]! - alpha) / total) - 1;
  let sum = 0;
  for (let i = 0, j = 0; j < m; j++) {
    const level = y.levels[j]! - alpha;
    while (x.levels[i]! + turn * total < level) {
      if (++i < n) continue;
      i = 0;
      turn++;
    }
    const of = x.at[i]! + turn;
    const next = j + 1 < m ? y.at[j + 1]! : y.at[0]! + 1;
    sum += power(of - next, p) - power(of - y.at[j]!, p);
  }
  return sum;
}

function costAt(
  x: Side,
  y: Side,
  total: number,
  p: number,
  alpha: number,
  slopes?: { u: Float64Array; v: Float64Array },
): number {
  const [n, m] = [x.at.length, y.at.length];
  slopes?.u.fill(0);
  slopes?.v.fill(0);
  let turn = Math.floor(alpha / total);
  let j = 0;
  while (j < m - 1 && y.levels[j]! + turn * total <= alpha) j++;
  let sum = 0;
  for (let i = 0, level = 0; i < n;) {
    const levelX = x.levels[i]!;
    const levelY = y.levels[j]! + turn * total - alpha;
    const next = Math.min(levelX, levelY);
    if (next > level) {
      const difference = x.at[i]! - (y.at[j]! + turn);
      const mass = (next - level) / total;
      sum += mass * power(difference, p);
      if (slopes) {
        const slope = mass * powerSlope(difference, p);
        slopes.u[x.order[i]!]! += slope;
        slopes.v[y.order[j]!]! -= slope;
      }
      level = next;
    }
    if (levelX <= next) i++;
    if (levelY <= next && ++j === m) {
      j = 0;
      turn++;
    }
  }
  return sum;
}

function power(r: number, p: number): number {
  return p === 2 ? r * r : p === 1 ? Math.abs(r) : Math.abs(r) ** p;
}

/** d|r|^p / dr, 0 at r = 0. */
function powerSlope(r: number, p: number): number {
  return p === 2 ? 2 * r : p === 1 ? Math.sign(r) : p * Math.abs(r) ** (p - 1) * Math.sign(r);
}

function greatestDivisor(n: number, m: number): number {
  return m === 0 ? n : greatestDivisor(m, n % m);
}
