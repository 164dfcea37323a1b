import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { interleaved, median, report, torchPeer, torchTime } from '../src/bench';
import { requireTool } from '../src/tools';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('interleaved', () => {
  it('runs the candidates in turn, and counts no round of the warm-up', async () => {
    const order: string[] = [];
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const takes = (name: string, ms: () => number) => () => {
      order.push(name);
      now += ms();
    };
    let runs = 0;
    // Slow while it warms up, then 1, 2, 3: the median is 2.
    const times = await interleaved(
      { a: takes('a', () => (runs < 2 ? 100 : runs - 1)), b: takes('b', () => (runs++, 7)) },
      { rounds: 3, warmUp: 2 },
    );
    expect(order.join('')).toBe('ab'.repeat(5));
    expect(times).toEqual({ a: 2, b: 7 });
  });

  it('counts the mean of calls in a row', async () => {
    const order: string[] = [];
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const grows = (name: string) => () => {
      order.push(name);
      now += order.length;
    };
    const times = await interleaved({ a: grows('a'), b: grows('b') }, { rounds: 1, warmUp: 0, calls: 2 });
    expect(order.join('')).toBe('aabb');
    expect(times).toEqual({ a: 1.5, b: 3.5 });
  });

  it('waits for candidates that are not synchronous', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const times = await interleaved(
      { a: () => Promise.resolve().then(() => void (now += 5)) },
      { rounds: 1, warmUp: 0 },
    );
    expect(times.a).toBe(5);
  });
});

describe('median', () => {
  it('is the middle value, whatever the order, and does not change its argument', () => {
    const values = [5, 1, 9];
    expect(median(values)).toBe(5);
    expect(values).toEqual([5, 1, 9]);
    expect(median([1, 2, 3, 4])).toBe(3);
    expect(() => median([])).toThrow('tooling.median: values must not be empty');
  });
});

describe('report', () => {
  it('writes the rows with the machine they were measured on', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-bench-'));
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const table = vi.spyOn(console, 'table').mockImplementation(() => undefined);
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    report('step', [{ model: 'small', ms: 1.23456 }]);
    const written = JSON.parse(readFileSync(path.join(folder, 'bench', 'results', 'step.json'), 'utf8')) as object;
    expect(written).toMatchObject({ name: 'step', rows: [{ model: 'small', ms: 1.23456 }] });
    expect(written).toHaveProperty('machine', expect.stringContaining(process.version));
    expect(table).toHaveBeenCalledWith([{ model: 'small', ms: 1.23 }]);
    rmSync(folder, { recursive: true });
  });
});

describe('torchPeer', () => {
  const hasTorch = requireTool('python-torch') !== undefined;

  it.skipIf(!hasTorch)('computes when it is told to, with one thread and with all', async () => {
    const peer = (await torchPeer('import time\ndef run(line):\n    time.sleep(float(line))', ['unused']))!;
    const { torchOne, torchAll } = peer.candidates('0.05');
    const start = performance.now();
    await torchOne();
    await torchAll();
    peer.end();
    expect(performance.now() - start).toBeGreaterThan(90);
  });

  it.skipIf(!hasTorch)('says why a program has ended', async () => {
    await expect(torchPeer('raise ValueError("no such size")')).rejects.toThrow('ValueError: no such size');
    const peer = (await torchPeer('def run(line):\n    return 1 / 0'))!;
    await expect(peer.candidates().torchOne()).rejects.toThrow('ZeroDivisionError');
    peer.end();
  });

  it('counts the better setting', () => {
    expect(torchTime({ ours: 1, torchOne: 5, torchAll: 4 })).toBe(4);
    expect(torchTime({ ours: 1 })).toBeNaN();
  });
});
