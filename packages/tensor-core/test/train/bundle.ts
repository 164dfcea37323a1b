import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A script of this folder as one file that Node runs; inside of the package, so that it finds what that depends on. */
export async function bundle(script: string): Promise<{ file: string; remove: () => void }> {
  const outDir = mkdtempSync(path.join(here, '../../node_modules/.train-'));
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: path.join(here, script),
      outDir,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'script.mjs' } },
    },
  });
  return { file: path.join(outDir, 'script.mjs'), remove: () => rmSync(outDir, { recursive: true, force: true }) };
}
