import { readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Runs the `bench/*.bench.ts` of the package in the working directory, one after the other.
 *
 * @param args  parts of names, to run only those that hold one
 */
export async function main(args: string[]): Promise<number> {
  const files = readdirSync('bench').filter((file) => file.endsWith('.bench.ts'));
  const chosen = files.filter((file) => args.length === 0 || args.some((part) => file.includes(part)));
  if (chosen.length === 0)
    throw new Error(
      `tooling.run-benches: a name must be part of a benchmark file, got ${args.join(', ')}; there are ${files.join(', ')}.`,
    );
  for (const file of chosen) {
    const outfile = path.resolve('bench', 'results', `.${file}.mjs`);
    await mkdir(path.dirname(outfile), { recursive: true });
    try {
      // What the package's source imports stays outside: a backend must be the same copy for all.
      await build({
        entryPoints: [path.resolve('bench', file)],
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
