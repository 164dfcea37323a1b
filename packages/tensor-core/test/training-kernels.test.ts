import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { registerTrainingKernels, TRAINING_KERNELS } from '../src/backend/training-kernels';
import { finiteDifferences } from '../src/testing/finite-differences';
import { values } from './values';

// Before wasm is set; a later registration after it is part of the tests.
registerTrainingKernels();

// Sums of up to some hundred float32 products of numbers below 1 in another order than the oracle's.
const FLOAT32_SUMS = { rtol: 1e-4, atol: 1e-4 };
// Central differences of float32 functions with step 1e-2: rounding 1e-7 * |f| / step, |f| up to about 30.
const FLOAT32_DIFFERENCES = { rtol: 5e-3, atol: 5e-3 };

function run(kernel: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap);
}

/** The values that `make` gives on a backend, which is set for it. */
async function on(backend: string, make: () => tf.Tensor): Promise<{ data: Float32Array; shape: number[] }> {
  await tf.setBackend(backend);
  await tf.ready();
  const result = tf.tidy(make);
  const copy = { data: result.dataSync<'float32'>(), shape: result.shape };
  result.dispose();
  return copy;
}

beforeAll(async () => {
  await tf.setBackend('wasm');
  await tf.ready();
});

describe('registerTrainingKernels', () => {
  it('adds each of its kernels to the wasm backend', () => {
    expect(TRAINING_KERNELS).toContain('UnsortedSegmentSum');
    for (const name of TRAINING_KERNELS) expect(tf.getKernel(name, 'wasm'), name).toBeDefined();
  });

  it('leaves of the cpu backend only Draw without a counterpart on wasm', () => {
    const wasm = new Set(tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName));
    const missing = tf.getKernelsForBackend('cpu').filter(({ kernelName }) => !wasm.has(kernelName));
    expect(missing.map(({ kernelName }) => kernelName)).toEqual(['Draw']);
  });

  it('changes nothing and warns of nothing the second time', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const before = tf.getKernelsForBackend('wasm').map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc]);
    registerTrainingKernels();
    const after = tf.getKernelsForBackend('wasm').map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc]);
    expect(new Map(after as [string, unknown][])).toEqual(new Map(before as [string, unknown][]));
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

describe('UnsortedSegmentSum', () => {
  const sum = (x: tf.Tensor, ids: number[], segments: number) =>
    tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), segments);

  it.each([
    { shape: [5], ids: [0, 2, 0, 1, 2], segments: 3 },
    { shape: [4, 3], ids: [3, 0, 3, 3], segments: 5 },
    { shape: [3, 2, 2], ids: [1, 1, 0], segments: 2 },
    { shape: [3, 2], ids: [-1, 7, 1], segments: 2 },
    { shape: [0, 2], ids: [], segments: 2 },
  ])('adds the rows of each id and drops ids outside: $shape, $ids', async ({ shape, ids, segments }) => {
    await tf.setBackend('wasm');
    const x = values(shape);
    const width = tf.util.sizeFromShape(shape.slice(1));
    const expected = new Float64Array(segments * width);
    const data = x.dataSync();
    ids.forEach((id, row) => {
      if (id >= 0 && id < segments) for (let j = 0; j < width; j++) expected[id * width + j]! += data[row * width + j]!;
    });
    expect(sum(x, ids, segments)).toBeAllclose({ data: expected, shape: [segments, ...shape.slice(1)] });
    if (ids.length > 0)
      expect(sum(x, ids, segments)).toBeAllclose(await on('cpu', () => sum(values(shape), ids, segments)));
  });

  it('stays int32, exactly, and takes ids whose shape is a prefix of rank 2', async () => {
    await tf.setBackend('wasm');
    const large = 2 ** 24 + 1; // not a float32
    const total = sum(tf.tensor1d([large, 1, 2], 'int32'), [0, 1, 1], 2);
    expect([total.dtype, ...total.dataSync()]).toEqual(['int32', large, 3]);
    const ids = tf.tensor2d([[0, 1], [1, -1]], [2, 2], 'int32'); // prettier-ignore
    const nested = tf.unsortedSegmentSum(tf.tensor3d([1, 2, 3, 4], [2, 2, 1]), ids as unknown as tf.Tensor1D, 2);
    expect(nested).toBeAllclose([[1], [5]]);
  });

  it('refuses ids that are no prefix of the shape', () => {
    expect(() => sum(values([3, 2]), [0, 1], 2)).toThrow(
      "tensor-core.unsortedSegmentSum: segmentIds must have a prefix of x's shape [3, 2], got a int32 tensor of shape [2].",
    );
  });

  it('is the gradient of gather, by finite differences', async () => {
    await tf.setBackend('wasm');
    const ids = tf.tensor1d([2, 0, 2, 3], 'int32');
    const weights = values([4, 2], 5);
    const f = (x: tf.Tensor) => tf.gather(x, ids).mul(weights).square().sum<tf.Scalar>();
    const x = values([4, 2]);
    const numeric = finiteDifferences(
      (p) => f(tf.tensor(Float32Array.from(p), [4, 2])).dataSync()[0]!,
      x.dataSync(),
      1e-2,
    );
    expect(tf.grad(f)(x)).toBeAllclose({ data: numeric, shape: [4, 2] }, FLOAT32_DIFFERENCES);
  });
});

