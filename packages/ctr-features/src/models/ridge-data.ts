import type { linalg } from '@tfsci/tensor-core';
import type { FeatureRows } from '../feature-map';
import { NormalEquations } from './normal-equations';
import { dualRidge, primalRidge, type RidgeProblem } from './ridge-problem';

/** How ridge regression looks at its rows. */
export interface RidgeDataOptions {
  /** D */
  features: number;
  /** How many; 0 where no rows are held out. */
  folds: number;
  intercept: boolean;
}

/**
 * Training rows of ridge regression: kept as they are while they are no more than features, summed up from then on. So
 * memory is O(D^2), or O(folds D^2) where rows are held out.
 *
 * With an intercept the mean of the first block is taken from all features, lest their squares be rounded more than
 * their spread is large.
 */
export class RidgeData {
  /** What was taken from the features, [D]; zeros without an intercept. */
  private readonly shift: Float64Array;
  private rows = 0;
  private readonly featureSums: Float64Array;
  private targetSums = new Float64Array(0);
  private readonly options: RidgeDataOptions;
  private kept: { phi: FeatureRows; y: Float64Array }[] = [];
  private sums: NormalEquations[] | undefined;

  constructor(options: RidgeDataOptions) {
    this.options = options;
    this.shift = new Float64Array(options.features);
    this.featureSums = new Float64Array(options.features);
  }

  /** Takes over the rows of a block, whose features it changes. @param y  [n, k] */
  async add(phi: FeatureRows, y: Float64Array): Promise<void> {
    const { features: D, intercept, folds } = this.options;
    const [n] = phi.shape;
    const outputs = y.length / n;
    if (this.rows === 0) {
      this.targetSums = new Float64Array(outputs);
      if (intercept) phi.data.forEach((value, at) => (this.shift[at % D]! += value / n));
    }
    if (intercept) for (let at = 0; at < n * D; at++) phi.data[at]! -= this.shift[at % D]!;
    for (let at = 0; at < n * D; at++) this.featureSums[at % D]! += phi.data[at]!;
    y.forEach((value, at) => (this.targetSums[at % outputs]! += value));

    if (this.sums === undefined && this.rows + n <= D) {
      this.kept.push({ phi, y });
      this.rows += n;
      return;
    }
    if (this.sums === undefined) {
      this.sums = Array.from({ length: Math.max(1, folds) }, () => new NormalEquations({ features: D, outputs }));
      let first = 0;
      for (const block of this.kept) {
        await this.sum(this.sums, block.phi, block.y, first);
        first += block.phi.shape[0];
      }
      this.kept = [];
    }
    await this.sum(this.sums, phi, y, this.rows);
    this.rows += n;
  }

  /** The problem, in the smaller of its two forms. */
  problem(): Promise<RidgeProblem> {
    const { features, intercept, folds } = this.options;
    if (this.sums !== undefined) {
      const total = new NormalEquations({ features, outputs: this.targetSums.length });
      for (const part of this.sums) total.addAll(part);
      return Promise.resolve(primalRidge(total, folds > 0 ? this.sums : [], intercept));
    }
    const phi = new Float32Array(this.rows * features);
    const y = new Float64Array(this.rows * this.targetSums.length);
    let first = 0;
    for (const block of this.kept) {
      phi.set(block.phi.data, first * features);
      y.set(block.y, first * this.targetSums.length);
      first += block.phi.shape[0];
    }
    return dualRidge({ data: phi, shape: [this.rows, features] }, y, folds, intercept);
  }

  /** b = mean y - (mean phi) W, zeros without an intercept. */
  intercept(w: linalg.Matrix64): Float64Array {
    if (!this.options.intercept) return new Float64Array(w.cols);
    const b = this.targetSums.map((sum) => sum / this.rows);
    for (let j = 0; j < w.rows; j++) {
      const mean = this.shift[j]! + this.featureSums[j]! / this.rows;
      for (let k = 0; k < w.cols; k++) b[k]! -= mean * w.data[j * w.cols + k]!;
    }
    return b;
  }

  private async sum(sums: readonly NormalEquations[], phi: FeatureRows, y: Float64Array, first: number): Promise<void> {
    if (sums.length === 1) {
      await sums[0]!.add(phi, y);
      return;
    }
    const [n, D] = phi.shape;
    const outputs = y.length / n;
    for (const [fold, part] of sums.entries()) {
      const rows = Array.from({ length: n }, (_, row) => row).filter((row) => (first + row) % sums.length === fold);
      await part.add(
        { data: gathered(phi.data, rows, D, new Float32Array(rows.length * D)), shape: [rows.length, D] },
        gathered(y, rows, outputs, new Float64Array(rows.length * outputs)),
      );
    }
  }
}

/** Some rows of an array, written into `out`. */
export function gathered<A extends Float32Array | Float64Array>(
  from: A,
  rows: readonly number[],
  width: number,
  out: A,
): A {
  rows.forEach((row, i) => out.set(from.subarray(row * width, (row + 1) * width), i * width));
  return out;
}
