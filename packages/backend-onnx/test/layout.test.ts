import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { expectLowered } from './lowered';
import { expectParity, resultsOf } from './parity';

// Moving elements about keeps their bits, so all comparisons are exact.

type DType = 'float32' | 'int32' | 'bool';
type Draw = (below: number) => number;
type Make = (shape: number[]) => tf.Tensor;
/** A kernel on random operands: `make` gives a tensor with awkward elements, `draw` a random integer. */
type Case = (make: Make, draw: Draw, shape: number[]) => tf.Tensor | tf.Tensor[];

const AWKWARD = [NaN, Infinity, -Infinity, -0, 3.4e38, 1e-45, 0.1];

/** A linear congruential generator, so that both backends see the same. */
function random(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function maker(dtype: DType, draw: Draw): Make {
  const element = (i: number): number => {
    if (dtype === 'bool') return draw(2);
    if (dtype === 'int32') return draw(2 ** 32) - 2 ** 31;
    return draw(5) === 0 ? AWKWARD[draw(AWKWARD.length)]! : i;
  };
  const elements = (size: number): number[] => Array.from({ length: size }, (_, i) => element(i));
  return (shape) => tf.tensor(elements(tf.util.sizeFromShape(shape)), shape, dtype);
}

const signed = (axis: number, rank: number, draw: Draw): number => (draw(2) === 0 ? axis : axis - rank);

function shuffled(length: number, draw: Draw): number[] {
  const list = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

const cases: Record<string, Case> = {
  Slice(make, draw, shape) {
    const begin = shape.map((length) => draw(length + 1));
    const size = shape.map((length, axis) => draw(length - begin[axis]! + 1) || -1);
    return tf.slice(make(shape), begin, size);
  },

  'Slice beyond the end, or with few numbers'(make, draw, shape) {
    const begin = shape.slice(draw(shape.length + 1)).map((length) => draw(length));
    return tf.slice(
      make(shape),
      begin,
      begin.map(() => draw(4)),
    );
  },

  StridedSlice(make, draw, shape) {
    // The cpu backend is wrong where an axis is dropped and a step is not 1; that is tested below.
    const steps = draw(2);
    const mask = (times = 1): number => times * draw(2 ** shape.length);
    const ellipsis = draw(2) * 2 ** draw(shape.length);
    const strides = shape.map(() => 1 + steps * (draw(5) - 3) || 2);
    const begin = shape.map(draw);
    const end = shape.map((length, axis) => {
      const past = begin[axis]! + Math.sign(strides[axis]!) * (1 + draw(3));
      return past < 0 || (past < length && draw(2) === 0) ? past - length : past;
    });
    const signedBegin = begin.map((position, axis) => signed(position, shape[axis]!, draw));
    const masks = [mask(), mask(), ellipsis, mask(), mask(1 - steps)] as const;
    // It is wrong about some that are empty, too.
    if (tf.slice_util.sliceInfo(shape, signedBegin, end, strides, ...masks).finalShape.includes(0)) return [];
    return tf.stridedSlice(make(shape), signedBegin, end, strides, ...masks);
  },

  SplitV(make, draw, shape) {
    const axis = draw(shape.length);
    const length = shape[axis]!;
    const first = draw(length + 1);
    const sizes = [[first, length - first], [first, -1], length, 1, [0, length, 0]][draw(5)]!;
    return tf.split(make(shape), sizes, signed(axis, shape.length, draw));
  },

  Unpack: (make, draw, shape) => tf.unstack(make(shape), signed(draw(shape.length), shape.length, draw)),

  Pack(make, draw, shape) {
    const axis = signed(draw(shape.length + 1), shape.length + 1, draw);
    return tf.stack(
      Array.from({ length: 1 + draw(3) }, () => make(shape)),
      axis,
    );
  },

  Concat(make, draw, shape) {
    const axis = draw(shape.length);
    const one = (): tf.Tensor => make(shape.map((length, a) => (a === axis ? 1 + draw(3) : length)));
    return tf.concat(Array.from({ length: 1 + draw(4) }, one), signed(axis, shape.length, draw));
  },

  Transpose: (make, draw, shape) => tf.transpose(make(shape), shuffled(shape.length, draw)),

  Reverse(make, draw, shape) {
    const axes = shuffled(shape.length, draw).slice(0, draw(shape.length + 1));
    return tf.reverse(
      make(shape),
      axes.map((axis) => signed(axis, shape.length, draw)),
    );
  },

  DepthToSpace(make, draw, shape) {
    const [batch = 1, height = 1, width = 1, depth = 1] = shape;
    const block = 2 + draw(2);
    return tf.depthToSpace(make([batch, height, width, depth * block ** 2]) as tf.Tensor4D, block, 'NHWC');
  },

  SpaceToBatchND(make, draw, shape) {
    const block = shape.slice(1, 1 + draw(shape.length)).map(() => 1 + draw(3));
    const paddings = block.map((size, i) => {
      const before = draw(3);
      return [before, (size - ((before + shape[i + 1]!) % size)) % size];
    });
    return tf.spaceToBatchND(make(shape), block, paddings);
  },

  BatchToSpaceND(make, draw, [batch = 1, ...rest]) {
    const block = rest.slice(0, 1 + draw(rest.length)).map(() => 1 + draw(3));
    const crops = block.map((size, i) => {
      const before = draw(size * rest[i]!);
      return [before, draw(size * rest[i]! - before + 1)];
    });
    return tf.batchToSpaceND(make([batch * tf.util.sizeFromShape(block), ...rest]), block, crops);
  },

  PadV2(make, draw, shape) {
    const x = make(shape);
    const value = x.dtype === 'bool' ? draw(2) : [0, 7, -3, 2.5, NaN][draw(5)];
    return tf.pad(
      x,
      shape.map((): [number, number] => [draw(3), draw(3)]),
      value,
    );
  },

  'MirrorPad reflect': (make, draw, shape) =>
    tf.mirrorPad(
      make(shape),
      shape.map((length): [number, number] => [draw(length), draw(length)]),
      'reflect',
    ),

  'MirrorPad symmetric': (make, draw, shape) =>
    tf.mirrorPad(
      make(shape),
      shape.map((length): [number, number] => [draw(length + 1), draw(length + 1)]),
      'symmetric',
    ),

  Tile: (make, draw, shape) =>
    tf.tile(
      make(shape),
      shape.map(() => draw(12) && 1 + draw(2)),
    ),
};

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe.each(Object.entries(cases))('%s', (_, compute) => {
  it('moves elements of every type as the cpu backend does', async () => {
    const dtypes = fc.constantFrom<DType>('float32', 'int32', 'bool');
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 6 });
    let compared = 0;
    const property = fc.asyncProperty(shapes, dtypes, fc.nat(), async (shape, dtype, seed) => {
      const valid = await expectParity(() => {
        const draw = random(seed);
        return compute(maker(dtype, draw), draw, shape);
      });
      compared += Number(valid);
    });
    await fc.assert(property, { numRuns: 25, seed: 1 });
    expect(compared).toBeGreaterThan(5);
  });
});

