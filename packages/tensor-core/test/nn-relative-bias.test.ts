// H heads, T queries, S keys, L length of an axis.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { ContinuousRelativeBias, RelativeBias, relativeDistances, t5Buckets, type Module } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest, loadGolden } from '../src/testing';
import { golden } from './nn-attention-parity';
import { load } from './nn-parity';
import { values } from './values';

// Sixteen sigmoids of float32 sums of 512 products.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 1e-5 };

/** The biases of the code that public weights were trained with. */
const reference = loadGolden(new URL('./golden/nn/relative_bias.safetensors', import.meta.url));
const LENGTHS = [1, 2, 4, 5, 8, 13];

afterEach(() => tf.disposeVariables());

describe('t5Buckets', () => {
  it.each([
    [32, 128, true],
    [32, 128, false],
    [32, 32, true],
    [10, 20, true],
    [7, 100, false],
  ])(
    'equal those of the published formula: %i buckets, up to %i, both directions %s',
    (numBuckets, maxDistance, bidirectional) => {
      const distances = Array.from({ length: 301 }, (_, n) => n - 150);
      const buckets = t5Buckets(distances, { numBuckets, maxDistance, bidirectional });
      expect(buckets).toEqual([
        ...golden.get(`t5/${numBuckets}.${maxDistance}.${bidirectional ? 'both' : 'one'}`).data,
      ]);
    },
  );

  it('are 32 up to a distance of 128 in both directions by default', () => {
    const distances = [-200, -7, 0, 7, 8, 200];
    expect(t5Buckets(distances)).toEqual(
      t5Buckets(distances, { numBuckets: 32, maxDistance: 128, bidirectional: true }),
    );
  });

  it('grow with the distance and stay within their number', () => {
    const options = fc.record({
      numBuckets: fc.integer({ min: 2, max: 40 }).map((n) => 2 * n),
      maxDistance: fc.integer({ min: 41, max: 2000 }),
    });
    fc.assert(
      fc.property(options, fc.integer({ min: 0, max: 3000 }), ({ numBuckets, maxDistance }, a) => {
        const [near, far, beyond, after] = t5Buckets([-a, -a - 1, -maxDistance, a + 1], { numBuckets, maxDistance }) as [number, number, number, number]; // prettier-ignore
        expect(far === near || far === near + 1 || a >= numBuckets / 4).toBe(true);
        expect(far).toBeGreaterThanOrEqual(near);
        expect(beyond).toBe(numBuckets / 2 - 1);
        expect(after).toBe(far + numBuckets / 2);
        expect(after).toBeLessThan(numBuckets);
      }),
    );
  });

  it('says what does not fit', () => {
    const where = 'tensor-core.t5Buckets: ';
    expect(() => t5Buckets([0], { numBuckets: 5 })).toThrow(
      `${where}numBuckets must be even in both directions, got 5.`,
    );
    expect(() => t5Buckets([0], { numBuckets: 2 })).toThrow(`${where}numBuckets must be an integer >= 4, got 2.`);
    expect(() => t5Buckets([0], { numBuckets: 1, bidirectional: false })).toThrow(
      `${where}numBuckets must be an integer >= 2, got 1.`,
    );
    expect(() => t5Buckets([0], { maxDistance: 8 })).toThrow(`${where}maxDistance must be an integer > 8, got 8.`);
    expect(() => t5Buckets([0, 1.5])).toThrow(`${where}distances[1] must be an integer, got 1.5.`);
  });
});

describe('relativeDistances', () => {
  it('are all differences on an open axis', () => {
    expect(relativeDistances(1)).toEqual([0]);
    expect(relativeDistances(4)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
  });

  it('are the shortest way round a periodic axis with the exact wrap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (L) => {
        const wrapped = relativeDistances(L, { periodic: true, wrap: 'exact' });
        relativeDistances(L).forEach((distance, n) => {
          expect((((wrapped[n]! - distance) % L) + L) % L).toBe(0);
          expect(Math.abs(wrapped[n]!)).toBeLessThanOrEqual(L / 2);
        });
      }),
    );
  });

  it('are the same with the wrap of the reference on even lengths, and its own on odd ones', () => {
    for (const L of [2, 4, 6, 24]) {
      expect(relativeDistances(L, { periodic: true })).toEqual(relativeDistances(L, { periodic: true, wrap: 'exact' }));
    }
    expect(relativeDistances(5, { periodic: true })).toEqual([0, 1, -2, -1, 0, 1, 2, -1, 0]);
    expect(relativeDistances(5, { periodic: true, wrap: 'exact' })).toEqual([1, 2, -2, -1, 0, 1, 2, -2, -1]);
  });

  it('says what does not fit', () => {
    expect(() => relativeDistances(0)).toThrow('tensor-core.relativeDistances: length must be an integer >= 1, got 0.');
    const wrap = 'none' as 'exact';
    expect(() => relativeDistances(3, { wrap })).toThrow(
      'tensor-core.relativeDistances: wrap must be one of "reference", "exact", got "none".',
    );
  });
});

