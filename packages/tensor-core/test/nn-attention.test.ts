// B batch, H heads, T queries, S keys, D width of queries and keys, E width of values.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { scaledDotProductAttention as attend, mergeHeads, splitHeads, type AttentionOptions } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest, finiteDifferences, valuesOf } from '../src/testing';
import { values } from './values';

// float32 sums of up to 16 products of numbers below 1, their exponentials and sums of these.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 2e-6 };
// Central differences with step 1e-2 of a float32 function below 10 in size: rounding 1e-6 / 1e-2, truncation 1e-4.
const FLOAT32_DIFFERENCES = { rtol: 1e-2, atol: 1e-3 };

const [B, H, T, S, D, E] = [2, 3, 4, 5, 6, 7] as const;
const operands = (): [tf.Tensor, tf.Tensor, tf.Tensor] => [
  values([B, H, T, D], 1),
  values([B, H, S, D], 2),
  values([B, H, S, E], 3),
];

interface Oracle {
  bias?: (b: number, h: number, i: number, j: number) => number;
  scale?: number;
}

/** Attention from its definition in float64, one number after the other; a bias of -Infinity masks. */
function bruteForce(
  operands: tf.Tensor[],
  { bias = () => 0, scale }: Oracle = {},
): { out: number[][][][]; weights: number[][][][] } {
  const [q, k, v] = operands.map((x) => x.arraySync() as number[][][][]) as [
    number[][][][],
    number[][][][],
    number[][][][],
  ];
  const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const factor = scale ?? 1 / Math.sqrt(q[0]![0]![0]!.length);
  const weights = q.map((heads, b) =>
    heads.map((queries, h) =>
      queries.map((query, i) => {
        const scores = k[b]![h]!.map((row, j) => factor * dot(query, row) + bias(b, h, i, j));
        const shares = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const sum = shares.reduce((total, share) => total + share, 0);
        return shares.map((share) => (Number.isNaN(share) ? 0 : share / sum));
      }),
    ),
  );
  const out = weights.map((heads, b) =>
    heads.map((rows, h) =>
      rows.map((row) =>
        v[b]![h]![0]!.map((_, e) =>
          dot(
            row,
            v[b]![h]!.map((value) => value[e]!),
          ),
        ),
      ),
    ),
  );
  return { out, weights };
}

/** A mask without a pattern, and its oracle. */
const attends = (b: number, h: number, i: number, j: number): boolean => (7 * b + 5 * h + 3 * i + 2 * j) % 4 !== 0;
const closedWhere =
  (rule: typeof attends) =>
  (...place: Parameters<typeof attends>): number =>
    rule(...place) ? 0 : -Infinity;
function maskOf(rule: typeof attends, shape: [number, number, number, number]): tf.Tensor {
  const open = Array.from({ length: shape.reduce((a, b) => a * b) }, (_, n) => {
    const [, heads, queries, keys] = shape;
    const j = n % keys;
    const i = Math.floor(n / keys) % queries;
    const h = Math.floor(n / keys / queries) % heads;
    return rule(Math.floor(n / keys / queries / heads), h, i, j);
  });
  return tf.tensor(open, shape, 'bool');
}

