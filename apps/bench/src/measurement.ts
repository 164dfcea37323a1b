import type { Program, SideName } from './programs';
import type { Ready } from './protocol';
import { Side } from './side';
import { median } from './statistics';

/** A side, as its program names it. */
interface Named {
  side: SideName;
  label: string;
  threads: number;
}

/** A side as it was measured. */
export interface Measured extends Named, Ready {
  /** Milliseconds of the first two steps together, in which a compiler is at work. */
  firstStepsMs: number;
  /** Milliseconds of each step, by round. */
  rounds: number[][];
  medianMs: number;
}

/** A side that could not be measured. */
export interface Failed extends Named {
  failure: string;
}

export type SideResult = Measured | Failed;

/** Options of `measure`. */
export interface MeasurementOptions {
  rounds: number;
  /** Most steps of a side in a round; a slow side takes fewer, see `stepsPerRound`. */
  steps: number;
  signal: AbortSignal;
  onProgress?: (doing: string) => void;
}

/** What the steps of a side in a round may take. */
const ROUND_LIMIT_MS = 3_000;

/**
 * Times the sides in turn, all of them alive, round by round: on a machine whose speed drifts their ratios hold where
 * times of separate runs would not. In its turn a side takes several steps, as the first finds the caches cold.
 *
 * @returns the sides in the order of the programs; one that fails leaves the others be
 */
export async function measure(programs: readonly Program[], options: MeasurementOptions): Promise<SideResult[]> {
  const { rounds, steps, signal, onProgress = () => undefined } = options;
  const contestants: Contestant[] = [];
  try {
    for (const program of programs) {
      onProgress(`${program.label} warms up`);
      contestants.push(await enter(program, signal));
    }
    for (let round = 1; round <= rounds; round++) {
      for (const contestant of contestants) {
        if (contestant.failure !== undefined) continue;
        onProgress(`round ${round} of ${rounds}, ${contestant.program.label}`);
        await takeTurn(contestant, steps, signal);
      }
    }
  } finally {
    await Promise.all(contestants.flatMap(({ running }) => running?.end() ?? []));
  }
  return contestants.map(resultOf);
}

interface Contestant {
  program: Program;
  running?: Side;
  rounds: number[][];
  failure?: string;
}

async function enter(program: Program, signal: AbortSignal): Promise<Contestant> {
  try {
    return { program, running: await Side.start(program, { signal }), rounds: [] };
  } catch (error) {
    signal.throwIfAborted();
    return { program, rounds: [], failure: (error as Error).message };
  }
}

async function takeTurn(contestant: Contestant, steps: number, signal: AbortSignal): Promise<void> {
  const running = contestant.running!;
  try {
    contestant.rounds.push(await running.run(stepsPerRound(running.ready.warmUpMs.at(-1)!, steps)));
  } catch (error) {
    signal.throwIfAborted();
    contestant.failure = (error as Error).message;
  }
}

/** As many steps as take a few seconds, at least one and at most `steps`. */
export function stepsPerRound(stepMs: number, steps: number): number {
  return Math.max(1, Math.min(steps, Math.floor(ROUND_LIMIT_MS / stepMs)));
}

function resultOf({ program: { side, label, threads }, running, rounds, failure }: Contestant): SideResult {
  const named = { side, label, threads };
  if (failure !== undefined || running === undefined) return { ...named, failure: failure ?? 'it did not start' };
  const { ready } = running;
  const firstStepsMs = ready.warmUpMs[0]! + ready.warmUpMs[1]!;
  return { ...named, ...ready, firstStepsMs, rounds, medianMs: median(rounds.flat()) };
}
