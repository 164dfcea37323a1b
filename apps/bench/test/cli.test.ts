import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WORKLOADS } from '../src/registry';
import type { Report } from '../src/report';
import { temporaryFolder } from './fakes';

const BIN = fileURLToPath(new URL('../bin/bench.js', import.meta.url));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the built command. */
function start(args: string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [BIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += stripVTControlCharacters(String(chunk))));
    child.stderr.on('data', (chunk) => (stderr += stripVTControlCharacters(String(chunk))));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

const bench = (args: string[], env?: Record<string, string>): Promise<Ended> => start(args, env).ended;
const tiny = (out: string, ...more: string[]): string[] => [
  ...['run', '--size', 'tiny', '--rounds', '2', '--steps', '3', '--out', out],
  ...more,
];

describe('bench', () => {
  it('lists the workloads', async () => {
    const { code, stdout, stderr } = await bench(['list']);
    expect([code, stderr]).toEqual([0, '']);
    const names = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]);
    expect(names).toEqual(WORKLOADS.map(({ name }) => name));
  });

  it('explains itself, and its commands with all options and defaults', async () => {
    const [main, run] = await Promise.all([bench(['--help']), bench(['run', '-h'])]);
    expect([main.code, run.code]).toEqual([0, 0]);
    for (const word of ['list', 'run']) expect(main.stdout).toContain(word);
    const options = ['--rounds=<N>', '--steps=<N>', '--threads=<N,…>', '--sides=', '--size=<full|tiny>', '--out=<DIR>'];
    for (const word of options) expect(run.stdout).toContain(word);
  });

  it('refuses in a line', async () => {
    const { code, stdout, stderr } = await bench(['run', '--rounds', 'many']);
    const message = 'bench: --rounds must be an integer from 1 to 1000, got "many".\n';
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: message });
  });
});

describe('run', () => {
  it('has the sides compute, compares them and writes the report; a missing peer is named', async () => {
    const out = path.join(await temporaryFolder(), 'reports');
    const args = tiny(out, 'mlp', 'softmax', '--sides', 'torch,wasm,cpu');
    const { code, stdout, stderr } = await bench(args, { TFSCI_PYTHON: '/nowhere/python3' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^workload +.*\nmlp +.*agree to .*\nsoftmax +.*agree to .*\n\nReport: .*\.md\n$/);
    expect(stderr).toContain('mlp: round 2 of 2, cpu\n');
    expect(stderr).toContain('PyTorch is left out: no python3 with torch was found.');

    const [json, page] = (await readdir(out)).sort();
    expect(stdout).toContain(path.join(out, page!));
    const report = JSON.parse(await readFile(path.join(out, json!), 'utf8')) as Report;
    expect(report).toMatchObject({ size: 'tiny', rounds: 2, steps: 3, sides: ['wasm', 'cpu'] });
    expect(report.remarks).toHaveLength(1);
    expect(report.rows.map(({ workload, status }) => [workload, status])).toEqual([
      ['mlp', 'agrees'],
      ['softmax', 'agrees'],
    ]);
    for (const { sides } of report.rows) {
      expect(sides.map(({ label }) => label)).toEqual(['wasm', 'cpu']);
      for (const side of sides) expect(side).toHaveProperty('rounds', [expect.any(Array), expect.any(Array)]);
    }
  });

  it.skipIf(process.platform === 'win32')('ends with 1 and the reason when a side fails', async () => {
    const out = await temporaryFolder();
    // Passes for an interpreter that has torch, and then ends without a word.
    const python = path.join(await temporaryFolder(), 'python3');
    await writeFile(python, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const args = tiny(out, 'matmul', '--sides', 'torch,cpu');
    const { code, stdout, stderr } = await bench(args, { TFSCI_PYTHON: python });
    expect(code).toBe(1);
    expect(stdout).toMatch(/\nmatmul .* failed\n/);
    expect(stderr).toContain('matmul: PyTorch, 1 thread, 1 of BLAS: the process ended without a word\n');
    expect(await readdir(out)).toHaveLength(2);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends its children at %s, and writes no report', async (signal) => {
    const out = path.join(await temporaryFolder(), 'reports');
    const { child, ended } = start(tiny(out, 'mlp', '--sides', 'cpu', '--rounds', '1000'));
    child.stderr!.on('data', (chunk) => {
      // Once: a second signal would end the program without a word.
      if (String(chunk).includes('round ') && !child.killed) child.kill(signal);
    });
    // Pipes that a child had inherited would be open still, and the end not come.
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/\nStopped\.\n$/);
    await expect(readdir(out)).rejects.toThrow('ENOENT');
  });
});
