import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../src/workspace';
import { fixturePackage } from './fixture';

const ROOT_CONFIGS = ['tsup.config.base.ts', 'tsconfig.base.json'].map((name) => path.join(repositoryRoot, name));

/** Builds the fixture packages with the build that every package has, where they are not built since their last change. */
export default async function setup(): Promise<void> {
  const tsup = path.join(repositoryRoot, 'node_modules', 'tsup', 'dist', 'cli-default.js');
  const stale = ['good-paper', 'bad-paper'].map(fixturePackage).filter((dir) => !isBuilt(dir));
  await Promise.all(stale.map((cwd) => promisify(execFile)(process.execPath, [tsup], { cwd })));
}

function isBuilt(dir: string): boolean {
  // Declarations are written last.
  const built = path.join(dir, 'dist', 'index.d.cts');
  if (!existsSync(built)) return false;
  const sources = readdirSync(path.join(dir, 'src')).map((name) => path.join(dir, 'src', name));
  const inputs = [...sources, path.join(dir, 'tsup.config.ts'), path.join(dir, 'tsconfig.json'), ...ROOT_CONFIGS];
  return inputs.every((file) => statSync(file).mtimeMs < statSync(built).mtimeMs);
}
