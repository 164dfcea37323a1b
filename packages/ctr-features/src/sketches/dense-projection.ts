import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';
import type { Pair } from './pair';
import type { Projection, ProjectionShape, ProjectionSource } from './projection';
import { drawSigns, type HostPair } from './signs';
import { givenPair, pairEntries, WeightTensors, type Weights } from '../weights';

/**
 * A projection by a matrix of independent entries: normal, or signs.
 *
 * | kind       | real   | complex                    |
 * | ---------- | ------ | -------------------------- |
 * | gaussian   | N(0,1) | (N(0,1) + i N(0,1)) / sqrt(2) |
 * | rademacher | 1, -1  | 1, -1, i, -i               |
 */
export class DenseProjection implements Projection {
  private readonly name: string;
  private readonly shape: [number, number];
  private readonly w: HostPair;
  private readonly tensors = new WeightTensors();

  constructor({ projection, inputDim, features, complex }: ProjectionShape, source: ProjectionSource) {
    const { where, index, prefix = '', from } = source;
    this.name = `${prefix}w.${index}`;
    this.shape = [inputDim, features];
    const size = inputDim * features;
    if (!(from instanceof random.Key)) this.w = givenPair(where, from, this.name, this.shape, complex);
    else this.w = projection === 'gaussian' ? drawNormal(from, size, complex) : drawSigns(from, size, complex);
  }

  project(x: Pair): Pair {
    const w = this.tensors.pair(this.name, this.w, this.shape) as Pair;
    const times = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.matMul(a, b);
    const re = times(x.re, w.re);
    if (x.im === null) return { re, im: w.im === null ? null : times(x.re, w.im) };
    if (w.im === null) return { re, im: times(x.im, w.re) };
    return { re: re.sub<tf.Tensor2D>(times(x.im, w.im)), im: times(x.re, w.im).add<tf.Tensor2D>(times(x.im, w.re)) };
  }

  weights(): Weights {
    return pairEntries(this.name, this.w, this.shape);
  }

  dispose(): void {
    this.tensors.dispose();
  }
}

function drawNormal(key: random.Key, size: number, complex: boolean): HostPair {
  const std = complex ? Math.SQRT1_2 : 1;
  const part = (index: number): Float32Array =>
    random.fillNormal(random.foldIn(key, index), new Float32Array(size), { std });
  return { re: part(0), im: complex ? part(1) : null };
}
