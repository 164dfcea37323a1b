import { check, random } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contextualPositions,
  countRegions,
  format,
  parse,
  sampleTask,
  taskVariants,
  TOKENS,
  type TaskConfig,
} from '../src';

const { FormatError } = check;

describe('parse and format', () => {
  it('are each other’s way back', () => {
    expect([...parse('^[0] 1\n[101]')]).toEqual([4, 2, 0, 3, 1, 2, 1, 0, 1, 3]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 })), (ids) => {
        expect([...parse(format(ids))]).toEqual(ids);
      }),
    );
  });

  it('name what is no symbol', () => {
    expect(() => parse('01x')).toThrow(/the symbol at 2 must be one of 0 1 \[ \] \^, got "x"/);
    expect(() => parse('01x')).toThrow(FormatError);
    expect(() => parse(3 as never)).toThrow(TypeError);
    expect(() => format([0, 5])).toThrow(/token 1/);
  });
});

describe('countRegions and contextualPositions', () => {
  it('count the example of the paper', () => {
    expect(countRegions(parse('[0][101]0[1]1[]0'))).toEqual([0, 2, 1, 0]);
    expect(contextualPositions(parse('^1[01]0[]'))).toEqual([null, null, 0, 0, 0, 0, null, 1, 1]);
    expect(countRegions([])).toEqual([]);
  });

  it.each([
    ['[0[1]', /'\[' at 2 must come after the region of 0/],
    ['01]', /'\]' at 2 must close a region/],
    ['[01', /'\[' at 0 must be closed/],
    ['0^', /the start token at 1 must come first/],
  ])('refuse %s', (text, message) => {
    for (const read of [countRegions, contextualPositions]) {
      expect(() => read(parse(text))).toThrow(message);
      expect(() => read(parse(text))).toThrow(FormatError);
    }
  });

  it('count the golden sequences', () => {
    const file = loadGolden(new URL('./golden/task.safetensors', import.meta.url));
    for (const name of ['t16r3', 't128r4', 't512r4']) {
      const [tokens, targets] = [file.get(`${name}.tokens`), file.get(`${name}.targets`)];
      const [rows, length] = tokens.shape as [number, number];
      const found = Array.from({ length: rows }, (_, b) =>
        countRegions(Array.from(tokens.data.slice(b * length, (b + 1) * length), Number)),
      );
      expect(found.flat()).toEqual(Array.from(targets.data, Number));
    }
  });
});

/** Rows of samples. */
function rowsOf(config: TaskConfig, batch: number, seed = 0): { row: number[]; counts: number[] }[] {
  const { tokens, counts, length, regions } = sampleTask(random.key(seed), batch, config);
  return Array.from({ length: batch }, (_, b) => ({
    row: [...tokens.subarray(b * length, (b + 1) * length)],
    counts: [...counts.subarray(b * regions, (b + 1) * regions)],
  }));
}

