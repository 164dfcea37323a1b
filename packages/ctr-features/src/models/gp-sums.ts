import { check } from '@tfsci/tensor-core';
import type { FeatureRows } from '../feature-map';
import { NormalEquations } from './normal-equations';
import type { TargetRows } from './targets';
import { scaled, WeightPosterior } from './weight-posterior';

/**
 * The sums of Gaussian process regression over rows: one for all outputs, or one for each output where the variances of
 * the noise differ between outputs.
 */
export class GpSums {
  private readonly parts: NormalEquations[];
  private readonly outputs: number;
  /** Numbers of noise variances that a row has: 0 where they are not known yet, 1 or k. */
  private readonly noises: number;
  /** sum_i log v_i of each output. */
  private readonly logNoise: Float64Array;

  constructor(features: number, outputs: number, noises: number) {
    const [parts, each] = noises > 1 ? [outputs, 1] : [1, outputs];
    this.parts = Array.from({ length: parts }, () => new NormalEquations({ features, outputs: each }));
    this.outputs = outputs;
    this.noises = noises;
    this.logNoise = new Float64Array(outputs);
  }

  /** Adds rows. @param y  [n, k] @param noise  [n] or [n, k] variances, null where they are one constant */
  async add(phi: FeatureRows, y: Float64Array, noise: Float64Array | null): Promise<void> {
    const { outputs: K, noises } = this;
    const [n] = phi.shape;
    for (const [part, equations] of this.parts.entries()) {
      const ofPart = this.parts.length === 1 ? y : column(y, part, K);
      if (noise === null) await equations.add(phi, ofPart);
      else await equations.add(phi, ofPart, column(noise, part, noises).map((v) => 1 / v)); // prettier-ignore
    }
    if (noise === null) return;
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < K; k++) this.logNoise[k]! += Math.log(noise[i * noises + (noises > 1 ? k : 0)]!);
    }
  }

  /** Mean over rows and outputs of y^2; only where the noise is constant. */
  get meanSquare(): number {
    const { targetSquares, count } = this.parts[0]!;
    return targetSquares.reduce((sum, square) => sum + square, 0) / (count * this.outputs);
  }

  /** The posteriors and log p(y), for a constant noise of variance `noise`, or 1 where every row has its own. */
  posteriors(noise = 1): { posteriors: WeightPosterior[]; logMarginalLikelihood: number } {
    let logMarginalLikelihood = 0;
    const posteriors = this.parts.map((sums, part) => {
      const posterior = new WeightPosterior({
        gram: scaled(sums.gram, 1 / noise),
        cross: scaled(sums.cross, 1 / noise),
      });
      posterior.explained.forEach((explained, k) => {
        const logNoise = this.logNoise[part + k]! + sums.count * Math.log(noise);
        const misfit = sums.targetSquares[k]! / noise - explained;
        logMarginalLikelihood -= posterior.halfLogDet + (logNoise + misfit + sums.count * Math.log(2 * Math.PI)) / 2;
      });
      return posterior;
    });
    return { posteriors, logMarginalLikelihood };
  }
}

/** Returns noise variances, checked. @throws RangeError that names the row of one that is not above 0 */
export function checkNoise(where: string, { data, outputs }: TargetRows, firstRow: number): Float64Array {
  data.forEach((value, at) => {
    const name = `row ${firstRow + Math.floor(at / outputs)} of noiseVariance`;
    check.checkNumber(where, name, value, { above: 0 });
  });
  return data;
}

function column(rows: Float64Array, k: number, width: number): Float64Array {
  return Float64Array.from({ length: rows.length / width }, (_, n) => rows[n * width + k]!);
}
