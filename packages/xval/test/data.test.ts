import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { random } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { describe, expect, it } from 'vitest';
import { ARITHMETIC_WORDS, arithmeticSamples, type ArithmeticOptions } from '../src/data/arithmetic';
import { arithmeticTreeSamples } from '../src/data/expression-trees';
import { solveOde } from '../src/data/extrapolation';
import { multiplicationSamples } from '../src/data/multiplication';
import { planetKeys, planetSample, planetText } from '../src/data/planet-samples';
import { initialState, integrate, makePlanetSystem, type Motion, type PlanetSystem } from '../src/data/planet-system';
import { pythonFloat } from '../src/data/python-number';
import { NumberTokenizer } from '../src/tokens/number-tokenizer';

const key = random.key(1);

describe('solveOde', () => {
  it('follows an oscillator to the tolerance, over many periods', () => {
    const times = Array.from({ length: 21 }, (_, i) => 5 * i);
    for (const relativeTolerance of [1e-6, 1e-9, 1e-12]) {
      const solution = solveOde((_, [x, v], out) => out.set([v!, -x!]), [1, 0], times, { relativeTolerance });
      const worst = Math.max(...solution.map(([x], i) => Math.abs(x! - Math.cos(times[i]!))));
      // Errors of steps add up; there are about a hundred.
      expect(worst).toBeLessThan(100 * relativeTolerance);
    }
  });

  it('needs few more calls for twelve digits than for four, as methods of a high order do', () => {
    let calls = 0;
    const count = (relativeTolerance: number): number => {
      calls = 0;
      solveOde((t, [y], out) => (calls++, out.set([y! * Math.cos(t)])), [1], [0, 20], { relativeTolerance });
      return calls;
    };
    // A method of order 4 would need 100 times as many.
    expect(count(1e-12) / count(1e-4)).toBeLessThan(6);
  });

  it('refuses times that do not increase, and a singularity', () => {
    const still = (_: number, __: Float64Array, out: Float64Array): void => void out.fill(0);
    expect(() => solveOde(still, [1], [0, 1, 1])).toThrow('xval.solveOde: times[2] must be after 1, got 1.');
    expect(() => solveOde(still, [1], [0, NaN])).toThrow('xval.solveOde: times[1] must be');
    expect(() => solveOde((_, [y], out) => out.set([y! * y!]), [1], [0, 2])).toThrow('the solution must be smooth');
  });
});

const golden = loadGolden(new URL('./golden/planets.safetensors', import.meta.url));
const systems = [0, 1, 2].map((i) => {
  const list = (name: string): number[] => [...golden.get(`s${i}.${name}`).data];
  const system: PlanetSystem = { m: list('m'), a: list('a'), e: list('e'), theta: list('theta') };
  return { system, list };
});

