import { fitAdaptiveSlices, slicedTwoSampleTest, slicedWassersteinDetailed } from '@tfsci/sliced-wasserstein';
import type { AxialDistribution } from '@tfsci/sliced-wasserstein';
import { random } from '@tfsci/tensor-core';
import type { ImageData, LabelledImages } from '../../image-data';

/** What the slices learned on two classes of pictures show. */
export interface DigitsSlices {
  classes: [number, number];
  height: number;
  width: number;
  /** The learned axis, a weight a pixel. */
  mu: number[];
  kappa: number;
  kl: number;
  /** Difference of the mean pictures, y - x. */
  meanDifference: number[];
  /** SW_2 by uniform and by the learned slices: of the pictures learned from, and of those of other writers. */
  uniform: { train: number; test: number };
  learned: { train: number; test: number };
  /** Probability that a test picture of the first class lies below one of the second along mu. */
  separation: number;
  /** Permutation tests on test pictures: of the two classes, and of random halves of the first. */
  pValue: number;
  pValuesOfHalves: number[];
}

export interface DigitsOptions {
  classes: [number, number];
  iterations: number;
  slices: number;
  permutations: number;
  /** Pictures of a class at most. */
  limit: number;
  key: random.Key;
  signal: AbortSignal;
}

/**
 * Weight of the distance against KL. Of pixels in 0..1 squared distances are a few hundredths: with sqrt(n) slices stay uniform.
 */
const LAMBDA = 1000;
const HALVINGS = 20;

/** Which pixels tell two classes apart. */
export async function digitsSlices(images: ImageData, options: DigitsOptions): Promise<DigitsSlices> {
  const { classes, iterations, slices, permutations, limit, key, signal } = options;
  const [ofFit, ofValues, ofTest, ofHalves] = random.split(key, 4) as [random.Key, ...random.Key[]];
  const [x, y] = classes.map((label) => picturesOf(images.train, label, limit)) as [Float32Array[], Float32Array[]];
  const [xTest, yTest] = classes.map((label) => picturesOf(images.test, label, limit)) as [
    Float32Array[],
    Float32Array[],
  ];

  const fit = await fitAdaptiveSlices(x, y, { lambda: LAMBDA, iterations, slices, key: ofFit, signal });
  const rho = fit.distribution;
  const value = async (a: Float32Array[], b: Float32Array[], sampler?: AxialDistribution): Promise<number> =>
    (await slicedWassersteinDetailed(a, b, { slices: 1000, key: ofValues!, ...(sampler && { sampler }) })).value;
  const test = async (a: Float32Array[], b: Float32Array[], testKey: random.Key, count: number): Promise<number> =>
    (await slicedTwoSampleTest(a, b, { permutations: count, slices: 100, key: testKey, signal })).pValue;
  const [splitKey, halvesKey] = random.split(ofHalves!) as [random.Key, random.Key];
  const half = Math.floor(xTest.length / 2);
  const pValuesOfHalves: number[] = [];
  for (let h = 0; h < HALVINGS; h++) {
    // At random: pictures lie in the order of their writers, whose hands the test tells apart.
    const mixed = Array.from(random.permutation(random.foldIn(splitKey, h), xTest.length), (row) => xTest[row]!);
    pValuesOfHalves.push(await test(mixed.slice(0, half), mixed.slice(half), random.foldIn(halvesKey, h), 99));
  }
  return {
    classes,
    height: images.train.height,
    width: images.train.width,
    mu: Array.from(rho.mu),
    kappa: rho.kappa,
    kl: fit.kl,
    meanDifference: differenceOfMeans(x, y),
    uniform: { train: await value(x, y), test: await value(xTest, yTest) },
    learned: { train: await value(x, y, rho), test: await value(xTest, yTest, rho) },
    separation: separation(xTest, yTest, rho.mu),
    pValue: await test(xTest, yTest, ofTest!, permutations),
    pValuesOfHalves,
  };
}

function picturesOf({ pixels, labels, size }: LabelledImages, label: number, limit: number): Float32Array[] {
  const rows = Array.from(labels.keys()).filter((row) => labels[row] === label);
  return rows.slice(0, limit).map((row) => pixels.subarray(row * size, (row + 1) * size));
}

function differenceOfMeans(x: Float32Array[], y: Float32Array[]): number[] {
  const mean = (rows: Float32Array[], pixel: number): number =>
    rows.reduce((sum, row) => sum + row[pixel]! / rows.length, 0);
  return Array.from(x[0]!, (_, pixel) => mean(y, pixel) - mean(x, pixel));
}

/** The share of pairs that lie in one order along the axis, of the two orders the more frequent. */
export function separation(x: Float32Array[], y: Float32Array[], mu: ArrayLike<number>): number {
  const along = (rows: Float32Array[]): number[] =>
    rows.map((row) => row.reduce((sum, value, i) => sum + value * mu[i]!, 0));
  const [a, b] = [along(x), along(y)];
  const below = a.reduce((sum, left) => sum + b.filter((right) => left < right).length, 0) / (a.length * b.length);
  return Math.max(below, 1 - below);
}