describe.each(backendsUnderTest())('relative biases on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  /** A bias and its gradient by each parameter, at once and compiled. */
  const expectGradients = (
    module: Module,
    forward: () => tf.Tensor,
    weigh: tf.Tensor,
    expected: Record<string, number[]>,
  ): void => {
    const step = (): tf.NamedTensorMap => {
      const { value, grads } = tf.variableGrads(() => forward().mul(weigh).sum().asScalar());
      value.dispose();
      return grads;
    };
    for (const grads of [step(), jit(step)()]) {
      for (const [name, variable] of module.namedParameters()) {
        if (expected[name]) expect(grads[variable.name]!.flatten()).toBeAllclose(expected[name], FLOAT32_SUMS);
      }
    }
  };

  describe('RelativeBias', () => {
    const create = (): RelativeBias =>
      load(new RelativeBias(2, { key: null, maxDistance: 32 }), reference, 'RelativePositionBias.w.');

    it.each(LENGTHS)('equals the reference on axes of length %i, open and periodic', (L) => {
      const bias = create();
      for (const periodic of [false, true]) {
        const expected = reference.get(`RelativePositionBias.L${L}.bc${periodic ? 1 : 0}`);
        expect(bias.forward(L, L, { periodic }).expandDims(0)).toBeAllclose(expected, { rtol: 0, atol: 0 });
        expect(jit(() => bias.forward(L, L, { periodic }).expandDims(0))()).toBeAllclose(expected, {
          rtol: 0,
          atol: 0,
        });
      }
    });

    it('puts the bucket of key minus query at each place, for different lengths', () => {
      const bias = new RelativeBias(3, { key: key(1), numBuckets: 8, maxDistance: 6 });
      const table = bias.weight.arraySync() as number[][];
      for (const [T, S] of [[2, 5], [6, 3], [1, 1], [1, 9]] as const) {
        const expected = [0, 1, 2].map((h) =>
          Array.from({ length: T }, (_, i) =>
            Array.from({ length: S }, (__, j) => table[t5Buckets([j - i], { numBuckets: 8, maxDistance: 6 })[0]!]![h]!),
          ),
        );
        expect(bias.forward(T, S)).toBeAllclose(expected, { rtol: 0, atol: 0 });
      } // prettier-ignore
    });

    it('takes the exact wrap where that is wanted', () => {
      const bias = new RelativeBias(1, { key: key(1), wrap: 'exact' });
      const matrix = bias.forward(5, 5, { periodic: true }).arraySync() as number[][][];
      expect(matrix[0]![0]![4]).toBe(matrix[0]![1]![0]);
      expect(matrix[0]![0]![1]).toBe(matrix[0]![4]![0]);
    });

    it('gives each bucket the sum of the gradients where it is', () => {
      const bias = new RelativeBias(2, { key: key(1), numBuckets: 8, maxDistance: 5 });
      const weigh = values([2, 4, 3], 2);
      const expected = Array<number>(16).fill(0);
      (weigh.arraySync() as number[][][]).forEach((rows, h) =>
        rows.forEach((row, i) =>
          row.forEach(
            (value, j) => (expected[2 * t5Buckets([j - i], { numBuckets: 8, maxDistance: 5 })[0]! + h]! += value),
          ),
        ),
      );
      expectGradients(bias, () => bias.forward(4, 3), weigh, { 'relative_attention_bias.weight': expected });
    });

    it('leaves nothing behind', () => {
      const bias = create();
      expect(() => bias.forward(4, 6)).toLeakNothing();
      expect(() => bias.forward(4, 4, { periodic: true })).toLeakNothing();
      expect(() => tf.variableGrads(() => bias.forward(4).sum().asScalar())).toLeakNothing();
    });
  });

  describe('ContinuousRelativeBias', () => {
    const create = (): ContinuousRelativeBias =>
      load(new ContinuousRelativeBias(2, { key: null }), reference, 'ContinuousPositionBias1D.w.');

    it.each([[2, 0], [2, 1], [3, 0], [4, 0], [4, 1], [5, 0], [6, 1], [8, 0], [8, 1]])('equals the reference on an axis of length %i, periodic %i', (L, periodic) => {
      const bias = create();
      const expected = reference.get(`ContinuousPositionBias1D.L${L}.bc${periodic}`);
      const forward = (): tf.Tensor => bias.forward(L, { periodic: periodic === 1 }).expandDims(0);
      expect(forward()).toBeAllclose(expected, FLOAT32_SUMS);
      expect(jit(forward)()).toBeAllclose(expected, FLOAT32_SUMS);
    }); // prettier-ignore

    it('is the same the shortest way round, of odd lengths with the exact wrap', () => {
      const bias = new ContinuousRelativeBias(1, { key: key(1), hidden: 8, wrap: 'exact' });
      const matrix = bias.forward(5, { periodic: true }).arraySync() as number[][][];
      expect(matrix[0]![0]![4]).toBe(matrix[0]![1]![0]);
      expect(matrix[0]![0]![1]).not.toBe(matrix[0]![1]![0]);
      const short = bias.forward(1).arraySync() as number[][][];
      expect(short[0]![0]![0]).toBe(matrix[0]![2]![2]);
    });

    it('is differentiated as its formula', () => {
      const bias = new ContinuousRelativeBias(2, { key: key(1), hidden: 5 });
      const weigh = values([2, 3, 3], 2);
      const [first, shift, second] = bias.namedParameters().map(([, variable]) => variable);
      const formula = (): tf.Scalar => {
        const distance = tf.range(0, 3).expandDims(0).sub(tf.range(0, 3).expandDims(1)).div(2);
        const hidden = tf.relu(
          distance
            .reshape([9, 1])
            .mul(first!.reshape([1, 5]))
            .add(shift!),
        );
        const scores = tf
          .stack([0, 1].map((h) => hidden.mul(second!.slice([h, 0], [1, 5])).sum(-1)))
          .reshape([2, 3, 3]);
        return scores.sigmoid().mul(16).mul(weigh).sum().asScalar();
      };
      const { grads } = tf.variableGrads(formula);
      const expected = Object.fromEntries(bias.namedParameters().map(([name, { name: id }]) => [name, [...grads[id]!.dataSync()]])); // prettier-ignore
      expectGradients(bias, () => bias.forward(3), weigh, expected);
    });

    it('leaves nothing behind', () => {
      const bias = create();
      expect(() => bias.forward(4)).toLeakNothing();
      expect(() => tf.variableGrads(() => bias.forward(4, { periodic: true }).sum().asScalar())).toLeakNothing();
    });
  });
});

