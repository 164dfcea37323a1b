import { check, random } from '@tfsci/tensor-core';
import { solveOde, type OdeOptions } from './extrapolation';

const { argumentMessage, checkNumber } = check;

/** Planets of a star of mass 1 with G = 1, in the order in which they are placed. */
export interface PlanetSystem {
  /** Masses, in those of the star. */
  m: number[];
  /** Semi-major axes; an orbit at a = 1 takes about 2 pi. */
  a: number[];
  /** Eccentricities, 0 to below 1. */
  e: number[];
  /** True anomalies at the start, radians; pericentres are at +x. */
  theta: number[];
}

/** A range [low, high] of uniform draws. */
export type Range = readonly [low: number, high: number];

/** From where systems are drawn; the defaults are those of the authors' generator. */
export interface PlanetSystemOptions {
  /** How many planets, integers, default [2, 5]. */
  planets?: Range;
  /** Default [1e-5, 5e-5]. */
  mass?: Range;
  /** Semi-major axis of the outermost planet; the others lie evenly from 1 to it. Default [1.5, 3]. */
  outerAxis?: Range;
  /** Default [0, 0.1]. */
  eccentricity?: Range;
  /** Probability that all planets start at their pericentres, default 0.3. */
  aligned?: number;
}

/** Positions and velocities of all bodies, the star first, [n + 1, 2] each. */
export interface BodyState {
  x: [number, number][];
  v: [number, number][];
}

/** A motion: states at times. */
export interface Motion {
  t: number[];
  /** [S, n + 1, 2]. */
  x: [number, number][][];
  v: [number, number][][];
}

/**
 * A random system of planets.
 *
 * @throws RangeError for a range that is empty or outside what it means
 * @see Golkar et al., 2023, appendix, arXiv:2310.02989
 */
export function makePlanetSystem(key: random.Key, options: PlanetSystemOptions = {}): PlanetSystem {
  const where = 'xval.makePlanetSystem';
  const {
    planets = [2, 5],
    mass = [1e-5, 5e-5],
    outerAxis = [1.5, 3],
    eccentricity = [0, 0.1],
    aligned = 0.3,
  } = options;
  checkRange(where, 'planets', planets, { min: 1, integer: true });
  checkRange(where, 'mass', mass, { min: 0 });
  checkRange(where, 'outerAxis', outerAxis, { min: 1 });
  checkRange(where, 'eccentricity', eccentricity, { min: 0, below: 1 });
  checkNumber(where, 'aligned', aligned, { min: 0, max: 1 });
  const [counts, values, order] = random.split(random.checkKey(where, key), 3) as [random.Key, random.Key, random.Key];
  const n = random.fillIntegers(counts, new Int32Array(1), { low: planets[0], high: planets[1] + 1 })[0]!;
  const draws = random.fillUniform(values, new Float64Array(3 * n + 2));
  const between = ([low, high]: Range, u: number): number => low + (high - low) * u;
  const last = between(outerAxis, draws[3 * n]!);
  const isAligned = draws[3 * n + 1]! < aligned;
  const placed = Array.from(random.permutation(order, n), (i) => ({
    m: between(mass, draws[i]!),
    a: n === 1 ? 1 : 1 + (i * (last - 1)) / (n - 1),
    e: between(eccentricity, draws[n + i]!),
    theta: isAligned ? 0 : 2 * Math.PI * draws[2 * n + i]!,
  }));
  return {
    m: placed.map(({ m }) => m),
    a: placed.map(({ a }) => a),
    e: placed.map(({ e }) => e),
    theta: placed.map(({ theta }) => theta),
  };
}

/**
 * Where the bodies are at the start, in Jacobi's way: each planet about the centre of mass of the star and the planets
 * placed before it.
 *
 *   mu = M + m,  r = a (1 - e^2) / (1 + e cos f),  v0 = sqrt(mu / (a (1 - e^2)))
 *   x = X + r (cos f, sin f),  v = V + v0 (-sin f, e + cos f)
 *
 * @throws RangeError when the lists differ in length or a value is outside what it means
 */
