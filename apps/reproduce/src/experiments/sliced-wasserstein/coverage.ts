import { type AxialDistribution, fitAdaptiveSlices } from '@tfsci/sliced-wasserstein';
import { random } from '@tfsci/tensor-core';

/** How often certificates of learned slices hold, over independent samples of known laws. */
export interface Coverage {
  n: number;
  repeats: number;
  delta: number;
  /** Shares of the samples whose lower bound is above the distance of the laws. */
  violated: number;
  /** The same if nothing were subtracted: why a bound is needed. */
  violatedWithoutSlack: number;
  /** The same with this share of what is subtracted. */
  violatedWithTenth: number;
  /** Means over the samples. */
  value: number;
  population: number;
  lowerBound: number;
  kl: number;
}

export interface CoverageOptions {
  n: number;
  repeats: number;
  key: random.Key;
  signal: AbortSignal;
}

/** The law of y is that of x moved by this: uniform on a cube of side 1. */
const DELTA = [0.1, 0, 0];
const CONFIDENCE = 0.05;
const LEARNING = { slices: 32, iterations: 20, finalSlices: 256 };

/**
 * Slices learned on each sample, as in practice; W_2^2 between the laws is (theta . delta)^2 in every slice, which is known.
 * The supports lie in a box of sides 1.1, 1 and 1, whose diagonal is the diameter.
 */
export async function coverageOf({ n, repeats, key, signal }: CoverageOptions): Promise<Coverage> {
  const dim = DELTA.length;
  const diameter = Math.hypot(...DELTA.map((shift) => 1 + shift));
  const sums = { violated: 0, without: 0, tenth: 0, value: 0, population: 0, lowerBound: 0, kl: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const [ofX, ofY, ofFit] = random.split(random.foldIn(key, repeat), 3) as [random.Key, ...random.Key[]];
    const x = rowsOf(random.fillUniform(ofX, new Float32Array(n * dim)), dim);
    const y = rowsOf(random.fillUniform(ofY!, new Float32Array(n * dim)), dim).map((row) =>
      row.map((value, i) => value + DELTA[i]!),
    );
    const fit = await fitAdaptiveSlices(x, y, {
      ...LEARNING,
      mu: meanDifference(x, y),
      bound: { kind: 'bounded', diameter },
      delta: CONFIDENCE,
      key: ofFit!,
      signal,
    });
    const population = populationValue(fit.distribution);
    const { value, raw, lowerBound, kl } = fit.certificate!;
    sums.violated += Number(raw > population);
    sums.without += Number(value > population);
    sums.tenth += Number(value - (value - raw) / 10 > population);
    sums.value += value;
    sums.population += population;
    sums.lowerBound += lowerBound;
    sums.kl += kl;
  }
  return {
    n,
    repeats,
    delta: CONFIDENCE,
    violated: sums.violated / repeats,
    violatedWithoutSlack: sums.without / repeats,
    violatedWithTenth: sums.tenth / repeats,
    value: sums.value / repeats,
    population: sums.population / repeats,
    lowerBound: sums.lowerBound / repeats,
    kl: sums.kl / repeats,
  };
}

function meanDifference(x: Float32Array[], y: Float32Array[]): number[] {
  const mean = (rows: Float32Array[], i: number): number => rows.reduce((sum, row) => sum + row[i]! / rows.length, 0);
  return DELTA.map((_, i) => mean(y, i) - mean(x, i));
}

/** delta^T E(theta theta^T) delta */
function populationValue(rho: AxialDistribution): number {
  const { data, cols } = rho.secondMoment();
  return DELTA.reduce((sum, a, i) => sum + DELTA.reduce((row, b, j) => row + a * b * data[i * cols + j]!, 0), 0);
}

function rowsOf(values: Float32Array, dim: number): Float32Array[] {
  return Array.from({ length: values.length / dim }, (_, i) => values.subarray(i * dim, (i + 1) * dim));
}
