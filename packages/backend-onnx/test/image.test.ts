import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { expectLowered } from './lowered';
import { expectParity, resultsOf } from './parity';

type Images = [batch: number, height: number, width: number, channels: number];

/** Single precision positions of pixels and sums of a few dozen products. */
const ROUNDING = 1e-5;

const ALIGNMENTS = [
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
  { alignCorners: false, halfPixelCenters: true },
];
const METHODS = ['ResizeBilinear', 'ResizeNearestNeighbor'] as const;

const AWKWARD = [NaN, Infinity, -Infinity, -0];

/** Elements without a pattern that an interpolation could hit by accident. */
const elements = (size: number, seed = 1): number[] =>
  Array.from({ length: size }, (_, i) => 10 * Math.sin((i + 1) * (seed + 0.7)));

function images(shape: readonly number[], dtype: tf.DataType = 'float32', seed = 1): tf.Tensor4D {
  const values = elements(tf.util.sizeFromShape([...shape]), seed);
  const typed = dtype === 'bool' ? values.map((value) => Number(value > 0)) : values;
  return tf.tensor4d(dtype === 'int32' ? typed.map(Math.trunc) : typed, shape as Images, dtype);
}

const run = (kernel: string, inputs: object, attributes: object): tf.Tensor =>
  tf.engine().runKernel<tf.Tensor>(kernel, inputs as tf.NamedTensorMap, attributes as tf.NamedAttrMap);

const dot = (a: tf.Tensor, b: tf.Tensor): number => {
  const [left, right] = [a, b].map((tensor) => Array.from(tensor.dataSync<'float32'>()));
  return left!.reduce((sum, value, i) => sum + value * right![i]!, 0);
};

const length = fc.integer({ min: 1, max: 9 });
const shapes = fc.tuple(fc.integer({ min: 1, max: 2 }), length, length, fc.integer({ min: 1, max: 4 }));
const sizes = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }));
const RUNS = { numRuns: 20, seed: 1 };

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe.each(ALIGNMENTS)('resizing with %o', (alignment) => {
  it('bilinear is what the cpu backend gives', () =>
    fc.assert(
      fc.asyncProperty(shapes, sizes, fc.constantFrom('float32', 'int32', 'bool'), async (shape, size, dtype) => {
        await expectParity(
          () => run('ResizeBilinear', { images: images(shape, dtype) }, { size, ...alignment }),
          ROUNDING,
        );
      }),
      RUNS,
    ));

  it('nearest neighbours are the elements themselves', () =>
    fc.assert(
      fc.asyncProperty(shapes, sizes, fc.constantFrom('float32', 'int32', 'bool'), async (shape, size, dtype) => {
        await expectParity(() =>
          run('ResizeNearestNeighbor', { images: images(shape, dtype) }, { size, ...alignment }),
        );
      }),
      RUNS,
    ));

  it.each(METHODS)('the gradient of %s is its adjoint: <dy, resize x> = <gradient dy, x>', async (method) => {
    await tf.setBackend('onnx');
    const property = fc.property(shapes, sizes, (shape, size) => {
      const [batch, , , channels] = shape;
      tf.tidy(() => {
        const x = images(shape);
        const dy = images([batch, ...size, channels], 'float32', 2);
        const attributes = { size, ...alignment };
        const [y, dx] = expectLowered(() => [
          run(method, { images: x }, attributes),
          run(`${method}Grad`, { images: x, dy }, attributes),
        ]);
        expect(dx.shape).toEqual(shape);
        const scale = Math.sqrt(dot(x, x) * dot(dy, dy)) + 1;
        expect(Math.abs(dot(dy, y) - dot(dx, x)) / scale).toBeLessThan(ROUNDING);
      });
    });
    fc.assert(property, RUNS);
  });
});

describe.each(METHODS)('the gradient of %s', (method) => {
  // The cpu backend's know no halfPixelCenters and no oblong images (bilinear) or batches (nearest), and with
  // alignCorners the latter runs for ever on an image of one pixel.
  it.each([
    [4, 8],
    [3, 24],
    [3, 27],
    [4, 6],
    [6, 3],
    [5, 5],
    [4, 1],
  ])('of squares from %i to %i is what the cpu backend gives', async (from, to) => {
    for (const alignCorners of [false, true]) {
      const attributes = { alignCorners, halfPixelCenters: false, size: [to, to] };
      const operands = (): object => ({ images: images([1, from, from, 3]), dy: images([1, to, to, 3], 'float32', 2) });
      await expectParity(() => run(`${method}Grad`, operands(), attributes), ROUNDING);
    }
  });

  it('leaves nothing behind on the tape', async () => {
    await tf.setBackend('onnx');
    const name = method === 'ResizeBilinear' ? 'resizeBilinear' : 'resizeNearestNeighbor';
    const gradient = tf.grad((x) => tf.image[name](x as tf.Tensor4D, [6, 10], false, true));
    const [dx] = resultsOf(() => gradient(tf.ones([1, 3, 5, 2])));
    // Each pixel has become four.
    expect(dx!.shape).toEqual([1, 3, 5, 2]);
    expect(dx!.values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(6 * 10 * 2, 3);
  });

  it('of both flags at once is left to the host', () => {
    const x = tf.ones([1, 2, 2, 1]);
    const attributes = { alignCorners: true, halfPixelCenters: true, size: [3, 3] };
    expect(() => expectLowered(() => tf.tidy(() => void run(method, { images: x }, attributes)))).toThrow(
      'handed to the host',
    );
    x.dispose();
  });
});

describe('nearest neighbours', () => {
  it('keep NaN, infinities and the sign of 0', () =>
    expectParity(() => tf.image.resizeNearestNeighbor(tf.tensor4d(AWKWARD, [1, 2, 2, 1]), [5, 3])));
});

describe('ResizeBilinear', () => {
  it('keeps a NaN to its neighbourhood', async () => {
    await tf.setBackend('onnx');
    const x = (): tf.Tensor4D =>
      tf.tensor4d(
        Array.from({ length: 64 }, (_, i) => (i === 0 ? NaN : i)),
        [1, 8, 8, 1],
      );
    const [y] = resultsOf(() => tf.image.resizeBilinear(x(), [16, 16]));
    expect(y!.values.filter(Number.isNaN)).toHaveLength(4);
  });
});

describe('FlipLeftRight', () => {
  it('reverses rows of every type', () =>
    fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom('float32', 'int32', 'bool'), async (shape, dtype) => {
        await expectParity(() => run('FlipLeftRight', { image: images(shape, dtype) }, {}));
      }),
      RUNS,
    ));
});

describe('RotateWithOffset', () => {
  const center = fc.oneof(fc.double({ min: -0.5, max: 1.5, noNaN: true }), fc.constant([0.3, 0.9]));

  it('moves pixels as the cpu backend does, and fills with one value or a colour', () =>
    fc.assert(
      fc.asyncProperty(shapes, fc.double({ min: -7, max: 7, noNaN: true }), center, async (shape, radians, where) => {
        for (const fillValue of [0, 0.5, [1, 2, 3]]) {
          await expectParity(() =>
            run('RotateWithOffset', { image: images(shape) }, { radians, fillValue, center: where }),
          );
        }
      }),
      RUNS,
    ));

  it.each([0, Math.PI / 4])('by %d of a large image, and of integers', async (radians) => {
    const attributes = { radians, fillValue: 3, center: 0.5 };
    await expectParity(() => run('RotateWithOffset', { image: images([1, 40, 50, 2]) }, attributes));
    await expectParity(() => run('RotateWithOffset', { image: images([1, 4, 5, 2], 'int32') }, attributes));
  });
});
