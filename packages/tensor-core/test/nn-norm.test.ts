import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import * as fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { ShapeError } from '../src/check';
import { BatchNorm, GroupNorm, InstanceNorm, LayerNorm, layerNorm, RmsNorm, type Module } from '../src/nn';
import { backendsUnderTest, finiteDifferences } from '../src/testing';
import { channelsLast, compiling, goldenTensor, layers, load } from './nn-parity';
import { numbers, values } from './values';

// Sums of some hundred float32 numbers near 1.
const FLOAT32 = { rtol: 1e-5, atol: 1e-5 };

// Central differences of float32 with steps h = 1e-2: rounding 1e-7 * 20 / h, third derivatives of about 30 h^2.
const DIFFERENCES = { rtol: 5e-3, atol: 5e-3 };

interface Norm extends Module {
  forward(x: tf.Tensor): tf.Tensor;
}

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('normalisations on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each<[string, () => Norm, number[]]>([
    ['LayerNorm', () => new LayerNorm(6, { epsilon: 0 }), [3]],
    ['LayerNorm over images', () => new LayerNorm([6, 4, 5], { epsilon: 0 }), [1, 2, 3]],
    ['GroupNorm of one group', () => new GroupNorm(1, 6, { epsilon: 0 }), [1, 2, 3]],
    ['InstanceNorm', () => new InstanceNorm(6, { epsilon: 0 }), [1, 2]],
    ['BatchNorm', () => new BatchNorm(6, { epsilon: 0 }), [0, 1, 2]],
  ])('%s gives mean 0 and variance 1 over its axes, whatever scale and shift the input has', (_, create, axes) => {
    const norm = create();
    const x = values([2, 4, 5, 6]);
    const y = norm.forward(x);
    expect(y.mean(axes)).toBeAllclose(tf.zerosLike(y.mean(axes)), { atol: 2e-6 });
    expect(y.square().mean(axes)).toBeAllclose(tf.onesLike(y.mean(axes)), FLOAT32);
    expect(norm.forward(x.mul(-3).add(5))).toBeAllclose(y.neg(), FLOAT32);
  });

  it('RmsNorm gives mean square 1 and keeps the sign of the mean', () => {
    const norm = new RmsNorm(5, { epsilon: 0 });
    const x = values([3, 5]).add(1);
    const y = norm.forward(x);
    expect(y.square().mean(-1)).toBeAllclose(tf.ones([3]), FLOAT32);
    expect(norm.forward(x.mul(100))).toBeAllclose(y, FLOAT32);
    expect(norm.forward(x.neg())).toBeAllclose(y.neg(), FLOAT32);
    // x / sqrt(x^2 + 2^-23) at x^2 = 2^-23, by default.
    expect(new RmsNorm(1).forward(tf.tensor2d([[Math.sqrt(2 ** -23)]]))).toBeAllclose([[Math.SQRT1_2]], FLOAT32);
  });

  it('GroupNorm is InstanceNorm of one channel a group, and groups are of neighbours', () => {
    const x = values([2, 3, 4, 6]);
    const one = new GroupNorm(6, 6, { affine: false }).forward(x);
    expect(one).toBeAllclose(new InstanceNorm(6).forward(x), { rtol: 0, atol: 0 });
    const parts = x.split(3, -1).map((part) => new GroupNorm(1, 2).forward(part));
    expect(new GroupNorm(3, 6).forward(x)).toBeAllclose(tf.concat(parts, -1), FLOAT32);
  });

  it('the examples of GroupNorm and LayerNorm do not see one another, those of BatchNorm do', () => {
    const [x, other] = [values([2, 4, 6], 1), values([2, 4, 6], 2)];
    const mixed = tf.concat([x.slice(0, 1), other.slice(1, 1)]);
    const first = (norm: Norm, input: tf.Tensor): tf.Tensor => norm.forward(input).slice(0, 1);
    for (const norm of [new GroupNorm(2, 6), new LayerNorm(6)]) {
      expect(first(norm, mixed)).toBeAllclose(first(norm, x), { rtol: 0, atol: 1e-7 });
    }
    expect(first(new BatchNorm(6), mixed)).not.toBeAllclose(first(new BatchNorm(6), x), { rtol: 1e-2 });
  });

  it('gradients equal differences of the result', () => {
    const weight = values([2, 2, 6], 3);
    for (const norm of [new LayerNorm(6), new GroupNorm(3, 6), new RmsNorm(6), new BatchNorm(6)] as Norm[]) {
      const loss = (x: tf.Tensor): tf.Scalar => norm.forward(x).mul(weight).square().sum().asScalar();
      const point = numbers(24, 5).map((value) => 2 * value);
      const slope = finiteDifferences(
        (x) => loss(tf.tensor(Float32Array.from(x), [2, 2, 6])).dataSync()[0]!,
        point,
        1e-2,
      );
      const gradient = tf.grad(loss)(tf.tensor(Float32Array.from(point), [2, 2, 6]));
      expect(gradient.flatten()).toBeAllclose(Float32Array.from(slope), DIFFERENCES);
    }
  });

  it('a constant row has the gradient of 0 / sqrt(epsilon), not NaN', () => {
    const x = tf.fill([2, 4], 3);
    for (const norm of [new LayerNorm(4), new GroupNorm(2, 4), new BatchNorm(4)] as Norm[]) {
      expect(norm.forward(x)).toBeAllclose(tf.zeros([2, 4]));
      const gradient = tf.grad((input: tf.Tensor) =>
        norm
          .forward(input)
          .mul(values([2, 4]))
          .sum(),
      )(x);
      expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
    }
  });

  describe.each(['batch-norm', 'batch-norm/rows', 'batch-norm/plain'])('%s', (name) => {
    const create = {
      'batch-norm': () => new BatchNorm(3),
      'batch-norm/rows': () => new BatchNorm(5, { epsilon: 1e-3, momentum: 0.3 }),
      'batch-norm/plain': () => new BatchNorm(2, { affine: false }),
    }[name]!;
    const batch = (part: string): tf.Tensor => channelsLast(goldenTensor(layers, `${name}/${part}`));

    it.each(compiling(backend))(
      'has the state of PyTorch after three batches and its evaluation, compiled %s',
      (yes) => {
        const norm = load(create(), layers, `${name}/w/`);
        const train = (x: tf.Tensor): tf.Tensor => norm.forward(x);
        const step = yes ? jit(train) : train;
        for (const part of ['x', 'x2', 'x3']) step(batch(part));
        for (const [slot, value] of Object.entries(norm.stateDict())) {
          expect(value).toBeAllclose(layers.get(`${name}/after/${slot}`), FLOAT32);
        }
        norm.eval();
        const evaluate = (x: tf.Tensor): tf.Tensor => norm.forward(x);
        const y = (yes ? jit(evaluate) : evaluate)(batch('x'));
        expect(y).toBeAllclose(channelsLast(goldenTensor(layers, `${name}/eval`)), FLOAT32);
        expect([...norm.batchesTracked.dataSync()]).toEqual([3]);
      },
    );
  });

  it('BatchNorm tracks within gradients too, and leaves nothing behind', () => {
    const norm = new BatchNorm(2);
    const x = values([5, 2]);
    const step = (): tf.Tensor[] => {
      const { value, grads } = tf.variableGrads(() => norm.forward(x).square().sum().asScalar());
      return [value, ...Object.values(grads)];
    };
    expect(step).toLeakNothing();
    expect([...norm.batchesTracked.dataSync()]).toEqual([1]);
    expect(norm.runningMean).toBeAllclose(x.mean(0).mul(0.1), FLOAT32);
    expect(norm.eval().trainableVariables()).toEqual([norm.weight, norm.bias]);
    step();
    expect([...norm.batchesTracked.dataSync()]).toEqual([1]);
  });

  it('BatchNorm with momentum 1 knows the last batch alone, with momentum 0 none', () => {
    const x = values([7, 2]);
    const centred = x.sub(x.mean(0));
    const last = new BatchNorm(2, { momentum: 1 });
    last.forward(values([7, 2], 9));
    last.forward(x);
    expect(last.runningMean).toBeAllclose(x.mean(0), FLOAT32);
    expect(last.runningVariance).toBeAllclose(centred.square().sum(0).div(6), FLOAT32);
    const none = new BatchNorm(2, { momentum: 0 });
    none.forward(x);
    expect(none.runningMean).toBeAllclose(tf.zeros([2]));
    expect(none.runningVariance).toBeAllclose(tf.ones([2]));
  });

  it('layerNorm takes weights that are computed, and none', () => {
    const [x, weight, bias] = [values([2, 3, 4]), values([4], 2), values([4], 3)];
    const plain = layerNorm(x);
    expect(layerNorm(x, weight, bias)).toBeAllclose(plain.mul(weight).add(bias), FLOAT32);
    expect(layerNorm(x, weight)).toBeAllclose(plain.mul(weight), FLOAT32);
    expect(plain).toBeAllclose(new LayerNorm(4, { affine: false }).forward(x), { rtol: 0 });
    const norm = new LayerNorm(4, { bias: false });
    expect(Object.keys(norm.stateDict())).toEqual(['weight']);
    expect(norm.forward(x)).toBeAllclose(plain, FLOAT32);
  });
});

