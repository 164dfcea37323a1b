import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testCommand } from '../src/test-command';

let root: string;
let printed: string[];

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'tfsci-command-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text));
  write('package.json', { name: 'tree', packageManager: 'pnpm@12.21.0' });
  write('packages/a/package.json', { name: '@tfsci/a', scripts: { test: 'vitest run' } });
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

describe('testCommand', () => {
  it('prints the tally last and succeeds when tests ran and none failed', async () => {
    turboThat([task('test', 0)], { passed: 5, pending: 1 });
    expect(await testCommand(root, [])).toBe(0);
    expect(printed.at(-1)).toBe('5 passed, 0 failed, 1 skipped');
  });

  it('fails on a failed task, though every test passed', async () => {
    turboThat([task('test', 0), task('lint', 1)], { passed: 5 }, 1);
    expect(await testCommand(root, [])).toBe(1);
    expect(printed.at(-1)).toBe('5 passed, 1 failed');
  });

  it('does not count the report of an earlier run', async () => {
    write('packages/a/.vitest/report.json', reportOf({ passed: 99 }));
    turboThat([task('test', 1)], undefined, 1);
    expect(await testCommand(root, [])).toBe(1);
    expect(printed.at(-1)).toBe('0 passed, 1 failed');
    expect(existsSync(path.join(root, 'packages/a/.vitest/report.json'))).toBe(false);
  });

  it('does not count the summary of an earlier run when turbo itself fails', async () => {
    turboThat([task('test', 0)], { passed: 5 });
    await testCommand(root, []);
    write('node_modules/turbo/bin/turbo', 'process.exit(1);');
    expect(await testCommand(root, [])).toBe(1);
    expect(printed.at(-1)).toBe('0 passed, 1 failed');
  });

  it('fails when no test ran', async () => {
    turboThat([task('lint', 0)], undefined);
    expect(await testCommand(root, [])).toBe(1);
    expect(printed.at(-1)).toBe('0 passed, 0 failed');
    expect(printed.join('\n')).toContain('tests not run');
  });

  it("hands its arguments on, and tells tasks apart by the machine's Node and tools", async () => {
    turboThat([task('test', 0)], { passed: 1 });
    await testCommand(root, ['--filter=@tfsci/a']);
    const { args, machine } = JSON.parse(readFileSync(path.join(root, 'seen.json'), 'utf8')) as Seen;
    expect(args.slice(0, 6)).toEqual(['run', 'lint', 'typecheck', 'test', 'check', '//#format:check']);
    expect(args).toContain('--summarize');
    expect(args.at(-1)).toBe('--filter=@tfsci/a');
    expect(machine).toContain(`${process.platform} ${process.arch} ${process.version} chromium=`);
  });
});

interface Seen {
  args: string[];
  machine: string;
}

function task(name: string, exitCode: number) {
  const execution = { startTime: 0, endTime: 1000, exitCode };
  return { task: name, package: '@tfsci/a', directory: 'packages/a', cache: { status: 'MISS' }, execution };
}

function reportOf({ passed = 0, pending = 0 }) {
  return { numPassedTests: passed, numFailedTests: 0, numPendingTests: pending, numTodoTests: 0, testResults: [] };
}

/** Puts a program in turbo's place that writes what turbo and its tasks would have written. */
function turboThat(tasks: object[], tests: { passed?: number; pending?: number } | undefined, exitCode = 0): void {
  const files = {
    '.turbo/runs/run.json': JSON.stringify({ tasks }),
    ...(tests && { 'packages/a/.vitest/report.json': JSON.stringify(reportOf(tests)) }),
  };
  write(
    'node_modules/turbo/bin/turbo',
    `const fs = require('node:fs');
     const path = require('node:path');
     for (const [file, text] of Object.entries(${JSON.stringify(files)})) {
       fs.mkdirSync(path.dirname(file), { recursive: true });
       fs.writeFileSync(file, text);
     }
     fs.writeFileSync('seen.json', JSON.stringify({ args: process.argv.slice(2), machine: process.env.TFSCI_MACHINE }));
     process.exit(${exitCode});`,
  );
}

function write(file: string, content: object | string): void {
  const target = path.join(root, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content));
}
