import { builtinModules, isBuiltin } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import { runtimeDependencies, type Manifest } from '../workspace';

/** What a bundler makes of an entry, with every dependency and peer left outside. */
export interface Bundle {
  /** Minified, not compressed. */
  bytes: number;
  /** The modules that it still imports, sorted. */
  imports: string[];
  /** Names in `words` that its code, not minified, or its imports hold. */
  found: string[];
}

/**
 * Bundles a built entry as an application's bundler would.
 *
 * @param file           absolute path of the entry's ESM file
 * @param options.words  names to look for
 * @param options.only   the one export that the application takes; default all
 */
export async function bundleEntry(
  file: string,
  manifest: Manifest,
  { words = [], only }: { words?: readonly string[]; only?: string } = {},
): Promise<Bundle> {
  const outside = Object.keys(runtimeDependencies(manifest)).flatMap((name) => [name, `${name}/*`]);
  const bundle = (minify: boolean) =>
    build({
      ...(only === undefined
        ? { entryPoints: [file] }
        : { stdin: { contents: `export { ${only} } from ${JSON.stringify(file)};`, resolveDir: path.dirname(file) } }),
      absWorkingDir: path.dirname(file),
      bundle: true,
      write: false,
      metafile: true,
      minify,
      format: 'esm',
      platform: 'neutral',
      target: 'es2022',
      legalComments: 'none',
      logLevel: 'silent',
      outdir: path.dirname(file),
      external: [...outside, ...builtinModules, 'node:*'],
    });
  const small = await bundle(true);
  const imports = Object.values(small.metafile.outputs).flatMap((output) => output.imports.map((use) => use.path));
  const unique = [...new Set(imports)].sort();
  const code = words.length > 0 ? (await bundle(false)).outputFiles.map((output) => output.text).join('\n') : '';
  return {
    bytes: small.outputFiles.reduce((sum, output) => sum + output.contents.byteLength, 0),
    imports: unique,
    found: words.filter((word) => code.includes(word) || unique.includes(word)),
  };
}

/** The imports that a browser does not have: Node's modules, and the rooms of our packages that use them. */
export function nodeImports(imports: string[]): string[] {
  return imports.filter((name) => isBuiltin(name) || /^@tfsci\/[^/]+\/(node|testing)(\/|$)/.test(name));
}

/**
 * What is wrong with the size of a bundle, or null. A ceiling far above the size would hide growth, so the
 * size must be at least 60 % of it.
 */
export function sizeFault(entry: string, bytes: number, ceiling: number | undefined): string | null {
  const advice = `Set bytes['${entry}'] to ${roundedUp(bytes * 1.15)}.`;
  if (ceiling === undefined) return `entry ${entry} has no ceiling and ${bytes} bytes. ${advice}`;
  if (bytes > ceiling) {
    return `entry ${entry} has ${bytes} bytes, over its ceiling of ${ceiling}. Make it smaller, or say in the commit why not. ${advice}`;
  }
  if (bytes < 0.6 * ceiling)
    return `entry ${entry} has ${bytes} bytes, below 60 % of its ceiling of ${ceiling}. ${advice}`;
  return null;
}

/** To two significant digits. */
function roundedUp(bytes: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(bytes)) - 1);
  return Math.ceil(bytes / unit) * unit;
}