describe('planets', () => {
  it.each(systems.map(({ list, system }, i) => [i, list, system] as const))(
    'system %i starts and moves as DOP853 says, to 1e-8',
    (_, list, system) => {
      const start = initialState(system);
      expect(start.x.flat()).toBeAllclose(list('x0'), { rtol: 0, atol: 1e-14 });
      expect(start.v.flat()).toBeAllclose(list('v0'), { rtol: 0, atol: 1e-14 });
      const { x, v } = integrate(system, list('t'));
      expect(x.flat(2)).toBeAllclose(list('x'), { rtol: 0, atol: 1e-8 });
      expect(v.flat(2)).toBeAllclose(list('v'), { rtol: 0, atol: 1e-8 });
    },
  );

  it('conserve energy to 1e-10 and momentum to rounding over the horizon', () => {
    for (let seed = 0; seed < 5; seed++) {
      const system = makePlanetSystem(random.key(seed));
      const motion = integrate(
        system,
        Array.from({ length: 60 }, (_, i) => (24 * i) / 59),
      );
      const energies = motion.t.map((_, i) => energyOf(system, motion, i));
      const drift = Math.max(...energies.map((energy) => Math.abs(energy / energies[0]! - 1)));
      expect(drift).toBeLessThan(1e-10);
      const masses = [1, ...system.m];
      const momentum = (at: number, axis: 0 | 1): number =>
        masses.reduce((sum, mass, i) => sum + mass * motion.v[at]![i]![axis], 0);
      for (const axis of [0, 1] as const) expect(Math.abs(momentum(59, axis) - momentum(0, axis))).toBeLessThan(1e-14);
    }
  });

  it('come back after 2 pi sqrt(a^3 / (1 + m)), and stay at r = a without eccentricity', () => {
    const [m, a] = [3e-5, 1.7];
    const period = 2 * Math.PI * Math.sqrt(a ** 3 / (1 + m));
    const times = Array.from({ length: 9 }, (_, i) => (i * period) / 8);
    for (const e of [0, 0.08]) {
      const { x } = integrate({ m: [m], a: [a], e: [e], theta: [0.4] }, times);
      const relative = x.map(([star, planet]) => [planet![0] - star![0], planet![1] - star![1]] as const);
      expect([...relative[8]!]).toBeAllclose([...relative[0]!], { rtol: 0, atol: 1e-8 });
      if (e === 0) for (const [dx, dy] of relative) expect(Math.hypot(dx, dy)).toBeCloseTo(a, 9);
    }
  });

  it('are drawn from the authors’ distributions', () => {
    const drawn = Array.from({ length: 2000 }, (_, i) => makePlanetSystem(random.foldIn(key, i)));
    const share = (test: (system: PlanetSystem) => boolean): number => drawn.filter(test).length / drawn.length;
    // Five standard deviations of a share of 2000.
    const spread = (p: number): number => 5 * Math.sqrt((p * (1 - p)) / 2000);
    for (const n of [2, 3, 4, 5]) expect(Math.abs(share(({ m }) => m.length === n) - 0.25)).toBeLessThan(spread(0.25));
    expect(Math.abs(share(({ theta }) => theta.every((f) => f === 0)) - 0.3)).toBeLessThan(spread(0.3));
    const all = (name: 'm' | 'e'): number[] => drawn.flatMap((system) => system[name]);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
    // A uniform mean of 7000 has a deviation of 0.29 / 84 of the width.
    expect(Math.abs(mean(all('m')) - 3e-5)).toBeLessThan(5 * 0.0035 * 4e-5);
    expect(Math.abs(mean(all('e')) - 0.05)).toBeLessThan(5 * 0.0035 * 0.1);
    for (const { a } of drawn) {
      const sorted = [...a].sort((x, y) => x - y);
      expect(sorted[0]).toBe(1);
      const gaps = sorted.slice(1).map((value, i) => value - sorted[i]!);
      for (const gap of gaps) expect(gap).toBeCloseTo(gaps[0]!, 12);
    }
    const isFirst = share(({ a }) => a[0] === 1);
    // The mean of 1/2, 1/3, 1/4, 1/5: places are permuted.
    expect(Math.abs(isFirst - 0.3208)).toBeLessThan(spread(0.3208));
  });

  it('are written byte for byte as the authors write them', () => {
    const texts = JSON.parse(readFileSync(new URL('./golden/planets_text.json', import.meta.url), 'utf8')) as {
      text: string;
    }[];
    systems.forEach(({ system, list }, i) => {
      const [n, t] = [system.m.length, list('t')];
      const places = list('x');
      const data = t.map((_, s) =>
        Array.from({ length: n }, (__, p): [number, number] => {
          const at = 2 * (s * (n + 1) + p + 1);
          return [places[at]!, places[at + 1]!];
        }),
      );
      const stepsize = t.at(-1)! / (t.length - 1);
      expect(planetText({ ...system, stepsize, data })).toBe(texts[i]!.text);
    });
  });

  it('have 10 + 12 n + 3 n S tokens', () => {
    const tokenizer = NumberTokenizer.build({ keys: planetKeys() });
    for (let seed = 0; seed < 4; seed++) {
      const sample = planetSample(random.key(seed), { duration: [15, 16] });
      const [n, S] = [sample.m.length, sample.data.length];
      const { ids } = tokenizer.encode(planetText(sample, { decimals: 3 }));
      expect(ids).toHaveLength(10 + 12 * n + 3 * n * S);
    }
  });

  it('are a function of the key, within the distance, and only those wanted', () => {
    const options = { planets: [2, 2], steps: [3, 5], duration: [2, 3] } as const;
    const sample = planetSample(key, options);
    expect(planetSample(key, options)).toEqual(sample);
    expect(sample.data.length).toBeGreaterThanOrEqual(3);
    expect(sample.data.length).toBeLessThanOrEqual(5);
    for (const value of sample.data.flat(2)) expect(Math.abs(value)).toBeLessThan(10);
    const accept = ({ a }: { a: number[] }): boolean => Math.max(...a) > 2.5;
    for (let seed = 0; seed < 5; seed++) {
      expect(Math.max(...planetSample(random.key(seed), { ...options, accept }).a)).toBeGreaterThan(2.5);
    }
    expect(() => planetSample(key, { ...options, farthest: 0.5 })).toThrow('xval.planetSample: accept must take some');
  });

  it('say what is wrong with options and systems', () => {
    expect(() => makePlanetSystem(key, { planets: [0, 2] })).toThrow('xval.makePlanetSystem: planets[0] must be');
    expect(() => makePlanetSystem(key, { outerAxis: [3, 2] })).toThrow('outerAxis must be [low, high], got [3, 2].');
    expect(() => makePlanetSystem(key, { eccentricity: [0, 1] })).toThrow('eccentricity[1] must be');
    expect(() => planetSample(key, { steps: [1, 2] })).toThrow('xval.planetSample: steps[0] must be');
    expect(() => initialState({ m: [1e-5], a: [], e: [0], theta: [0] })).toThrow('a must have 1 values, as m has');
    expect(() => initialState({ m: [1e-5], a: [1], e: [1], theta: [0] })).toThrow('xval.initialState: e[0] must be');
    expect(() => planetText(planetSample(key, { steps: [2, 2] }), { decimals: -1 })).toThrow('decimals must be');
  });
});

