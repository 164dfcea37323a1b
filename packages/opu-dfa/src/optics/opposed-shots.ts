import { check, random } from '@tfsci/tensor-core';
import type { OpticalProcessor } from './optical-processor';

const { argumentMessage, ShapeError } = check;

/** c_0 - c_2 of frames, [count, pixels]. */
export async function opposedShots(
  where: string,
  processor: OpticalProcessor,
  frames: Uint8Array,
  count: number,
  key: random.Key,
  signal: AbortSignal | undefined,
): Promise<{ difference: Float32Array; saturated: number | null }> {
  const size = count * processor.outputs;
  const [forFirst, forSecond] = random.split(key) as [random.Key, random.Key];
  const ending = signal === undefined ? {} : { signal };
  const difference = new Float32Array(size);
  let full = 0;
  for (const [phase, shotKey, sign] of [
    [0, forFirst, 1],
    [2, forSecond, -1],
  ] as const) {
    // prettier-ignore
    signal?.throwIfAborted();
    const counts = await processor.measure(frames, count, { phase, key: shotKey, ...ending });
    if (counts.length !== size) {
      const wanted = `give ${count} x ${processor.outputs} counts`;
      throw new ShapeError(argumentMessage(where, 'processor.measure', wanted, counts));
    }
    const { saturation } = processor;
    for (let i = 0; i < size; i++) {
      difference[i]! += sign * counts[i]!;
      if (saturation !== null && counts[i]! >= saturation) full++;
    }
  }
  return { difference, saturated: processor.saturation === null ? null : full / (2 * size) };
}
