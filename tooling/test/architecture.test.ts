import { describe, expect, it } from 'vitest';
import { architectureBreaches, describeBreaches, rules, type Rule } from '../src/architecture';
import { repositoryRoot } from '../src/workspace';
import { fixture } from './fixture';

describe('the tree', () => {
  it('keeps every rule of its architecture', async () => {
    expect(describeBreaches(await architectureBreaches(repositoryRoot))).toBe('');
  });
});

describe('architectureBreaches', () => {
  /** Each tree under fixtures/architecture breaks one rule; the words name the culprit. */
  const broken: [tree: string, rule: Rule, words: RegExp][] = [
    ['paper-imports-paper', 'no-paper-imports-a-paper', /packages\/momo\/src\/index\.ts imports @tfsci\/gdiff/],
    ['manifest-depends-on-paper', 'no-paper-imports-a-paper', /packages\/momo\/package\.json depends on @tfsci\/gdiff/],
    ['cycle', 'no-cycles', /a\.ts -> .*b\.ts -> .*c\.ts|c\.ts -> .*a\.ts -> .*b\.ts|b\.ts -> .*c\.ts -> .*a\.ts/],
    [
      'core-imports-paper',
      'tensor-core-imports-none-of-ours',
      /packages\/tensor-core\/src\/index\.ts imports @tfsci\/momo/,
    ],
    [
      'paper-imports-engine',
      'backend-onnx-stands-apart',
      /packages\/momo\/src\/index\.ts imports @tfsci\/backend-onnx/,
    ],
    [
      'engine-imports-core',
      'backend-onnx-stands-apart',
      /packages\/backend-onnx\/src\/index\.ts imports @tfsci\/tensor-core/,
    ],
    [
      'relative-reach',
      'only-export-names',
      /packages\/momo\/src\/index\.ts imports \.\.\/\.\.\/tensor-core\/src\/index/,
    ],
    ['deep-import', 'only-export-names', /imports @tfsci\/tensor-core\/dist\/index\.js/],
    ['undeclared-import', 'declared-imports', /imports @tfsci\/tensor-core, which packages\/momo does not declare/],
    ['paper-imports-app', 'imports-run-one-way', /imports @tfsci\/reproduce/],
    ['node-in-main-entry', 'main-entries-run-in-a-browser', /packages\/momo\/src\/files\.ts imports node:fs\/promises/],
    ['node-room-in-main-entry', 'main-entries-run-in-a-browser', /imports @tfsci\/tensor-core\/node/],
  ];

  it('finds nothing in a sound tree, with a Node room and the one paper that stands on another', async () => {
    expect(await architectureBreaches(fixture('architecture/sound'))).toEqual([]);
  });

  it.each(broken)('names the rule that the tree %s breaks: %s', async (tree, rule, words) => {
    const breaches = await architectureBreaches(fixture(`architecture/${tree}`));
    expect([...new Set(breaches.map((breach) => breach.rule))]).toEqual([rule]);
    expect(describeBreaches(breaches)).toMatch(words);
    expect(describeBreaches(breaches)).toContain(rule);
  });

  it('has a broken tree for every rule', () => {
    expect(new Set(broken.map(([, rule]) => rule))).toEqual(new Set(Object.keys(rules)));
  });

  it('refuses a folder without sources', async () => {
    await expect(architectureBreaches(fixture('architecture/nothing'))).rejects.toThrow(/no sources below/);
  });
});
