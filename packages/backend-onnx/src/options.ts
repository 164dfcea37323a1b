import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Options of the backend; see `configure`. */
export interface OnnxOptions {
  /** Threads that one operation may use, 1 .. 1024; default: the number of physical cores that the process may use. */
  threads?: number;
  /**
   * Whether threads wait actively for the next operation: 5 to 25 % faster where the cores are free, far slower
   * where other work wants them; default true.
   */
  spinning?: boolean;
  /**
   * Where ONNX Runtime computes: 'cpu' (default), 'webgpu' where there is a GPU, 'cuda' where ONNX Runtime's CUDA
   * libraries are installed.
   */
  executionProvider?: 'cpu' | 'webgpu' | 'cuda';
  /** How far ONNX Runtime rewrites a graph before it runs it; default 'all'. */
  graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Prefix of the files to which ONNX Runtime writes where time goes, one for each compiled graph; default: none. */
  profile?: string | undefined;
  /** Compiled graphs that are kept, the least recently used goes first; default 256. */
  maxCompiled?: number;
  /** Operations that may be recorded before they are run without a value being read; default 2000. */
  maxPendingNodes?: number;
  /** Bytes of disposed tensors that recorded operations may hold before they are run; default 512 MiB. */
  maxPendingBytes?: number;
  /** Bytes of memory that are kept for use again; default 1 GiB. */
  poolBytes?: number;
}

/** Options with their defaults. */
export type Settings = Required<Omit<OnnxOptions, 'profile'>> & { profile: string | undefined };

const LEAST = { threads: 1, maxCompiled: 1, maxPendingNodes: 1, maxPendingBytes: 0, poolBytes: 0 } as const;
const CHOICES = {
  executionProvider: ['cpu', 'webgpu', 'cuda'],
  graphOptimization: ['disabled', 'basic', 'extended', 'all'],
} as const;

/** The defaults. */
export function defaultSettings(): Settings {
  return {
    threads: physicalCores(),
    spinning: true,
    executionProvider: 'cpu',
    graphOptimization: 'all',
    profile: undefined,
    maxCompiled: 256,
    maxPendingNodes: 2000,
    maxPendingBytes: 2 ** 29,
    poolBytes: 2 ** 30,
  };
}

/**
 * Checks options.
 * @throws RangeError when one is not of the values that it may have, TypeError when there is no such option
 */
export function checkOptions(options: OnnxOptions): void {
  const refuse = (name: string, wanted: string): string =>
    `backend-onnx.configure: ${name} must ${wanted}, got ${String(options[name as keyof OnnxOptions])}.`;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name in LEAST) {
      const least = LEAST[name as keyof typeof LEAST];
      const most = name === 'threads' ? 1024 : Number.MAX_SAFE_INTEGER;
      if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
        throw new RangeError(refuse(name, `be an integer, ${least} .. ${most}`));
      }
    } else if (name in CHOICES) {
      const choices: readonly string[] = CHOICES[name as keyof typeof CHOICES];
      if (!choices.includes(value as string)) throw new RangeError(refuse(name, `be one of ${choices.join(', ')}`));
    } else if (name === 'spinning') {
      if (typeof value !== 'boolean') throw new RangeError(refuse(name, 'be true or false'));
    } else if (name !== 'profile') {
      const known = [...Object.keys(LEAST), ...Object.keys(CHOICES), 'spinning', 'profile'].join(', ');
      throw new TypeError(`backend-onnx.configure: an option must be one of ${known}, got ${name}.`);
    } else if (typeof value !== 'string' || value === '') {
      throw new RangeError(refuse(name, 'be the beginning of a path'));
    }
  }
}

/** Two threads of one core share its arithmetic units, so the second gains nothing for matrix products. */
function physicalCores(): number {
  const available = availableParallelism();
  try {
    const root = '/sys/devices/system/cpu';
    const folders = readdirSync(root).filter((name) => /^cpu\d+$/.test(name));
    const siblings = folders.map((name) => readFileSync(`${root}/${name}/topology/thread_siblings_list`, 'utf8'));
    return Math.max(1, Math.min(available, new Set(siblings).size));
  } catch {
    // Not Linux, or not told.
    return available;
  }
}