describe('relative biases', () => {
  beforeAll(() => useBackend('cpu'));

  it('start with the laws of PyTorch', () => {
    const { weight } = new RelativeBias(64, { key: key(1) });
    expect(weight.shape).toEqual([32, 64]);
    // Mean and variance of 2048 standard normal numbers, within five of their standard deviations.
    expect(Math.abs(weight.mean().dataSync()[0]!)).toBeLessThan(5 / Math.sqrt(2048));
    expect(Math.abs(weight.square().mean().dataSync()[0]! - 1)).toBeLessThan(5 * Math.sqrt(2 / 2048));
    const shapes = new ContinuousRelativeBias(3, { key: key(1) })
      .namedParameters()
      .map(([name, { shape }]) => [name, shape]);
    expect(shapes).toEqual([['cpb_mlp.0.weight', [512, 1]], ['cpb_mlp.0.bias', [512]], ['cpb_mlp.2.weight', [3, 512]]]); // prettier-ignore
  });

  it('say what does not fit', () => {
    const options = { key: null };
    expect(() => new RelativeBias(0, options)).toThrow(
      'tensor-core.RelativeBias: heads must be an integer >= 1, got 0.',
    );
    expect(() => new RelativeBias(1, { ...options, numBuckets: 3 })).toThrow(
      'tensor-core.t5Buckets: numBuckets must be',
    );
    expect(() => new RelativeBias(1, { ...options, wrap: 'x' as 'exact' })).toThrow(
      'tensor-core.RelativeBias: wrap must be',
    );
    const bias = new RelativeBias(1, options);
    const where = 'tensor-core.RelativeBias.forward: ';
    expect(() => bias.forward(4, 5, { periodic: true })).toThrow(
      `${where}keys must equal the 4 queries on a periodic axis, got 5.`,
    );
    expect(() => bias.forward(0)).toThrow(`${where}queries must be an integer >= 1, got 0.`);
    const continuous = new ContinuousRelativeBias(1, options);
    const call = 'tensor-core.ContinuousRelativeBias';
    expect(() => continuous.forward(5, { periodic: true })).toThrow(
      `${call}.forward: length must be even on a periodic axis, got 5. Pass { wrap: 'exact' } to the constructor`,
    );
    expect(() => continuous.forward(0)).toThrow(`${call}.forward: length must be an integer >= 1, got 0.`);
    expect(() => new ContinuousRelativeBias(1, { ...options, hidden: 0 })).toThrow(
      `${call}: hidden must be an integer >= 1`,
    );
    expect(() => new ContinuousRelativeBias(1, { ...options, wrap: 'x' as 'exact' })).toThrow(
      `${call}: wrap must be one of`,
    );
  });
});
