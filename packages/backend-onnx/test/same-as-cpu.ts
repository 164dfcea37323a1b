import { expectParity, type Computation } from './parity';

/** `expectParity` as a whole test. */
export async function sameAsCpu(compute: Computation, tolerance = 0): Promise<void> {
  await expectParity(compute, tolerance);
}
