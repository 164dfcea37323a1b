import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { areUsual, windowsOf } from '../src/kernels/windows';
import { expectParity } from './parity';

/** Means and sums of at most 64 pixels in float32, relative to the largest. */
const TOLERANCE = 1e-6;
const RUNS = { numRuns: Number(process.env['RUNS'] ?? 15) };

type Pair = [number, number];

interface Geometry {
  batch: number;
  image: Pair;
  channels: number;
  size: Pair;
  strides: Pair;
  dilations: Pair;
  pad: 'same' | 'valid' | number | tf.MaxPoolAttrs['pad'];
  rounding: 'floor' | 'round' | 'ceil' | undefined;
  /** How many different pixels there are: with few, many windows have several that are the largest. */
  levels: number;
  seed: number;
}

const pair = (least: number, most: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

const geometries: fc.Arbitrary<Geometry> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    image: pair(1, 7),
    channels: fc.constantFrom(1, 2, 3, 8, 20),
    size: pair(1, 4),
    strides: pair(1, 4),
    dilations: pair(1, 2),
    pad: fc.oneof(
      fc.constantFrom<Geometry['pad']>('same', 'valid'),
      fc.tuple(pair(0, 1), pair(0, 1)).map(([rows, columns]): Geometry['pad'] => [[0, 0], rows, columns, [0, 0]]),
    ),
    rounding: fc.constantFrom('floor' as const, 'round' as const, 'ceil' as const, undefined),
    apart: fc.boolean(),
    levels: fc.constantFrom(2, 5, 1e6),
    // 0 would be taken for none.
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ apart, ...geometry }) => ({
    ...geometry,
    image: geometry.image.map((length, i) => length + geometry.size[i]! - 1) as Pair,
    strides: apart ? geometry.size : geometry.strides,
    rounding: typeof geometry.pad === 'string' ? undefined : geometry.rounding,
  }));

/** Other windows are left to the host: those with padding alone. */
function isUsual({ batch, image, channels, size, strides, pad, rounding }: Geometry): boolean {
  const shape: [number, number, number, number] = [batch, ...image, channels];
  return areUsual(windowsOf(tf.backend_util.computePool2DInfo(shape, size, strides, 1, pad, rounding)));
}

function pixels(shape: number[], { levels, seed }: Geometry): tf.Tensor {
  return tf.sub(tf.floor(tf.randomUniform(shape, 0, levels, 'float32', seed)), levels / 2);
}
const images = (g: Geometry): tf.Tensor4D => pixels([g.batch, ...g.image, g.channels], g) as tf.Tensor4D;
const images3D = (g: Geometry): tf.Tensor5D =>
  pixels([g.batch, 3 + (g.seed % 4), ...g.image.map((length) => length + 3), g.channels], g) as tf.Tensor5D;

/** The gradient for a random one of the result. */
function gradient(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, seed: number): tf.Tensor {
  return tf.grad(f)(x, tf.randomUniform(f(x).shape, -1, 1, 'float32', seed));
}

const maxPool = (g: Geometry) => (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, g.size, g.strides, g.pad, g.rounding);
const avgPool = (g: Geometry) => (x: tf.Tensor) => tf.avgPool(x as tf.Tensor4D, g.size, g.strides, g.pad, g.rounding);

/** Cubes only: for others the cpu backend mistakes the places of the largest. */
const cube = ({
  size: [size],
  strides: [stride],
  seed,
}: Geometry): [[number, number, number], [number, number, number]] => {
  const length = Math.min(size, 3);
  return [
    [length, length, length],
    [stride, 1 + (seed % 2), stride],
  ];
};
const pad3D = ({ pad }: Geometry): 'same' | 'valid' => (pad === 'same' ? 'same' : 'valid');
const maxPool3d = (g: Geometry) => (x: tf.Tensor) => tf.maxPool3d(x as tf.Tensor5D, ...cube(g), pad3D(g));
const avgPool3d = (g: Geometry) => (x: tf.Tensor) => tf.avgPool3d(x as tf.Tensor5D, ...cube(g), pad3D(g));

const dilate = (g: Geometry, x: tf.Tensor, filter: tf.Tensor): tf.Tensor => {
  const dilations = g.strides.every((stride) => stride === 1) ? g.dilations : 1;
  return tf.dilation2d(x as tf.Tensor4D, filter as tf.Tensor3D, g.strides, pad3D(g), dilations);
};

const cases: Record<string, (g: Geometry) => tf.Tensor | tf.Tensor[]> = {
  MaxPool: (g) => maxPool(g)(images(g)),
  'MaxPool of integers': (g) => maxPool(g)(tf.cast(images(g), 'int32')),
  AvgPool: (g) => avgPool(g)(images(g)),
  MaxPool3D: (g) => maxPool3d(g)(images3D(g)),
  AvgPool3D: (g) => avgPool3d(g)(images3D(g)),
  MaxPoolWithArgmax(g) {
    const { result, indexes } = tf.maxPoolWithArgmax(images(g), g.size, g.strides, pad3D(g), g.seed % 2 === 1);
    return [result!, indexes!];
  },
  MaxPoolGrad: (g) => gradient(maxPool(g), images(g), g.seed),
  AvgPoolGrad: (g) => gradient(avgPool(g), images(g), g.seed),
  MaxPool3DGrad: (g) => gradient(maxPool3d(g), images3D(g), g.seed),
  AvgPool3DGrad: (g) => gradient(avgPool3d(g), images3D(g), g.seed),
  Dilation2D: (g) => dilate(g, images(g), pixels([...g.size, g.channels], g)),
  'gradients of Dilation2D'(g) {
    const [x, filter] = [images(g), pixels([...g.size, g.channels], g)];
    const dy = tf.randomUniform(dilate(g, x, filter).shape, -1, 1, 'float32', g.seed);
    return tf.grads((a: tf.Tensor, b: tf.Tensor) => dilate(g, a, b))([x, filter], dy);
  },
};

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe('a kernel', () => {
  it.each(Object.keys(cases))('%s gives what the cpu backend does', async (name) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(geometries, async (geometry) => {
        fc.pre(isUsual(geometry));
        if (await expectParity(() => cases[name]!(geometry), TOLERANCE)) compared++;
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 3);
  });
});

describe('MaxPool', () => {
  it('gives -Infinity for windows of nothing else, and the largest number float32 has', async () => {
    const x = [-Infinity, -Infinity, -Infinity, -Infinity, 3.4e38, -1, -Infinity, Infinity];
    await expectParity(() => tf.maxPool(tf.tensor4d(x, [2, 2, 2, 1]), 2, 2, 'valid'));
  });

  it('gives the gradient to the first of several largest', () => {
    const x = tf.tensor4d([1, 2, 2, 2], [1, 2, 2, 1]);
    expect(
      tf
        .grad((image) => tf.maxPool(image as tf.Tensor4D, 2, 2, 'valid'))(x)
        .arraySync(),
    ).toEqual([
      [
        [[0], [1]],
        [[0], [0]],
      ],
    ]);
  });

  it('hands an image through if windows are one pixel', async () => {
    await expectParity(() => tf.maxPool(tf.ones<tf.Rank.R4>([1, 3, 3, 2]), 1, 1, 'same'));
  });
});
