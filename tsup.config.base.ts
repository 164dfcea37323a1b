import { rmSync } from 'node:fs';
import { defineConfig } from 'tsup';

/**
 * The build of every library package: ESM and CJS with types in both, nothing bundled from node_modules.
 *
 * Types are bundled entry by entry: of what several entries share the bundler would make a chunk, and
 * lose there which names of an `export * as room` are types.
 *
 * @param entry  the files that package.json exports
 * @param parts  further files by themselves: what a bundler can leave out as a whole, whatever it does when it is loaded
 */
export function library(entry: Record<string, string> = { index: 'src/index.ts' }, parts: Record<string, string> = {}) {
  // Not by tsup's `clean`: its builds run side by side.
  rmSync('dist', { recursive: true, force: true });
  const shared = {
    format: ['esm', 'cjs'] as ('esm' | 'cjs')[],
    target: 'es2022',
    platform: 'neutral' as const,
    external: [/^node:/],
  };
  return defineConfig([
    { ...shared, entry: { ...entry, ...parts }, sourcemap: true, treeshake: true, splitting: true },
    ...Object.entries(entry).map(([name, source]) => ({ ...shared, entry: { [name]: source }, dts: { only: true } })),
  ]);
}
