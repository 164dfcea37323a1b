import type { Profile } from '../../experiment';

/** The sizes of the three measurements. */
export interface Plan {
  /** Pictures that are used at most; of the digits that ship with the app, all. */
  rows: number;
  /** Error of the kernel matrix against the degree. */
  kernel: { points: number; degrees: number[]; features: number; draws: number };
  /** Ridge regression on features. */
  digits: { train: number; test: number; degrees: number[]; features: number[]; draws: number };
  /** Variance at x = y against the degree, from this many features. */
  growth: { degrees: number[]; features: number };
}

/** The plan of a profile. */
export function planOf(profile: Profile): Plan {
  const full = profile === 'full';
  return {
    rows: full ? 10000 : 2000,
    kernel: { points: 120, degrees: full ? [2, 3, 4, 5, 6, 7, 8, 10] : [2, 3, 5, 7, 10], features: 1024, draws: full ? 100 : 24 }, // prettier-ignore
    digits: { train: 1000, test: 797, degrees: [3, 7], features: full ? [128, 256, 512, 1024, 2048] : [256, 1024], draws: full ? 20 : 8 }, // prettier-ignore
    growth: { degrees: [1, 2, 3, 4, 5, 6], features: 2 ** (full ? 20 : 18) },
  };
}
