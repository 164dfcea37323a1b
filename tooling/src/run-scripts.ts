import { readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Runs the TypeScript files of a folder of the package in the working directory, one after the other.
 *
 * @param args  the folder (bench, examples), then parts of file names, to run only those that hold one
 */
export async function main([folder = '', ...parts]: string[]): Promise<number> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  const chosen = files.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  if (chosen.length === 0) {
    throw new Error(`tooling.run-scripts: a name must be part of one of ${files.join(', ')}, got ${parts.join(', ')}.`);
  }
  for (const file of chosen) {
    const outfile = path.resolve(folder, 'results', `.${file}.mjs`);
    await mkdir(path.dirname(outfile), { recursive: true });
    try {
      // What the package's source imports stays outside: a backend must be the same copy for all.
      await build({
        entryPoints: [path.resolve(folder, file)],
        outfile,
        bundle: true,
        packages: 'external',
        alias: { '@tfsci/tooling/bench': path.resolve(import.meta.dirname, '../../../src/bench.ts') },
        platform: 'node',
        format: 'esm',
        target: 'node20',
        sourcemap: 'inline',
        logLevel: 'warning',
      });
      await import(pathToFileURL(outfile).href);
    } finally {
      await rm(outfile, { force: true });
    }
  }
  return 0;
}
