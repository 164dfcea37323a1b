import { describe, expect, it } from 'vitest';
import { checkPackage } from '../src/check-package';
import { fixture, fixturePackage } from './fixture';

describe('checkPackage', () => {
  it('finds nothing wrong with a sound package as it would be published', async () => {
    expect(await checkPackage(fixturePackage('good-paper'))).toEqual([]);
  });

  it('tells what publint finds', async () => {
    expect((await checkPackage(fixturePackage('bad-paper'))).join('\n')).toMatch(
      /publint error: .*"\.\/late".*types should be the first/,
    );
  });

  it('tells what "Are the types wrong?" finds', async () => {
    // Types of an ES module for both branches: publint does not read them.
    expect((await checkPackage(fixture('masquerading'))).join('\n')).toMatch(/attw:[^]*Masquerading as ESM/);
  });

  it('throws when there is nothing to pack', async () => {
    await expect(checkPackage(fixture('battery/packages'))).rejects.toThrow(/pnpm must pack .*packages, got exit/);
  });
});
