import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HERE = fileURLToPath(new URL('..', import.meta.url));

/** Two calls of useBackend('auto') in a process that takes itself for another platform. */
const PROGRAM = `
  Object.defineProperty(process, 'platform', { value: 'sunos' });
  await import('@tfsci/backend-onnx');
  const { useBackend } = await import('@tfsci/tensor-core');
  for (let i = 0; i < 2; i++) console.log((await useBackend('auto')).backend);`;

it('takes wasm where ONNX Runtime has no library, with one warning that says so', () => {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: HERE, encoding: 'utf8' });
  expect(run.stdout.trim().split('\n').slice(-2)).toEqual(['wasm', 'wasm']);
  expect(run.stderr.match(/ONNX Runtime must load on sunos/g)).toHaveLength(1);
  expect(run.stderr.match(/tensor-core\.useBackend: took wasm instead\./g)).toHaveLength(1);
});
