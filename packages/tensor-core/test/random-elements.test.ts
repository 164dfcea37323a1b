import { describe, expect, it } from 'vitest';
import {
  fillBernoulli,
  fillExponential,
  fillGamma,
  fillIntegers,
  fillNormal,
  fillTruncatedNormal,
  fillUniform,
  type FillOptions,
  key,
} from '../src/random';

type AnyArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Every host filler with the array it takes; those by rejection with parameters that reject often. */
const fillers: { name: string; make: (n: number) => AnyArray; fill: (out: never, options: FillOptions) => AnyArray }[] =
  [Float32Array, Float64Array].flatMap((FloatArray) => {
    const make = (n: number): Float32Array | Float64Array => new FloatArray(n);
    const k = key(31);
    const far = { lower: 1, upper: 1.9 };
    return [
      { name: `uniform ${FloatArray.name}`, make, fill: (out: Float32Array, o: FillOptions) => fillUniform(k, out, o) },
      { name: `normal ${FloatArray.name}`, make, fill: (out: Float32Array, o: FillOptions) => fillNormal(k, out, o) },
      {
        name: `exponential ${FloatArray.name}`,
        make,
        fill: (out: Float32Array, o: FillOptions) => fillExponential(k, out, o),
      },
      {
        name: `gamma ${FloatArray.name}`,
        make,
        fill: (out: Float32Array, o: FillOptions) => fillGamma(k, out, { alpha: 0.7, ...o }),
      },
      {
        name: `truncated normal ${FloatArray.name}`,
        make,
        fill: (out: Float32Array, o: FillOptions) => fillTruncatedNormal(k, out, { ...far, ...o }),
      },
    ];
  });
fillers.push(
  {
    name: 'integers, every second word rejected',
    make: (n) => new Int32Array(n),
    fill: (out, o) => fillIntegers(key(31), out, { low: -(2 ** 30), high: 2 ** 30 + 1, ...o }),
  },
  { name: 'bernoulli', make: (n) => new Uint8Array(n), fill: (out, o) => fillBernoulli(key(31), out, o) },
);

describe.each(fillers)('elements of $name', ({ make, fill }) => {
  const whole = fill(make(3001) as never, {});

  it('do not depend on how many are drawn', () => {
    for (const n of [0, 1, 2, 7, 1023, 1024, 1025, 2049]) {
      expect(fill(make(n) as never, {})).toEqual(whole.slice(0, n));
    }
  });

  it('do not depend on how the draw is cut into chunks', () => {
    for (const [start, end] of [
      [0, 1],
      [1, 2],
      [1, 1026],
      [511, 3000],
      [2048, 3001],
    ] as const) {
      expect(fill(make(end - start) as never, { offset: start })).toEqual(whole.slice(start, end));
    }
  });

  it('are defined up to index 2^32 - 1, and not further', () => {
    const last = fill(make(3) as never, { offset: 2 ** 32 - 3 });
    expect(fill(make(1) as never, { offset: 2 ** 32 - 1 })[0]).toBe(last[2]);
    expect(() => fill(make(3) as never, { offset: 2 ** 32 - 2 })).toThrow(RangeError);
    expect(() => fill(make(3) as never, { offset: -1 })).toThrow(/: offset must be an integer >= 0 and <= /);
  });
});
