import { execFileSync } from 'node:child_process';
import os from 'node:os';

/** Where and with what was measured. */
export interface Machine {
  processor: string;
  cores: number;
  node: string;
  platform: string;
  /** PyTorch and its BLAS; null without it. */
  torch: string | null;
  /** The tree's commit, `abc1234`, with `+` when files differ from it; 'unknown' outside a repository. */
  commit: string;
}

export function machine(torch: string | null): Machine {
  const cpus = os.cpus();
  return {
    processor: cpus[0]?.model.trim() ?? 'unknown processor',
    cores: os.availableParallelism(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    torch,
    commit: commit(),
  };
}

/** The machine as a line. */
export function machineLine({ processor, cores, node, platform, torch, commit }: Machine): string {
  return `${processor}, ${cores} cores, ${platform}; Node ${node}; ${torch ?? 'no PyTorch'}; commit ${commit}`;
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed = git('status', '--porcelain').trim() !== '';
    return git('rev-parse', '--short', 'HEAD').trim() + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
}
