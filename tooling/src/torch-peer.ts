import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { requireTool } from './tools';

const BEFORE = 'import sys, torch\ntorch.set_num_threads(int(sys.argv[1]))\nargs = sys.argv[2:]\n';
const AFTER =
  "\nprint('ready', flush=True)\nfor line in sys.stdin:\n    run(line.strip())\n    print('done', flush=True)\n";

/** PyTorch beside a benchmark, with one thread and with all: what suits it best depends on the work. */
export interface TorchPeer {
  /** What to time, for `interleaved`; `line` is what `run` gets. */
  candidates(line?: string): Record<'torchOne' | 'torchAll', () => Promise<void>>;
  end(): void;
}

/**
 * Starts PyTorch in processes of its own.
 *
 * @param program  Python that defines `run(line)`, which computes once; it has `torch`, `sys` and the strings `args`
 * @param args     for the program
 * @returns null where there is no python3 with torch
 * @throws Error when the program ends before it is ready
 */
export async function torchPeer(program: string, args: readonly (string | number)[] = []): Promise<TorchPeer | null> {
  const python = requireTool('python-torch');
  if (python === undefined) return null;
  const start = async (threads: number): Promise<TorchProcess> => {
    const command = ['-c', BEFORE + program + AFTER, String(threads), ...args.map(String)];
    const peer = new TorchProcess(spawn(python, command, { stdio: ['pipe', 'pipe', 'pipe'] }));
    await peer.answer();
    return peer;
  };
  const [one, all] = [await start(1), await start(availableParallelism())];
  return {
    candidates: (line = '') => ({ torchOne: () => one.run(line), torchAll: () => all.run(line) }),
    end: () => [one, all].forEach((peer) => peer.end()),
  };
}

/** The time of PyTorch at its better setting, NaN where it was not timed. */
export function torchTime(times: Partial<Record<string, number>>): number {
  return Math.min(times['torchOne'] ?? NaN, times['torchAll'] ?? NaN);
}

class TorchProcess {
  private readonly lines: AsyncIterator<string>;
  private complaints = '';

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stderr.on('data', (chunk) => (this.complaints += String(chunk)));
    // The next answer, or its absence, tells of a process that is gone.
    child.stdin.on('error', () => undefined);
  }

  async run(line: string): Promise<void> {
    this.child.stdin.write(`${line}\n`);
    await this.answer();
  }

  async answer(): Promise<void> {
    if (!(await this.lines.next()).done) return;
    throw new Error(`tooling.torchPeer: the program ended: ${this.complaints.trim().split('\n').at(-1) ?? ''}`);
  }

  end(): void {
    this.child.stdin.end();
  }
}
