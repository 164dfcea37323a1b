import { type Matrix64 } from '../linalg';
import type { Transition } from './transition';

/** What is recorded of one chain, an entry an iteration. */
export interface HmcTrace {
  /** Positions after the iterations, [n, D], inside the bounds. */
  draws: Matrix64;
  /** log p of the positions, as `logDensity` gives it. */
  logDensity: Float64Array;
  /** H = -log p + p^T M^-1 p / 2 at the begin of the trajectory. */
  energy: Float64Array;
  /** H at its end, of the proposal; Infinity where its density is 0. */
  proposalEnergy: Float64Array;
  /** min(1, exp(H0 - H1)). */
  acceptance: Float64Array;
  /** 1 where the proposal was accepted. */
  accepted: Uint8Array;
  /** 1 where the error of the energy was too large or not a number. */
  diverged: Uint8Array;
  /** Step size. */
  step: Float64Array;
  /** Number of leapfrog steps. */
  length: Int32Array;
}

/** Collects iterations of one chain. */
export class TraceRecorder {
  private readonly positions: Float64Array[] = [];
  private readonly logDensities: number[] = [];
  private readonly transitions: Transition[] = [];

  /** @param position  in the user's coordinates; kept */
  add(position: Float64Array, logDensity: number, transition: Transition): void {
    this.positions.push(position);
    this.logDensities.push(logDensity);
    this.transitions.push(transition);
  }

  /** What was collected. @param dimension  D, as there may be no position yet */
  finish(dimension: number): HmcTrace {
    const rows = this.positions.length;
    const draws: Matrix64 = { rows, cols: dimension, data: new Float64Array(rows * dimension) };
    this.positions.forEach((position, n) => draws.data.set(position, n * dimension));
    const column = (pick: (transition: Transition) => number): Float64Array =>
      Float64Array.from(this.transitions, pick);
    return {
      draws,
      logDensity: Float64Array.from(this.logDensities),
      energy: column(({ energy }) => energy),
      proposalEnergy: column(({ proposalEnergy }) => proposalEnergy),
      acceptance: column(({ acceptance }) => acceptance),
      accepted: Uint8Array.from(this.transitions, ({ accepted }) => Number(accepted)),
      diverged: Uint8Array.from(this.transitions, ({ diverged }) => Number(diverged)),
      step: column(({ step }) => step),
      length: Int32Array.from(this.transitions, ({ steps }) => steps),
    };
  }
}
