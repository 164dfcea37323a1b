import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillUniform, key } from '../src/random';
import { loadCheckpoint, type TimedRecord } from '../src/train';
import { directoryStore } from '../src/train/node';
import { bundle } from './train/bundle';

const STEPS = 400;
const KILLS = 20;

let script: { file: string; remove: () => void };
let folder: string;
beforeAll(async () => {
  script = await bundle('child.ts');
  folder = await mkdtemp(path.join(tmpdir(), 'tensor-core-kill-'));
});
afterAll(async () => {
  script.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the program to its end, or kills it so many milliseconds after so many steps. */
async function run(
  directory: string,
  kill?: { steps: number; milliseconds: number },
): Promise<{ output: string; signal: string | null }> {
  const child = spawn(process.execPath, [script.file, directory, String(STEPS)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.on('data', (chunk) => {
    const isThere = kill !== undefined && output.length > kill.steps;
    output += String(chunk);
    if (kill === undefined || isThere || output.length <= kill.steps) return;
    setTimeout(() => child.kill('SIGKILL'), kill.milliseconds);
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...ending) => resolve(ending));
  });
  if (code !== null) expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' });
  return { output: output.replace(/^\.+/, ''), signal };
}

function integersBelow(end: number, count: number, seed: number): number[] {
  return [...fillUniform(key(seed), new Float64Array(count), { low: 0, high: end })].map(Math.floor);
}

async function records(directory: string): Promise<Omit<TimedRecord, 'time'>[]> {
  const lines = (await readFile(path.join(directory, 'log.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => {
    const { step, epoch, values } = JSON.parse(line) as TimedRecord;
    return { step, epoch, values };
  });
}

/** Generous, for machines that are busy with other things. */
const TIMEOUT = 240_000;

describe('a run whose process is killed', { timeout: TIMEOUT }, () => {
  it(`ends with the same weights after ${KILLS} kills at random moments, each with a whole checkpoint`, async () => {
    const [whole, killed] = [path.join(folder, 'whole'), path.join(folder, 'killed')];
    const expected = await run(whole);
    // A checkpoint takes some milliseconds and comes every second step, so many kills meet one under way.
    const steps = integersBelow(12, KILLS, 1);
    const milliseconds = integersBelow(9, KILLS, 2);
    const reached: number[] = [];
    for (let i = 0; i < KILLS; i++) {
      const { signal } = await run(killed, { steps: steps[i]!, milliseconds: milliseconds[i]! });
      expect(signal).toBe('SIGKILL');
      // Reading warns where it finds a damaged file; here there never is one.
      const last = await loadCheckpoint(directoryStore(killed));
      reached.push(last?.step ?? 0);
    }
    expect(reached).toEqual([...reached].sort((a, b) => a - b));
    expect(new Set(reached).size).toBeGreaterThan(KILLS / 2);
    const { output } = await run(killed);
    expect(JSON.parse(output)).toEqual(JSON.parse(expected.output));
    expect(await records(killed)).toEqual(await records(whole));
    const [best, bestOfWhole] = await Promise.all(
      [killed, whole].map((d) => loadCheckpoint(directoryStore(d), 'best')),
    );
    expect(best!.step).toBe(bestOfWhole!.step);
    expect(best!.model).toEqual(bestOfWhole!.model);
    // What kills cut short has been cleared away.
    expect((await readdir(killed)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