describe('sampleTask', () => {
  it('makes sequences of the task with their counts, whatever the law', () => {
    fc.assert(
      fc.property(
        fc.record({
          regions: fc.integer({ min: 1, max: 5 }),
          extra: fc.integer({ min: 0, max: 30 }),
          start: fc.boolean(),
          density: fc.constantFrom(0, 0.2, 0.5, 1),
          placement: fc.constantFrom('uniform', 'fixed', 'geometric'),
          seed: fc.nat(),
        }),
        ({ regions, extra, start, density, placement, seed }) => {
          const length = 2 * regions + extra;
          const room = Math.floor(extra / regions);
          const law = placement === 'uniform' ? {} : { placement: placement as 'fixed', regionLength: room };
          for (const { row, counts } of rowsOf({ length, regions, start, density, ...law }, 4, seed)) {
            expect(row).toHaveLength(length + Number(start));
            expect(row[0] === TOKENS.start).toBe(start);
            expect(countRegions(row)).toEqual(counts);
            expect(counts).toHaveLength(regions);
          }
        },
      ),
    );
  });

  it('is a function of its key', () => {
    const config = { length: 40, regions: 3 };
    expect(sampleTask(random.key(1), 5, config)).toEqual(sampleTask(random.key(1), 5, config));
    expect(sampleTask(random.key(2), 5, config)).not.toEqual(sampleTask(random.key(1), 5, config));
  });

  it('has the statistics of 512 tokens and 4 regions', () => {
    const { tokens, counts } = sampleTask(random.key(0), 20_000, { length: 512, regions: 4, start: false });
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    // A region has (512 - 8) / 9 bits in the mean, half of them ones.
    const expected = 504 / 9 / 2;
    expect(Math.abs(mean - expected)).toBeLessThan(0.3);
    const sorted = Int32Array.from(counts).sort();
    expect(sorted[counts.length / 2]).toBeGreaterThanOrEqual(20);
    expect(sorted[counts.length / 2]).toBeLessThanOrEqual(22);
    const empty = counts.filter((count) => count === 0).length / counts.length;
    expect(Math.abs(empty - 0.0313)).toBeLessThan(5 * Math.sqrt((0.0313 * 0.97) / counts.length));
    const zeros = tokens.filter((id) => id === TOKENS.zero).length / 20_000;
    expect(Math.abs(zeros - 252)).toBeLessThan(5 * Math.sqrt(504 / 4 / 20_000));
  });

  it('chooses all places alike', () => {
    // 5 places, 2 delimiters: 10 choices.
    const found = new Map<string, number>();
    for (const { row } of rowsOf({ length: 5, regions: 1, start: false }, 20_000)) {
      const places = `${row.indexOf(TOKENS.open)} ${row.indexOf(TOKENS.close)}`;
      found.set(places, (found.get(places) ?? 0) + 1);
    }
    expect(found.size).toBe(10);
    for (const count of found.values()) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(2000 * 0.9));
  });

  it('keeps to counts, lengths and densities that are asked for', () => {
    for (const { counts } of rowsOf({ length: 30, regions: 2, counts: [5, 0] }, 50)) expect(counts).toEqual([5, 0]);
    const fixed = { length: 30, regions: 2, placement: 'fixed', regionLength: 6 } as const;
    for (const { row } of rowsOf(fixed, 50)) {
      expect(row.flatMap((id, t) => (id === TOKENS.open ? [row.indexOf(TOKENS.close, t) - t] : []))).toEqual([7, 7]);
    }
    const geometric = { length: 400, regions: 2, placement: 'geometric', regionLength: 5, density: 1 } as const;
    const counts = rowsOf(geometric, 4000).flatMap((own) => own.counts);
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    // A geometric law of mean 5 has the variance 30.
    expect(Math.abs(mean - 5)).toBeLessThan(5 * Math.sqrt(30 / counts.length));
    const ones = rowsOf({ length: 100, regions: 1, density: 0.8 }, 200).flatMap(({ row }) => row);
    const [one, zero] = [TOKENS.one, TOKENS.zero].map((id) => ones.filter((own) => own === id).length) as [
      number,
      number,
    ];
    expect(Math.abs(one / (one + zero) - 0.8)).toBeLessThan(5 * Math.sqrt(0.16 / (one + zero)));
  });

  it.each([
    [{ length: 7, regions: 4 }, /length must have room for 8 delimiters/],
    [{ length: 8, regions: 0 }, /regions/],
    [{ length: 8, regions: 1, density: 1.5 }, /density/],
    [{ length: 8, regions: 2, counts: [1] }, /counts must be 2 numbers/],
    [{ length: 8, regions: 1, counts: [-1] }, /counts\[0\]/],
    [{ length: 8, regions: 1, counts: [7] }, /counts must fit into 6 places/],
    [{ length: 8, regions: 2, placement: 'fixed', regionLength: 3 }, /regionLength/],
    [{ length: 8, regions: 2, regionLength: 1 }, /regionLength must be left out/],
    [{ length: 8, regions: 1, placement: 'middle' }, /placement/],
  ] as unknown as [TaskConfig, RegExp][])('refuses %o', (config, message) => {
    expect(() => sampleTask(random.key(0), 1, config)).toThrow(message);
    expect(() => sampleTask(random.key(0), 1, config)).toThrow(RangeError);
  });

  it('refuses what is no key or flag', () => {
    expect(() => sampleTask(0 as never, 1, { length: 8, regions: 1 })).toThrow(TypeError);
    expect(() => sampleTask(random.key(0), 1, { length: 8, regions: 1, start: 1 as never })).toThrow(TypeError);
    expect(() => sampleTask(random.key(0), 0, { length: 8, regions: 1 })).toThrow(RangeError);
  });
});

describe('taskVariants', () => {
  it('are those of the paper at its size, and possible at every size', () => {
    const task = { length: 512, regions: 4 };
    const byName = new Map(taskVariants(task).map((variant) => [variant.name, variant.task]));
    expect(byName.get('in distribution')).toBe(task);
    expect(byName.get('shorter')).toEqual({ length: 300, regions: 4 });
    expect(byName.get('fewer regions')).toEqual({ length: 512, regions: 3 });
    for (const { task: own } of taskVariants({ length: 4, regions: 2 })) sampleTask(random.key(0), 1, own);
    expect(taskVariants({ length: 8, regions: 1 }).some(({ name }) => name === 'fewer regions')).toBe(false);
    expect(() => taskVariants({ length: 1, regions: 1 })).toThrow(RangeError);
  });
});