interface Convolution {
  x: [number, number, number, number];
  filter: [number, number, number, number];
  strides: [number, number];
  pad: 'same' | 'valid' | number | [[0, 0], [number, number], [number, number], [0, 0]];
  dilations?: [number, number];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const explicit: Convolution['pad'] = [[0, 0], [1, 2], [0, 3], [0, 0]]; // prettier-ignore

const CONVOLUTIONS: Convolution[] = [
  { x: [1, 4, 4, 1], filter: [3, 3, 1, 1], strides: [1, 1], pad: 'same' },
  { x: [2, 5, 6, 3], filter: [3, 3, 3, 4], strides: [1, 1], pad: 'same' },
  { x: [2, 5, 6, 3], filter: [3, 2, 3, 2], strides: [1, 1], pad: 'valid' },
  { x: [2, 7, 6, 2], filter: [3, 3, 2, 3], strides: [2, 2], pad: 'same' },
  { x: [2, 8, 7, 2], filter: [2, 3, 2, 3], strides: [3, 3], pad: 'valid' },
  { x: [1, 6, 6, 2], filter: [5, 5, 2, 2], strides: [1, 1], pad: 2 },
  { x: [1, 6, 5, 2], filter: [3, 3, 2, 2], strides: [2, 2], pad: 1, dimRoundingMode: 'floor' },
  { x: [1, 6, 6, 2], filter: [3, 3, 2, 2], strides: [2, 2], pad: 1, dimRoundingMode: 'ceil' },
  { x: [2, 5, 6, 2], filter: [3, 4, 2, 3], strides: [1, 1], pad: explicit },
  { x: [3, 4, 5, 4], filter: [1, 1, 4, 3], strides: [1, 1], pad: 'valid' },
  { x: [1, 8, 8, 3], filter: [4, 4, 3, 5], strides: [4, 4], pad: 'valid' },
  // Larger than a block of patches (2^18 floats), so that blocks are added up.
  { x: [3, 40, 40, 16], filter: [5, 5, 16, 2], strides: [1, 1], pad: 'same' },
];

const nameOf = ({ x, filter, strides, pad, dilations, dimRoundingMode }: Convolution) =>
  `[${x.join()}] by [${filter.join()}], stride ${strides.join()}, pad ${String(pad)}` +
  `${dilations ? `, dilation ${dilations.join()}` : ''} ${dimRoundingMode ?? ''}`;

/** All triples (image index, filter index, output index) that a convolution multiplies, from its definition. */
function forProducts(
  { x, filter, strides, pad, dilations = [1, 1], dimRoundingMode }: Convolution,
  depthwise: boolean,
  body: (image: number, weight: number, output: number) => void,
): number[] {
  const info = tf.backend_util.computeConv2DInfo(x, filter, strides, dilations, pad, dimRoundingMode, depthwise);
  const [B, H, W, C] = x;
  const [KH, KW, , O] = filter;
  const [, R, S, Q] = info.outShape;
  for (let b = 0; b < B; b++)
    for (let r = 0; r < R; r++)
      for (let s = 0; s < S; s++)
        for (let i = 0; i < KH; i++)
          for (let j = 0; j < KW; j++) {
            const h = r * strides[0] + i * dilations[0] - info.padInfo.top;
            const w = s * strides[1] + j * dilations[1] - info.padInfo.left;
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            for (let c = 0; c < C; c++)
              for (let o = 0; o < O; o++) {
                const output = ((b * R + r) * S + s) * Q + (depthwise ? c * O + o : o);
                body(((b * H + h) * W + w) * C + c, ((i * KW + j) * C + c) * O + o, output);
              }
          }
  return info.outShape;
}

/** Kernel gradients of a convolution on the current backend, with the given depthwise or dense kernels. */
function gradientsOf(convolution: Convolution, depthwise: boolean) {
  const { x, filter, strides, pad, dilations = [1, 1], dimRoundingMode } = convolution;
  const outShape = forProducts(convolution, depthwise, () => undefined);
  const attrs = { strides, pad, dilations, dataFormat: 'NHWC', dimRoundingMode };
  const dy = () => values(outShape, 3);
  const [filterKernel, inputKernel] = depthwise
    ? ['DepthwiseConv2dNativeBackpropFilter', 'DepthwiseConv2dNativeBackpropInput']
    : ['Conv2DBackpropFilter', 'Conv2DBackpropInput'];
  return {
    filter: () => run(filterKernel, { x: values(x), dy: dy() }, { ...attrs, filterShape: filter }),
    input: () => run(inputKernel, { dy: dy(), filter: values(filter, 2) }, { ...attrs, inputShape: x }),
  };
}

/** The same two gradients by brute force, in float64. */
function bruteForce(convolution: Convolution, depthwise: boolean) {
  const dw = new Float64Array(tf.util.sizeFromShape(convolution.filter));
  const dx = new Float64Array(tf.util.sizeFromShape(convolution.x));
  const [image, weights] = [values(convolution.x).dataSync(), values(convolution.filter, 2).dataSync()];
  const outShape = forProducts(convolution, depthwise, () => undefined);
  const dy = values(outShape, 3).dataSync();
  forProducts(convolution, depthwise, (x, w, y) => {
    dw[w]! += image[x]! * dy[y]!;
    dx[x]! += weights[w]! * dy[y]!;
  });
  return { dw: { data: dw, shape: convolution.filter }, dx: { data: dx, shape: convolution.x } };
}

describe.each([
  { title: 'Conv2DBackpropFilter and Conv2DBackpropInput', depthwise: false },
  { title: 'DepthwiseConv2dNativeBackpropFilter and DepthwiseConv2dNativeBackpropInput', depthwise: true },
])('$title', ({ depthwise }) => {
  it.each(CONVOLUTIONS.map((convolution) => [nameOf(convolution), convolution] as const))(
    'equal the sums over all products, and the cpu backend: %s',
    async (_, convolution) => {
      await tf.setBackend('wasm');
      const gradients = gradientsOf(convolution, depthwise);
      const { dw, dx } = bruteForce(convolution, depthwise);
      expect(gradients.filter()).toBeAllclose(dw, FLOAT32_SUMS);
      expect(gradients.input()).toBeAllclose(dx, FLOAT32_SUMS);
      expect(dw).toBeAllclose(await on('cpu', gradients.filter), FLOAT32_SUMS);
      expect(dx).toBeAllclose(await on('cpu', gradients.input), FLOAT32_SUMS);
    },
  );

  it('leave nothing behind', async () => {
    await tf.setBackend('wasm');
    const gradients = gradientsOf(CONVOLUTIONS[1]!, depthwise);
    expect(() => tf.tidy(gradients.filter)).toLeakNothing();
    expect(() => tf.tidy(gradients.input)).toLeakNothing();
  });

  it('refuse a gradient that is not of the output shape', () => {
    const [x, dy] = [values([1, 4, 4, 2]), values([1, 2, 4, 2])];
    const attrs = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 2, depthwise ? 1 : 2] };
    const kernel = depthwise ? 'DepthwiseConv2dNativeBackpropFilter' : 'Conv2DBackpropFilter';
    expect(() => run(kernel, { x, dy }, attrs)).toThrow(
      /dy must have the output's shape \[1, 4, 4, 2\], got a float32/,
    );
  });
});