describe.each(backendsUnderTest())('scaledDotProductAttention on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe('equals its definition', () => {
    const bias = values([H, T, S], 9);
    const biasAt = (_: number, h: number, i: number, j: number): number =>
      (bias.arraySync() as number[][][])[h]![i]![j]!;
    const padding = [[0, 0, 1, 0, 1], [1, 0, 0, 0, 0]]; // prettier-ignore
    const isPadded = (b: number, j: number): boolean => padding[b]![j] === 1;
    const CASES: Record<string, [() => AttentionOptions, Oracle]> = {
      'without options': [() => ({}), {}],
      'with a scale': [() => ({ scale: 2 }), { scale: 2 }],
      'with a scale of 1': [() => ({ scale: 1 }), { scale: 1 }],
      'with a bias': [() => ({ bias }), { bias: biasAt }],
      'with a causal mask': [() => ({ mask: 'causal' }), { bias: closedWhere((b, h, i, j) => j <= i) }],
      'with a bool mask': [() => ({ mask: maskOf(attends, [B, H, T, S]) }), { bias: closedWhere(attends) }],
      'with a mask of queries alone': [
        () => ({ mask: maskOf((_, __, i) => i !== 2, [1, 1, T, 1]) }),
        { bias: closedWhere((b, h, i) => i !== 2) },
      ],
      'with a float mask': [
        () => ({ mask: tf.where(maskOf(attends, [B, H, T, S]), values([B, H, T, S], 5), -Infinity) }),
        {
          bias: (b, h, i, j) => (attends(b, h, i, j) ? (values([B, H, T, S], 5).arraySync() as number[][][][])[b]![h]![i]![j]! : -Infinity), // prettier-ignore
        },
      ],
      'with padding': [
        () => ({ keyPadding: tf.tensor2d(padding, [B, S], 'bool') }),
        { bias: closedWhere((b, _, __, j) => !isPadded(b, j)) },
      ],
      'with everything': [
        () => ({ mask: 'causal', keyPadding: tf.tensor2d(padding, [B, S], 'bool'), bias, scale: 0.7 }),
        {
          bias: (b, h, i, j) => (j <= i && !isPadded(b, j) ? biasAt(b, h, i, j) : -Infinity),
          scale: 0.7,
        },
      ],
    };
    it.each(Object.entries(CASES))('%s', (_, [options, oracle]) => {
      const expected = bruteForce(operands(), oracle);
      const made = options();
      const plain = attend(...operands(), made);
      expect(plain.out).toBeAllclose(expected.out, FLOAT32_SUMS);
      expect(plain.weights).toBeUndefined();
      const { out, weights } = attend(...operands(), { ...made, weights: true });
      expect(out).toBeAllclose(expected.out, FLOAT32_SUMS);
      expect(weights).toBeAllclose(expected.weights, FLOAT32_SUMS);
      const compiled = jit((q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => attend(q, k, v, made).out);
      expect(compiled(...operands())).toBeAllclose(expected.out, FLOAT32_SUMS);
    });
  });

  it('has weights that sum to 1, and are exactly 0 after the query under a causal mask', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => values([1, 2, 20, 4], seed).mul(30)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const { weights } = attend(q, k, v, { mask: 'causal', weights: true });
    expect(weights!.sum(-1)).toBeAllclose(tf.ones([1, 2, 20]), FLOAT32_SUMS);
    const rows = weights!.reshape([40, 20]).arraySync() as number[][];
    const after = rows.flatMap((row, i) => row.slice((i % 20) + 1));
    expect(after.length).toBe(2 * 190);
    expect(after.every((weight) => weight === 0)).toBe(true);
  });

  it('gives the same bits for a token whatever comes after it, under a causal mask', () => {
    const [q, k, v] = operands().map((x) => x.slice([0, 0, 0, 0], [B, H, T, x.shape[3]!])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const changed = [k, v].map((x) => tf.concat([x.slice([0, 0, 0, 0], [B, H, 2, -1]), x.slice([0, 0, 2, 0]).mul(-9).add(4)], 2)) as [tf.Tensor, tf.Tensor]; // prettier-ignore
    const [one, other] = [attend(q, k, v, { mask: 'causal' }).out, attend(q, ...changed, { mask: 'causal' }).out];
    const head = (x: tf.Tensor): number[] => [...x.slice([0, 0, 0, 0], [B, H, 2, E]).dataSync()];
    expect(head(other)).toEqual(head(one));
    expect([...other.dataSync()]).not.toEqual([...one.dataSync()]);
  });

  it('does not see the order of the keys, nor padding', () => {
    const [q, k, v] = operands();
    const { out } = attend(q, k, v);
    const order = tf.tensor1d([3, 0, 4, 1, 2], 'int32');
    expect(attend(q, k.gather(order, 2), v.gather(order, 2)).out).toBeAllclose(out, FLOAT32_SUMS);
    const [longK, longV] = [k, v].map((x) => tf.concat([x, values([B, H, 3, x.shape[3]!], 8).mul(50)], 2));
    const keyPadding = tf.tensor2d(
      [0, 1].flatMap(() => [0, 0, 0, 0, 0, 1, 1, 1]),
      [B, 8],
      'bool',
    );
    expect(attend(q, longK!, longV!, { keyPadding }).out).toBeAllclose(out, FLOAT32_SUMS);
  });

  it('subtracts the largest score, so that none overflows', () => {
    const [q, k, v] = operands();
    const { out } = attend(q.mul(1e4), k, v);
    expect(out).toBeAllclose(bruteForce([q.mul(1e4), k, v]).out, { rtol: 1e-3, atol: 1e-3 });
  });

  it('gives 0 for queries that attend no key, and no gradient', () => {
    const mask = maskOf((b, _, i) => !(b === 1 && i === 2), [B, 1, T, 1]);
    for (const weights of [false, true]) {
      const loss = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor => attend(q, k, v, { mask, weights }).out.mul(values([B, H, T, E], 4)).sum(); // prettier-ignore
      const { out } = attend(...operands(), { mask, weights });
      expect(out.slice([1, 0, 2, 0], [1, H, 1, E])).toBeAllclose(tf.zeros([1, H, 1, E]), { rtol: 0, atol: 0 });
      const [dq, dk, dv] = tf.grads(loss)(operands());
      expect(dq!.slice([1, 0, 2, 0], [1, H, 1, D])).toBeAllclose(tf.zeros([1, H, 1, D]), { rtol: 0, atol: 0 });
      for (const gradient of [dq!, dk!, dv!]) expect(gradient.isNaN().any().dataSync()[0]).toBe(0);
    }
    const nobody = tf.ones([B, S], 'bool');
    expect(attend(...operands(), { keyPadding: nobody }).out).toBeAllclose(tf.zeros([B, H, T, E]));
  });

  describe('has gradients', () => {
    const weigh = values([B, H, T, E], 4);
    const options = (): AttentionOptions => ({ mask: maskOf(attends, [1, H, T, S]), scale: 0.8 });
    const lossOf =
      (more: AttentionOptions) =>
      (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
        attend(q, k, v, { ...options(), ...more, bias })
          .out.mul(weigh)
          .sum();
    const inputs = (): tf.Tensor[] => [...operands(), values([H, T, S], 9)];

    it('that agree with finite differences', () => {
      const shapes = [[1, 2, 2, 2], [1, 2, 3, 2], [1, 2, 3, 3], [2, 2, 3]]; // prettier-ignore
      const points = shapes.map((shape, n) => values(shape, n + 1));
      const mask = tf.tensor3d([1, 0, 1, 1, 1, 1], [1, 2, 3], 'bool');
      const loss = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
        attend(q, k, v, { mask, bias, scale: 0.8 })
          .out.mul(values([1, 2, 2, 3], 7))
          .sum();
      const gradients = tf.grads(loss)(points);
      points.forEach((x, n) => {
        const moved = (point: Float64Array): tf.Tensor[] =>
          points.with(n, tf.tensor(Float32Array.from(point), x.shape));
        const lossAt = (point: Float64Array): number =>
          tf.tidy(() => loss(...(moved(point) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor])).dataSync()[0]!);
        const numeric = finiteDifferences(lossAt, x.dataSync(), 1e-2);
        expect(gradients[n]!.flatten()).toBeAllclose(numeric, FLOAT32_DIFFERENCES);
      });
    });

    it.each([false, true])('that are those of the parts, with dropout %s', (isDropped) => {
      const more: AttentionOptions = isDropped ? { dropout: { rate: 0.4, key: key(3) } } : {};
      const [short, long] = [tf.grads(lossOf(more)), tf.grads(lossOf({ ...more, weights: true }))];
      const expected = long(inputs());
      short(inputs()).forEach((gradient, n) => expect(gradient).toBeAllclose(expected[n], FLOAT32_SUMS));
      const compiled = jit((...xs: tf.Tensor[]) => tf.grads(lossOf(more))(xs));
      compiled(...inputs()).forEach((gradient, n) => expect(gradient).toBeAllclose(expected[n], FLOAT32_SUMS));
    });

    it('and leaves nothing behind', () => {
      const xs = inputs();
      const [q, k, v] = xs as [tf.Tensor, tf.Tensor, tf.Tensor];
      const keyPadding = tf.zeros([B, S], 'bool');
      const mask = maskOf(attends, [1, H, T, S]);
      const more: AttentionOptions = { mask, keyPadding, dropout: { rate: 0.5, key: key(1) } };
      expect(() => attend(q, k, v, more)).toLeakNothing();
      expect(() => attend(q, k, v, { ...more, weights: true })).toLeakNothing();
      expect(() => attend(q, k, v, { mask: 'causal', scale: 1 })).toLeakNothing();
      const loss = (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor): tf.Tensor => attend(a, b, c, more).out.sum();
      expect(() => tf.grads(loss)([q, k, v])).toLeakNothing();
    });
  });

  it('drops weights with the probability of the rate and scales the others', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => values([2, 2, 64, 2], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const rate = 0.3;
    const whole = attend(q, k, v, { weights: true }).weights!.dataSync();
    const { out, weights } = attend(q, k, v, { dropout: { rate, key: key(5) }, weights: true });
    const dropped = weights!.dataSync();
    expect(dropped.every((w, i) => w === 0 || Math.abs(w * (1 - rate) - whole[i]!) < 1e-6)).toBe(true);
    // Four standard deviations of a binomial fraction of N draws.
    const N = dropped.length;
    const fraction = dropped.filter((w) => w === 0).length / N;
    expect(Math.abs(fraction - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / N));
    expect(attend(q, k, v, { dropout: { rate, key: key(5) } }).out).toBeAllclose(out, FLOAT32_SUMS);
    expect(attend(q, k, v, { dropout: { rate: 0, key: key(5) } }).out).toBeAllclose(attend(q, k, v).out);
  });
});

