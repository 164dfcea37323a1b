import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const HERE = fileURLToPath(new URL('..', import.meta.url));

/** Starts the built backend in a process that takes itself for another platform. */
function startOn(platform: string): string {
  const program = `
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    const tf = await import('@tensorflow/tfjs');
    await import('@tfsci/backend-onnx');
    try { await tf.findBackendFactory('onnx')(); } catch (error) { console.log(error.message); }`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: HERE, encoding: 'utf8' });
}

it('says on a platform without a library which platforms have one, and what to do', () => {
  expect(startOn('sunos')).toMatch(
    /^backend-onnx: ONNX Runtime must load on sunos \w+, got the error: .*elsewhere use the wasm backend\.\n$/,
  );
});

it('runs beside sessions of onnxruntime-node that were made before, with threads of its own', () => {
  const program = `
    import { createRequire } from 'node:module';
    const { initOrt } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js');
    initOrt();
    const tf = await import('@tensorflow/tfjs');
    await import('@tfsci/backend-onnx');
    await tf.setBackend('onnx');
    const x = tf.ones([512, 512]);
    console.log(tf.matMul(x, x).add(x).sum().dataSync()[0]);`;
  expect(
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: HERE, encoding: 'utf8' }),
  ).toMatch(/^134479872\n$/m);
});
