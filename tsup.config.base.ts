import { defineConfig } from 'tsup';

/** The build of every library package: ESM and CJS with types in both, nothing bundled from node_modules. */
export function library(entry: Record<string, string> = { index: 'src/index.ts' }) {
  return defineConfig({
    entry,
    format: ['esm', 'cjs'],
    dts: true,
    target: 'es2022',
    platform: 'neutral',
    sourcemap: true,
    clean: true,
    treeshake: true,
    splitting: true,
    external: [/^node:/],
  });
}
