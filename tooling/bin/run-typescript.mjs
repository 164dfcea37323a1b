import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Runs `main(args)` of a TypeScript file of ../src and ends with the exit code that it returns.
 * Node 20 does not strip types, so the file is bundled first, next to the packages that it imports.
 */
export async function runTypeScript(name) {
  const folder = fileURLToPath(new URL('../node_modules/.cache/tfsci/', import.meta.url));
  const outfile = `${folder}${name}-${process.pid}.mjs`;
  await mkdir(folder, { recursive: true });
  process.setSourceMapsEnabled(true);
  try {
    await build({
      absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
      entryPoints: [fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url))],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      logLevel: 'warning',
    });
    const { main } = await import(pathToFileURL(outfile).href);
    process.exitCode = await main(process.argv.slice(2));
  } finally {
    await rm(outfile, { force: true });
  }
}
