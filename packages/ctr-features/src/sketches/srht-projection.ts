// N points, P padded length d', B blocks, F features
import type * as tf from '@tensorflow/tfjs';
import { random, spectral } from '@tfsci/tensor-core';
import { pairProduct, type Pair } from './pair';
import type { Projection, ProjectionShape, ProjectionSource } from './projection';
import { drawSigns, type HostPair } from './signs';
import { givenIndices, givenPair, pairEntries, WeightTensors, type Weights } from '../weights';

/**
 * A projection by rows of H diag(s): Hadamard matrix H of order d', the next power of two, and random signs s.
 *
 * With shared blocks one sign vector serves all rows, which are 0 .. d'-1 as often as needed, in random order: one transform
 * a point. With independent blocks each d' rows have signs of their own.
 */
export class SrhtProjection implements Projection {
  /** d' */
  readonly paddedDim: number;
  /** 1 where the signs are shared, else ceil(D_f / d'). */
  readonly blocks: number;
  /** [blocks, d'] */
  readonly signs: HostPair;
  /** [D_f], below blocks * d' */
  readonly rows: Int32Array;
  private readonly index: string;
  private readonly prefix: string;
  private readonly tensors = new WeightTensors();

  constructor({ blocks, inputDim, features, complex }: ProjectionShape, source: ProjectionSource) {
    const { where, index, prefix = '', from } = source;
    this.paddedDim = 2 ** Math.ceil(Math.log2(inputDim));
    const repeats = Math.ceil(features / this.paddedDim);
    this.blocks = blocks === 'shared' ? 1 : repeats;
    this.prefix = prefix;
    this.index = String(index);
    if (from instanceof random.Key) {
      this.signs = drawSigns(random.foldIn(from, 0), this.blocks * this.paddedDim, complex);
      this.rows = this.drawRows(random.foldIn(from, 1), repeats).slice(0, features);
    } else {
      this.signs = givenPair(where, from, this.name('rad'), [1, this.blocks, this.paddedDim], complex);
      this.rows = givenIndices(where, from, this.name('perm'), features, this.blocks * this.paddedDim);
    }
  }

  project(x: Pair): Pair {
    const { blocks, paddedDim } = this;
    const count = x.re.shape[0];
    const pad = (part: tf.Tensor2D): tf.Tensor2D => part.pad([[0, 0], [0, paddedDim - part.shape[1]]]); // prettier-ignore
    const lines = (part: tf.Tensor2D): tf.Tensor2D =>
      (blocks === 1 ? pad(part) : pad(part).tile([1, blocks])).reshape([count, blocks * paddedDim]);
    const signs = this.tensors.pair(this.name('rad'), this.signs, [1, blocks * paddedDim]) as Pair;
    const signed = pairProduct({ re: lines(x.re), im: x.im && lines(x.im) }, signs);
    const rows = this.tensors.get(this.name('perm'), this.rows, [this.rows.length]) as tf.Tensor1D;
    const transformed = (part: tf.Tensor2D): tf.Tensor2D =>
      spectral
        .walshHadamard(part.reshape([count, blocks, paddedDim]))
        .reshape<tf.Tensor2D>([count, blocks * paddedDim])
        .gather(rows, 1);
    return { re: transformed(signed.re), im: signed.im && transformed(signed.im) };
  }

  weights(): Weights {
    return {
      ...pairEntries(this.name('rad'), this.signs, [1, this.blocks, this.paddedDim]),
      [this.name('perm')]: { dtype: 'I32', shape: [this.rows.length], data: this.rows },
    };
  }

  dispose(): void {
    this.tensors.dispose();
  }

  private name(what: 'rad' | 'perm'): string {
    return `${this.prefix}${what}.${this.index}`;
  }

  private drawRows(key: random.Key, repeats: number): Int32Array {
    const { paddedDim } = this;
    if (this.blocks === 1) return random.permutation(key, repeats * paddedDim).map((row) => row % paddedDim);
    const rows = new Int32Array(repeats * paddedDim);
    for (let b = 0; b < repeats; b++) {
      const order = random.permutation(random.foldIn(key, b), paddedDim);
      rows.set(order.map((row) => b * paddedDim + row), b * paddedDim); // prettier-ignore
    }
    return rows;
  }
}