function energyOf({ m }: PlanetSystem, { x, v }: Motion, at: number): number {
  const masses = [1, ...m];
  let energy = 0;
  masses.forEach((mass, i) => {
    energy += 0.5 * mass * (v[at]![i]![0] ** 2 + v[at]![i]![1] ** 2);
    for (let j = 0; j < i; j++) {
      const distance = Math.hypot(x[at]![i]![0] - x[at]![j]![0], x[at]![i]![1] - x[at]![j]![1]);
      energy -= (mass * masses[j]!) / distance;
    }
  });
  return energy;
}

describe('pythonFloat', () => {
  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [-1.5e-7, '-1.5e-07'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.25e100, '1.25e+100'],
    [0.1, '0.1'],
  ])('writes %d as %s', (x, text) => {
    expect(pythonFloat(x)).toBe(text);
  });
});

/** The value of the left side, by JavaScript. */
const valueOf = (text: string): number => Number(runInNewContext(text.split('=')[0]!.replaceAll('--', '- -')));

describe('arithmetic', () => {
  it('has operands within the range, and results that are right to the last figure', () => {
    const samples = arithmeticSamples(key, { count: 3000 });
    for (const { a, b, result, text } of samples) {
      expect(Math.max(Math.abs(a), Math.abs(b))).toBeLessThanOrEqual(5);
      expect(result).toBe(Number(valueOf(text).toPrecision(3)) + 0);
      expect(Number(text.split('=')[1])).toBe(result);
    }
    for (const operator of ['+', '-', '*']) {
      const count = samples.filter((sample) => sample.operator === operator).length;
      expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(3000 * (2 / 9)));
    }
    expect(arithmeticSamples(key, { count: 3000 })).toEqual(samples);
  });

  it('leaves a hole where one is wanted, and the rest as it was', () => {
    const samples = arithmeticSamples(key, { count: 2000, hole: [1, 1.5] });
    expect(samples.some(({ a }) => a > 1 && a < 1.5)).toBe(false);
    const inside = samples.filter(({ a }) => a >= 1.5 && a < 2.5).length;
    // A width of 1 of the 9.5 that are left.
    expect(Math.abs(inside - 2000 / 9.5)).toBeLessThan(5 * Math.sqrt(2000 / 9.5));
  });

  it('is read back by tokenizers of all its words', () => {
    const tokenizer = NumberTokenizer.build({ words: ARITHMETIC_WORDS, structure: false });
    const texts = [
      ...arithmeticSamples(key, { count: 50 }),
      ...multiplicationSamples(key, { count: 5 }),
      ...arithmeticTreeSamples(key, { count: 50, leaves: 4 }),
    ];
    for (const { text } of texts) {
      const { ids, numbers } = tokenizer.encode(text);
      expect(tokenizer.decode(ids, numbers)).toBe(text);
    }
    expect(tokenizer.encode('1.23*-4.5=-5.54').ids).toHaveLength(5);
  });

  it('multiplies integers of the digits asked for, exactly', () => {
    for (const digits of [1, 3, 5]) {
      for (const { a, b, product, text } of multiplicationSamples(key, { digits, count: 200 })) {
        expect(String(Math.min(a, b)).length).toBe(digits);
        expect(String(Math.max(a, b)).length).toBe(digits);
        expect(BigInt(product)).toBe(BigInt(a) * BigInt(b));
        expect(text).toBe(`${a}*${b}=${product}`);
      }
    }
  });

  it('grows trees whose text has their value, with all splits alike', () => {
    const samples = arithmeticTreeSamples(key, { count: 3000, leaves: 4, bound: 1e9 });
    let balanced = 0;
    for (const { value, text, tree } of samples) {
      expect(value).toBe(Number(valueOf(text).toPrecision(3)) + 0);
      if (typeof tree !== 'number' && typeof tree.left !== 'number' && typeof tree.right !== 'number') balanced++;
    }
    // Two leaves of four fall to the left with probability 1/3.
    expect(Math.abs(balanced - 1000)).toBeLessThan(5 * Math.sqrt(3000 * (2 / 9)));
    for (const { value } of arithmeticTreeSamples(key, { count: 200, leaves: 5, bound: 3 })) {
      expect(Math.abs(value)).toBeLessThanOrEqual(3);
    }
  });

  it.each<[string, Partial<ArithmeticOptions>]>([
    ['count must be', { count: 0 }],
    ['range must be [low, high]', { range: [1, -1] }],
    ['operators must have at least one', { operators: [] }],
    ['an operator must be one of', { operators: ['/' as '*'] }],
    ['sigfigs must be', { sigfigs: 0 }],
    ['hole must leave something', { hole: [-6, 6] }],
  ])('says: %s', (message, options) => {
    expect(() => arithmeticSamples(key, { count: 3, ...options })).toThrow(`xval.arithmeticSamples: ${message}`);
  });

  it('says when a bound leaves no expression', () => {
    const tight = { count: 1, leaves: 2, range: [4, 5], operators: ['+'], bound: 1 } as const;
    expect(() => arithmeticTreeSamples(key, tight)).toThrow('xval.arithmeticTreeSamples: bound must be large enough');
    expect(() => multiplicationSamples(key, { digits: 8, count: 1 })).toThrow(
      'xval.multiplicationSamples: digits must be',
    );
  });
});
