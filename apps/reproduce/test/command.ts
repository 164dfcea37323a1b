import { spawn, type ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const BIN = fileURLToPath(new URL('../bin/reproduce.js', import.meta.url));

/** How a command ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Without colours. */
  stdout: string;
  stderr: string;
  /** Standard output as it came. */
  raw: string;
}

/** Starts the built command in a child process. */
export function start(args: string[], cwd?: string): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd && { cwd }) });
  const ended = new Promise<Ended>((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const [plain, plainErrors] = [stdout, stderr].map(stripVTControlCharacters) as [string, string];
      resolve({ code, signal, stdout: plain, stderr: plainErrors, raw: stdout });
    });
  });
  return { child, ended };
}

/** Runs the built command to its end. */
export function reproduce(args: string[], cwd?: string): Promise<Ended> {
  return start(args, cwd).ended;
}

/** Sends the signal as soon as the run keeps so many parts, and waits for the end. */
export async function interrupt(
  args: string[],
  partsFolder: string,
  parts: number,
  signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL',
) {
  const { child, ended } = start(args);
  let running = true;
  void ended.finally(() => (running = false));
  while (running && (await partNames(partsFolder)).length < parts) await pause(5);
  child.kill(signal);
  return ended;
}

/** Parts that a run keeps so far; temporary files of a write under way are not counted. */
export async function partNames(partsFolder: string): Promise<string[]> {
  const names = await readdir(partsFolder).catch(() => []);
  return names.filter((name) => path.extname(name) === '.json');
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
