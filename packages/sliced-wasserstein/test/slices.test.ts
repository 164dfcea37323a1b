// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SliceDistribution, SliceOptions } from '../src';
import { drawSlices } from '../src/slices/slices';
import { evenSlices, haarRows, orthogonalSlices } from '../src/slices/uniform-slices';
import { normalRows, project, rowsOf, tensorOf, unitRows } from './clouds';

/** Norms and products of float32 rows of up to 1000 numbers: their roundings add up like sqrt(1000) 2^-24. */
const UNIT = 3e-6;
/** The largest difference of distribution functions of n draws, in 1 / sqrt(n); exceeded with probability 2 exp(-2 2.3^2) = 5e-5. */
const KOLMOGOROV = 2.3;

/** Rows of slices, and the sizes of the independent groups. */
function drawn(dim: number, options: SliceOptions): { theta: number[][]; groups: number[]; given: boolean } {
  let told = { groups: [] as number[], given: false };
  const values = tf.tidy(() => {
    const { theta, groups, given } = drawSlices('test', dim, options);
    told = { groups, given };
    expect(theta.dtype).toBe('float32');
    expect(theta.shape[1]).toBe(dim);
    return theta.dataSync();
  });
  return { theta: rowsOf(values, dim), ...told };
}

const dot = (u: ArrayLike<number>, v: ArrayLike<number>): number => project([u], v)[0]!;

/** sup |F_n - F| */
function kolmogorov(values: readonly number[], cdf: (value: number) => number): number {
  const sorted = [...values].sort((u, v) => u - v);
  return sorted.reduce((most, value, i) => {
    const at = cdf(value);
    return Math.max(most, Math.abs((i + 1) / sorted.length - at), Math.abs(at - i / sorted.length));
  }, 0);
}

/** A coordinate of uniform unit vectors: the arc sine law in the plane, uniform in space. */
const COORDINATE = {
  2: (value: number) => 1 - Math.acos(Math.min(1, Math.max(-1, value))) / Math.PI,
  3: (value: number) => (1 + value) / 2,
} as const;

describe.each(backendsUnderTest())('slices on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([
    ...[1, 2, 3, 10, 300].flatMap((dim) => (['uniform', 'orthogonal'] as const).map((sampler) => ({ dim, sampler }))),
    { dim: 2, sampler: 'qmc' as const },
    { dim: 3, sampler: 'qmc' as const },
  ])('are unit rows of as many as asked for, the same for the same key: $sampler, d = $dim', ({ dim, sampler }) => {
    for (const slices of [1, 7, 16]) {
      const options = { slices, sampler, key: random.key(1) };
      const { theta, groups, given } = drawn(dim, options);
      expect(theta).toHaveLength(slices);
      theta.forEach((row) => expect(dot(row, row)).toBeAllclose(1, { rtol: UNIT }));
      expect(groups.reduce((sum, size) => sum + size, 0)).toBe(slices);
      expect(given).toBe(false);
      expect(drawn(dim, options).theta).toEqual(theta);
      if (dim > 1) expect(drawn(dim, { ...options, key: random.key(2) }).theta).not.toEqual(theta);
    }
  });

  it('are orthogonal within blocks of d, and independent between them', () => {
    const { theta, groups } = drawn(5, { slices: 13, sampler: 'orthogonal', key: random.key(3) });
    expect(groups).toEqual([5, 5, 3]);
    const block = (i: number): number => Math.floor(i / 5);
    let largestBetween = 0;
    theta.forEach((u, i) =>
      theta.slice(0, i).forEach((v, j) => {
        if (block(i) === block(j)) expect(dot(u, v)).toBeAllclose(0, { atol: UNIT });
        else largestBetween = Math.max(largestBetween, Math.abs(dot(u, v)));
      }),
    );
    expect(largestBetween).toBeGreaterThan(0.1);
    expect(largestBetween).toBeLessThan(0.999);
  });

  it('that are given are taken as they are, each independent of the others', () => {
    const rows = unitRows(normalRows(4, 3, 4));
    const { theta, groups, given } = drawn(3, { slices: rows });
    expect({ theta, groups, given }).toEqual({ theta: rowsOf(rows.flatMap((row) => [...row]), 3), groups: [1, 1, 1, 1], given: true }); // prettier-ignore
    const tensor = tensorOf(rows);
    expect(drawSlices('test', 3, { slices: tensor }).theta).toBe(tensor);
    // What is given counts, whatever the sampler.
    expect(drawSlices('test', 3, { slices: tensor, sampler: 'orthogonal' }).theta).toBe(tensor);
    tensor.dispose();
    // A row that was normalised in float32 of large numbers is one of norm 1.
    expect(() => drawn(3, { slices: [[0.6, 0.8 + 2e-5, 0]] })).not.toThrow();
  });

  it('leave only themselves behind', () => {
    const key = random.key(5);
    for (const sampler of ['uniform', 'orthogonal', 'qmc'] as const) {
      expect(() => tf.tidy(() => drawSlices('test', 3, { slices: 9, sampler, key }).theta)).toLeakNothing();
    }
  });
});

