/** What warm-up iteration i does besides learning the step size. */
export interface WarmUpStep {
  /** Whether the position after it goes into the estimate of the covariance. */
  collects: boolean;
  /** Whether the mass matrix is set from the estimate after it. */
  updates: boolean;
}

/**
 * How the mass matrix is learnt in a warm-up of n iterations.
 *
 *   windows         75 iterations for the step alone, windows of 25, 50, 100, ... iterations that each end with a new
 *                   matrix, 50 iterations for the step; shares of 15 %, 75 % and 10 % when n < 150, nothing when n < 20
 *   three-quarters  one estimate, of the positions after iterations floor(n/4) ... floor(3n/4)
 *   none            the given matrix stays
 */
export type MassSchedule = 'windows' | 'three-quarters' | 'none';

/**
 * The plan of a warm-up.
 *
 * @see Carpenter et al., 2017, "Stan: a probabilistic programming language", for the windows
 */
export function warmUpPlan(n: number, schedule: MassSchedule): (iteration: number) => WarmUpStep {
  if (schedule === 'three-quarters') {
    const [first, last] = [Math.floor(n / 4), Math.floor((3 * n) / 4)];
    return (i) => ({ collects: i >= first && i <= last, updates: i === last && last > first });
  }
  const ends = schedule === 'windows' ? windowEnds(n) : { first: 0, ends: new Set<number>(), last: 0 };
  return (i) => ({ collects: i >= ends.first && i < ends.last, updates: ends.ends.has(i + 1) });
}

function windowEnds(n: number): { first: number; ends: Set<number>; last: number } {
  const ends = new Set<number>();
  if (n < 20) return { first: 0, ends, last: 0 };
  const first = n < 150 ? Math.floor(0.15 * n) : 75;
  const last = n - (n < 150 ? Math.floor(0.1 * n) : 50);
  let size = n < 150 ? last - first : 25;
  for (let start = first; start < last; size *= 2) {
    const end = start + size;
    // A window is stretched to the end where the next, twice as long, would not fit.
    start = end + 2 * size > last ? last : end;
    ends.add(start);
  }
  return { first, ends, last };
}
