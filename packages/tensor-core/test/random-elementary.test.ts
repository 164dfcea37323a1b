import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fillUniform, key } from '../src/random';
import { exp, log } from '../src/random/elementary';
import { clip, greatestFloat, greatestFloatBelow, leastFloat } from '../src/random/float-range';
import { normalQuantile, normalQuantiles } from '../src/random/inverse-normal';
import { normalUpperTail } from './random-oracles';

describe('log and exp', () => {
  /** The distance to the next float64 away from zero. */
  const ulp = (x: number): number => -greatestFloatBelow('float64', -Math.abs(x)) - Math.abs(x);
  const n = 200_000;
  const u = fillUniform(key(1), new Float64Array(n), { low: -1, high: 1 });

  it('equal the exact functions within 2 ulp', () => {
    // The engine's own functions are within 1 ulp, ours within 1 (0.9 by a comparison with 60-digit arithmetic).
    let [worstLog, worstExp] = [0, 0];
    for (let i = 0; i < n; i++) {
      const x = i % 2 ? Math.exp(740 * u[i]!) : 1 + 0.7 * u[i]!;
      if (x > 0 && x < Infinity) worstLog = Math.max(worstLog, Math.abs(log(x) - Math.log(x)) / ulp(Math.log(x)));
      const y = i % 2 ? 708 * u[i]! : 2 * u[i]!;
      worstExp = Math.max(worstExp, Math.abs(exp(y) - Math.exp(y)) / ulp(Math.exp(y)));
    }
    expect(worstLog).toBeLessThanOrEqual(2);
    expect(worstExp).toBeLessThanOrEqual(2);
    expect(worstLog + worstExp).toBeGreaterThan(0);
  });

  it('are each the inverse of the other', () => {
    for (let i = 0; i < 1000; i++) expect(log(exp(300 * u[i]!))).toBeCloseTo(300 * u[i]!, 12);
  });

  it('hold at the ends of float64', () => {
    expect([log(0), log(-0), log(1), log(Infinity), log(-1), log(NaN)]).toEqual([
      -Infinity,
      -Infinity,
      0,
      Infinity,
      NaN,
      NaN,
    ]);
    expect(log(5e-324)).toBeCloseTo(-744.4400719213812, 12);
    expect(log(Number.MAX_VALUE)).toBeCloseTo(709.782712893384, 12);
    expect([exp(0), exp(-Infinity), exp(-746), exp(710), exp(Infinity), exp(NaN)]).toEqual([
      1,
      0,
      0,
      Infinity,
      Infinity,
      NaN,
    ]);
    expect(exp(709.782712893384) / Number.MAX_VALUE).toBeCloseTo(1, 12);
    expect(exp(-745)).toBe(5e-324);
    expect(exp(-720) / Math.exp(-720)).toBeCloseTo(1, 10);
  });
});

describe('normalQuantile', () => {
  // The tail probability of a z that is off by a relative 1e-15 is off by z^2 1e-15 <= 7e-14, the oracle by 1e-14.
  const TAIL_TOLERANCE = 1e-13;

  it('is the inverse of the exact distribution function, to the ends of both tails', () => {
    for (let power = 1.001; power <= 53; power += 0.01) {
      const p = 2 ** -power;
      const z = normalQuantile(0.5 - p);
      const exact = 0.5 - (0.5 - p);
      expect(Math.abs(normalUpperTail(z) / exact - 1)).toBeLessThan(TAIL_TOLERANCE);
      expect(normalQuantile(p - 0.5)).toBe(-z);
    }
  });

  it('joins its three approximations smoothly', () => {
    for (const q of [0.425, 0.5 - Math.exp(-25)]) {
      const step = 1e-13;
      const [below, above] = [normalQuantile(q - step), normalQuantile(q + step)];
      expect(above).toBeGreaterThan(below);
      const slope = Math.sqrt(2 * Math.PI) * Math.exp(below ** 2 / 2);
      expect(above - below).toBeLessThan(3 * step * slope);
    }
  });

  it('gives arrays as it gives single values', () => {
    const q = fillUniform(key(6), new Float64Array(2000), { low: -0.5, high: 0.5 });
    q.set([0.425, -0.425, 0.5 - 2 ** -54, 2 ** -54 - 0.5, 0]);
    const z = new Float64Array(q.length);
    normalQuantiles(q, z, new Uint16Array(q.length), q.length);
    expect(z).toEqual(q.map(normalQuantile));
  });
});

describe('float ranges', () => {
  it('round to the nearest float32 inside', () => {
    expect(leastFloat('float32', 0.1)).toBe(Math.fround(0.1));
    expect(leastFloat('float32', 0.7)).toBe(Math.fround(0.7) + 2 ** -24);
    expect(greatestFloat('float32', 0.7)).toBe(Math.fround(0.7));
    expect(greatestFloat('float32', 0.1)).toBe(Math.fround(0.1) - 2 ** -27);
    expect(greatestFloatBelow('float32', 1)).toBe(1 - 2 ** -24);
    expect(greatestFloatBelow('float32', 0)).toBe(-(2 ** -149));
    expect(greatestFloatBelow('float32', -1)).toBe(-1 - 2 ** -23);
    expect(leastFloat('float32', -1e-60)).toBe(-0);
    expect(leastFloat('float32', 1e-60)).toBe(2 ** -149);
    expect(leastFloat('float32', -Infinity)).toBe(-Infinity);
  });

  it('step through float64', () => {
    expect(greatestFloatBelow('float64', 1)).toBe(1 - 2 ** -53);
    expect(greatestFloatBelow('float64', 0)).toBe(-Number.MIN_VALUE);
    expect(greatestFloatBelow('float64', -1)).toBe(-1 - 2 ** -52);
    expect(greatestFloat('float64', 0.7)).toBe(0.7);
  });

  it('clip', () => {
    expect([clip(-1, 0, 1), clip(0.5, 0, 1), clip(2, 0, 1)]).toEqual([0, 0.5, 1]);
  });
});

describe('the sources of random', () => {
  // What ECMAScript leaves to the engine (log, exp, pow, ** and the like) would break "the same numbers everywhere".
  const exact = ['abs', 'floor', 'fround', 'imul', 'max', 'min', 'sqrt'];
  const room = new URL('../src/random/', import.meta.url);
  const files = readdirSync(room).filter((name) => name.endsWith('.ts'));

  it.each(files)('%s uses exactly specified arithmetic only', (name) => {
    const code = readFileSync(new URL(name, room), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    expect([...code.matchAll(/Math\.(\w+)/g)].map((match) => match[1]).filter((f) => !exact.includes(f!))).toEqual([]);
    expect(code).not.toMatch(/\*\*/);
  });

  it('are all looked at', () => expect(files.length).toBeGreaterThan(10));
});