describe('slices', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([
    { sampler: 'uniform', dim: 2 },
    { sampler: 'uniform', dim: 3 },
    { sampler: 'orthogonal', dim: 2 },
    { sampler: 'orthogonal', dim: 3 },
    { sampler: 'qmc', dim: 2 },
    { sampler: 'qmc', dim: 3 },
  ] as const)('are uniform on the sphere, each of them: $sampler, d = $dim', ({ sampler, dim }) => {
    const count = 2000;
    // One draw of d slices a key, so that slices of the same place are independent; the first and the last place.
    const draws = Array.from({ length: count }, (_, seed) =>
      drawn(dim, { slices: dim, sampler, key: random.foldIn(random.key(6), seed) }),
    );
    for (const place of [0, dim - 1]) {
      for (let axis = 0; axis < dim; axis++) {
        let values = draws.map(({ theta }) => theta[place]![axis]!);
        // Angles of half a turn, as slices that are opposite are the same: the second coordinate is not negative.
        if (sampler === 'qmc' && dim === 2) values = values.flatMap((value) => [value, -value]);
        expect(kolmogorov(values, COORDINATE[dim])).toBeLessThan(KOLMOGOROV / Math.sqrt(count));
      }
      const [u, v] = [draws.map(({ theta }) => theta[place]![0]!), draws.map(({ theta }) => theta[place]![1]!)];
      // E u_1 u_2 = 0, and its square is at most 1 / (d (d + 2)).
      const product = u.reduce((sum, value, i) => sum + value * v[i]!, 0) / count;
      expect(Math.abs(product)).toBeLessThan(4.5 / Math.sqrt(dim * (dim + 2) * count));
    }
  });

  it('of a rotated even set are uniform where the set is large, in every place', () => {
    const count = 1500;
    const places = [0, 3, 6];
    const values = places.map(() => [] as number[]);
    for (let seed = 0; seed < count; seed++) {
      const points = evenSlices(7, 3, random.foldIn(random.key(7), seed));
      places.forEach((place, i) => values[i]!.push(points[3 * place + 2]!));
    }
    for (const list of values) expect(kolmogorov(list, COORDINATE[3])).toBeLessThan(KOLMOGOROV / Math.sqrt(count));
  });

  it('of the sampler qmc are equal steps of half a turn in the plane', () => {
    const angles = drawn(2, { slices: 6, sampler: 'qmc' }).theta.map(([x, y]) => Math.atan2(y!, x!));
    expect(angles).toBeAllclose([1, 3, 5, 7, 9, 11].map((k) => (k * Math.PI) / 12), { rtol: UNIT }); // prettier-ignore
    const turned = rowsOf(evenSlices(6, 2, random.key(8)), 2).map(([x, y]) => Math.atan2(y!, x!));
    turned.slice(1).forEach((angle, k) => expect(angle - turned[k]!).toBeAllclose(Math.PI / 6, { rtol: UNIT }));
    expect(turned[0]).toBeGreaterThanOrEqual(0);
    expect(turned[0]).toBeLessThan(Math.PI / 6);
  });

  it('of the sampler qmc are of equal areas and golden angles in space', () => {
    const theta = drawn(3, { slices: 200, sampler: 'qmc' }).theta;
    expect(theta.map((row) => row[2]!)).toBeAllclose(Array.from({ length: 200 }, (_, k) => (2 * k + 1) / 200 - 1), { atol: UNIT }); // prettier-ignore
    const golden = 2 * Math.PI * (1 - 2 / (1 + Math.sqrt(5)));
    theta.forEach(([x, y], k) => {
      const radius = Math.hypot(x!, y!);
      expect([x! / radius, y! / radius]).toBeAllclose([Math.cos(golden * k), Math.sin(golden * k)], { atol: 1e-5 });
    });
    // Second moments are those of the sphere but for O(1 / L), where random slices would miss by 1 / sqrt(L) = 0.07.
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const moment = theta.reduce((sum, row) => sum + row[i]! * row[j]!, 0) / 200;
        expect(moment).toBeAllclose(i === j ? 1 / 3 : 0, { rtol: 0, atol: 1 / 200 });
      }
    }
  });

  it('of the sampler qmc come in 8 rotations of almost equal size, and in one group without key', () => {
    const key = random.key(9);
    const sizes = (slices: number): number[] => drawn(3, { slices, sampler: 'qmc', key }).groups;
    expect(sizes(64)).toEqual([8, 8, 8, 8, 8, 8, 8, 8]);
    expect(sizes(13)).toEqual([1, 2, 1, 2, 2, 1, 2, 2]);
    expect(sizes(3)).toEqual([1, 1, 1]);
    expect(drawn(2, { slices: 64, sampler: 'qmc' }).groups).toEqual([64]);
  });

  it('of a distribution are those that it samples', () => {
    const calls: unknown[][] = [];
    const axes: SliceDistribution = {
      dim: 2,
      sample: (...args) => {
        calls.push(args);
        return tf.tensor2d([[1, 0], [0, 1], [0, -1]]); // prettier-ignore
      },
    };
    const key = random.key(10);
    const { theta, groups } = drawn(2, { slices: 3, sampler: axes, key });
    expect(theta).toEqual([[1, 0], [0, 1], [0, -1]]); // prettier-ignore
    expect(groups).toEqual([1, 1, 1]);
    expect(calls).toEqual([[3, key]]);
  });

  it('by default are 128, uniform', () => {
    const key = random.key(11);
    expect(drawn(3, { key }).theta).toEqual(drawn(3, { slices: 128, sampler: 'uniform', key }).theta);
  });
});

