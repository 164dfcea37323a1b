import type { UpdateOptions } from '@tfsci/opu-dfa';
import type { Profile } from '../../experiment';

/** A way to train, by the name that plots and checks use. */
export interface Method {
  name: string;
  update: UpdateOptions;
}

/** Standard deviations of the optical noise that are tried. */
export const SIGMAS = [0.1, 0.5, 1, 2, 4];
export const photonic = (sigma: number): string => `photonic, σ = ${sigma}`;
/** The names of the other methods. */
export const BP = 'back-propagation';
export const DFA = 'direct feedback';
export const TERNARY = 'ternary feedback';
export const COARSE = 'ternary feedback, t = 0.1';
export const LAST = 'last layer only';

/** Every way to train without privacy. */
export const METHODS: readonly Method[] = [
  { name: BP, update: { mode: 'bp' } },
  { name: DFA, update: { mode: 'dfa' } },
  { name: LAST, update: { mode: 'last-layer' } },
  { name: TERNARY, update: { mode: 'ternary', threshold: 0.25 } },
  { name: COARSE, update: { mode: 'ternary', threshold: 0.1 } },
  ...SIGMAS.map((sigma): Method => ({ name: photonic(sigma), update: { mode: 'ternary', threshold: 0.25, sigma } })),
];

/** Noise multipliers of private training; 0 clips only. */
export const MULTIPLIERS = [0, 1, 2, 4];
/** Directions of private training. */
export const PRIVATE_METHODS: readonly Method[] = METHODS.filter(({ name }) => [BP, DFA, TERNARY].includes(name));

/** What is trained, and how long. */
export interface Plan {
  hidden: number[];
  learningRate: number;
  epochs: number;
  batchSize: number;
  seeds: number;
  private: { steps: number; expectedBatch: number; clipNorm: number; learningRate: number; delta: number };
  /** Rows of each part that are used at most. */
  rowLimit: number;
}

/** The plan of a profile; pictures of the user's are larger, and for quick only some of them are taken. */
export function planOf(profile: Profile, embedded: boolean): Plan {
  const full = profile === 'full';
  return {
    ...(embedded ? { hidden: [128, 128], learningRate: 0.02 } : { hidden: [256, 256], learningRate: 0.005 }),
    epochs: 20,
    batchSize: 64,
    seeds: full ? 10 : 3,
    private: { steps: 300, expectedBatch: 128, clipNorm: 1, learningRate: 0.5, delta: 1e-4 },
    rowLimit: full || embedded ? Infinity : 3000,
  };
}
