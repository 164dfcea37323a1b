// Runs TensorFlow.js's own test suite, which ships in @tensorflow/tfjs-core, on this backend.
//
//   node test/official/run.mjs [--only TEXT] [--backend NAME] [--json FILE]
//
// --only     specs whose full name contains the text
// --backend  onnx (default), or cpu to compare
// --json     writes what became of each spec
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { only: { type: 'string' }, backend: { type: 'string' }, json: { type: 'string' } },
});

/** One file, so that there is one copy of tfjs-core. */
async function bundleSuite() {
  const folder = join(here, '../../node_modules/.cache/official');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, 'suite.mjs');
  await build({
    entryPoints: [join(here, 'suite.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    // The specs are imported for their effects, which the packages' annotations deny.
    ignoreAnnotations: true,
    external: ['onnxruntime-node', 'onnxruntime-common'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'error',
  });
  return pathToFileURL(outfile).href;
}

const core = createRequire(import.meta.url)('jasmine-core');
const env = core.boot(core).getEnv();
env.configure({ random: false, specFilter: (spec) => spec.getFullName().includes(options.only ?? '') });

const results = [];
const note = (name, status, failures = []) => results.push({ name, status, message: failures[0]?.message });
env.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status !== 'excluded') note(fullName, status, failedExpectations);
  },
  suiteDone({ fullName, failedExpectations = [] }) {
    if (failedExpectations.length > 0) note(fullName, 'failed', failedExpectations);
  },
});

process.env.OFFICIAL_BACKEND = options.backend ?? 'onnx';
await import(await bundleSuite());
await env.execute();

const count = (status) => results.filter((result) => result.status === status).length;
if (options.json) writeFileSync(options.json, JSON.stringify(results, null, 1));
for (const { name, status, message } of results) {
  if (status === 'failed') console.log(`FAILED ${name}\n    ${String(message).slice(0, 400)}`);
}
// What is pending is switched off in the suite itself.
console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('pending')} pending`);
process.exit(count('failed') > 0 ? 1 : 0);
