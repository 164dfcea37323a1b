import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const RUNNER = fileURLToPath(new URL('./official/run.mjs', import.meta.url));

/**
 * The suite of tfjs-core 4.22 has 4227 specs in Node. Two of them ("Switching cpu backends") are declared for a
 * backend of the name cpu alone.
 */
const SPECS = 4225;

it('passes the test suite of TensorFlow.js', { timeout: 900_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'official-'));
  try {
    const json = join(folder, 'specs.json');
    const run = promisify(execFile)(process.execPath, [RUNNER, '--json', json], { maxBuffer: 2 ** 26 });
    await run.catch(() => undefined);
    const specs = JSON.parse(readFileSync(json, 'utf8')) as { name: string; status: string; message?: string }[];
    expect(specs.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(specs.filter(({ status }) => status === 'passed').length).toBe(SPECS);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