describe('the dilated depthwise gradients', () => {
  it('equal the sums over all products (tfjs gives no such gradients)', () => {
    const dilated: Convolution = {
      x: [2, 7, 6, 2],
      filter: [3, 2, 2, 3],
      strides: [1, 1],
      pad: 'same',
      dilations: [2, 2],
    };
    const { dw, dx } = bruteForce(dilated, true);
    const gradients = gradientsOf(dilated, true);
    expect(gradients.filter()).toBeAllclose(dw, FLOAT32_SUMS);
    expect(gradients.input()).toBeAllclose(dx, FLOAT32_SUMS);
  });
});

describe('conv2d gradients', () => {
  it('refuse NCHW', () => {
    const attrs = { strides: [1, 1], pad: 'same', dataFormat: 'NCHW', filterShape: [3, 3, 2, 2] };
    const inputs = { x: values([1, 2, 4, 4]), dy: values([1, 2, 4, 4]) };
    expect(() => run('Conv2DBackpropFilter', inputs, attrs)).toThrow(
      'tensor-core.conv2dBackpropFilter: dataFormat must be NHWC on the wasm backend, got NCHW.',
    );
  });

  it('take the rounding mode of the forward pass from dy, as tf.conv2d does not tell it to them', () => {
    const rounded = CONVOLUTIONS.find(({ dimRoundingMode }) => dimRoundingMode === 'ceil')!;
    const { dw, dx } = bruteForce(rounded, false);
    const dy = values([1, 4, 4, 2], 3);
    const attrs = { strides: rounded.strides, pad: rounded.pad, dataFormat: 'NHWC' };
    const inputs = { x: values(rounded.x), dy, filter: values(rounded.filter, 2) };
    const filterShape = rounded.filter;
    expect(run('Conv2DBackpropFilter', inputs, { ...attrs, filterShape })).toBeAllclose(dw, FLOAT32_SUMS);
    expect(run('Conv2DBackpropInput', inputs, { ...attrs, inputShape: rounded.x })).toBeAllclose(dx, FLOAT32_SUMS);
  });
});

