import { useBackend } from '@tfsci/tensor-core';
import { requireTool } from '@tfsci/tooling';
import { beforeAll, describe, expect, it } from 'vitest';
import { digest, relativeDifference } from '../src/agreement';
import { torchPrograms } from '../src/programs';
import { CHECKED_STEPS } from '../src/protocol';
import { WORKLOADS } from '../src/registry';
import { Side } from '../src/side';
import type { Workload } from '../src/workload';
import { noSignal } from './fakes';

const python = requireTool('python-torch');

/** Rounding of float32 in sums of up to a thousand terms, in another order. */
const ROUNDING = 2e-5;
/** By how much a loss must move in the steps that are compared, lest an update that is left out go unnoticed. */
const MOVES = 2e-3;

function checksHere({ make, gives }: Workload): number[] {
  const { step } = make('tiny');
  const read = (): Float32Array => step().dataSync<'float32'>();
  return gives === 'loss' ? Array.from({ length: CHECKED_STEPS }, () => read()[0]!) : digest(read());
}

describe.skipIf(python === undefined)('PyTorch (python-torch)', () => {
  beforeAll(async () => void (await useBackend('cpu')));

  it.each(WORKLOADS.map((workload) => [workload.name, workload] as const))('computes the same %s', async (_, one) => {
    const expected = checksHere(one);
    if (one.gives === 'loss') expect(Math.abs(expected.at(-1)! / expected[0]! - 1)).toBeGreaterThan(MOVES);
    for (const program of torchPrograms(python!, 1, one, 'tiny')) {
      const side = await Side.start(program, { signal: noSignal });
      expect(relativeDifference(side.ready.checks, expected), program.label).toBeLessThan(ROUNDING);
      expect(await side.run(2)).toHaveLength(2);
      await side.end();
    }
  });
});
