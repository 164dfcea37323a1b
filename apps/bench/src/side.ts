import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Program } from './programs';
import { readyFrom, timesFrom, type Ready } from './protocol';

/** How long a side may take for an answer. */
const ANSWER_LIMIT_MS = 600_000;
/** How long a side may take to end once it is told to. */
const END_LIMIT_MS = 2_000;
/** Characters of its error output that are kept for a message. */
const KEPT_COMPLAINTS = 4_000;

/** Options of `Side.start`. */
export interface SideOptions {
  /** Ends the side. */
  signal: AbortSignal;
  /** Milliseconds for an answer, default ten minutes. */
  answerLimitMs?: number;
}

/** A side of a comparison: a process that has warmed up and computes when it is told to. */
export class Side {
  ready!: Ready;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly closed: Promise<void>;
  private complaints = '';

  /**
   * Starts the program and waits until it has warmed up.
   * @throws Error with the side's reason when it ends, says an error or takes too long; the signal's reason
   */
  static async start(program: Program, options: SideOptions): Promise<Side> {
    options.signal.throwIfAborted();
    const side = new Side(program, options);
    try {
      side.ready = readyFrom(program.label, await side.answer());
      return side;
    } catch (error) {
      await side.end();
      throw error;
    }
  }

  private constructor(
    private readonly program: Program,
    private readonly options: SideOptions,
  ) {
    const { command, args, env } = program;
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    const complain = (text: string): void => {
      this.complaints = (this.complaints + text).slice(-KEPT_COMPLAINTS);
    };
    this.child.on('error', ({ message }) => complain(`${message}\n`));
    this.child.stderr.on('data', (chunk) => complain(String(chunk)));
    // The next answer, or its absence, tells of a side that is gone.
    this.child.stdin.on('error', () => undefined);
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.closed = new Promise((resolve) => this.child.on('close', () => resolve()));
    const kill = (): void => void this.child.kill('SIGKILL');
    options.signal.addEventListener('abort', kill);
    void this.closed.then(() => options.signal.removeEventListener('abort', kill));
  }

  /** Computes so many times. @returns milliseconds of each @throws Error as `start` */
  async run(steps: number): Promise<number[]> {
    this.child.stdin.write(`run ${steps}\n`);
    return timesFrom(this.program.label, await this.answer(), steps);
  }

  /** Ends the process, by force if need be. */
  async end(): Promise<void> {
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_LIMIT_MS);
    await this.closed;
    clearTimeout(timer);
  }

  /** The next line of JSON; what else a library prints is passed over. */
  private async answer(): Promise<Record<string, unknown>> {
    const { signal, answerLimitMs = ANSWER_LIMIT_MS } = this.options;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.child.kill('SIGKILL');
    }, answerLimitMs);
    try {
      for (;;) {
        const next = await this.lines.next();
        if (next.done) await this.closed;
        signal.throwIfAborted();
        if (late) throw new Error(`${this.program.label}: no answer within ${answerLimitMs / 1000} s`);
        if (next.done) throw new Error(`${this.program.label}: ${this.lastComplaint()}`);
        const answer = jsonObject(next.value);
        if (answer === undefined) continue;
        if (typeof answer['error'] === 'string') throw new Error(`${this.program.label}: ${answer['error']}`);
        return answer;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private lastComplaint(): string {
    return this.complaints.trim().split('\n').at(-1)!.trim() || 'the process ended without a word';
  }
}

function jsonObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
