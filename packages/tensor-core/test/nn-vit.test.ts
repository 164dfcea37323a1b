// B batch, H W rows and columns of pixels, C channels, N patches, D width.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { bicubicWeights, interpolatePositions, PatchEmbed, VisionTransformer, withoutBlockChunks } from '../src/nn';
import type { VisionTransformerOptions } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest, loadGolden, type Golden } from '../src/testing';
import { golden } from './nn-attention-parity';
import { channelsLast, goldenState, goldenTensor, parameterGradients } from './nn-parity';
import { values } from './values';

// A few products of float32 weights, which were computed in float64, with numbers of a few units.
const FLOAT32_PRODUCTS = { rtol: 1e-5, atol: 2e-6 };
// Both sides are float32: two to four blocks of sums of up to 64 products.
const TWO_FLOAT32_NETWORKS = { rtol: 5e-5, atol: 2e-5 };
// The same, where positions are interpolated with coordinates in float32.
const INTERPOLATED = { rtol: 1e-4, atol: 1e-4 };

const file = (name: string): Golden => loadGolden(new URL(`./golden/nn/${name}.safetensors`, import.meta.url));
const registers = file('vit_registers');
const chunked = file('vit_chunked');

const WITH_REGISTERS: VisionTransformerOptions = {
  key: null, imageSize: 24, patchSize: 6, width: 16, depth: 2, heads: 4, registers: 3, interpolateOffset: 0, interpolateAntialias: true,
}; // prettier-ignore
const CHUNKED: VisionTransformerOptions = { key: null, imageSize: 24, patchSize: 4, width: 16, depth: 4, heads: 2 };

