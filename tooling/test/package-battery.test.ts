import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apiFile, readApi } from '../src/battery/api';
import { nodeImports, sizeFault } from '../src/battery/bundle';
import { manifestFaults } from '../src/battery/manifest';
import { examplesIn, trimLines } from '../src/battery/readme';
import { readManifest, repositoryRoot } from '../src/workspace';
import { fixturePackage } from './fixture';

const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-battery-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
  testResults: { assertionResults: { fullName: string; status: string }[] }[];
}

/** Runs the battery of a fixture package in a Vitest of its own; the names of its tests by outcome. */
async function runBattery(name: string): Promise<Record<string, string[]>> {
  const outputFile = path.join(folder, `${name}.json`);
  const vitest = path.join(repositoryRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--reporter=json', `--outputFile=${outputFile}`];
  const own = Object.entries(process.env).filter(([variable]) => !variable.startsWith('VITEST'));
  // In CI Vitest writes no snapshot that is missing.
  const env = { ...Object.fromEntries(own), CI: 'true' };
  await new Promise((resolve) => execFile(process.execPath, args, { cwd: fixturePackage(name), env }, resolve));
  const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8')) as Report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => tests.filter((test) => test.status === status).map((test) => test.fullName);
  return { passed: named('passed'), failed: named('failed'), others: named('pending') };
}

describe('packageBattery', () => {
  it('passes a sound package, in every one of its tests', async () => {
    const { passed, failed, others } = await runBattery('good-paper');
    expect(failed).toEqual([]);
    expect(others).toEqual([]);
    expect(passed).toEqual([
      'package.json has the shape of every package of the tree',
      'package.json exports the entries that its battery names',
      'entry . exports what its snapshot says',
      'entry . has types that compile',
      'entry . keeps its ceiling of bytes',
      'entry . leaves out what must not appear',
      'entry . runs in a browser: imports nothing of Node',
      'entry ./node exports what its snapshot says',
      'entry ./node has types that compile',
      'entry ./node keeps its ceiling of bytes',
      'a program that takes half alone has at most 140 bytes of the package',
      'loading gives by import and by require the names that its types declare',
      'README has an example, a ```ts block with a ```text block of what it prints',
      'README prints what the example at line 9 says',
      'README prints what the example at line 30 says',
    ]);
  });

  it('fails a package that breaks each of its claims', async () => {
    const { passed, failed } = await runBattery('bad-paper');
    expect(failed).toEqual([
      'package.json has the shape of every package of the tree',
      'package.json exports the entries that its battery names',
      'entry . exports what its snapshot says',
      'entry . keeps its ceiling of bytes',
      'entry . leaves out what must not appear',
      'entry . runs in a browser: imports nothing of Node',
      'entry ./late exports what its snapshot says',
      'entry ./late keeps its ceiling of bytes',
      'entry ./late runs in a browser: imports nothing of Node',
      'entry ./crossed exports what its snapshot says',
      'entry ./crossed keeps its ceiling of bytes',
      'entry ./crossed runs in a browser: imports nothing of Node',
      'a program that takes read alone has at most 20 bytes of the package',
      'loading gives by import and by require the names that its types declare',
      'README prints what the example at line 3 says',
      'README prints what the example at line 13 says',
    ]);
    // Its types and its README are sound; what breaks those is in tests of their own.
    expect(passed).toEqual([
      'entry . has types that compile',
      'entry ./late has types that compile',
      'entry ./crossed has types that compile',
      'README has an example, a ```ts block with a ```text block of what it prints',
    ]);
  });
});

describe('manifestFaults', () => {
  it('names every fault', () => {
    const dir = fixturePackage('bad-paper');
    const faults = manifestFaults(readManifest(dir), dir).join('\n');
    for (const words of [
      'name must be @tfsci/bad-paper, got @tfsci/wrong-name',
      'license must be "MIT"',
      'LICENSE must exist',
      'scripts.check must be set',
      'repository.directory must be packages/bad-paper',
      'exports must hold "./package.json"',
      'exports["./late"] must name types first',
      'exports["./crossed"] must be { import: { types, default }, require: { types, default } } over one dist/NAME',
      'peerDependencies must hold @tensorflow/tfjs ^4.22, got undefined',
      'dependencies must not hold @tensorflow/tfjs-core',
      '@tensorflow/tfjs-core must be "catalog:" or "workspace:", got ^4.22.0',
    ]) {
      expect(faults).toContain(words);
    }
  });

  it('finds nothing wrong with a sound package', () => {
    const dir = fixturePackage('good-paper');
    expect(manifestFaults(readManifest(dir), dir)).toEqual([]);
  });

  it('asks for built files', () => {
    const dir = fixturePackage('good-paper');
    const text = JSON.stringify(readManifest(dir)).replaceAll('./dist/node.', './dist/unbuilt.');
    const faults = manifestFaults(JSON.parse(text) as ReturnType<typeof readManifest>, dir);
    expect(faults).toContain('./dist/unbuilt.d.cts must exist; build the package');
    expect(faults).toHaveLength(4);
  });
});

describe('readApi', () => {
  it('gives classes without private members, overloads, renamed values, and types that are named but not exported', () => {
    const dir = fixturePackage('good-paper');
    const { text, values } = readApi(path.join(dir, 'dist', 'index.d.ts'), 'good');
    expect(values).toEqual(['Counter', 'half', 'scale']);
    expect(text).not.toContain('private');
    expect(text).not.toContain('Counts, and forgets');
    expect(text).toContain('function half(x: number): number;\nfunction half(x: Pair, rounding?: Rounding): Pair;');
    expect(text).toContain('const gain: 2.5; // exported as scale');
    const [, inner] = text.split('// Not exported, but named above:');
    expect(inner).toContain('interface Mode {\n  digits: number;\n}');
  });

  it('tells what another package declares', () => {
    const file = path.join(folder, 'index.d.ts');
    writeFileSync(
      file,
      "import { Own } from '@tfsci/core';\nexport * from 'far';\nexport { Own, type Own as Mine };\nexport { x } from 'y';\nexport * as far from 'far';\n",
    );
    const { text, values, elsewhere } = readApi(file, 'away');
    expect(text).toContain("export * from 'far';");
    expect(text).toContain("re-export Own from '@tfsci/core'");
    expect(text).toContain("re-export Own as Mine from '@tfsci/core'");
    expect(text).toContain("re-export * as far from 'far'");
    expect(text).toContain("re-export x from 'y'");
    expect(values).toEqual([]);
    expect(elsewhere.sort()).toEqual(['Mine', 'Own', 'far', 'x']);
  });

  it('names each entry by a file of its own', () => {
    expect(['.', './node', './io/npy'].map((entry) => path.basename(apiFile(entry)))).toEqual([
      'index.api.txt',
      'node.api.txt',
      'io-npy.api.txt',
    ]);
  });
});

describe('sizeFault', () => {
  it.each([
    [1000, 1000, null],
    [600, 1000, null],
    [599, 1000, /below 60 % of its ceiling of 1000\. Set bytes\['\.'\] to 690\./],
    [1001, 1000, /over its ceiling of 1000.*Set bytes\['\.'\] to 1200\./],
    [1001, undefined, /has no ceiling and 1001 bytes/],
  ])('judges %d bytes under a ceiling of %s', (bytes, ceiling, words) => {
    const fault = sizeFault('.', bytes, ceiling);
    if (words === null) expect(fault).toBeNull();
    else expect(fault).toMatch(words);
  });

  it('advises a ceiling that it accepts', () => {
    for (const bytes of [7, 103, 999, 12_345, 1_000_001]) {
      const advised = Number(/to (\d+)\./.exec(sizeFault('.', bytes, undefined)!)?.[1]);
      expect(sizeFault('.', bytes, advised), `${bytes} bytes, advised ${advised}`).toBeNull();
    }
  });
});

describe('nodeImports', () => {
  it("tells Node's modules and the Node rooms of our packages from the others", () => {
    const imports = [
      'fs',
      'node:path',
      '@tfsci/tensor-core',
      '@tfsci/tensor-core/node',
      '@tensorflow/tfjs',
      'h5wasm/node',
    ];
    expect(nodeImports(imports)).toEqual(['fs', 'node:path', '@tfsci/tensor-core/node']);
  });
});

describe('examplesIn', () => {
  const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\``;

  it.each([
    ['next to each other', ''],
    ['with empty lines between', '\n\n'],
    ['with a line of prose between', '\n\nIt prints:\n'],
  ])('pairs a program with what it prints, %s', (_, between) => {
    const markdown = `# title\n\n${fence('ts', 'run();')}${between}\n${fence('text', 'done')}\n`;
    expect(examplesIn(markdown)).toEqual([{ line: 3, code: 'run();', prints: 'done' }]);
  });

  it.each([
    ['two lines of prose', `${fence('ts', 'a')}\none\ntwo\n${fence('text', 'b')}`],
    ['a heading', `${fence('ts', 'a')}\n## Next\n${fence('text', 'b')}`],
    ['another block', `${fence('ts', 'a')}\n${fence('sh', 'c')}\n${fence('text', 'b')}`],
    ['another language', `${fence('js', 'a')}\n${fence('text', 'b')}`],
    ['a fence inside a longer fence', `\`\`\`\`md\n${fence('ts', 'a')}\n${fence('text', 'b')}\n\`\`\`\``],
  ])('takes no pair with %s', (_, markdown) => {
    expect(examplesIn(markdown)).toEqual([]);
  });

  it('compares texts without the ends of lines', () => {
    expect(trimLines('\n a  \r\nb\n\n')).toBe(' a\nb');
  });
});
