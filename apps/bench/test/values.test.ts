import { describe, expect, it } from 'vitest';
import { integers, uniform } from '../src/values';

/** Values enough for statistics to five standard deviations of their mean. */
const SIZE = 100_000;

describe('uniform', () => {
  it('has the bounds, mean and variance of its distribution', () => {
    const values = uniform('weight', SIZE, 2);
    expect(values.every((value) => value >= -2 && value < 2)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / SIZE;
    const square = values.reduce((sum, value) => sum + value ** 2, 0) / SIZE;
    // Variance 4 / 3 of a value; fourth moment 16 / 5, so 16 / 5 - 16 / 9 of its square.
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(4 / 3 / SIZE));
    expect(Math.abs(square - 4 / 3)).toBeLessThan(5 * Math.sqrt((16 / 5 - 16 / 9) / SIZE));
  });

  it('depends on the name and on nothing else', () => {
    expect(uniform('a', 5, 1)).toEqual(uniform('a', 5, 1));
    expect(uniform('a', 5, 1)).toEqual(uniform('a', 9, 1).slice(0, 5));
    expect(uniform('a', 5, 1)).not.toEqual(uniform('b', 5, 1));
  });

  it('has neighbours and names that know nothing of one another', () => {
    const [a, b] = [uniform('layers.0.weight', SIZE, 1), uniform('layers.1.weight', SIZE, 1)];
    const product = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
    // A product has the variance 1 / 9.
    const bound = 5 * Math.sqrt(SIZE / 9);
    expect(Math.abs(product(a, b))).toBeLessThan(bound);
    expect(Math.abs(product(a.subarray(0, -1), a.subarray(1)))).toBeLessThan(bound);
  });
});

describe('integers', () => {
  it('has each below the limit about as often', () => {
    const counts = new Array<number>(7).fill(0);
    for (const value of integers('text', SIZE, 7)) counts[value]! += 1;
    expect(counts).toHaveLength(7);
    const deviation = Math.sqrt((SIZE * 6) / 49);
    for (const count of counts) expect(Math.abs(count - SIZE / 7)).toBeLessThan(5 * deviation);
  });
});
