import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { cruise, type ICruiseResult, type IDependency } from 'dependency-cruiser';
import {
  entryNames,
  isNodePackage,
  runtimeDependencies,
  SCOPE,
  workspacePackages,
  type WorkspacePackage,
} from './workspace';

/** One place where the tree breaks a rule of its architecture. */
export interface Breach {
  rule: Rule;
  message: string;
}

/** The rules: the directions of imports, and what a main entry may reach. */
export const rules = {
  'imports-run-one-way': 'apps -> papers -> tensor-core -> tfjs; apps and tooling are imported by nothing',
  'no-paper-imports-a-paper': 'what two papers need moves down into tensor-core',
  'tensor-core-imports-none-of-ours': 'everything stands on tensor-core',
  'backend-onnx-stands-apart': 'it imports none of ours, and only apps and users import it',
  'no-cycles': 'files import one another in one direction',
  'only-export-names': "another package is reached by its name and the names in its package.json's exports",
  'declared-imports': 'what the source imports is a dependency or a peer of the package',
  'main-entries-run-in-a-browser': 'only what src/node.ts and src/testing alone reach may know Node',
} as const;

export type Rule = keyof typeof rules;

/** A paper that stands on another one, because the published methods do. */
const paperOnPaper: Record<string, string> = { 'dust-separation': 'gdiff' };

/** An import as written in a source file. */
interface Edge {
  from: string;
  owner: WorkspacePackage;
  /** As in the source: `./x`, `node:fs`, `@tfsci/gdiff/node`. */
  specifier: string;
  /** The file, from the root, where it is one of the tree. */
  to: string;
}

/**
 * Where the sources and manifests below a root break the rules; empty for a sound tree.
 * Packages are known by their names, so it does not matter whether they are built.
 */
export async function architectureBreaches(root: string): Promise<Breach[]> {
  const packages = workspacePackages(root);
  const { edges, cycles } = await importsOf(root, packages);
  return [
    ...packages.flatMap((owner) => manifestBreaches(owner, packages)),
    ...edges.flatMap((edge) => edgeBreaches(edge, packages)),
    ...cycles.map((cycle) => breach('no-cycles', cycle)),
    ...packages.flatMap((owner) => browserBreaches(root, owner, edges)),
  ];
}

/** The breaches as lines, one rule a line, for a test's failure message. */
export function describeBreaches(breaches: Breach[]): string {
  return breaches.map(({ rule, message }) => `${rule}: ${message} (${rules[rule]})`).join('\n');
}

async function importsOf(root: string, packages: WorkspacePackage[]) {
  const sources = packages
    .filter(({ room, path: place }) => room !== 'tooling' && existsSync(path.join(root, place, 'src')))
    .map((owner) => `${owner.path}/src`);
  if (sources.length === 0) throw new Error(`tooling.architectureBreaches: no sources below ${root}`);
  const { output } = await cruise(
    sources,
    {
      baseDir: root,
      tsPreCompilationDeps: true,
      validate: true,
      doNotFollow: { path: ['node_modules', '/dist/'] },
      ruleSet: { forbidden: [{ name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } }] },
    },
    { extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'] },
  );
  const { modules, summary } = output as ICruiseResult;
  const edges = modules.flatMap(({ source, dependencies }) => {
    const owner = packages.find(({ path: place }) => source.startsWith(`${place}/src/`));
    return owner ? dependencies.map((dependency) => edgeOf(source, owner, dependency)) : [];
  });
  const cycles = summary.violations.map(({ from, cycle }) => {
    const others = (cycle ?? []).map(({ name }) => name).filter((name) => name !== from);
    return [from, ...others, from].join(' -> ');
  });
  return { edges, cycles };
}

function edgeOf(from: string, owner: WorkspacePackage, { module, protocol, resolved }: IDependency): Edge {
  return { from, owner, specifier: `${protocol ?? ''}${module}`, to: resolved };
}

