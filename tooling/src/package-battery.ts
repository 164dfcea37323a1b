import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { apiFile, readApi } from './battery/api';
import { bundleEntry, nodeImports, sizeFault } from './battery/bundle';
import { declarationFaults } from './battery/declarations';
import { loadEntries } from './battery/load';
import { entryFile, manifestFaults } from './battery/manifest';
import { examplesIn, runExample, trimLines } from './battery/readme';
import { entryNames, isNodePackage, readManifest } from './workspace';

export interface BatteryOptions {
  /** The package's folder, usually `new URL('..', import.meta.url)`. */
  dir: URL | string;
  /** The most bytes that each entry may have, bundled and minified without its dependencies: `{ '.': 15_000 }`. */
  bytes: Record<string, number>;
  /**
   * The most bytes that a program has of the main entry which takes one of its exports alone: `{ random: 15_000 }`.
   * What one export needs of another one counts.
   */
  shaken?: Record<string, number>;
  /** Words that the bundle of an entry must not hold: names of modules or of code that must shake off. */
  mustNotAppear?: Record<string, string[]>;
}

/**
 * Defines the tests that every published package passes, over its built files: the shape of its package.json,
 * its public interface as a snapshot, its size, its loading by `import` and `require`, its README's examples.
 *
 * @example
 * packageBattery({ dir: new URL('..', import.meta.url), bytes: { '.': 15_000 } });
 */
export function packageBattery({ dir: place, bytes, shaken = {}, mustNotAppear = {} }: BatteryOptions): void {
  const dir = path.resolve(place instanceof URL ? fileURLToPath(place) : place);
  const manifest = readManifest(dir);
  const entries = entryNames(manifest);
  const fileOf = (entry: string) => path.join(dir, entryFile(manifest, entry) ?? 'no-such-file');
  const declarations = (entry: string) => fileOf(entry).replace(/\.js$/, '.d.ts');

  describe('package.json', () => {
    it('has the shape of every package of the tree', () => {
      expect(manifestFaults(manifest, dir)).toEqual([]);
    });

    it('exports the entries that its battery names', () => {
      expect(entries).toEqual(expect.arrayContaining([...Object.keys(bytes), ...Object.keys(mustNotAppear)]));
    });
  });

  describe.each(entries)('entry %s', (entry) => {
    it('exports what its snapshot says', async () => {
      const { text } = readApi(declarations(entry), `${manifest.name} entry ${entry}`);
      await expect(text).toMatchFileSnapshot(path.join(dir, apiFile(entry)));
    });

    it('has types that compile', { timeout: 120_000 }, () => {
      expect(declarationFaults(declarations(entry))).toEqual([]);
    });

    it('keeps its ceiling of bytes', async () => {
      const { bytes: size } = await bundleEntry(fileOf(entry), manifest);
      expect(sizeFault(entry, size, bytes[entry])).toBeNull();
    });

    const banned = mustNotAppear[entry];
    if (banned) {
      it('leaves out what must not appear', async () => {
        const { found } = await bundleEntry(fileOf(entry), manifest, { words: banned });
        expect(found).toEqual([]);
      });
    }

    if (!/^\.\/(node|testing)$/.test(entry) && !isNodePackage(path.basename(dir))) {
      it('runs in a browser: imports nothing of Node', async () => {
        const { imports } = await bundleEntry(fileOf(entry), manifest);
        expect(nodeImports(imports)).toEqual([]);
      });
    }
  });

  it.each(Object.entries(shaken))(
    'a program that takes %s alone has at most %i bytes of the package',
    async (name, most) => {
      const { bytes: size } = await bundleEntry(fileOf('.'), manifest, { only: name });
      expect(sizeFault(name, size, most)).toBeNull();
    },
  );

  describe('loading', () => {
    it('gives by import and by require the names that its types declare', async () => {
      const loaded = await loadEntries(manifest, dir);
      for (const [entry, { esm, cjs }] of loaded) {
        const { values, elsewhere } = readApi(declarations(entry), entry);
        expect(cjs, `require of ${entry}`).toEqual(esm);
        // Whether a name that another package declares is a type or a value is not known here.
        const known = esm.filter((name) => !elsewhere.includes(name));
        expect(known, `import of ${entry}`).toEqual(values);
      }
    });
  });

  describe('README', () => {
    const readme = path.join(dir, 'README.md');
    const examples = existsSync(readme) ? examplesIn(readFileSync(readme, 'utf8')) : [];

    it('has an example, a ```ts block with a ```text block of what it prints', () => {
      expect(examples.length).toBeGreaterThan(0);
    });

    it.each(examples)('prints what the example at line $line says', { timeout: 130_000 }, async (example) => {
      expect(trimLines(await runExample(example, dir))).toBe(trimLines(example.prints));
    });
  });
}