describe('haarRows', () => {
  it('are orthonormal in float64, fewer than d of them too', () => {
    for (const [count, dim] of [
      [4, 4],
      [3, 8],
      [1, 5],
      [1, 1],
    ] as const) {
      // prettier-ignore
      const rows = rowsOf(haarRows(count, dim, random.key(12)), dim);
      expect(rows).toHaveLength(count);
      rows.forEach((u, i) =>
        rows.forEach((v, j) => expect(dot(u, v)).toBeAllclose(i === j ? 1 : 0, { rtol: 0, atol: 1e-13 })),
      );
    }
  });

  it('are rotations as often as reflections', () => {
    const count = 1000;
    let positive = 0;
    for (let seed = 0; seed < count; seed++) {
      const [a, b, c, d] = haarRows(2, 2, random.foldIn(random.key(13), seed)) as unknown as number[];
      if (a! * d! - b! * c! > 0) positive++;
    }
    // Binomial: the standard deviation is sqrt(1000) / 2.
    expect(Math.abs(positive - count / 2)).toBeLessThan((4.5 * Math.sqrt(count)) / 2);
  });

  it('make blocks that differ, of one key', () => {
    const slices = rowsOf(orthogonalSlices(4, 2, random.key(14)), 2);
    expect(slices.slice(0, 2)).not.toEqual(slices.slice(2));
  });
});
