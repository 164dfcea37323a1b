import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { examplesIn, runExample, trimLines } from '@tfsci/tooling';
import { describe, expect, it } from 'vitest';

// The root has no package of its own to test it; this app depends on all that its example imports.
describe('README of the repository', () => {
  const examples = examplesIn(readFileSync(new URL('../../../README.md', import.meta.url), 'utf8'));

  it('has an example', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  it.each(examples)('prints what the example at line $line says', { timeout: 130_000 }, async (example) => {
    const dir = fileURLToPath(new URL('..', import.meta.url));
    expect(trimLines(await runExample(example, dir))).toBe(trimLines(example.prints));
  });
});
