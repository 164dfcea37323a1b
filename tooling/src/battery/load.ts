import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { entryNames, type Manifest } from '../workspace';

/** The names that an entry gives to ES modules and to CommonJS, sorted. */
export interface LoadedNames {
  esm: string[];
  cjs: string[];
}

/** Runs in a process of its own: the entries by name, as installed. */
const program = `
  import { createRequire } from 'node:module';
  const require = createRequire(process.cwd() + '/package.json');
  const names = (module) => Object.keys(module).filter((name) => name !== 'module.exports').sort();
  const loaded = {};
  for (const name of JSON.parse(process.argv[1])) {
    loaded[name] = { esm: names(await import(name)), cjs: names(require(name)) };
  }
  process.stdout.write('\\n' + JSON.stringify(loaded), () => process.exit());
`;

/**
 * Imports and requires every entry of a built package by its name, in a fresh Node process.
 *
 * @throws Error with the process's standard error when an entry cannot be loaded
 */
export async function loadEntries(manifest: Manifest, dir: string): Promise<Map<string, LoadedNames>> {
  const entries = entryNames(manifest);
  const specifiers = entries.map((entry) => manifest.name + entry.slice(1));
  const args = ['--input-type=module', '--eval', program, JSON.stringify(specifiers)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dir, timeout: 60_000 });
  const loaded = JSON.parse(stdout.slice(stdout.lastIndexOf('\n'))) as Record<string, LoadedNames>;
  return new Map(entries.map((entry, i) => [entry, loaded[specifiers[i]!]!]));
}
