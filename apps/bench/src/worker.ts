import { createInterface } from 'node:readline';
import type * as tf from '@tensorflow/tfjs';
import { digest } from './agreement';
import { startEngine } from './engine';
import type { EngineTask } from './programs';
import { CHECKED_STEPS, WARM_UP, type Ready } from './protocol';
import { chooseWorkloads } from './registry';

// One TensorFlow.js side of a comparison, a process of its own: node worker.js '<EngineTask>'. See protocol.ts.

function answer(fields: Ready | { times: number[] } | { error: string }): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

/** The milliseconds of a step and its result. Of a loss the value is read, as training does. */
function timed(step: () => tf.Tensor): { milliseconds: number; result: tf.Tensor } {
  const start = performance.now();
  const result = step();
  if (result.size === 1) result.dataSync();
  return { milliseconds: performance.now() - start, result };
}

async function serve({ engine, threads, workload: name, size }: EngineTask): Promise<void> {
  const description = await startEngine(engine, threads);
  const workload = chooseWorkloads([name])[0]!;
  const { step } = workload.make(size);
  const warmUpMs: number[] = [];
  let checks: number[] = [];
  for (let i = 0; i < WARM_UP; i++) {
    const { milliseconds, result } = timed(step);
    warmUpMs.push(milliseconds);
    if (workload.gives === 'output' && i === 0) checks = digest(result.dataSync());
    else if (workload.gives === 'loss' && i < CHECKED_STEPS) checks.push(result.dataSync()[0]!);
    result.dispose();
  }
  answer({ engine: description, checks, warmUpMs });
  for await (const line of createInterface({ input: process.stdin })) {
    const times = Array.from({ length: Number(line.split(' ')[1]) }, () => {
      const { milliseconds, result } = timed(step);
      result.dispose();
      return milliseconds;
    });
    answer({ times });
  }
}

try {
  await serve(JSON.parse(process.argv[2]!) as EngineTask);
} catch (error) {
  answer({ error: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
