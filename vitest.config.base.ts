import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The test run of every package; its JSON report is what the root command adds up. */
export const packageTests = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: [fileURLToPath(new URL('./vitest.setup.ts', import.meta.url))],
    reporters: ['default', ['json', { outputFile: '.vitest/report.json' }]],
    // To end what hangs, not to measure: a busy machine may take several times as long as a quiet one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
