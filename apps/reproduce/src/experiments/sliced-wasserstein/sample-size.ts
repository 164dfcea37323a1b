import * as tf from '@tensorflow/tfjs';
import { slicedWasserstein, VonMisesFisher } from '@tfsci/sliced-wasserstein';
import { random } from '@tfsci/tensor-core';
import { gaussianLaw, sampleOf } from './clouds';

/** SW_2^2 between two samples of one law, over their size. */
export interface SampleSize {
  dim: number;
  kappa: number;
  /** Points of each sample. */
  n: number[];
  /** Mean over the runs, for each n. */
  mean: number[];
  /** Standard deviation of a run. */
  std: number[];
}

export interface SampleSizeOptions {
  dim: number;
  kappa: number;
  n: number[];
  runs: number;
  slices: number;
  key: random.Key;
}

/** Slices of a von Mises-Fisher law about a random direction that knows nothing of the samples. */
export async function sampleSize({ dim, kappa, n, runs, slices, key }: SampleSizeOptions): Promise<SampleSize> {
  const rows: number[][] = [];
  for (let run = 0; run < runs; run++) {
    const [ofLaw, ofMean, ofSamples, ofSlices] = random.split(random.foldIn(key, run), 4) as [
      random.Key,
      ...random.Key[],
    ];
    const law = gaussianLaw(dim, ofLaw);
    const mu = random.fillNormal(ofMean!, new Float64Array(dim));
    const sampler = new VonMisesFisher(mu, kappa);
    const values = n.map((size, i) =>
      tf.tidy(() => {
        const [keyX, keyY] = random.split(random.foldIn(ofSamples!, i), 2) as [random.Key, random.Key];
        const [x, y] = [sampleOf(law, size, keyX), sampleOf(law, size, keyY)];
        return slicedWasserstein(x, y, { slices, sampler, root: false, key: random.foldIn(ofSlices!, i) });
      }),
    );
    rows.push(await Promise.all(values.map(async (value) => (await value.data())[0]!)));
    tf.dispose(values);
  }
  const mean = n.map((_, i) => average(rows.map((row) => row[i]!)));
  const std = n.map((_, i) => Math.sqrt(average(rows.map((row) => (row[i]! - mean[i]!) ** 2)) * (runs / (runs - 1))));
  return { dim, kappa, n, mean, std };
}

/** The exponent a of mean ~ n^a, by least squares of the logarithms. */
export function slopeOf({ n, mean }: SampleSize): number {
  const [x, y] = [n.map(Math.log), mean.map(Math.log)];
  const [centreX, centreY] = [average(x), average(y)];
  const covariance = average(x.map((value, i) => (value - centreX) * (y[i]! - centreY)));
  return covariance / average(x.map((value) => (value - centreX) ** 2));
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