function create(options: VisionTransformerOptions, from: Golden): VisionTransformer {
  const vit = new VisionTransformer(options);
  const state = goldenState(from, 'weights.');
  vit.loadStateDict(state, { rename: withoutBlockChunks });
  tf.dispose(state);
  return vit;
}
const images = (from: Golden, size: string): tf.Tensor => channelsLast(goldenTensor(from, `${size}.input`));

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('VisionTransformer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each([
    ['registers', WITH_REGISTERS, registers, '24x24', TWO_FLOAT32_NETWORKS],
    ['registers', WITH_REGISTERS, registers, '12x12', INTERPOLATED],
    ['chunks', CHUNKED, chunked, '24x24', TWO_FLOAT32_NETWORKS],
    ['chunks', CHUNKED, chunked, '16x16', INTERPOLATED],
  ] as const)('with %s', (_, options, from, size, tolerance) => {
    it.each([false, true])(`equals DINOv2 on ${size} pixels, compiled %s`, (compiled) => {
      const vit = create(options, from);
      const forward = (x: tf.Tensor) => vit.forwardFeatures(x);
      const tokens = (compiled ? jit(forward) : forward)(images(from, size));
      expect(tokens.cls).toBeAllclose(from.get(`${size}.cls`), tolerance);
      expect(tokens.patches).toBeAllclose(from.get(`${size}.patch`), tolerance);
      if (options === WITH_REGISTERS) expect(tokens.registers).toBeAllclose(from.get(`${size}.reg`), tolerance);
      else expect(tokens.registers).toBeUndefined();
      if (from.names.includes(`${size}.prenorm`)) {
        expect(tokens.prenorm).toBeAllclose(from.get(`${size}.prenorm`), tolerance);
      }
      expect(vit.forward(images(from, size))).toBeAllclose(from.get(`${size}.cls`), tolerance);
    });
  });

  it.each([false, true])('equals DINOv2 with masked patches and in its gradients, compiled %s', (compiled) => {
    const vit = create(WITH_REGISTERS, registers);
    const mask = goldenTensor(registers, '24x24.mask').cast('bool');
    const step = (x: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(() => {
        const { cls, patches } = vit.forwardFeatures(x, { mask });
        return cls.square().sum().div(10).add(patches.sin().sum().div(10)).asScalar();
      });
      value.dispose();
      const { cls, patches } = vit.forwardFeatures(x, { mask });
      return { cls, patches, grads };
    };
    const { cls, patches, grads } = (compiled ? jit(step) : step)(images(registers, '24x24'));
    expect(cls).toBeAllclose(registers.get('24x24.masked.cls'), TWO_FLOAT32_NETWORKS);
    expect(patches).toBeAllclose(registers.get('24x24.masked.patch'), TWO_FLOAT32_NETWORKS);
    const gradients = parameterGradients(vit, grads);
    const recorded = registers.names.filter((name) => name.startsWith('grad.')).map((name) => name.slice(5));
    expect(recorded.length).toBeGreaterThan(15);
    for (const name of recorded) {
      const expected = registers.get(`grad.${name}`);
      // Sums over all tokens cancel; their rounding goes with the largest entry.
      const atol = 1e-4 * Math.max(...expected.data.map(Math.abs));
      expect(gradients[name]!).toBeAllclose(expected, { rtol: 1e-4, atol });
    }
  });

  it('interpolates its positions as DINOv2, without a change on its own grid', () => {
    const vit = create(WITH_REGISTERS, registers);
    for (const [size, grid] of [['12x12', [2, 2]], ['24x24', [4, 4]], ['36x36', [6, 6]]] as const) {
      expect(vit.positionsOn(grid)).toBeAllclose(registers.get(`${size}.pos`), { rtol: 1e-5, atol: 1e-6 });
    } // prettier-ignore
    const own = vit.positionsOn([4, 4]).dataSync();
    expect([...own]).toEqual([...registers.get('weights.pos_embed').data]);
    const other = create(CHUNKED, chunked);
    expect(other.positionsOn([4, 4])).toBeAllclose(chunked.get('16x16.pos'), { rtol: 1e-5, atol: 2e-6 });
  });

  it('has parts that can be used alone: without class token and positions it does not see the order of patches', () => {
    const vit = create(WITH_REGISTERS, registers);
    const tokens = (x: tf.Tensor): tf.Tensor =>
      vit.norm.forward(vit.blocks.reduce((y, block) => block.forward(y), vit.patchEmbed.forward(x)));
    const x = images(registers, '24x24');
    expect(tokens(x)).toBeAllclose(registers.get('24x24.astroclip_tokens'), TWO_FLOAT32_NETWORKS);
  });

  it('gives the tokens after several blocks', () => {
    const vit = create(CHUNKED, chunked);
    const x = images(chunked, '24x24');
    const last = vit.intermediateLayers(x, 2);
    expect(last.length).toBe(2);
    expect(last[1]!.patches).toBeAllclose(chunked.get('24x24.patch'), TWO_FLOAT32_NETWORKS);
    expect(last[1]!.cls).toBeAllclose(chunked.get('24x24.cls'), TWO_FLOAT32_NETWORKS);
    const [raw] = vit.intermediateLayers(x, [3], { norm: false });
    const prenorm = goldenTensor(chunked, '24x24.prenorm');
    expect(raw!.patches).toBeAllclose(prenorm.slice([0, 1, 0]), TWO_FLOAT32_NETWORKS);
    const [first, third] = vit.intermediateLayers(x, [0, 2]);
    expect(third!.cls).toBeAllclose(last[0]!.cls, { rtol: 0, atol: 0 });
    const expected = vit.norm.forward(vit.blocks[0]!.forward(vit.embed(x)));
    expect(first!.patches).toBeAllclose(expected.slice([0, 1, 0]), TWO_FLOAT32_NETWORKS);
  });

  it('leaves branches out in training by its key, at the rate of each block', () => {
    const sizes = { imageSize: 8, patchSize: 4, width: 4, depth: 2, heads: 1, layerScale: 1 };
    const vit = new VisionTransformer({ ...sizes, key: key(1), dropPath: [0, 0.5] });
    const x = values([6, 8, 8, 3]);
    const run = (own: ReturnType<typeof key>): tf.Tensor => vit.forwardFeatures(x, { key: own }).prenorm;
    const compiled = jit(run);
    for (const seed of [1, 2]) expect(compiled(key(seed))).toBeAllclose(run(key(seed)), TWO_FLOAT32_NETWORKS);
    expect(compiled(key(1))).not.toBeAllclose(compiled(key(2)), { rtol: 1e-2, atol: 1e-3 });
    const first = (own: ReturnType<typeof key>): tf.Tensor => vit.intermediateLayers(x, [0], { key: own })[0]!.patches;
    expect(first(key(1))).toBeAllclose(first(key(2)), { rtol: 0, atol: 0 });
  });

  it('leaves nothing behind', () => {
    const vit = create(WITH_REGISTERS, registers);
    const x = values([2, 12, 24, 3]);
    const mask = tf.zeros([2, 8], 'bool');
    expect(() => vit.forwardFeatures(x, { mask })).toLeakNothing();
    expect(() => vit.forward(x)).toLeakNothing();
    expect(() => vit.intermediateLayers(x, 2)).toLeakNothing();
    expect(() => tf.variableGrads(() => vit.forward(x).sum().asScalar())).toLeakNothing();
    expect(() => new VisionTransformer({ ...WITH_REGISTERS, key: key(1) }).dispose()).toLeakNothing();
  });

  describe('interpolatePositions', () => {
    const cases = [
      ...new Set(golden.names.filter((name) => name.startsWith('bicubic/')).map((name) => name.split('/')[1]!)),
    ];

    it.each(cases)('equals PyTorch and has its gradient: %s', (name) => {
      const [H, W, R, S, ...rest] = name.split('.');
      const antialias = rest.pop() === 'antialias';
      const offset = Number(rest.join('.'));
      const resize = (x: tf.Tensor): tf.Tensor => interpolatePositions(x, [Number(H), Number(W)], [Number(R), Number(S)], { offset, antialias }); // prettier-ignore
      const [x, dy] = ['x', 'dy'].map((part) => goldenTensor(golden, `bicubic/${name}/${part}`));
      expect(resize(x!)).toBeAllclose(golden.get(`bicubic/${name}/y`), FLOAT32_PRODUCTS);
      expect(jit(resize)(x!)).toBeAllclose(golden.get(`bicubic/${name}/y`), FLOAT32_PRODUCTS);
      const gradient = tf.grad((table: tf.Tensor) => resize(table).mul(dy!).sum())(x!);
      expect(gradient).toBeAllclose(golden.get(`bicubic/${name}/dx`), FLOAT32_PRODUCTS);
      expect(() => resize(x!)).toLeakNothing();
    });
  });

  describe('PatchEmbed', () => {
    it('is the convolution whose step is the size of its windows', () => {
      const embed = new PatchEmbed(3, 5, { key: key(1), channels: 2 });
      const x = values([2, 6, 9, 2]);
      const { 'proj.weight': weight, 'proj.bias': bias } = embed.stateDict();
      expect(weight!.shape).toEqual([5, 2, 3, 3]);
      const filter = weight!.transpose<tf.Tensor4D>([2, 3, 1, 0]);
      const expected = tf
        .conv2d(x as tf.Tensor4D, filter, 3, 'valid')
        .add(bias!)
        .reshape([2, 6, 5]);
      expect(embed.forward(x)).toBeAllclose(expected, FLOAT32_PRODUCTS);
      expect(() => embed.forward(x)).toLeakNothing();
    });
  });
});

