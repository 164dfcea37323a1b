import { random, useBackend } from '@tfsci/tensor-core';
import { describeCertificate, fitAdaptiveSlices, slicedWasserstein } from '@tfsci/sliced-wasserstein';

// What do learned slices prove about the laws? Two uniform laws on squares of side 1/2, side by side. Run: pnpm examples

await useBackend('auto');
const square = (seed: number, left: number, n: number): Float32Array[] => {
  const values = random.fillUniform(random.key(seed), new Float32Array(2 * n));
  return Array.from({ length: n }, (_, i) => Float32Array.of(left + values[2 * i]! / 2, values[2 * i + 1]! / 2));
};

// All points lie in a box of 1 by 1/2: that is known before any point is seen.
const bound = { kind: 'bounded', diameter: Math.hypot(1, 0.5) } as const;
for (const n of [500, 5000, 50_000]) {
  const fit = await fitAdaptiveSlices(square(1, 0, n), square(2, 0.5, n), {
    p: 1,
    lambda: 'grid',
    bound,
    iterations: 100,
    key: 0,
  });
  console.log(`n = ${n}: ${describeCertificate(fit.certificate!)}`);
  const fresh = slicedWasserstein(square(3, 0, 5000), square(4, 0.5, 5000), {
    p: 1,
    sampler: fit.distribution,
    key: 1,
  });
  console.log(`  fresh points: ${(await fresh.data())[0]!.toFixed(4)}`);
  fresh.dispose();
}
