import { describe, expect, it } from 'vitest';
import { fastest } from '../src/calibration';
import { measure, stepsPerRound } from '../src/measurement';
import { median } from '../src/statistics';
import { fakeProgram, linesOf, noSignal, temporaryFolder } from './fakes';

const once = { rounds: 1, steps: 2, signal: noSignal };

describe('measure', () => {
  it('asks the sides in turn, all of them alive', async () => {
    const log = `${await temporaryFolder()}/log`;
    const results = await measure([fakeProgram('a', { log }), fakeProgram('b', { log })], { ...once, rounds: 2 });
    const lines = await linesOf(log);
    expect(lines.slice(0, 6)).toEqual([
      'a started',
      'b started',
      ...['a', 'b', 'a', 'b'].map((side) => `${side} run 2`),
    ]);
    expect(lines.slice(6).sort()).toEqual(['a ended', 'b ended']);
    expect(results.map(({ label }) => label)).toEqual(['a', 'b']);
  });

  it('takes the median of all steps, and the first two of the warm-up apart', async () => {
    const program = fakeProgram('a', { milliseconds: 7, later: 9 });
    const [result] = await measure([program], { ...once, rounds: 3 });
    const rounds = [7, 9, 9].map((time) => [time, time]);
    expect(result).toMatchObject({ side: 'torch', engine: 'Fake 1.0', rounds, medianMs: 9, firstStepsMs: 120 });
  });

  it('gives a slow side fewer steps', async () => {
    const [result] = await measure([fakeProgram('a', { milliseconds: 1600 })], { ...once, steps: 4 });
    expect(result).toMatchObject({ rounds: [[1600]] });
    expect([1, 300, 299, 3000, 90_000].map((stepMs) => stepsPerRound(stepMs, 10))).toEqual([10, 10, 10, 1, 1]);
    expect(stepsPerRound(0, 10)).toBe(10);
  });

  it('leaves the others be when one fails', async () => {
    const programs = [
      fakeProgram('a', { behaviour: 'dies at once' }),
      fakeProgram('b'),
      fakeProgram('c', { behaviour: 'dies in a round' }),
    ];
    const results = await measure(programs, { ...once, rounds: 2 });
    expect(results).toMatchObject([
      { label: 'a', failure: 'a: no such module' },
      {
        label: 'b',
        medianMs: 5,
        rounds: [
          [5, 5],
          [5, 5],
        ],
      },
      { label: 'c', failure: 'c: the process ended without a word' },
    ]);
  });

  it('says what it is doing', async () => {
    const said: string[] = [];
    await measure([fakeProgram('a')], { ...once, rounds: 2, onProgress: (doing) => said.push(doing) });
    expect(said).toEqual(['a warms up', 'round 1 of 2, a', 'round 2 of 2, a']);
  });

  it('ends all sides when the signal comes', async () => {
    const log = `${await temporaryFolder()}/log`;
    const stopper = new AbortController();
    const reason = new Error('enough');
    const onProgress = (doing: string): void => {
      if (doing.startsWith('round 1')) stopper.abort(reason);
    };
    const programs = [fakeProgram('a', { log }), fakeProgram('b', { log })];
    await expect(measure(programs, { ...once, signal: stopper.signal, onProgress })).rejects.toBe(reason);
    // Neither came to its end by itself, nor answered.
    expect(await linesOf(log)).toEqual(['a started', 'b started']);
  });
});

describe('fastest', () => {
  it('tries every setting and takes the fastest', async () => {
    const programs = [9, 4, 6].map((milliseconds) => fakeProgram(`takes ${milliseconds}`, { milliseconds }));
    const tried: string[] = [];
    const onTrial = (label: string, number: number): void => void tried.push(`${number} ${label}`);
    const { program, trials } = await fastest(programs, { signal: noSignal, onTrial });
    expect(program.label).toBe('takes 4');
    expect(trials).toEqual([9, 4, 6].map((milliseconds) => ({ label: `takes ${milliseconds}`, milliseconds })));
    expect(tried).toEqual(['1 takes 9', '2 takes 4', '3 takes 6']);
  });

  it('does not try a single one, and keeps the first when none can run', async () => {
    const broken = fakeProgram('broken', { behaviour: 'dies at once' });
    expect(await fastest([broken], { signal: noSignal })).toEqual({ program: broken, trials: [] });
    const failure = 'broken: no such module';
    expect(await fastest([broken, broken], { signal: noSignal })).toEqual({
      program: broken,
      trials: [
        { label: 'broken', failure },
        { label: 'broken', failure },
      ],
    });
  });
});

describe('median', () => {
  it('is the middle value, whatever the order, or the mean of the two in the middle', () => {
    const values = [5, 1, 9];
    expect(median(values)).toBe(5);
    expect(values).toEqual([5, 1, 9]);
    expect(median([4, 1, 2, 30])).toBe(3);
    expect(median([10, 9, 100])).toBe(10);
    expect(() => median([])).toThrow('bench.median: values must not be empty.');
  });
});