describe('bicubicWeights', () => {
  it('are the identity for the same length', () => {
    for (const antialias of [false, true]) {
      expect([...bicubicWeights(3, 3, { antialias })].map((w) => w + 0)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    }
  });

  it('sum to 1, and keep lines where no border is near', () => {
    for (const antialias of [false, true]) {
      const [from, to] = [20, 13];
      const weights = bicubicWeights(from, to, { antialias });
      for (let i = 0; i < to; i++) {
        const row = [...weights.subarray(i * from, (i + 1) * from)];
        expect(row.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
        const place = row.reduce((sum, w, j) => sum + w * j, 0);
        // Keys's kernel keeps polynomials only with a = -0.5; with -0.75 a line is off by at most 0.05.
        if (i > 2 && i < to - 3) expect(Math.abs(place - (((i + 0.5) * from) / to - 0.5))).toBeLessThan(0.1);
      }
    }
  });

  it('says what does not fit', () => {
    const where = 'tensor-core.bicubicWeights: ';
    expect(() => bicubicWeights(0, 3)).toThrow(`${where}from must be an integer >= 1, got 0.`);
    expect(() => bicubicWeights(3, 1.5)).toThrow(`${where}to must be an integer >= 1, got 1.5.`);
    expect(() => bicubicWeights(3, 3, { scale: 0 })).toThrow(`${where}scale must be a finite number > 0, got 0.`);
  });
});

describe('VisionTransformer', () => {
  beforeAll(() => useBackend('cpu'));

  it('starts as DINOv2 does', () => {
    const vit = new VisionTransformer({ ...WITH_REGISTERS, width: 64, key: key(1) });
    const state = vit.stateDict();
    const spread = (name: string): number => Math.sqrt(state[name]!.square().mean().dataSync()[0]!);
    // Of n draws the standard deviation is known to 1 / sqrt(2n); five times that for the 1088 of the positions.
    for (const name of ['pos_embed', 'blocks.0.attn.qkv.weight', 'blocks.1.mlp.fc2.weight']) {
      expect(Math.abs(spread(name) / 0.02 - 1)).toBeLessThan(0.11);
    }
    expect(spread('cls_token')).toBeLessThan(3e-6);
    expect(spread('register_tokens')).toBeGreaterThan(0);
    for (const name of ['mask_token', 'blocks.0.attn.qkv.bias', 'blocks.1.mlp.fc1.bias', 'norm.bias'])
      expect(spread(name)).toBe(0);
    expect(spread('blocks.1.ls2.gamma')).toBeCloseTo(1e-5, 10);
    expect(spread('norm.weight')).toBe(1);
    const weights = [0, 1].map((i) => [...state[`blocks.${i}.attn.qkv.weight`]!.dataSync()]);
    expect(weights[0]).not.toEqual(weights[1]);
    const plain = new VisionTransformer({ ...CHUNKED, layerScale: null });
    expect(Object.keys(plain.stateDict()).filter((name) => /ls\d|register/.test(name))).toEqual([]);
  });

  it('has names without chunks', () => {
    expect(withoutBlockChunks('blocks.1.6.norm1.weight')).toBe('blocks.6.norm1.weight');
    expect(withoutBlockChunks('backbone.blocks.0.11.ls1.gamma')).toBe('backbone.blocks.11.ls1.gamma');
    expect(withoutBlockChunks('blocks.6.norm1.weight')).toBe('blocks.6.norm1.weight');
    expect(withoutBlockChunks('my_blocks.1.6.weight')).toBe('my_blocks.1.6.weight');
  });

  it('says what does not fit', () => {
    const make = (options: object) => () => new VisionTransformer({ ...WITH_REGISTERS, ...options });
    const where = 'tensor-core.VisionTransformer';
    expect(make({ imageSize: 25 })).toThrow(`${where}: imageSize must be a multiple of patchSize 6, got 25.`);
    expect(make({ depth: 0 })).toThrow(`${where}: depth must be an integer >= 1, got 0.`);
    expect(make({ registers: -1 })).toThrow(`${where}: registers must be an integer >= 0, got -1.`);
    expect(make({ dropPath: [0.1] })).toThrow(`${where}: dropPath must be one rate or 2, one a block, got [0.1].`);
    const vit = make({})();
    const patches = 'tensor-core.PatchEmbed.forward: ';
    expect(() => vit.forward(values([1, 24, 25, 3]))).toThrow(
      `${patches}x must have a height and width that 6 divides, got a float32 tensor of shape [1, 24, 25, 3]. Crop or pad the images.`,
    );
    expect(() => vit.forward(values([1, 3, 24, 24]))).toThrow(
      `${patches}x must have shape [*, *, *, 3], got a float32 tensor of shape [1, 3, 24, 24]. Images are [batch, height, width, channels].`,
    );
    const x = values([1, 24, 24, 3]);
    expect(() => vit.forwardFeatures(x, { mask: tf.ones([1, 4], 'bool') })).toThrow(
      `${where}.embed: mask must have shape [1, 16], got`,
    );
    expect(() => vit.intermediateLayers(x, 3)).toThrow(
      `${where}.intermediateLayers: blocks must be an integer >= 1 and <= 2, got 3.`,
    );
    expect(() => vit.intermediateLayers(x, [0, 2])).toThrow(
      `${where}.intermediateLayers: blocks must be an integer >= 0 and <= 1, got 2.`,
    );
    expect(() => new PatchEmbed(0, 4, { key: null })).toThrow(
      'tensor-core.PatchEmbed: patchSize must be an integer >= 1, got 0.',
    );
    const table = values([6, 2]);
    const call = 'tensor-core.interpolatePositions: ';
    expect(() => interpolatePositions(table, [2, 2], [3, 3])).toThrow(
      `${call}table must have shape [4, *], got a float32`,
    );
    expect(() => interpolatePositions(table, [2, 3], [0, 3])).toThrow(`${call}to[0] must be an integer >= 1, got 0.`);
    expect(() => interpolatePositions(table, [2, 3], [3, 3], { offset: -1 })).toThrow(
      `${call}offset must be a finite number >= 0, got -1.`,
    );
  });
});
