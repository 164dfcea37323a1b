import type { Profile } from '../../experiment';

/** A number of features, and how often they are drawn. */
export interface Draws {
  features: number;
  draws: number;
}

/** The sizes of the three measurements. */
export interface Plan {
  /** Pictures that are used at most; of the digits that ship with the app, all. */
  rows: number;
  /** Error of the kernel matrix against the degree. */
  kernel: Draws & { points: number; degrees: number[] };
  /** Ridge regression on features. */
  digits: { train: number; test: number; degrees: number[]; sizes: Draws[] };
  /** Variance at x = y against the degree, from this many features. */
  growth: { degrees: number[]; features: number };
}

/** Degrees for which so many features tell the variance at x = y: the fourth moments grow as 12^p and 6^p. */
const GROWTH = [1, 2, 3, 4];

const QUICK: Plan = {
  rows: 2000,
  kernel: { points: 120, degrees: [2, 3, 5, 7, 10], features: 1024, draws: 10 },
  // Of fewer features the errors spread more.
  digits: { train: 1000, test: 797, degrees: [3, 7], sizes: [{ features: 256, draws: 8 }, { features: 1024, draws: 2 }] }, // prettier-ignore
  growth: { degrees: GROWTH, features: 2 ** 18 },
};

const FULL: Plan = {
  rows: 10_000,
  kernel: { points: 120, degrees: [2, 3, 4, 5, 6, 7, 8, 10], features: 1024, draws: 100 },
  digits: {
    train: 1000,
    test: 797,
    degrees: [3, 7],
    sizes: [128, 256, 512, 1024, 2048].map((features) => ({ features, draws: 20 })),
  },
  growth: { degrees: GROWTH, features: 2 ** 20 },
};

/** The plan of a profile. */
export function planOf(profile: Profile): Plan {
  return profile === 'full' ? FULL : QUICK;
}