describe('scaledDotProductAttention', () => {
  beforeAll(() => useBackend('cpu'));

  it('equals its definition for any lengths', () => {
    const length = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(length, length, length, length, length, length, (b, h, t, s, d, e) => {
        const [q, k, v] = [values([b, h, t, d], 1), values([b, h, s, d], 2), values([b, h, s, e], 3)];
        const expected = bruteForce([q, k, v], { bias: closedWhere((_, __, i, j) => j <= i) });
        expect(attend(q, k, v, { mask: 'causal' }).out).toBeAllclose(expected.out, FLOAT32_SUMS);
      }),
      { numRuns: 40 },
    );
  });

  it('says what does not fit', () => {
    const [q, k, v] = operands();
    const call = (...args: unknown[]) => () => attend(...(args as [tf.Tensor, tf.Tensor, tf.Tensor, AttentionOptions])); // prettier-ignore
    const where = 'tensor-core.scaledDotProductAttention: ';
    expect(call(values([T, D]), k, v)).toThrow(
      `${where}q must have shape [*, *, *, *], got a float32 tensor of shape [4, 6]. Its axes are batch, heads, queries, width.`,
    );
    expect(call(q, values([B, H, S, 2]), v)).toThrow(`${where}k must have shape [2, 3, *, 6], got a float32`);
    expect(call(q, k, values([B, H, T, E]))).toThrow(`${where}v must have shape [2, 3, 5, *], got a float32`);
    expect(call(q, tf.zeros([B, H, 0, D]), tf.zeros([B, H, 0, E]))).toThrow(
      `${where}k must have at least one key, got`,
    );
    expect(call(q, k, v, { scale: NaN })).toThrow(`${where}scale must be a finite number, got NaN.`);
    expect(call(q, k, v, { dropout: { rate: 1, key: key(1) } })).toThrow(
      `${where}dropout.rate must be a finite number >= 0 and < 1, got 1.`,
    );
    expect(call(q, k, v, { bias: values([T, T]) })).toThrow(
      `${where}bias must broadcast to [2, 3, 4, 5], got a float32 tensor of shape [4, 4].`,
    );
    expect(call(q, k, v, { bias: values([1, B, H, T, S]) })).toThrow(
      `${where}bias must broadcast to [2, 3, 4, 5], got`,
    );
    expect(call(q, k, v, { mask: values([B, 1, S, S]) })).toThrow(`${where}mask must broadcast to [2, 3, 4, 5], got`);
    expect(call(q, k, v, { mask: 'none' })).toThrow(`${where}mask must broadcast to [2, 3, 4, 5], got "none".`);
    expect(call(q, k, v, { mask: tf.ones([T, S], 'int32') })).toThrow(
      `${where}mask must be 'causal', bool or float32, got a int32 tensor`,
    );
    expect(call(q, k, v, { keyPadding: tf.ones([B, S]) })).toThrow(
      `${where}keyPadding must be bool, true at padding, got a float32`,
    );
    expect(call(q, k, v, { keyPadding: tf.ones([B, T], 'bool') })).toThrow(
      `${where}keyPadding must have shape [2, 5], got`,
    );
  });
});

