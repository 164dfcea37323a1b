import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXPERIMENTS } from '../src/registry';
import type { StoredResult } from '../src/stored-result';
import { reproduce, type Ended } from './command';
import { filesBelow, stripes, temporaryFolder, writeMnist } from './folders';
import { resultOf } from './points';

/** Without a stack, and without anything on standard output. */
function expectRefusal({ code, stdout, stderr }: Ended, message: string): void {
  expect({ code, stdout, lines: stderr.trimEnd().split('\n') }).toEqual({ code: 1, stdout: '', lines: [message] });
}

describe('reproduce', () => {
  it('lists the experiments with their papers', async () => {
    const { code, stdout, stderr } = await reproduce(['list']);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(EXPERIMENTS.length);
    for (const [i, { id, title, paper }] of EXPERIMENTS.entries()) {
      expect(lines[i]).toMatch(new RegExp(`^${id} +`));
      expect(lines[i]).toContain(`${title} (arXiv:${paper.arxiv})`);
    }
  });

  it('explains itself, and its commands with all options and defaults', async () => {
    const [main, run] = await Promise.all([reproduce(['--help']), reproduce(['run', '-h'])]);
    expect([main.code, run.code]).toEqual([0, 0]);
    for (const word of ['list', 'run', 'report']) expect(main.stdout).toContain(word);
    const options = [
      '--profile=<quick|full>',
      '--backend=<auto|onnx|wasm|cpu>',
      '--seed=<N>',
      '--data=<DIR>',
      '--out=<DIR>',
    ];
    for (const word of [...options, '--resume', 'Default: reports']) expect(run.stdout).toContain(word);
    // What a pipe gets has no colours.
    expect(main.raw + run.raw).not.toContain('\u001b');
  });

  it.each<[args: string[], message: string]>([
    [[], 'reproduce: the command must be one of list, run, report, got none. See reproduce --help.'],
    [
      ['run', '--sed', '3'],
      'reproduce: an option of run must be one of --profile, --backend, --seed, --data, --out, --resume, got --sed.',
    ],
  ])('refuses %j in a line, and leaves no file', async (args, message) => {
    const cwd = await temporaryFolder();
    expectRefusal(await reproduce(args, cwd), message);
    expect(await filesBelow(cwd)).toEqual([]);
  });

  it('has no report where nothing has run', async () => {
    const out = path.join(await temporaryFolder(), 'none');
    expectRefusal(
      await reproduce(['report', '--out', out]),
      `reproduce: there must be a finished run in ${out} to report on, got none. Use run first.`,
    );
  });

  it('refuses data that are missing or damaged before it touches a stopped run', async () => {
    const out = await temporaryFolder();
    const part = path.join(out, 'momo-robustness', 'unfinished', 'parts', 'part.json');
    await mkdir(path.dirname(part), { recursive: true });
    await writeFile(part, 'hours of work');
    const empty = await temporaryFolder();
    const missing = await reproduce(['run', '--data', empty, '--out', out]);
    expect([missing.code, missing.stdout]).toEqual([1, '']);
    for (const name of [empty, ...Object.keys(stripes())]) expect(missing.stderr).toContain(name);
    const damaged = await writeMnist(stripes());
    await writeFile(path.join(damaged, 't10k-labels-idx1-ubyte'), 'no labels');
    const { code, stderr } = await reproduce(['run', '--data', damaged, '--out', out]);
    expect(code).toBe(1);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(path.join(damaged, 't10k-labels-idx1-ubyte'));
    expect(await readFile(part, 'utf8')).toBe('hours of work');
  });

  it('says of an --out that is a file that it cannot be used', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, 'text');
    const { code, stderr } = await reproduce(['run', '--out', file]);
    expect(code).toBe(1);
    expect(stderr).toContain(`reproduce: --out must be a folder that can be written, got ${file}. `);
    expect(await readFile(file, 'utf8')).toBe('text');
  });
});

describe('report', () => {
  it('writes the report of stored results; the exit code tells whether all claims hold', async () => {
    const out = await temporaryFolder();
    const folder = path.join(out, 'momo-robustness');
    const file = path.join(folder, 'result.json');
    const holding = { claim: 'it holds', expected: 'e', source: 's', measured: 'm', holds: true };
    const store = async (holds: boolean): Promise<void> => {
      const data = { trainLoss: [], testAccuracy: [], steps: [], epochs: 1, batchSize: 1 };
      const outcome: StoredResult['outcome'] = { ...resultOf({}).outcome, data };
      outcome.checks = [holding, { ...holding, claim: 'it may hold', holds }];
      await mkdir(folder, { recursive: true });
      await writeFile(file, JSON.stringify({ ...resultOf({}), id: 'momo-robustness', outcome }));
    };
    for (const [holds, code] of [
      [true, 0],
      [false, 1],
    ] as const) {
      await store(holds);
      const report = await reproduce(['report', 'momo-robustness', '--out', out]);
      expect([report.code, report.stderr]).toEqual([code, '']);
      expect(report.stdout).toContain(`Report: ${path.join(out, 'report.html')}\n`);
      expect(report.stdout).toMatch(holds ? /it may hold .* reproduced\n/ : /it may hold .* not reproduced\n/);
      expect(await readFile(path.join(out, 'report.html'), 'utf8')).toContain(
        holds ? '2 of 2 claims' : '1 of 2 claims',
      );
    }
    await rm(path.join(out, 'report.html'));
    await writeFile(file, '{"id": "momo-robu');
    const damaged = await reproduce(['report', '--out', out]);
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toContain(file);
    expect(await filesBelow(out)).toEqual([path.join('momo-robustness', 'result.json')]);
  });
});
