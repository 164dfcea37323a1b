import type { Profile } from '../../experiment';

/** The sizes of the measurements. */
export interface Plan {
  /** Samples of one law against their size. */
  sampleSize: { dims: number[]; kappas: number[]; n: number[]; runs: number; slices: number };
  /** Learned slices on fresh samples: of laws that differ, and of equal laws. */
  gap: GapPlan;
  sameLaw: { dim: number; n: number } & Omit<GapPlan, 'dims' | 'gammas' | 'n'>;
  coverage: { n: number[]; repeats: number };
  digits: { classes: [number, number]; iterations: number; slices: number; permutations: number };
  flow: { points: number; slices: number; frames: number[] };
  generator: { steps: number; batch: number; slices: number; innerIterations: number };
  /** Pictures that are used at most. */
  pictures: number;
}

interface GapPlan {
  dims: number[];
  gammas: number[];
  n: number;
  testSize: number;
  runs: number;
  slices: number;
  iterations: number;
  finalSlices: number;
}

const CONCENTRATIONS = [0.1, 1, 10, 100];
const SIZES = [50, 100, 500, 1000, 2000];

const QUICK: Plan = {
  sampleSize: { dims: [5, 50], kappas: CONCENTRATIONS, n: SIZES, runs: 6, slices: 50 },
  gap: { dims: [5, 20], gammas: [2, 5], n: 500, testSize: 2000, runs: 2, slices: 32, iterations: 60, finalSlices: 200 },
  sameLaw: { dim: 50, n: 50, testSize: 2000, runs: 4, slices: 32, iterations: 60, finalSlices: 200 },
  coverage: { n: [100, 500], repeats: 200 },
  digits: { classes: [3, 8], iterations: 200, slices: 64, permutations: 999 },
  flow: { points: 500, slices: 32, frames: [0, 10, 50, 200] },
  generator: { steps: 150, batch: 128, slices: 64, innerIterations: 10 },
  pictures: 2000,
};

const FULL: Plan = {
  sampleSize: { dims: [5, 10, 50, 100], kappas: CONCENTRATIONS, n: SIZES, runs: 30, slices: 1000 },
  gap: {
    dims: [5, 20],
    gammas: [2, 3, 4, 5],
    n: 500,
    testSize: 2000,
    runs: 10,
    slices: 1000,
    iterations: 300,
    finalSlices: 1000,
  },
  sameLaw: { dim: 50, n: 50, testSize: 2000, runs: 30, slices: 1000, iterations: 300, finalSlices: 1000 },
  coverage: { n: [100, 500, 2000, 10_000], repeats: 1000 },
  digits: { classes: [3, 8], iterations: 1000, slices: 500, permutations: 9999 },
  flow: { points: 1000, slices: 64, frames: [0, 10, 50, 500] },
  generator: { steps: 2000, batch: 512, slices: 1000, innerIterations: 10 },
  pictures: 10_000,
};

/** The plan of a profile. */
export function planOf(profile: Profile): Plan {
  return profile === 'full' ? FULL : QUICK;
}
