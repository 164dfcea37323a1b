import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { random } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { momoRobustness, type RobustnessData } from '../src/experiments/momo-robustness/index';
import { reportPage } from '../src/report';
import { readResult, type StoredResult } from '../src/stored-result';
import { interrupt, partNames, pause, reproduce, start } from './command';
import { filesBelow, stripes, temporaryFolder, writeMnist } from './folders';

const { id } = momoRobustness;
/** Runs of the sweep, each of which is kept as a part: six or seven rates of four methods, three seeds. */
const PARTS = (6 + 6 + 7 + 7) * 3;
const STOPPED = 'Stopped; what was finished is kept. Go on with the same command and --resume.';

let data: string;
let whole: StoredResult;
let wholeOutput: string;
/** Its folder, which tests copy. */
let settled: string;
/** The run that nothing interrupts; all others must come to its numbers. */
beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'reproduce-'));
  [data, settled] = [path.join(folder, 'data'), path.join(folder, 'out')];
  await mkdir(data);
  await writeMnist(stripes(), '', data);
  const { code, stdout, stderr } = await reproduce(argumentsFor(settled));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('100 %') as string });
  wholeOutput = stdout;
  whole = await finishedIn(settled);
  return () => rm(folder, { recursive: true, force: true });
});

function argumentsFor(out: string, ...more: string[]): string[] {
  return ['run', id, '--data', data, '--out', out, ...more];
}

function partsOf(out: string): string {
  return path.join(out, id, 'unfinished', 'parts');
}

/** The result of a finished run, which has left nothing else but the report. */
async function finishedIn(out: string): Promise<StoredResult> {
  expect(await filesBelow(out)).toEqual([path.join(id, 'result.json'), 'report.html']);
  const result = await readResult(out, id);
  expect(await readFile(path.join(out, 'report.html'), 'utf8')).toBe(
    await reportPage([{ experiment: momoRobustness, result: result! }]),
  );
  return result!;
}

async function expectSameNumbers(out: string): Promise<void> {
  const { settings, outcome } = await finishedIn(out);
  expect(settings).toEqual(whole.settings);
  expect(outcome).toEqual(whole.outcome);
}

/** Generous, for machines that are busy with other things; it takes 10 s on two free cores at most. */
const TIMEOUT = 240_000;

