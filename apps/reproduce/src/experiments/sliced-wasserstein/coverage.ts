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

/** Both laws are uniform on squares of this side, that of y moved by DELTA: they lie side by side. */
const SIDE = 0.5;
const DELTA = [SIDE, 0];
/** Of the box that both lie in, known before any point is. */
const DIAMETER = Math.hypot(SIDE + DELTA[0]!, SIDE);
const CONFIDENCE = 0.05;
const LEARNING = { p: 1, lambda: 'grid', slices: 32, iterations: 20, finalSlices: 256 } as const;
/** Slices that the distance of the laws is the mean over: its error is below 0.001. */
const POPULATION_SLICES = 20_000;

/** Slices learned on each sample, as in practice; W_1 between the laws is |theta . delta| in every slice, which is known. */
export async function coverageOf({ n, repeats, key, signal }: CoverageOptions): Promise<Coverage> {
  const dim = DELTA.length;
  const sums = { violated: 0, without: 0, tenth: 0, value: 0, population: 0, lowerBound: 0, kl: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const [ofX, ofY, ofFit, ofLaws] = random.split(random.foldIn(key, repeat), 4) as [random.Key, ...random.Key[]];
    const x = rowsOf(random.fillUniform(ofX, new Float32Array(n * dim), { high: SIDE }), dim);
    const y = rowsOf(random.fillUniform(ofY!, new Float32Array(n * dim), { high: SIDE }), dim).map((row) =>
      row.map((value, i) => value + DELTA[i]!),
    );
    const fit = await fitAdaptiveSlices(x, y, {
      ...LEARNING,
      mu: meanDifference(x, y),
      bound: { kind: 'bounded', diameter: DIAMETER },
      delta: CONFIDENCE,
      key: ofFit!,
      signal,
    });
    const population = populationValue(fit.distribution, ofLaws!);
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

/** E |theta . delta| */
function populationValue(rho: AxialDistribution, key: random.Key): number {
  const { theta } = rho.draw(POPULATION_SLICES, key);
  let sum = 0;
  for (let l = 0; l < theta.length; l += DELTA.length) {
    sum += Math.abs(DELTA.reduce((along, shift, i) => along + shift * theta[l + i]!, 0));
  }
  return sum / POPULATION_SLICES;
}

function rowsOf(values: Float32Array, dim: number): Float32Array[] {
  return Array.from({ length: values.length / dim }, (_, i) => values.subarray(i * dim, (i + 1) * dim));
}
