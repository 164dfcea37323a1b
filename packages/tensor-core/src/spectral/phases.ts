import * as tf from '@tensorflow/tfjs';

/**
 * Constants c + i s that complex numbers are multiplied with, as both parts of the product want them: (c, c) for
 * (re, im) and (-s, s) for the parts exchanged.
 */
export interface Phases {
  straight: Float32Array;
  crossed: Float32Array;
  /** Of both; the parts are on the last axis but one. */
  shape: number[];
}

/** The constants of `groups` lines of `count`: `at(group, i)` gives real and imaginary part. */
export function phasesOf(groups: number, count: number, at: (group: number, i: number) => [number, number]): Phases {
  const straight = new Float32Array(2 * groups * count);
  const crossed = new Float32Array(2 * groups * count);
  for (let group = 0; group < groups; group++) {
    for (let i = 0; i < count; i++) {
      const [c, s] = at(group, i);
      const re = 2 * group * count + i;
      const im = re + count;
      straight[re] = straight[im] = c;
      crossed[re] = -s;
      crossed[im] = s;
    }
  }
  return { straight, crossed, shape: [1, groups, 2, count] };
}

/** x [R, G, 2, N] (or [R, 2, N] for one group) times the constants. */
export function turned<T extends tf.Tensor>(x: T, { straight, crossed, shape }: Phases): T {
  const fitting = shape.slice(4 - x.rank);
  const kept = x.mul<T>(tf.tensor(straight, fitting));
  return kept.add(x.reverse(x.rank - 2).mul(tf.tensor(crossed, fitting)));
}

/** What complex numbers are multiplied with to be conjugated; the parts are on the last axis but one. */
export function conjugation(): tf.Tensor {
  return tf.tensor([1, -1], [2, 1]);
}
