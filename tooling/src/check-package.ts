import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { execute, findPnpm } from './pnpm';
import { repositoryRoot } from './workspace';

/**
 * Packs a package as it would be published and gives the tarball to publint, strictly, and to
 * "Are the types wrong?" for the resolutions of Node 16 and later and of bundlers.
 *
 * @returns what they found, empty for a sound package
 * @throws Error when the package cannot be packed
 */
export async function checkPackage(dir: string): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tfsci-pack-'));
  try {
    const tarball = await pack(dir, folder);
    return [...(await publishingFaults(tarball)), ...(await typeFaults(tarball))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The turbo task `check`: the package is the current folder. */
export async function main(): Promise<number> {
  const faults = await checkPackage(process.cwd());
  console.log(faults.length === 0 ? 'publint and attw find nothing' : faults.join('\n\n'));
  return faults.length === 0 ? 0 : 1;
}

async function pack(dir: string, folder: string): Promise<string> {
  const { exitCode, output } = await execute(findPnpm(repositoryRoot), ['pack', '--pack-destination', folder], {
    cwd: dir,
    stdio: 'pipe',
  });
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  if (exitCode !== 0 || files.length !== 1) {
    throw new Error(`tooling.checkPackage: pnpm must pack ${dir}, got exit ${exitCode}:\n${output}`);
  }
  return path.join(folder, files[0]!);
}

async function publishingFaults(tarball: string): Promise<string[]> {
  const bytes = await readFile(tarball);
  const buffer = new Uint8Array(bytes).buffer;
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  return messages.map((message) => `publint ${message.type}: ${formatMessage(message, pkg, { color: false })}`);
}

async function typeFaults(tarball: string): Promise<string[]> {
  const manifest = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
  const attw = path.join(path.dirname(manifest), 'dist', 'index.js');
  const { exitCode, output } = await execute(
    { file: process.execPath, args: [attw] },
    [tarball, '--profile', 'node16', '--no-color', '--no-emoji'],
    { cwd: path.dirname(tarball), stdio: 'pipe' },
  );
  return exitCode === 0 ? [] : [`attw:\n${output.trim()}`];
}