export function initialState({ m, a, e, theta }: PlanetSystem): BodyState {
  const where = 'xval.initialState';
  for (const [name, list] of Object.entries({ a, e, theta })) {
    if (list.length === m.length) continue;
    throw new RangeError(argumentMessage(where, name, `have ${m.length} values, as m has`, list));
  }
  const x: [number, number][] = [[0, 0]];
  const v: [number, number][] = [[0, 0]];
  let M = 1;
  const [X, V] = [
    [0, 0],
    [0, 0],
  ];
  m.forEach((mass, i) => {
    const axis = checkNumber(where, `a[${i}]`, a[i], { above: 0 });
    const eccentricity = checkNumber(where, `e[${i}]`, e[i], { min: 0, below: 1 });
    const f = checkNumber(where, `theta[${i}]`, theta[i]);
    checkNumber(where, `m[${i}]`, mass, { min: 0 });
    const shape = axis * (1 - eccentricity ** 2);
    const r = shape / (1 + eccentricity * Math.cos(f));
    const speed = Math.sqrt((M + mass) / shape);
    const place: [number, number] = [X[0]! + r * Math.cos(f), X[1]! + r * Math.sin(f)];
    const velocity: [number, number] = [V[0]! - speed * Math.sin(f), V[1]! + speed * (eccentricity + Math.cos(f))];
    x.push(place);
    v.push(velocity);
    for (const axisOf of [0, 1] as const) {
      X[axisOf] = (M * X[axisOf]! + mass * place[axisOf]) / (M + mass);
      V[axisOf] = (M * V[axisOf]! + mass * velocity[axisOf]) / (M + mass);
    }
    M += mass;
  });
  return { x, v };
}

/**
 * The motion of a system under its gravity, float64.
 *
 *   dv_i/dt = sum_j m_j (x_j - x_i) / |x_j - x_i|^3
 *
 * @param times    increasing; the initial state is at the first
 * @param options  tolerances, see OdeOptions; by default positions are right to about 1e-9 over 24 units of time
 * @throws RangeError for bad times, or where bodies collide
 */
export function integrate(system: PlanetSystem, times: ArrayLike<number>, options: OdeOptions = {}): Motion {
  const { x, v } = initialState(system);
  const masses = [1, ...system.m];
  const n = masses.length;
  const solution = solveOde(gravity(masses), [...x.flat(), ...v.flat()], times, options);
  const pairs = (y: Float64Array, from: number): [number, number][] =>
    Array.from({ length: n }, (_, i) => [y[from + 2 * i]!, y[from + 2 * i + 1]!]);
  return {
    t: Array.from(times),
    x: solution.map((y) => pairs(y, 0)),
    v: solution.map((y) => pairs(y, 2 * n)),
  };
}

function gravity(masses: readonly number[]): (t: number, y: Float64Array, out: Float64Array) => void {
  const n = masses.length;
  return (_, y, out) => {
    for (let i = 0; i < 2 * n; i++) {
      out[i] = y[2 * n + i]!;
      out[2 * n + i] = 0;
    }
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const [dx, dy] = [y[2 * j]! - y[2 * i]!, y[2 * j + 1]! - y[2 * i + 1]!];
        const distance = Math.sqrt(dx * dx + dy * dy);
        const pull = 1 / (distance * distance * distance);
        const [ai, aj] = [2 * n + 2 * i, 2 * n + 2 * j];
        out[ai] = out[ai]! + masses[j]! * pull * dx;
        out[ai + 1] = out[ai + 1]! + masses[j]! * pull * dy;
        out[aj] = out[aj]! - masses[i]! * pull * dx;
        out[aj + 1] = out[aj + 1]! - masses[i]! * pull * dy;
      }
    }
  };
}

/** @throws RangeError unless low and high meet the requirement and low <= high */
export function checkRange(where: string, name: string, range: Range, requirement: check.NumberRequirement): void {
  const [low, high] = range;
  checkNumber(where, `${name}[0]`, low, requirement);
  checkNumber(where, `${name}[1]`, high, requirement);
  if (low > high) throw new RangeError(argumentMessage(where, name, 'be [low, high]', range));
}