describe('GroupNorm', () => {
  beforeAll(() => useBackend('cpu'));

  it('equals means and variances in float64, for all shapes', () => {
    const shapes = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      positions: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
      groups: fc.integer({ min: 1, max: 3 }),
      members: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(shapes, ({ batch, positions, groups, members }) => {
        const channels = groups * members;
        const shape = [batch, ...positions, channels];
        const data = numbers(tf.util.sizeFromShape(shape), 3);
        const count = (data.length / batch / channels) * members;
        const rowLength = data.length / batch;
        const groupOf = (i: number): string => `${Math.floor(i / rowLength)} ${Math.floor((i % channels) / members)}`;
        const sums = (f: (value: number, i: number) => number): Map<string, number> => {
          const totals = new Map<string, number>();
          data.forEach((value, i) => totals.set(groupOf(i), (totals.get(groupOf(i)) ?? 0) + f(value, i)));
          return totals;
        };
        const totals = sums((value) => value);
        const centred = data.map((value, i) => value - totals.get(groupOf(i))! / count);
        const squares = sums((_, i) => centred[i]! ** 2);
        // A larger epsilon, so that groups of one number are not divisions of rounding errors by one another.
        const expected = centred.map((value, i) => value / Math.sqrt(squares.get(groupOf(i))! / count + 0.01));
        const norm = new GroupNorm(groups, channels, { epsilon: 0.01 });
        const y = norm.forward(tf.tensor(Float32Array.from(data), shape));
        expect(y.flatten()).toBeAllclose(Float32Array.from(expected), { rtol: 1e-5, atol: 2e-6 });
        norm.dispose();
      }),
      { numRuns: 60 },
    );
  });
});

