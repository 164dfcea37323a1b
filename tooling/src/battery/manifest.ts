import { existsSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { entryNames, SCOPE, type Manifest } from '../workspace';

/** What the umbrella holds: a second copy of any of these would be a second registry of kernels and tensors. */
const TFJS = /^@tensorflow\/tfjs(-core|-layers|-data|-converter|-backend-cpu|-backend-webgl)?$/;

/** The turbo tasks; a package that lacks one would be left out of it without a word. */
const SCRIPTS = ['build', 'typecheck', 'lint', 'test', 'check'];

/**
 * What is wrong with the package.json of a built package, as sentences; empty for a sound one.
 *
 * @param dir  the package's folder; files are looked for in it
 */
export function manifestFaults(manifest: Manifest, dir: string): string[] {
  const folder = path.basename(dir);
  const faults: string[] = [];
  const demand = (condition: boolean, fault: string) => condition || faults.push(fault);

  demand(manifest.name === `${SCOPE}${folder}`, `name must be ${SCOPE}${folder}, got ${manifest.name}`);
  demand(manifest.type === 'module', 'type must be "module"');
  demand(manifest.license === 'MIT', 'license must be "MIT"');
  demand((manifest.description ?? '').length > 10, 'description must say what the package is');
  demand((manifest.keywords ?? []).length > 0, 'keywords must not be empty');
  demand(manifest.sideEffects !== undefined, 'sideEffects must be false, or the list of the registering files');
  demand(Boolean(manifest.files?.includes('dist')), 'files must hold "dist"');
  demand(manifest.engines?.['node'] === '>=20.19', 'engines.node must be ">=20.19"');
  const directory = `packages/${folder}`;
  demand(manifest.repository?.directory === directory, `repository.directory must be ${directory}`);
  demand(Boolean(manifest.repository?.url), 'repository.url must be set');
  demand(manifest.publishConfig?.['access'] === 'public', 'publishConfig.access must be "public"');
  for (const script of SCRIPTS) demand(Boolean(manifest.scripts?.[script]), `scripts.${script} must be set`);
  for (const file of ['LICENSE', 'README.md']) demand(existsSync(path.join(dir, file)), `${file} must exist`);
  return [...faults, ...exportFaults(manifest, dir), ...dependencyFaults(manifest)];
}

function exportFaults(manifest: Manifest, dir: string): string[] {
  const { exports = {} } = manifest;
  const faults: string[] = [];
  if (exports['./package.json'] !== './package.json') faults.push('exports must hold "./package.json"');
  if (!('.' in exports)) faults.push('exports must hold "."');
  for (const entry of entryNames(manifest)) {
    const stem = distStem(manifest, entry);
    const wanted = stem && {
      import: { types: `${stem}.d.ts`, default: `${stem}.js` },
      require: { types: `${stem}.d.cts`, default: `${stem}.cjs` },
    };
    if (!wanted || !isDeepStrictEqual(exports[entry], wanted)) {
      faults.push(
        `exports["${entry}"] must be { import: { types, default }, require: { types, default } } over one dist/NAME`,
      );
      continue;
    }
    const files = Object.values(wanted).flatMap((branch) => Object.values(branch));
    for (const file of files)
      if (!existsSync(path.join(dir, file))) faults.push(`${file} must exist; build the package`);
    const conditions = [wanted.import, wanted.require].map((branch) => Object.keys(branch)[0]);
    const written = Object.values(exports[entry] as Record<string, object>).map((branch) => Object.keys(branch)[0]);
    if (!isDeepStrictEqual(written, conditions)) faults.push(`exports["${entry}"] must name types first`);
  }
  return faults;
}

function dependencyFaults(manifest: Manifest): string[] {
  const { dependencies = {}, peerDependencies = {}, devDependencies = {}, optionalDependencies = {} } = manifest;
  const faults: string[] = [];
  const peer = peerDependencies['@tensorflow/tfjs'];
  if (peer !== 'catalog:' && !/^\^4\.22(\.\d+)?$/.test(peer ?? '')) {
    faults.push(`peerDependencies must hold @tensorflow/tfjs ^4.22, got ${peer}`);
  }
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    if (TFJS.test(name)) faults.push(`dependencies must not hold ${name}, which is a peer`);
  }
  // A peer's range is a promise to users and may be written out; what we install has one version in the tree.
  for (const [name, version] of Object.entries({ ...devDependencies, ...optionalDependencies, ...dependencies })) {
    if (!/^(catalog|workspace):/.test(version))
      faults.push(`${name} must be "catalog:" or "workspace:", got ${version}`);
    if (name.startsWith(SCOPE) && !version.startsWith('workspace:'))
      faults.push(`${name} must be "workspace:", got ${version}`);
  }
  return faults;
}

/** `./dist/node` of an entry whose ESM file is ./dist/node.js. */
function distStem(manifest: Manifest, entry: string): string | undefined {
  return /^(\.\/dist\/.+)\.js$/.exec(entryFile(manifest, entry) ?? '')?.[1];
}

/** The ESM file of an entry, `./dist/index.js`. */
export function entryFile(manifest: Manifest, entry: string): string | undefined {
  const branches = manifest.exports?.[entry] as { import?: { default?: unknown } } | undefined;
  const file = branches?.import?.default;
  return typeof file === 'string' ? file : undefined;
}
