import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import '../src/index';
import type * as channelBlocks from '../src/kernels/channel-block';
import { channelBlock } from '../src/kernels/channel-block';
import { areUsual, windowsOf } from '../src/kernels/windows';
import { expectParity } from './parity';

/** Sums of at most 400 products in float32, relative to the largest. */
const TOLERANCE = 1e-5;
const RUNS = { numRuns: Number(process.env['RUNS'] ?? 15) };

const layout = vi.hoisted(() => ({ blocked: true }));
vi.mock('../src/kernels/channel-block', async (importOriginal) => {
  const original = await importOriginal<typeof channelBlocks>();
  return { ...original, channelBlock: () => (layout.blocked ? original.channelBlock() : 0) };
});

type Pair = [number, number];
type Padding = tf.Conv2DAttrs['pad'];

/** A convolution: C channels to O, or O for each of C if it is depthwise. */
interface Geometry {
  batch: number;
  image: Pair;
  C: number;
  O: number;
  size: Pair;
  strides: Pair;
  dilations: Pair;
  pad: Padding;
  rounding: 'floor' | 'round' | 'ceil' | undefined;
  seed: number;
}

const pair = (least: number, most: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

/** Fewer and more channels than a block of ONNX Runtime's layout, multiples of it and not. */
const channels = fc.constantFrom(1, 2, 3, 4, 5, 8, 12, 16, 20, 24);

const geometries: fc.Arbitrary<Geometry> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    image: pair(1, 7),
    C: channels,
    O: channels,
    size: pair(1, 4),
    strides: pair(1, 4),
    dilations: pair(1, 3),
    pad: fc.oneof(
      fc.constantFrom<Padding>('same', 'valid'),
      fc.integer({ min: 0, max: 2 }),
      fc.tuple(pair(0, 2), pair(0, 2)).map(([rows, columns]): Padding => [[0, 0], rows, columns, [0, 0]]),
    ),
    rounding: fc.constantFrom('floor' as const, 'round' as const, 'ceil' as const, undefined),
    patches: fc.boolean(),
    dilated: fc.boolean(),
    // 0 would be taken for none.
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ patches, dilated, ...geometry }) => {
    const strides: Pair = dilated ? [1, 1] : patches ? geometry.size : geometry.strides;
    const rounding = typeof geometry.pad === 'string' ? undefined : geometry.rounding;
    const dilations: Pair = dilated ? geometry.dilations : [1, 1];
    // Large enough for one window at least.
    const image = geometry.image.map((length, i) => length + (geometry.size[i]! - 1) * dilations[i]!) as Pair;
    return { ...geometry, image, strides, rounding, dilations };
  });

const uniform = <R extends tf.Rank>(shape: tf.ShapeMap[R], seed: number): tf.Tensor<R> =>
  tf.randomUniform<R>(shape, -1, 1, 'float32', seed);

const images = ({ batch, image, C, seed }: Geometry): tf.Tensor4D => uniform<tf.Rank.R4>([batch, ...image, C], seed);
const filters = ({ size, C, O, seed }: Geometry): tf.Tensor4D => uniform<tf.Rank.R4>([...size, C, O], seed + 1);
/** Other windows are left to the host: those with padding alone. Gradients are asked for without the rounding. */
function isUsual({ batch, image, C, O, size, strides, dilations, pad, rounding }: Geometry): boolean {
  const shape: [number, number, number, number] = [batch, ...image, C];
  const infoOf = (mode: Geometry['rounding']) =>
    tf.backend_util.computeConv2DInfo(shape, [...size, C, O], strides, dilations, pad, mode);
  return [rounding, undefined].every((mode) => areUsual(windowsOf(infoOf(mode))));
}
const undilated = (geometry: Geometry): Geometry => ({ ...geometry, dilations: [1, 1] });
/** Multiples of depthwise filters; the more, the fewer channels. */
const few = (geometry: Geometry): Geometry => ({ ...geometry, O: 1 + (geometry.O % 3) });

const conv2d = (x: tf.Tensor4D, filter: tf.Tensor4D, g: Geometry, format: 'NHWC' | 'NCHW' = 'NHWC'): tf.Tensor4D =>
  tf.conv2d(x, filter, g.strides, g.pad, format, g.dilations, g.rounding);

