import { describe, expect, it } from 'vitest';
import { fieldRanges, fitFieldScalers, recordToText, scaleFields } from '../src';

const records = [
  { m: 1e-5, orbit: { x: Float64Array.of(1, -30), note: 'far' }, on: true, at: new Date(0) },
  { m: 5e-5, orbit: { x: [[0], [10]] }, gone: NaN, none: null },
];

describe('fieldRanges', () => {
  it('tells what lies under each key, at any depth', () => {
    expect(fieldRanges(records)).toEqual({
      m: { count: 2, least: 1e-5, most: 5e-5, smallest: 1e-5, zeros: 0 },
      x: { count: 4, least: -30, most: 10, smallest: 1, zeros: 1 },
    });
    expect(fieldRanges([{ z: 0 }])).toEqual({ z: { count: 1, least: 0, most: 0, smallest: NaN, zeros: 1 } });
    expect(fieldRanges([])).toEqual({});
  });

  it('names the place of what is infinite', () => {
    expect(() => fieldRanges([{}, { a: { b: [1, -Infinity] } }])).toThrow(/record 1\.a\.b\[1\] must be finite/);
  });
});

describe('fitFieldScalers', () => {
  it('scales each key to the same range, and back', () => {
    const scalers = fitFieldScalers(records);
    expect(Object.keys(scalers)).toEqual(['m', 'x']);
    const [first, second] = records.map((record) => scaleFields(record, scalers));
    expect([first!['m'], second!['m']]).toEqual([expect.closeTo(-5, 9), expect.closeTo(5, 9)]);
    const { x } = second!['orbit'] as { x: number[][] };
    expect(scalers['x']!.inverse(x.flat())).toBeAllclose([0, 10], { rtol: 0, atol: 1e-12 });
    expect(first!['orbit']).toMatchObject({ x: [2.75, -5], note: 'far' });
    expect(first).toMatchObject({ on: true, at: new Date(0) });
    expect(second).toMatchObject({ gone: NaN, none: null });
    // Records stay as they were.
    expect(records[0]!.m).toBe(1e-5);
    expect(recordToText(scaleFields({ m: 3e-5, other: 7 }, scalers), { figures: 6 })).toBe("{'m':0,'other':7}");
  });

  it('does not take keys of objects for scalers', () => {
    expect(scaleFields({ constructor: 2 }, {})).toEqual({ constructor: 2 });
  });
});