describe.each(backendsUnderTest())('splitHeads and mergeHeads on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([1, 2, 6])('put %i neighbouring stretches of each token into heads, and back', (heads) => {
    const x = values([2, 3, 6]);
    const split = splitHeads(x, heads);
    const width = 6 / heads;
    expect(split.shape).toEqual([2, heads, 3, width]);
    const [all, cut] = [x.arraySync() as number[][][], split.arraySync() as number[][][][]];
    all.forEach((tokens, b) =>
      tokens.forEach((token, t) => expect(cut[b]!.flatMap((head) => head[t]!)).toEqual(token)),
    );
    expect(valuesOf(mergeHeads(split))).toEqual(valuesOf(x));
    expect(() => splitHeads(x, heads)).toLeakNothing();
    expect(() => mergeHeads(split)).toLeakNothing();
  });

  it('say what does not fit', () => {
    const where = 'tensor-core.splitHeads: ';
    expect(() => splitHeads(values([2, 6]), 2)).toThrow(`${where}x must have shape [*, *, *], got`);
    expect(() => splitHeads(values([2, 3, 6]), 4)).toThrow(`${where}x must have a width that 4 divides, got a float32`);
    expect(() => splitHeads(values([2, 3, 6]), 0)).toThrow(`${where}heads must be an integer >= 1, got 0.`);
    expect(() => mergeHeads(values([2, 6]))).toThrow('tensor-core.mergeHeads: x must have shape [*, *, *, *], got');
  });
});
