import { buildCountingCircuit, evaluateCounting, type BiasToken, type TaskConfig } from '@tfsci/counting-transformer';

/** How a circuit of weights written by hand counts. */
export interface CircuitResult {
  bias: BiasToken;
  /** Regions that it has counted on sequences like those that it is made for, and how many rightly. */
  counted: number;
  right: number;
  /** Slopes of its counts on shorter sequences, and where a region is missing. */
  shorter: number;
  fewer: number;
}

const TASK = { length: 64, regions: 4 } as const;
/** Sequences for each circuit. */
const SEQUENCES = 10_000;

/** Tries the circuit of a bias token. */
export async function circuitOf(bias: BiasToken, signal: AbortSignal): Promise<CircuitResult> {
  const zeros = (TASK.length - 2 * TASK.regions) / 2;
  const model = buildCountingCircuit(bias, {
    regions: TASK.regions,
    maxCount: 96,
    ...(bias === 'zero' && { trainedBias: zeros }),
  });
  try {
    const start = bias === 'start';
    const law: TaskConfig = { ...TASK, start };
    const { truth, prediction } = await evaluateCounting(model, law, {
      sequences: SEQUENCES,
      batchSize: 500,
      key: 4,
      signal,
    });
    const slopeOf = async (task: TaskConfig): Promise<number> =>
      (await evaluateCounting(model, task, { sequences: 500, signal })).all.slope;
    return {
      bias,
      counted: truth.length,
      right: truth.filter((count, i) => prediction[i] === count).length,
      shorter: await slopeOf({ ...law, length: 40 }),
      fewer: await slopeOf({ ...law, regions: 3 }),
    };
  } finally {
    model.dispose();
  }
}