describe('StridedSlice', () => {
  it.each([
    [2, 0, 1],
    [2, 1, 1],
    [2, 2, 1],
    [0, 1, -1],
    [1, 1, -2],
  ])('from %i to %i in steps of %i is empty', (begin, end, stride) => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2]);
    const [result] = expectLowered(() => resultsOf(() => tf.stridedSlice(x, [begin, 0], [end, 2], [stride, 1])));
    expect(result).toEqual({ dtype: 'float32', shape: [0, 2], values: [] });
    x.dispose();
  });

  it('drops an axis beside one with steps', () => {
    const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const [result] = expectLowered(() => resultsOf(() => tf.stridedSlice(x, [1, 0], [2, 3], [1, 2], 0, 0, 0, 0, 1)));
    expect(result).toEqual({ dtype: 'float32', shape: [2], values: [4, 6] });
    x.dispose();
  });

  it('runs backwards through the first element', () =>
    expectParity(() => tf.stridedSlice(tf.tensor1d([0, 1, 2, 3, 4], 'int32'), [4], [0], [-2], 0, 1)));
});

describe('Concat', () => {
  it('takes the type of the first', async () => {
    const mixed = (): tf.Tensor[] => [
      tf.tensor1d([1, -2], 'int32'),
      tf.tensor1d([0.5, -3]),
      tf.tensor1d([1, 0], 'bool'),
    ];
    await expectParity(() => tf.concat(mixed()));
    await expectParity(() => tf.concat(mixed().reverse().slice(0, 2).reverse()));
  });

  it('leaves empty operands out', async () => {
    await tf.setBackend('onnx');
    const [result] = resultsOf(() => tf.concat([tf.zeros([0, 2]), tf.ones([1, 2]), tf.ones([1, 2])]));
    expect(result).toEqual({ dtype: 'float32', shape: [2, 2], values: [1, 1, 1, 1] });
  });
});

describe('a long axis', () => {
  // Positions of more than 1024 elements are an input of the graph, shorter ones a constant.
  it.each([1024, 1025])('of %i is reversed and mirrored', async (length) => {
    const rows = (): tf.Tensor2D =>
      tf.tensor2d(
        Float32Array.from({ length: 2 * length }, (_, i) => i),
        [length, 2],
      );
    await expectParity(() => tf.reverse(rows(), 0));
    await expectParity(() =>
      tf.mirrorPad(
        rows(),
        [
          [length, 1],
          [0, 0],
        ],
        'symmetric',
      ),
    );
  });
});
