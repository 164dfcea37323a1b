import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readManifest, repositoryRoot } from '../src/workspace';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tfsci-ci-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs .ci/run with programs of the tests' own in the places of npx and Chromium. */
function runWith(npx: string): Promise<{ code: number; lines: string[] }> {
  for (const [name, body] of Object.entries({ npx, chromium: 'exit 0' })) {
    writeFileSync(path.join(folder, name), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(folder, name), 0o755);
  }
  const env = {
    ...process.env,
    PATH: `${folder}${path.delimiter}${process.env['PATH']}`,
    CHROME_PATH: path.join(folder, 'chromium'),
  };
  return new Promise((resolve) => {
    execFile('bash', [path.join(repositoryRoot, '.ci', 'run')], { env, cwd: folder }, (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split('\n') });
    });
  });
}

describe.skipIf(process.platform === 'win32')('.ci/run', () => {
  it("runs the README's command in the root, with tools required and no input", async () => {
    const npx = 'echo "$@"; pwd -P; echo "$CI $TFSCI_REQUIRE_TOOLS"; wc -c; echo "7 passed, 0 failed"';
    const { code, lines } = await runWith(npx);
    expect(code).toBe(0);
    const { packageManager } = readManifest(repositoryRoot);
    expect(lines.map((line) => line.trim())).toEqual([
      `-y ${packageManager} test`,
      repositoryRoot,
      'true 1',
      '0',
      '7 passed, 0 failed',
    ]);
  });

  it('ends with the tally when pnpm says more, and passes the status on', async () => {
    const { code, lines } = await runWith(
      'echo "5 passed, 2 failed, 1 skipped"; echo "[ELIFECYCLE] Test failed."; exit 3',
    );
    expect(code).toBe(3);
    expect(lines.at(-1)).toBe('5 passed, 2 failed, 1 skipped');
  });

  it.each([
    ['with a status', 'echo "ERR_PNPM_FETCH"; exit 4', 4],
    ['without one', 'exit 0', 1],
  ])('counts a run that ended before its tally as a failure, %s', async (_, npx, status) => {
    const { code, lines } = await runWith(npx);
    expect(code).toBe(status);
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
  });
});

describe('the version of pnpm', () => {
  it("is package.json's, wherever it is written", () => {
    const workflows = readdirSync(path.join(repositoryRoot, '.github', 'workflows'));
    const texts = readdirSync(repositoryRoot).filter((name) => name.endsWith('.md'));
    const files = ['.ci/run', ...texts, ...workflows.map((name) => `.github/workflows/${name}`)];
    const text = files.map((file) => readFileSync(path.join(repositoryRoot, file), 'utf8')).join('\n');
    const versions = new Set(text.match(/pnpm@\d[\w.]*/g));
    expect([...versions]).toEqual([readManifest(repositoryRoot).packageManager]);
  });
});
