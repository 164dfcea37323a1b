import { random } from '@tfsci/tensor-core';
import type { CompleteTask } from './task-config';

/** After so many placements without room for what is asked for there is none. */
const ATTEMPTS = 10_000;

/**
 * Where the regions of sequences lie.
 *
 * @returns gives the places of [ and ] of each region of sequence b, [2 R], ascending
 */
export function regionPlacer(
  where: string,
  key: random.Key,
  batch: number,
  task: CompleteTask,
): (b: number) => ArrayLike<number> {
  const { length, regions, placement, counts } = task;
  const size = 2 * regions;
  if (placement === 'uniform' && counts === undefined) {
    // The common case draws for all sequences at once.
    const draws = random.fillUniform(key, new Float64Array(batch * size));
    return (b) => distinct(draws.subarray(b * size, (b + 1) * size), length);
  }
  const attempt = (own: random.Key): ArrayLike<number> | null => {
    if (placement === 'uniform') return distinct(random.fillUniform(own, new Float64Array(size)), length);
    return blocks(own, task);
  };
  const fits = (ends: ArrayLike<number>): boolean =>
    (counts ?? []).every((count, k) => ends[2 * k + 1]! - ends[2 * k]! - 1 >= count);
  return (b) => {
    const own = random.foldIn(key, b);
    for (let i = 0; i < ATTEMPTS; i++) {
      const ends = attempt(random.foldIn(own, i));
      if (ends !== null && fits(ends)) return ends;
    }
    throw new RangeError(
      `${where}: regions and counts must fit into the length, and none of ${ATTEMPTS} placements did. Make it longer.`,
    );
  };
}

/**
 * Different places of `length`, as many as there are draws, all choices alike; ascending.
 *
 * @see Bentley & Floyd, 1987, "Programming pearls: a sample of brilliance"
 */
function distinct(draws: Float64Array, length: number): Int32Array {
  const chosen = new Int32Array(draws.length);
  for (let n = 0; n < draws.length; n++) {
    const last = length - draws.length + n;
    const place = Math.floor(draws[n]! * (last + 1));
    chosen[n] = chosen.subarray(0, n).includes(place) ? last : place;
  }
  return chosen.sort();
}

/** Regions of drawn lengths with drawn gaps between them; null where they do not fit. */
function blocks(key: random.Key, { length, regions, placement, regionLength }: CompleteTask): Int32Array | null {
  const [sizes, gaps] = random.split(key) as [random.Key, random.Key];
  const draws = random.fillUniform(sizes, new Float64Array(regions));
  // P(n bits) = p (1 - p)^n has the mean (1 - p) / p.
  const geometric = (u: number): number =>
    regionLength === 0 ? 0 : Math.floor(Math.log1p(-u) / Math.log(regionLength! / (1 + regionLength!)));
  const bits = Array.from(draws, (u) => (placement === 'fixed' ? regionLength! : geometric(u)));
  const free = length - bits.reduce((sum, own) => sum + own + 2, 0);
  if (free < 0) return null;
  // Regions and free places in a row, of which the regions are chosen.
  const slots = distinct(random.fillUniform(gaps, new Float64Array(regions)), free + regions);
  const ends = new Int32Array(2 * regions);
  let taken = 0;
  bits.forEach((own, k) => {
    ends[2 * k] = slots[k]! + taken;
    ends[2 * k + 1] = ends[2 * k]! + own + 1;
    taken += own + 1;
  });
  return ends;
}