describe('normalisations refuse', () => {
  beforeAll(() => useBackend('cpu'));

  it.each<[() => unknown, string]>([
    [() => new LayerNorm(0), 'tensor-core.LayerNorm: normalizedShape[0] must be an integer >= 1, got 0.'],
    [() => new LayerNorm([3, 2.5]), 'tensor-core.LayerNorm: normalizedShape[1] must be an integer >= 1, got 2.5.'],
    [() => new LayerNorm([]), 'tensor-core.LayerNorm: normalizedShape must have one to three lengths, got [].'],
    [
      () => new LayerNorm([1, 1, 1, 1]),
      'tensor-core.LayerNorm: normalizedShape must have one to three lengths, got [1, 1, 1, 1].',
    ],
    [() => new LayerNorm(2, { epsilon: -1 }), 'tensor-core.LayerNorm: epsilon must be a finite number >= 0, got -1.'],
    [() => new RmsNorm(-1), 'tensor-core.RmsNorm: width must be an integer >= 1, got -1.'],
    [() => new RmsNorm(1, { epsilon: NaN }), 'tensor-core.RmsNorm: epsilon must be a finite number >= 0, got NaN.'],
    [() => new GroupNorm(0, 4), 'tensor-core.GroupNorm: groups must be an integer >= 1, got 0.'],
    [() => new GroupNorm(3, 4), 'tensor-core.GroupNorm: groups must divide the 4 channels, got 3.'],
    [
      () => new GroupNorm(1, 4, { epsilon: -1 }),
      'tensor-core.GroupNorm: epsilon must be a finite number >= 0, got -1.',
    ],
    [() => new InstanceNorm(0), 'tensor-core.InstanceNorm: channels must be an integer >= 1, got 0.'],
    [
      () => new InstanceNorm(1, { epsilon: -1 }),
      'tensor-core.InstanceNorm: epsilon must be a finite number >= 0, got -1.',
    ],
    [() => new BatchNorm(0.5), 'tensor-core.BatchNorm: channels must be an integer >= 1, got 0.5.'],
    [() => new BatchNorm(1, { epsilon: -1 }), 'tensor-core.BatchNorm: epsilon must be a finite number >= 0, got -1.'],
    [
      () => new BatchNorm(1, { momentum: 1.5 }),
      'tensor-core.BatchNorm: momentum must be a finite number >= 0 and <= 1, got 1.5.',
    ],
  ])('broken options: %s', (make, message) => {
    expect(make).toThrow(new RangeError(message));
  });

  it.each<[() => Norm, number[], string]>([
    [() => new LayerNorm(3), [2, 4], 'tensor-core.LayerNorm.forward: x must have a last axis of 3, got'],
    [
      () => new LayerNorm([3, 4, 5]),
      [2, 3, 4, 5],
      'tensor-core.LayerNorm.forward: x must have the last axes [4, 5, 3], got a float32 tensor of shape [2, 3, 4, 5].',
    ],
    [() => new RmsNorm(3), [2, 4], 'tensor-core.RmsNorm.forward: x must have a last axis of 3, got'],
    [() => new GroupNorm(1, 4), [2, 3], 'tensor-core.GroupNorm.forward: x must have the shape [B, ..., 4], got'],
    [() => new GroupNorm(1, 4), [4], 'tensor-core.GroupNorm.forward: x must have the shape [B, ..., 4], got'],
    [() => new InstanceNorm(4), [2, 3], 'tensor-core.InstanceNorm.forward: x must have the shape [B, ..., 4], got'],
    [() => new BatchNorm(4), [2, 3], 'tensor-core.BatchNorm.forward: x must have a last axis of 4, got'],
    [
      () => new BatchNorm(4),
      [1, 4],
      'tensor-core.BatchNorm.forward: x must have more than one value a channel in training, got a float32 tensor of ' +
        'shape [1, 4]. Call eval() to use the running statistics.',
    ],
  ])('shapes: %s, %j', (create, shape, message) => {
    expect(() => create().forward(values(shape))).toThrow(ShapeError);
    expect(() => create().forward(values(shape))).toThrow(message);
  });

  it('a batch of one value in training only', () => {
    const norm = new BatchNorm(4, { epsilon: 0 }).eval();
    expect(norm.forward(values([1, 4]))).toBeAllclose(values([1, 4]));
  });
});
