import { check, random } from '@tfsci/tensor-core';
import {
  checkRange,
  integrate,
  makePlanetSystem,
  type PlanetSystem,
  type PlanetSystemOptions,
  type Range,
} from './planet-system';
import { pythonFloat } from './python-number';

const { checkNumber } = check;

/** A system, and where its planets are at even steps of time. */
export interface PlanetSample extends PlanetSystem {
  stepsize: number;
  /** Positions of the planets, [S, n, 2]. */
  data: [number, number][][];
}

/** Options of `planetSample`. */
export interface PlanetSampleOptions extends PlanetSystemOptions {
  /** Duration in units of time, an integer; default [15, 24]. */
  duration?: Range;
  /** S, default [30, 59]. */
  steps?: Range;
  /** Systems that go as far as this are drawn again, default 10. */
  farthest?: number;
  /** Whether a sample is wanted: to leave out a part of the parameters, or to have no other. */
  accept?: (sample: PlanetSample) => boolean;
}

/** After so many systems without a sample that is wanted there is none. */
const ATTEMPTS = 1000;

/**
 * A sample of the planetary data set: a random system, and its motion over T ~ U{15..24} at S ~ U{30..59} times.
 *
 * @throws RangeError for bad options, or when 1000 systems had no sample that is accepted
 * @see Golkar et al., 2023, appendix, arXiv:2310.02989
 * @remarks The authors' script draws anew after its test of the distance and stores what was not tested.
 */
export function planetSample(key: random.Key, options: PlanetSampleOptions = {}): PlanetSample {
  const where = 'xval.planetSample';
  const { duration = [15, 24], steps = [30, 59], farthest = 10, accept = () => true, ...system } = options;
  checkRange(where, 'duration', duration, { min: 1, integer: true });
  checkRange(where, 'steps', steps, { min: 2, integer: true });
  checkNumber(where, 'farthest', farthest, { above: 0 });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [own, times] = random.split(random.foldIn(random.checkKey(where, key), attempt)) as [random.Key, random.Key];
    const made = makePlanetSystem(own, system);
    const draw = (at: number, [low, high]: Range): number =>
      random.fillIntegers(random.foldIn(times, at), new Int32Array(1), { low, high: high + 1 })[0]!;
    const [T, S] = [draw(0, duration), draw(1, steps)];
    const stepsize = T / (S - 1);
    const { x } = integrate(
      made,
      Float64Array.from({ length: S }, (_, i) => i * stepsize),
    );
    const data = x.map((bodies) => bodies.slice(1));
    const sample = { ...made, stepsize, data };
    const isNear = data.flat(2).every((value) => Math.abs(value) < farthest);
    if (isNear && accept(sample)) return sample;
  }
  throw new RangeError(`${where}: accept must take some of the systems, and took none of ${ATTEMPTS}.`);
}

/** Options of `planetText`. */
export interface PlanetTextOptions {
  /** Figures behind the point, default all. */
  decimals?: number;
}

/**
 * A sample in the authors' format, m times 1e5 and e times 20:
 * {'description':{'planet0':{'m':1.31,'a':1.94,'e':1.9},...,'stepsize':0.41},'data':[[[x,y],...],...]}
 *
 * @throws RangeError for bad decimals
 */
export function planetText(sample: PlanetSample, { decimals }: PlanetTextOptions = {}): string {
  if (decimals !== undefined) checkNumber('xval.planetText', 'decimals', decimals, { min: 0, max: 17, integer: true });
  const written = (x: number): string => pythonFloat(decimals === undefined ? x : Number(x.toFixed(decimals)));
  const { m, a, e, stepsize, data } = sample;
  const planets = m.map(
    (mass, i) => `'planet${i}':{'m':${written(mass * 1e5)},'a':${written(a[i]!)},'e':${written(e[i]! * 20)}}`,
  );
  const rows = data.map((bodies) => `[${bodies.map((place) => `[${place.map(written).join(',')}]`).join(',')}]`);
  return `{'description':{${planets.join(',')},'stepsize':${written(stepsize)}},'data':[${rows.join(',')}]}`;
}

/** Keys of the planetary texts with up to n planets. */
export function planetKeys(planets = 5): string[] {
  const names = Array.from({ length: planets }, (_, i) => `planet${i}`);
  return ['description', 'data', 'stepsize', 'm', 'a', 'e', ...names];
}