describe.each(['cpu', 'wasm'])('gradients through tf.grads on %s', (backend) => {
  const image: [number, number, number, number] = [1, 4, 5, 2];
  const cases: Record<string, { shapes: number[][]; apply: (...operands: tf.Tensor[]) => tf.Tensor }> = {
    'tf.conv2d': {
      shapes: [image, [3, 3, 2, 2]],
      apply: (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same'),
    },
    'tf.depthwiseConv2d': {
      shapes: [image, [3, 2, 2, 2]],
      apply: (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid'),
    },
    'tf.separableConv2d': {
      shapes: [image, [3, 3, 2, 2], [1, 1, 4, 3]],
      apply: (x, d, p) => tf.separableConv2d(x as tf.Tensor4D, d as tf.Tensor4D, p as tf.Tensor4D, 1, 'same'),
    },
    'tf.conv2dTranspose': {
      shapes: [[1, 3, 3, 2], [3, 3, 2, 2]], // prettier-ignore
      apply: (x, w) => tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [1, 6, 6, 2], 2, 'same'),
    },
  };

  it.each(Object.entries(cases))('%s agrees with finite differences in each operand', async (_, { shapes, apply }) => {
    await tf.setBackend(backend);
    const operands = shapes.map((shape, i) => values(shape, i + 1));
    const loss = (...xs: tf.Tensor[]) => {
      const y = apply(...xs);
      return y.mul(values(y.shape, 9)).sum<tf.Scalar>();
    };
    const gradients = tf.grads(loss)(operands);
    operands.forEach((operand, i) => {
      const f = (p: Float64Array) =>
        tf.tidy(
          () =>
            loss(...operands.map((x, j) => (i === j ? tf.tensor(Float32Array.from(p), x.shape) : x))).dataSync()[0]!,
        );
      const numeric = finiteDifferences(f, operand.dataSync(), 1e-2);
      expect(gradients[i]).toBeAllclose({ data: numeric, shape: operand.shape }, FLOAT32_DIFFERENCES);
    });
  });
});

describe('the gradients of maximum pooling', () => {
  // Most windows of these images hold nothing but negative numbers.
  const x = (size: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i * i + i) - 0.7);
  /** 1 at the largest of every block of 2 x 2 (x 2) elements. */
  const atMaxima = (data: Float32Array, [D, H, W, C]: readonly number[], depth: number): number[] => {
    const out = new Array<number>(data.length).fill(0);
    const blockOf = (at: number): string => {
      const [c, w, h, d] = [
        at % C!,
        Math.floor(at / C!) % W!,
        Math.floor(at / (C! * W!)) % H!,
        Math.floor(at / (C! * W! * H!)),
      ];
      return [c, w >> 1, h >> 1, Math.floor((d % D!) / depth), Math.floor(d / D!)].join();
    };
    const best = new Map<string, number>();
    data.forEach((value, at) => {
      const block = blockOf(at);
      if (!best.has(block) || value > data[best.get(block)!]!) best.set(block, at);
    });
    for (const at of best.values()) out[at] = 1;
    expect(best.size).toBe(data.length / (4 * depth));
    return out;
  };

  it.each(['cpu', 'wasm'])('reach the maximum of every window, negative ones too, on %s', async (backend) => {
    const flat = x(3 * 8 * 6 * 2);
    const two = await on(backend, () =>
      tf.grad((image: tf.Tensor) => tf.maxPool(image as tf.Tensor4D, 2, 2, 'valid').sum())(
        tf.tensor4d(flat, [3, 8, 6, 2]),
      ),
    );
    expect(Array.from(two.data)).toEqual(atMaxima(flat, [1, 8, 6, 2], 1));
    const deep = x(2 * 4 * 6 * 4 * 3);
    const three = await on(backend, () =>
      tf.grad((image: tf.Tensor) => tf.maxPool3d(image as tf.Tensor5D, 2, 2, 'valid').sum())(
        tf.tensor5d(deep, [2, 4, 6, 4, 3]),
      ),
    );
    expect(Array.from(three.data)).toEqual(atMaxima(deep, [4, 6, 4, 3], 2));
  });
});

