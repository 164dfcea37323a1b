import { defineConfig } from 'vitest/config';
import { packageTests } from '../vitest.config.base.ts';

// The matchers for tensors are left out: nothing here computes, and the checks must run when tensor-core does not compile.
export default defineConfig({
  test: {
    ...packageTests.test,
    setupFiles: [],
    globalSetup: './test/build-fixtures.ts',
    exclude: ['test/fixtures/**'],
  },
});
