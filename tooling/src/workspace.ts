import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the checks read of a package.json. */
export interface Manifest {
  name: string;
  version?: string;
  private?: boolean;
  description?: string;
  license?: string;
  type?: string;
  packageManager?: string;
  sideEffects?: boolean | string[];
  files?: string[];
  keywords?: string[];
  engines?: Record<string, string>;
  repository?: { type?: string; url?: string; directory?: string };
  exports?: Record<string, unknown>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  publishConfig?: Record<string, unknown>;
}

/** A package of the tree. */
export interface WorkspacePackage {
  /** Its npm name, `@tfsci/momo`. */
  name: string;
  /** Its folder under packages/ or apps/, `momo`. */
  folder: string;
  room: 'packages' | 'apps' | 'tooling';
  /** Its path from the root, with forward slashes, `packages/momo`. */
  path: string;
  manifest: Manifest;
}

/** The npm scope of the tree. */
export const SCOPE = '@tfsci/';

/** The root of the repository that this file belongs to. */
export const repositoryRoot = rootAbove(fileURLToPath(import.meta.url));

/** The packages below a root, read from the folders, sorted by path; a folder without a package.json is none. */
export function workspacePackages(root: string): WorkspacePackage[] {
  const rooms = ['apps', 'packages'] as const;
  const found = rooms.flatMap((room) =>
    foldersIn(path.join(root, room)).map((folder) => ({ room, folder, path: `${room}/${folder}` })),
  );
  return [...found, { room: 'tooling' as const, folder: 'tooling', path: 'tooling' }]
    .filter((place) => existsSync(path.join(root, place.path, 'package.json')))
    .map((place) => {
      const manifest = readManifest(path.join(root, place.path));
      return { ...place, name: manifest.name, manifest };
    });
}

/** Reads the package.json of a folder. */
export function readManifest(dir: string): Manifest {
  return JSON.parse(readFileSync(path.join(dir, 'package.json'), 'utf8')) as Manifest;
}

/** The export names of a package but ./package.json: `.`, `./node`, ... */
export function entryNames(manifest: Manifest): string[] {
  return Object.keys(manifest.exports ?? {}).filter((entry) => entry !== './package.json');
}

/** Every name that a package may import when it is installed: dependencies, peers and optional ones. */
export function runtimeDependencies(manifest: Manifest): Record<string, string> {
  return { ...manifest.optionalDependencies, ...manifest.dependencies, ...manifest.peerDependencies };
}

/**
 * Whether a package's main entry needs Node: the engine is a native module, and shards are mapped by
 * worker threads and Redis. Every other main entry runs in a browser.
 */
export function isNodePackage(folder: string): boolean {
  return folder === 'backend-onnx' || folder === 'scale';
}

function foldersIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

function rootAbove(file: string): string {
  let dir = path.dirname(file);
  while (!existsSync(path.join(dir, 'pnpm-workspace.yaml'))) {
    const parent = path.dirname(dir);
    if (parent === dir) throw new Error(`tooling.repositoryRoot: no pnpm-workspace.yaml above ${file}`);
    dir = parent;
  }
  return dir;
}