describe('run', { timeout: TIMEOUT }, () => {
  it('measures every method at every rate with three seeds, and reports on the user’s data', () => {
    const { trainLoss, testAccuracy, steps } = whole.outcome.data as RobustnessData;
    for (const curve of [trainLoss, testAccuracy]) {
      expect(curve).toHaveLength(PARTS / 3);
      for (const { seeds } of curve) expect(seeds).toBe(3);
    }
    expect(steps.map(({ optimizer, learningRate }) => `${optimizer} ${learningRate}`)).toEqual([
      ...['MoMo 0.1', 'MoMo 1', 'MoMo 10'],
      ...['MoMo-Adam 0.001', 'MoMo-Adam 0.01', 'MoMo-Adam 1'],
    ]);
    expect(whole.outcome.dataset).toBe(`${path.basename(data)}: 60 pictures to train, 20 to test`);
    expect(whole.settings).toMatchObject({ profile: 'quick', seed: 0 });
    // Stripes are easy: some method learns them, so the numbers are of a model that was trained.
    expect(Math.max(...testAccuracy.map(({ mean }) => mean ?? 0))).toBeGreaterThan(0.9);
  });

  it('ends with 1, as a claim does not hold: with two classes nothing falls below half of the best', () => {
    expect(whole.outcome.checks.map(({ holds }) => holds)).toContain(false);
    expect(wholeOutput).toContain('not reproduced');
  });

  it('stops at SIGINT with 130 and goes on with --resume to the same numbers, not doing again what was done', async () => {
    const out = await temporaryFolder();
    const stopped = await interrupt(argumentsFor(out), partsOf(out), PARTS / 2, 'SIGINT');
    expect([stopped.code, stopped.signal]).toEqual([130, null]);
    expect(stopped.stderr).toContain(STOPPED);
    expect(stopped.stdout).toBe('');
    const kept = (await partNames(partsOf(out))).length;
    expect(kept).toBeGreaterThanOrEqual(PARTS / 2);
    expect(kept).toBeLessThan(PARTS);

    const elsewhere = await reproduce(['run', id, '--out', out, '--resume']);
    expect(elsewhere.stderr).toMatch(/which had data data, sha256 [0-9a-f]{16} \(now embedded\)/);
    expect(await partNames(partsOf(out))).toHaveLength(kept);

    const resumed = await reproduce(argumentsFor(out, '--resume'));
    expect(resumed.code).toBe(1);
    // The first line of progress is from beyond what was kept.
    expect(Number(/: (\d+) %/.exec(resumed.stderr)![1])).toBeGreaterThanOrEqual(Math.floor((100 * kept) / PARTS));
    expect(withoutPath(resumed.stdout)).toBe(withoutPath(wholeOutput));
    await expectSameNumbers(out);

    const again = await reproduce(argumentsFor(out, '--resume'));
    expect(again.stderr).toBe(`${id}: finished before with these settings; leave --resume out to run it again.\n`);
    expect(withoutPath(again.stdout)).toBe(withoutPath(wholeOutput));
    await expectSameNumbers(out);
  });

  it('stops at SIGTERM as at SIGINT, and bears two signals at once', async () => {
    const out = await temporaryFolder();
    const stopped = await interrupt(argumentsFor(out), partsOf(out), 2, 'SIGTERM');
    expect([stopped.code, stopped.signal]).toEqual([130, null]);
    expect(stopped.stderr).toContain(STOPPED);
    const kept = (await partNames(partsOf(out))).length;
    const { child, ended } = start(argumentsFor(out, '--resume'));
    while ((await partNames(partsOf(out))).length <= kept) await pause(5);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect((await ended).code).toBe(130);
    expect((await partNames(partsOf(out))).length).toBeGreaterThan(kept);
  });

  it('survives kill -9 in the middle, and starts anew without --resume, to the same numbers', async () => {
    const out = await temporaryFolder();
    const killed = await interrupt(argumentsFor(out), partsOf(out), PARTS / 4, 'SIGKILL');
    expect(killed.signal).toBe('SIGKILL');
    const anew = await reproduce(argumentsFor(out));
    expect(anew.stderr).toContain(`${id}: 0 % (SGD-M, lr 0.001, seed 0)`);
    await expectSameNumbers(out);
  });

  it('survives kill -9 at random moments, one after the other', async () => {
    const out = await temporaryFolder();
    // Milliseconds, from before the first line of the program to well into a run.
    const moments = Array.from(random.permutation(random.key(11), 3000)).slice(0, 3);
    for (const moment of moments) {
      const { child, ended } = start(argumentsFor(out, '--resume'));
      await pause(moment);
      child.kill('SIGKILL');
      await ended;
    }
    const resumed = await reproduce(argumentsFor(out, '--resume'));
    expect(resumed.code).toBe(1);
    await expectSameNumbers(out);
  });

  it('keeps the earlier result, and reports on it, while another run is under way', async () => {
    const out = await temporaryFolder();
    await cp(path.join(settled, id), path.join(out, id), { recursive: true });
    await interrupt(argumentsFor(out, '--seed', '5'), partsOf(out), 3, 'SIGKILL');
    expect(await readResult(out, id)).toEqual(whole);
    const report = await reproduce(['report', '--out', out]);
    expect(withoutPath(report.stdout)).toBe(withoutPath(wholeOutput));
    for (const part of await partNames(partsOf(out))) {
      const { value } = JSON.parse(await readFile(path.join(partsOf(out), part), 'utf8')) as {
        value: { seed: number };
      };
      expect([5, 6, 7]).toContain(value.seed);
    }
  });
});

function withoutPath(stdout: string): string {
  return stdout.replace(/^Report: .*$/m, 'Report');
}
