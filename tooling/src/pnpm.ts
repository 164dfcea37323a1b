import { spawn, type StdioOptions } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onPath } from './tools';
import { readManifest } from './workspace';

/** A program and the arguments that come before all others. */
export interface Command {
  file: string;
  args: string[];
}

/** What a finished command left. */
export interface Outcome {
  exitCode: number;
  /** Standard output and error together, empty when they were passed through. */
  output: string;
}

/**
 * How to call pnpm: as the script's own parent, else from the PATH, else through npx in the version that the
 * root's package.json names, as nothing but npm need be installed.
 */
export function findPnpm(root: string, env: NodeJS.ProcessEnv = process.env): Command {
  const parent = env['npm_execpath'];
  if (parent && /(^|[\\/])pnpm(\.[cm]?js|\.exe)?$/.test(parent) && existsSync(parent)) {
    return /js$/.test(parent) ? { file: process.execPath, args: [parent] } : { file: parent, args: [] };
  }
  const found = onPath('pnpm', env);
  if (found) return { file: found, args: [] };
  const npx = onPath('npx', env);
  const { packageManager = '' } = readManifest(root);
  if (!npx || !packageManager.startsWith('pnpm@')) {
    throw new Error('tooling.findPnpm: pnpm or npx must be on the PATH, got neither. Install Node.js with npm.');
  }
  return { file: npx, args: ['-y', packageManager.replace(/\+.*$/, '')] };
}

/**
 * An environment in which other programs, turbo among them, find `pnpm` on the PATH.
 *
 * @returns the environment, and a function that removes what it needed
 */
export function withPnpmOnPath(root: string, env: NodeJS.ProcessEnv = process.env) {
  if (onPath('pnpm', env)) return { env: { ...env }, remove: () => undefined };
  const { file, args } = findPnpm(root, env);
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-pnpm-'));
  const words = [file, ...args].map((word) => `"${word}"`).join(' ');
  const shim = path.join(folder, process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm');
  writeFileSync(shim, process.platform === 'win32' ? `@${words} %*\r\n` : `#!/bin/sh\nexec ${words} "$@"\n`);
  chmodSync(shim, 0o755);
  const name = 'Path' in env && !('PATH' in env) ? 'Path' : 'PATH';
  return {
    env: { ...env, [name]: `${folder}${path.delimiter}${env[name] ?? ''}` },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs a command to its end. Its output is passed through, or kept with `stdio: 'pipe'`. */
export function execute(
  { file, args }: Command,
  more: string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; stdio?: 'inherit' | 'pipe' },
): Promise<Outcome> {
  const { cwd, env = process.env, stdio = 'inherit' } = options;
  const channels: StdioOptions = stdio === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'];
  // Windows starts scripts through its shell only.
  const isScript = /\.(cmd|bat)$/i.test(file);
  const words = [...args, ...more].map((word) => (isScript ? `"${word}"` : word));
  return new Promise((resolve, reject) => {
    const child = spawn(isScript ? `"${file}"` : file, words, { cwd, env, stdio: channels, shell: isScript });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}