/** Gradients of a function of two tensors, for random gradients of its result. */
function gradients(
  f: (a: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor,
  a: tf.Tensor4D,
  b: tf.Tensor4D,
  seed: number,
): tf.Tensor[] {
  const dy = uniform(f(a, b).shape, seed + 2);
  return tf.grads(f as (...tensors: tf.Tensor[]) => tf.Tensor)([a, b], dy);
}

const ACTIVATIONS = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;

/** Operands of the fused kernels by what `seed` says: a bias of several shapes, an activation and its slopes. */
function fused(g: Geometry, shape: number[]): object {
  const O = shape[3]!;
  const vector = uniform([O], g.seed + 3);
  const biases = [vector, undefined, vector, uniform([1], g.seed + 3), vector, uniform(shape.slice(1), g.seed + 3)];
  const activation = ACTIVATIONS[g.seed % ACTIVATIONS.length]!;
  const slopes = [uniform([O], g.seed + 4), uniform([], g.seed + 4)][g.seed % 2];
  return {
    strides: g.strides,
    pad: g.pad,
    dilations: g.dilations,
    dimRoundingMode: g.rounding,
    bias: biases[g.seed % biases.length],
    activation,
    ...(activation === 'leakyrelu' ? { leakyreluAlpha: 0.3 } : {}),
    ...(activation === 'prelu' ? { preluActivationWeights: slopes } : {}),
  };
}

const cases: Record<string, (geometry: Geometry) => tf.Tensor | tf.Tensor[]> = {
  Conv2D: (g) => conv2d(images(g), filters(g), g),
  'Conv2D, channels first': (g) => conv2d(tf.transpose(images(g), [0, 3, 1, 2]), filters(g), firstPadded(g), 'NCHW'),
  FusedConv2D(g) {
    const { shape } = conv2d(images(g), filters(g), g);
    return tf.fused.conv2d({ x: images(g), filter: filters(g), ...fused(g, shape) } as never);
  },
  'FusedConv2D, channels first'(g) {
    const x = tf.transpose(images(g), [0, 3, 1, 2]);
    const { shape } = conv2d(images(g), filters(g), { ...g, pad: 'same' });
    const bias = g.seed % 2 ? uniform([shape[3]], g.seed) : undefined;
    return tf.fused.conv2d({
      x,
      filter: filters(g),
      ...fused(g, shape),
      pad: 'same',
      dimRoundingMode: undefined,
      bias,
      dataFormat: 'NCHW',
    } as never);
  },
  'gradients of Conv2D': (g) =>
    gradients((x, filter) => conv2d(x, filter, undilated(g)), images(g), filters(g), g.seed),
  'gradients of Conv2D, channels first'(g) {
    const x = tf.transpose(images(g), [0, 3, 1, 2]);
    return gradients((a, filter) => conv2d(a, filter, firstPadded(undilated(g)), 'NCHW'), x, filters(g), g.seed);
  },
  conv2dTranspose(g) {
    const { shape } = conv2d(images(g), filters(g), undilated(g));
    return tf.conv2dTranspose(
      uniform<tf.Rank.R4>(shape, g.seed),
      filters(g),
      images(g).shape,
      g.strides,
      g.pad,
      g.rounding,
    );
  },
  DepthwiseConv2dNative: (g) => depthwise(few(g), images(g), filters(few(g))),
  FusedDepthwiseConv2D(geometry) {
    const g = few(geometry);
    const { shape } = depthwise(g, images(g), filters(g));
    return tf.fused.depthwiseConv2d({ x: images(g), filter: filters(g), ...fused(g, shape) } as never);
  },
  'gradients of DepthwiseConv2dNative'(geometry) {
    const g = undilated(few(geometry));
    return gradients((x, filter) => depthwise(g, x, filter), images(g), filters(g), g.seed);
  },
  Conv3D: (g) => conv3d(g, images3D(g), filters3D(g)),
  'gradients of Conv3D'(geometry) {
    const g = undilated(geometry);
    return gradients(
      (x, filter) => conv3d(g, x as never, filter as never),
      images3D(g) as never,
      filters3D(g) as never,
      g.seed,
    );
  },
};

/** Explicit padding is in the order of the axes. */
function firstPadded(g: Geometry): Geometry {
  if (!Array.isArray(g.pad)) return g;
  const [batch, rows, columns, none] = g.pad;
  return { ...g, pad: [batch, none, rows, columns] };
}

const depthwise = (g: Geometry, x: tf.Tensor4D, filter: tf.Tensor4D): tf.Tensor4D =>
  tf.depthwiseConv2d(x, filter, g.strides, g.pad, 'NHWC', g.dilations, g.rounding);

const images3D = ({ batch, image, C, seed }: Geometry): tf.Tensor5D =>
  uniform<tf.Rank.R5>([batch, 2 + (seed % 5), ...image, C % 6 || 8], seed);
const filters3D = ({ size, C, O, seed }: Geometry): tf.Tensor5D =>
  uniform<tf.Rank.R5>([1 + (seed % 2), ...size, C % 6 || 8, O % 6 || 8], seed + 1);
const conv3d = (g: Geometry, x: tf.Tensor5D, filter: tf.Tensor5D): tf.Tensor5D =>
  tf.conv3d(
    x,
    filter,
    [g.dilations[0] > 1 || g.dilations[1] > 1 ? 1 : 1 + (g.seed % 2), ...g.strides],
    g.pad === 'valid' ? 'valid' : 'same',
    'NDHWC',
    [1, ...g.dilations],
  );

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe.each([true, false])('in blocks of channels: %s', (blocked) => {
  it.each(Object.keys(cases))('%s is what the cpu backend gives', async (name) => {
    layout.blocked = blocked;
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(geometries, async (geometry) => {
        fc.pre(isUsual(geometry) && isUsual(undilated(geometry)));
        if (await expectParity(() => cases[name]!(geometry), TOLERANCE)) compared++;
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(RUNS.numRuns / 3);
  });
});

describe('channelBlock', () => {
  it('is a length that blocks have, or 0', () => {
    layout.blocked = true;
    expect([0, 8, 16]).toContain(channelBlock());
  });
});