function edgeBreaches({ from, owner, specifier }: Edge, packages: WorkspacePackage[]): Breach[] {
  const said = `${from} imports ${specifier}`;
  if (/^[./]/.test(specifier)) {
    const target = path.posix.join(path.posix.dirname(from), specifier);
    return target.startsWith(`${owner.path}/`) ? [] : [breach('only-export-names', `${said}, outside ${owner.path}`)];
  }
  if (isBuiltin(specifier)) return [];
  const name = packageNameOf(specifier);
  const declared = {
    ...runtimeDependencies(owner.manifest),
    ...(owner.room === 'apps' && owner.manifest.devDependencies),
  };
  const breaches =
    name in declared ? [] : [breach('declared-imports', `${said}, which ${owner.path} does not declare`)];
  if (!name.startsWith(SCOPE)) return breaches;
  if (name === owner.name) return [breach('no-cycles', `${said}, the package that it is part of`)];
  const target = packages.find((candidate) => candidate.name === name);
  const forbidden = directionBroken(owner, name, target);
  if (forbidden) breaches.push(breach(forbidden, said));
  const entry = `.${specifier.slice(name.length)}`;
  if (target && target.room === 'packages' && !(entry in (target.manifest.exports ?? {}))) {
    breaches.push(breach('only-export-names', `${said}, which ${target.path}/package.json does not export`));
  }
  return breaches;
}

function manifestBreaches(owner: WorkspacePackage, packages: WorkspacePackage[]): Breach[] {
  const { manifest, path: place } = owner;
  if (owner.room === 'tooling') return [];
  const shipped = Object.keys(runtimeDependencies(manifest));
  // Tests may use the tooling and run on the engine; the engine's own tests do without ours.
  const forTests = [`${SCOPE}tooling`, ...(owner.folder === 'backend-onnx' ? [] : [`${SCOPE}backend-onnx`])];
  const development = Object.keys(manifest.devDependencies ?? {}).filter((name) => !forTests.includes(name));
  return [...new Set([...shipped, ...development])]
    .filter((name) => name.startsWith(SCOPE))
    .flatMap((name) => {
      const target = packages.find((candidate) => candidate.name === name);
      const forbidden = directionBroken(owner, name, target);
      return forbidden ? [breach(forbidden, `${place}/package.json depends on ${name}`)] : [];
    });
}

/** The rule that forbids `from` to stand on the package named `name`, if one does. */
function directionBroken(from: WorkspacePackage, name: string, target: WorkspacePackage | undefined): Rule | undefined {
  if (target && target.room !== 'packages') return 'imports-run-one-way';
  if (from.room === 'apps') return undefined;
  const to = name.slice(SCOPE.length);
  if (from.folder === 'backend-onnx' || to === 'backend-onnx') return 'backend-onnx-stands-apart';
  if (from.folder === 'tensor-core') return 'tensor-core-imports-none-of-ours';
  if (to === 'tensor-core' || paperOnPaper[from.folder] === to) return undefined;
  return 'no-paper-imports-a-paper';
}

/** Follows each browser entry through its package's own files to Node's modules and other packages' Node rooms. */
function browserBreaches(root: string, owner: WorkspacePackage, edges: Edge[]): Breach[] {
  if (owner.room !== 'packages' || isNodePackage(owner.folder)) return [];
  const rule = 'main-entries-run-in-a-browser';
  return entryNames(owner.manifest)
    .filter((entry) => !isNodeRoom(entry))
    .flatMap((entry) => {
      const stem = `${owner.path}/src/${entry === '.' ? 'index' : entry.slice(2)}`;
      const source = [`${stem}.ts`, `${stem}/index.ts`].find((file) => existsSync(path.join(root, file)));
      if (!source)
        return [breach(rule, `export ${entry} of ${owner.path} has no source ${stem}.ts or ${stem}/index.ts`)];
      const reached = new Set([source]);
      for (const file of reached) {
        for (const edge of edges)
          if (edge.from === file && edge.to.startsWith(`${owner.path}/src/`)) reached.add(edge.to);
      }
      return edges
        .filter((edge) => reached.has(edge.from) && needsNode(edge.specifier))
        .map((edge) => breach(rule, `${edge.from} imports ${edge.specifier} and ${source} reaches it`));
    });
}

function needsNode(specifier: string): boolean {
  if (isBuiltin(specifier)) return true;
  return specifier.startsWith(SCOPE) && isNodeRoom(`.${specifier.slice(packageNameOf(specifier).length)}`);
}

function isNodeRoom(entry: string): boolean {
  return /^\.\/(node|testing)(\/|$)/.test(entry);
}

function packageNameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function breach(rule: Rule, message: string): Breach {
  return { rule, message };
}