describe('training on wasm', () => {
  const fit = async (model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor) => {
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 8, shuffle: false, verbose: 0 });
    const losses = history['loss'] as number[];
    return losses.at(-1)! / losses[0]!;
  };

  it('fits a model of convolution, depthwise convolution and dense layers', async () => {
    await tf.setBackend('wasm');
    const kernelInitializer = tf.initializers.glorotUniform({ seed: 7 });
    const depthwiseInitializer = tf.initializers.glorotUniform({ seed: 8 });
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 4, kernelSize: 3, activation: 'tanh', kernelInitializer }),
        tf.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, activation: 'tanh', depthwiseInitializer }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1, kernelInitializer }),
      ],
    });
    const x = values([16, 6, 6, 1]);
    expect(await fit(model, x, x.mean([1, 2, 3]).mul(5).reshape([16, 1]))).toBeLessThan(0.1);
  });

  it('fits an embedding', async () => {
    await tf.setBackend('wasm');
    const embeddingsInitializer = tf.initializers.randomUniform({ minval: -0.1, maxval: 0.1, seed: 7 });
    const model = tf.sequential({
      layers: [
        tf.layers.embedding({ inputDim: 8, outputDim: 4, inputLength: 2, embeddingsInitializer }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 1, kernelInitializer: tf.initializers.glorotUniform({ seed: 7 }) }),
      ],
    });
    const tokens = tf.tidy(() => tf.range(0, 32, 1, 'int32').mul(tf.scalar(5, 'int32')).mod(tf.scalar(8, 'int32')));
    const x = tokens.reshape([16, 2]);
    expect(await fit(model, x, x.cast('float32').sum(1, true).sub(7).div(7))).toBeLessThan(0.1);
  });

  it('does not let the heap grow over 200 gradients', async () => {
    await tf.setBackend('wasm');
    const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.byteLength;
    const [x, filter, depthwise] = [values([4, 32, 32, 8]), values([3, 3, 8, 8]), values([3, 3, 8, 1])];
    const gradients = tf.grads((image, w, d) => {
      const hidden = tf.conv2d(image as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
      const rows = tf.gather(tf.depthwiseConv2d(hidden, d as tf.Tensor4D, 1, 'same'), tf.tensor1d([0, 2, 2], 'int32'));
      return tf.einsum('bhwc,bhwd->cd', rows, rows).sum<tf.Scalar>();
    });
    const step = () => tf.dispose(gradients([x, filter, depthwise]));
    for (let i = 0; i < 3; i++) step();
    const [bytes, tensors] = [heap(), tf.memory().numTensors];
    for (let i = 0; i < 200; i++) step();
    expect([heap(), tf.memory().numTensors]).toEqual([bytes, tensors]);
  });
});
