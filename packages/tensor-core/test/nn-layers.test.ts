import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import * as nn from '../src/nn';
import { backendsUnderTest } from '../src/testing';
import {
  channelsFirst,
  channelsLast,
  compiling,
  goldenTensor,
  layers,
  load,
  parameterGradients,
  resultAndGradients,
} from './nn-parity';
import type { Layer } from './nn-parity';

// Golden values are exact to float32; sums of up to some hundred products of numbers near 1 in another order.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 1e-5 };
// Numbers near 1000 have steps of 6e-5, and their mean is rounded once.
const FAR = { rtol: 2e-4, atol: 2e-4 };

const same = (x: tf.Tensor): tf.Tensor => x.clone();

class Activation extends nn.Module {
  constructor(readonly forward: (x: tf.Tensor) => tf.Tensor) {
    super();
  }
}

interface Case {
  name: string;
  create: () => Layer;
  /** Whether PyTorch has channels first; default true. */
  images?: boolean;
  tolerance?: typeof FLOAT32_SUMS;
}

const key = null;
const { Conv1d, Conv2d, ConvTranspose2d, GroupNorm, LayerNorm } = nn;
const CASES: Case[] = [
  { name: 'linear', create: () => new nn.Linear(5, 4, { key }), images: false },
  { name: 'linear/plain', create: () => new nn.Linear(5, 4, { key, bias: false }), images: false },
  { name: 'embedding', create: () => new nn.Embedding(6, 3, { key }), images: false },
  { name: 'gelu', create: () => new Activation(nn.gelu), images: false },
  { name: 'silu', create: () => new Activation(nn.silu), images: false },
  { name: 'layer-norm', create: () => new LayerNorm(7), images: false },
  { name: 'layer-norm/plain', create: () => new LayerNorm(7, { affine: false, epsilon: 1e-2 }), images: false },
  { name: 'layer-norm/image', create: () => new LayerNorm([3, 4, 5]) },
  { name: 'layer-norm/sequence', create: () => new LayerNorm([3, 4]) },
  { name: 'layer-norm/far', create: () => new LayerNorm(16), images: false, tolerance: FAR },
  { name: 'rms-norm', create: () => new nn.RmsNorm(7, { epsilon: 1e-6 }), images: false },
  { name: 'group-norm/1', create: () => new GroupNorm(1, 6) },
  { name: 'group-norm/3', create: () => new GroupNorm(3, 6) },
  { name: 'group-norm/6', create: () => new GroupNorm(6, 6) },
  { name: 'group-norm/plain', create: () => new GroupNorm(2, 6, { epsilon: 1e-3, affine: false }) },
  { name: 'group-norm/far', create: () => new GroupNorm(2, 4), tolerance: FAR },
  { name: 'instance-norm', create: () => new nn.InstanceNorm(3) },
  { name: 'instance-norm/affine', create: () => new nn.InstanceNorm(3, { affine: true }) },
  { name: 'batch-norm', create: () => new nn.BatchNorm(3) },
  { name: 'batch-norm/rows', create: () => new nn.BatchNorm(5, { epsilon: 1e-3, momentum: 0.3 }) },
  { name: 'batch-norm/plain', create: () => new nn.BatchNorm(2, { affine: false }) },
  { name: 'conv2d', create: () => new Conv2d(3, 4, 3, { key, padding: 1 }) },
  { name: 'conv2d/valid', create: () => new Conv2d(3, 2, 3, { key, bias: false }) },
  { name: 'conv2d/stride', create: () => new Conv2d(2, 3, 4, { key, stride: 2, padding: 1 }) },
  { name: 'conv2d/oblong', create: () => new Conv2d(2, 3, [2, 3], { key, stride: [2, 1], padding: [0, 0, 1, 1] }) },
  { name: 'conv2d/tiles', create: () => new Conv2d(3, 4, 2, { key, stride: 2 }) },
  { name: 'conv2d/oblong-tiles', create: () => new Conv2d(2, 3, [2, 3], { key, stride: [2, 3], bias: false }) },
  { name: 'conv2d/pixels', create: () => new Conv2d(3, 4, 1, { key }) },
  { name: 'conv2d/sparse-pixels', create: () => new Conv2d(3, 4, 1, { key, stride: 2 }) },
  { name: 'conv2d/same', create: () => new Conv2d(2, 3, 4, { key, padding: 'same' }) },
  { name: 'conv2d/dilated', create: () => new Conv2d(2, 3, [3, 2], { key, padding: 'same', dilation: [2, 3] }) },
  { name: 'conv2d/circular', create: () => new Conv2d(3, 4, 3, { key, padding: 1, paddingMode: 'circular' }) },
  {
    name: 'conv2d/circular-same',
    create: () => new Conv2d(2, 3, [4, 2], { key, padding: 'same', paddingMode: 'circular' }),
  },
  { name: 'conv1d', create: () => new Conv1d(3, 4, 5, { key, padding: 2 }) },
  { name: 'conv1d/stride', create: () => new Conv1d(3, 4, 3, { key, stride: 2, padding: 1, bias: false }) },
  { name: 'conv1d/dilated', create: () => new Conv1d(2, 3, 3, { key, padding: 'same', dilation: 2 }) },
  { name: 'conv1d/circular', create: () => new Conv1d(2, 3, 3, { key, padding: [1, 1], paddingMode: 'circular' }) },
  { name: 'conv-transpose2d', create: () => new ConvTranspose2d(3, 2, 4, { key, stride: 2, padding: 1 }) },
  { name: 'conv-transpose2d/tiles', create: () => new ConvTranspose2d(3, 2, 2, { key, stride: 2 }) },
  { name: 'conv-transpose2d/large-tiles', create: () => new ConvTranspose2d(3, 2, 4, { key, stride: 4, bias: false }) },
  {
    name: 'conv-transpose2d/extra',
    create: () => new ConvTranspose2d(3, 2, 3, { key, stride: 2, padding: 1, outputPadding: 1 }),
  },
  {
    name: 'conv-transpose2d/oblong',
    create: () => new ConvTranspose2d(3, 2, [3, 2], { key, stride: [1, 2], padding: [1, 1, 0, 0] }),
  },
  {
    name: 'conv-transpose2d/gaps',
    create: () => new ConvTranspose2d(2, 3, 2, { key, stride: 3, outputPadding: [1, 2] }),
  },
  { name: 'double-conv', create: () => new nn.DoubleConv(2, 3, { key }) },
  { name: 'double-conv/residual', create: () => new nn.DoubleConv(3, 3, { key, residual: true }) },
];

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('layers on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(CASES)('$name', ({ name, create, images = true, tolerance = FLOAT32_SUMS }) => {
    const [inwards, outwards] = images ? [channelsLast, channelsFirst] : [same, same];
    const golden = (part: string): tf.Tensor => inwards(goldenTensor(layers, `${name}/${part}`));

    it.each(compiling(backend))('equals PyTorch in result and gradients, compiled %s', (compiled) => {
      const layer = load(create(), layers, `${name}/w/`);
      const { y, dx, grads } = resultAndGradients(layer, golden('x'), golden('dy'), { compiled });
      expect(outwards(y)).toBeAllclose(layers.get(`${name}/y`), tolerance);
      if (dx) expect(outwards(dx)).toBeAllclose(layers.get(`${name}/dx`), tolerance);
      const gradients = parameterGradients(layer, grads);
      for (const [parameter, gradient] of Object.entries(gradients)) {
        expect(gradient).toBeAllclose(layers.get(`${name}/g/${parameter}`), tolerance);
      }
      const recorded = layers.names.filter((tensor) => tensor.startsWith(`${name}/g/`));
      expect(Object.keys(gradients).sort()).toEqual(recorded.map((tensor) => tensor.split('/g/')[1]).sort());
    });

    it('leaves nothing behind, forwards or in gradients', () => {
      const layer = create();
      const [x, dy] = [golden('x'), golden('dy')];
      expect(() => layer.forward(x)).toLeakNothing();
      if (layer.trainableVariables().length > 0) {
        expect(() =>
          tf.variableGrads(() => layer.forward(x).mul(dy).sum().asScalar(), layer.trainableVariables()),
        ).toLeakNothing();
      }
      layer.dispose();
    });
  });
});
