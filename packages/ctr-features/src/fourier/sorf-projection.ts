// N points, P padded length d', B blocks, F frequencies
import type * as tf from '@tensorflow/tfjs';
import { random, spectral } from '@tfsci/tensor-core';
import type { Pair } from '../sketches/pair';
import type { Projection, ProjectionSource } from '../sketches/projection';
import { drawSigns } from '../sketches/signs';
import { givenWeight, WeightTensors, type Weights } from '../weights';

/** Rounds of signs and transform of a point. */
const ROUNDS = 3;

/**
 * Structured orthogonal frequencies: d' at a time are the rows of H S_3 H S_2 H S_1 / d', with Hadamard matrix H of order
 * d', the next power of two, and random signs S. Orthogonal, of norm sqrt(d'), in time O(d' log d').
 *
 * @see Yu et al., 2016, "Orthogonal random features", arXiv:1610.09072
 */
export class SorfProjection implements Projection {
  private readonly inputDim: number;
  private readonly features: number;
  private readonly paddedDim: number;
  private readonly blocks: number;
  /** [ROUNDS, blocks, d'] */
  private readonly signs: Float32Array;
  private readonly tensors = new WeightTensors();

  constructor({ inputDim, features }: { inputDim: number; features: number }, { where, from }: ProjectionSource) {
    this.inputDim = inputDim;
    this.features = features;
    this.paddedDim = 2 ** Math.ceil(Math.log2(inputDim));
    this.blocks = Math.ceil(features / this.paddedDim);
    const shape = this.shape();
    this.signs =
      from instanceof random.Key
        ? drawSigns(from, ROUNDS * this.blocks * this.paddedDim, false).re
        : Float32Array.from(givenWeight(where, from, 'rad', shape).data, Number);
  }

  project(x: Pair): Pair {
    const { blocks, paddedDim, inputDim, features } = this;
    const count = x.re.shape[0];
    const rad = this.tensors.get('rad', this.signs, this.shape());
    let lines: tf.Tensor = x.re
      .pad([
        [0, 0],
        [0, paddedDim - inputDim],
      ]) // prettier-ignore
      .reshape([count, 1, paddedDim]);
    for (let round = 0; round < ROUNDS; round++) {
      const signs = rad.slice([round, 0, 0], [1, blocks, paddedDim]);
      lines = spectral.walshHadamard(lines.mul(signs), { normalise: round < ROUNDS - 1 });
    }
    const all = lines.reshape<tf.Tensor2D>([count, blocks * paddedDim]);
    return { re: all.slice([0, 0], [count, features]), im: null };
  }

  weights(): Weights {
    return { rad: { dtype: 'F32', shape: this.shape(), data: this.signs } };
  }

  dispose(): void {
    this.tensors.dispose();
  }

  private shape(): [number, number, number] {
    return [ROUNDS, this.blocks, this.paddedDim];
  }
}
