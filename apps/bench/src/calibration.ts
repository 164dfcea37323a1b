import type { Program } from './programs';
import { Side } from './side';

/** Steps that a setting is judged by, after its warm-up. */
const STEPS = 3;

/** A setting that was tried: its fastest step, or why there is none. */
export interface Trial {
  label: string;
  milliseconds?: number;
  failure?: string;
}

/** Options of `fastest`. */
export interface CalibrationOptions {
  signal: AbortSignal;
  /** Called before each trial. */
  onTrial?: (label: string, number: number) => void;
}

/**
 * The fastest of several settings of a peer, each tried in a process of its own.
 *
 * They are judged by their fastest steps: other work on the machine makes steps slower, never faster.
 *
 * @param programs  one or more; a single one is not tried
 * @returns the winner, the first where none could run, and what was seen
 */
export async function fastest(
  programs: readonly Program[],
  { signal, onTrial }: CalibrationOptions,
): Promise<{ program: Program; trials: Trial[] }> {
  const trials: Trial[] = [];
  if (programs.length === 1) return { program: programs[0]!, trials };
  let [best, bestMs] = [programs[0]!, Infinity];
  for (const [i, program] of programs.entries()) {
    const { label } = program;
    onTrial?.(label, i + 1);
    try {
      const milliseconds = Math.min(...(await stepsOf(program, signal)));
      trials.push({ label, milliseconds });
      if (milliseconds < bestMs) [best, bestMs] = [program, milliseconds];
    } catch (error) {
      signal.throwIfAborted();
      trials.push({ label, failure: (error as Error).message });
    }
  }
  return { program: best, trials };
}

async function stepsOf(program: Program, signal: AbortSignal): Promise<number[]> {
  const side = await Side.start(program, { signal });
  try {
    return await side.run(STEPS);
  } finally {
    await side.end();
  }
}
