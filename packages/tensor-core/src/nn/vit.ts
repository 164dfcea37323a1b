// B batch, H W rows and columns of pixels, C channels, N patches, R registers, T = 1 + R + N tokens, D width.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkShape } from '../check';
import type { Key } from '../random';
import { checkCounts } from './checks';
import { gaussian, truncatedGaussian, type InitKey } from './init';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Module } from './module';
import { PatchEmbed } from './patch-embed';
import { interpolatePositions } from './positions-grid';
import { PreNormBlock } from './transformer-block';

/** What a VisionTransformer is made of. */
export interface VisionTransformerOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Pixels a side of the images that the stored positions are for; others are interpolated. */
  imageSize: number;
  /** Pixels a side of a patch, which divide imageSize. */
  patchSize: number;
  /** D. */
  width: number;
  /** Number of blocks. */
  depth: number;
  /** Heads of each block, which divide the width. */
  heads: number;
  /** Default 3. */
  channels?: number;
  /** Width of the hidden layers, default 4 D. */
  hidden?: number;
  /** Tokens without meaning or position of their own, default 0. */
  registers?: number;
  /** Initial factor of the branches, null for none; default 1e-5. */
  layerScale?: number | null;
  /** Probability that a branch is left out in training, one for all blocks or one each; default 0. */
  dropPath?: number | readonly number[];
  /** Of positions on other grids, see InterpolateOptions; default 0.1. */
  interpolateOffset?: number;
  /** Of positions on other grids, default false. */
  interpolateAntialias?: boolean;
  /** Of the layer norms, default 1e-6. */
  epsilon?: number;
}

/** What a call may add to its images. */
export interface VisionOptions {
  /** bool [B, N], true where a patch is replaced by the mask token. */
  mask?: tf.Tensor | undefined;
  /** For dropPath in training. */
  key?: Key | undefined;
}

/** The tokens of images by their meaning. */
export type ImageTokens = {
  /** Of the whole image, [B, D]. */
  cls: tf.Tensor;
  /** [B, R, D]; undefined without registers. */
  registers: tf.Tensor | undefined;
  /** [B, N, D], row by row. */
  patches: tf.Tensor;
};

/**
 * A vision transformer with the options of DINOv2: a class token, registers, mask token, LayerScale and positions that
 * are interpolated for other image sizes.
 *
 * Names: cls_token [1, 1, D], pos_embed [1, 1 + N, D], register_tokens [1, R, D], mask_token [1, D],
 * patch_embed.proj.{weight,bias}, blocks.N.* as PreNormBlock, norm.{weight,bias}. `withoutBlockChunks` renames those of
 * chunked checkpoints.
 *
 * @see Dosovitskiy et al., 2021, arXiv:2010.11929; Oquab et al., 2023, arXiv:2304.07193; Darcet et al., 2023,
 *   arXiv:2309.16588, for registers
 */
export class VisionTransformer extends Module {
  readonly patchEmbed: PatchEmbed;
  readonly blocks: readonly PreNormBlock[];
  readonly norm: LayerNorm;
  private readonly clsToken: tf.Variable;
  private readonly positions: tf.Variable;
  private readonly registerTokens: tf.Variable | null;
  private readonly maskToken: tf.Variable;
  private readonly gridSize: number;

  /** @throws RangeError when a number is not of its kind, or one does not divide the other */
  constructor(private readonly options: VisionTransformerOptions) {
    super();
    const where = 'tensor-core.VisionTransformer';
    const { key, imageSize, patchSize, width, depth, heads, channels = 3, registers = 0, epsilon = 1e-6 } = options;
    const { hidden = 4 * width, layerScale = 1e-5, dropPath = 0 } = options;
    checkCounts(where, { imageSize, patchSize, width, depth, heads });
    checkNumber(where, 'registers', registers, { min: 0, integer: true });
    this.gridSize = imageSize / patchSize;
    if (!Number.isInteger(this.gridSize)) {
      throw new RangeError(argumentMessage(where, 'imageSize', `be a multiple of patchSize ${patchSize}`, imageSize));
    }
    const rates = typeof dropPath === 'number' ? Array<number>(depth).fill(dropPath) : dropPath;
    if (rates.length !== depth) {
      throw new RangeError(argumentMessage(where, 'dropPath', `be one rate or ${depth}, one a block`, dropPath));
    }
    const [forPatches, forCls, forPositions, forRegisters, forBlocks] = splitKey(key, 5);
    this.clsToken = this.parameter('cls_token', gaussian(forCls!, [1, 1, width], 1e-6));
    const positions = truncatedGaussian(forPositions!, [1, 1 + this.gridSize ** 2, width], { std: 0.02 });
    this.positions = this.parameter('pos_embed', positions);
    this.registerTokens =
      registers === 0 ? null : this.parameter('register_tokens', gaussian(forRegisters!, [1, registers, width], 1e-6));
    this.maskToken = this.parameter('mask_token', tf.zeros([1, width]));
    this.patchEmbed = this.child('patch_embed', new PatchEmbed(patchSize, width, { key: forPatches!, channels }));
    const shared = { key: null, hidden, epsilon, layerScale };
    const blocks = rates.map((rate) => new PreNormBlock(width, heads, { ...shared, dropPath: rate }));
    this.blocks = this.children('blocks', blocks);
    this.norm = this.child('norm', new LayerNorm(width, { epsilon }));
    initialiseBlocks(blocks, forBlocks!);
  }

  /**
   * @param x_BHWC  images, whose sides the size of a patch divides
   * @returns cls, registers and patches after the last norm, and `prenorm` [B, T, D] before it
   * @throws ShapeError when the shapes do not fit, TypeError when the key of dropPath is missing in training
   */
  forwardFeatures(x_BHWC: tf.Tensor, options: VisionOptions = {}): ImageTokens & { prenorm: tf.Tensor } {
    return tf.tidy(() => {
      const prenorm = this.states(x_BHWC, options).at(-1)!;
      return { ...this.tokensOf(this.norm.forward(prenorm)), prenorm };
    });
  }

  /** The class token after the last norm, [B, D]; see forwardFeatures. */
  forward(x_BHWC: tf.Tensor, options: VisionOptions = {}): tf.Tensor {
    return tf.tidy(() => this.forwardFeatures(x_BHWC, options).cls);
  }

  /**
   * The tokens after some of the blocks, for tasks that want features of several depths.
   *
   * @param blocks        how many of the last blocks, or their numbers from 0
   * @param options.norm  whether they go through the last norm, default true
   * @throws RangeError when there is no such block
   */
  intermediateLayers(
    x_BHWC: tf.Tensor,
    blocks: number | readonly number[] = 1,
    { norm = true, ...options }: VisionOptions & { norm?: boolean } = {},
  ): ImageTokens[] {
    const where = 'tensor-core.VisionTransformer.intermediateLayers';
    const depth = this.blocks.length;
    if (typeof blocks === 'number') checkNumber(where, 'blocks', blocks, { min: 1, max: depth, integer: true });
    const numbers = typeof blocks === 'number' ? [...Array(depth).keys()].slice(depth - blocks) : blocks;
    for (const number of numbers) checkNumber(where, 'blocks', number, { min: 0, max: depth - 1, integer: true });
    return tf.tidy(() => {
      const states = this.states(x_BHWC, options);
      return numbers.map((number) => {
        const state = states[number]!;
        return this.tokensOf(norm ? this.norm.forward(state) : state);
      });
    });
  }

  /** The tokens before the first block: patches with masks, class token, positions and registers. @returns [B, T, D] */
  embed(x_BHWC: tf.Tensor, mask_BN?: tf.Tensor): tf.Tensor {
    const { width } = this.options;
    const grid = this.patchEmbed.gridOf(x_BHWC);
    const [B, N] = [x_BHWC.shape[0], grid[0] * grid[1]];
    if (mask_BN) checkShape('tensor-core.VisionTransformer.embed', 'mask', mask_BN, [B, N]);
    return tf.tidy(() => {
      const seen = this.patchEmbed.forward(x_BHWC);
      const hidden = mask_BN?.expandDims(-1).toFloat();
      const patches = hidden ? seen.mul(tf.sub(1, hidden)).add(hidden.mul(this.maskToken)) : seen;
      const cls = tf.broadcastTo(this.clsToken, [B, 1, width]);
      const placed = tf.concat([cls, patches], 1).add(this.positionsOn(grid));
      if (this.registerTokens === null) return placed;
      const registers = tf.broadcastTo(this.registerTokens, [B, this.registerTokens.shape[1]!, width]);
      return tf.concat([placed.slice([0, 0, 0], [B, 1, width]), registers, placed.slice([0, 1, 0], [B, N, width])], 1);
    });
  }

  /** The positions of class token and patches, [1, 1 + rows columns, D], interpolated to another grid. */
  positionsOn([rows, columns]: readonly [number, number]): tf.Tensor {
    const { gridSize: size, positions } = this;
    const { width, interpolateOffset: offset = 0.1, interpolateAntialias: antialias = false } = this.options;
    if (rows === size && columns === size) return positions.clone();
    return tf.tidy(() => {
      const table = positions.slice([0, 1, 0], [1, size * size, width]).reshape([size * size, width]);
      const resized = interpolatePositions(table, [size, size], [rows, columns], { offset, antialias });
      return tf.concat([positions.slice([0, 0, 0], [1, 1, width]), resized.expandDims(0)], 1);
    });
  }

  /** The tokens after each block. */
  private states(x_BHWC: tf.Tensor, { mask, key }: VisionOptions): tf.Tensor[] {
    const keys = splitKey(key, this.blocks.length);
    const states = [this.embed(x_BHWC, mask)];
    this.blocks.forEach((block, i) => states.push(block.forward(states[i]!, { key: keys[i] })));
    return states.slice(1);
  }

  private tokensOf(tokens_BTD: tf.Tensor): ImageTokens {
    const [B, T, D] = tokens_BTD.shape as [number, number, number];
    const R = this.registerTokens?.shape[1] ?? 0;
    const part = (begin: number, length: number): tf.Tensor => tokens_BTD.slice([0, begin, 0], [B, length, D]);
    return {
      cls: part(0, 1).reshape([B, D]),
      registers: R === 0 ? undefined : part(1, R),
      patches: part(1 + R, T - 1 - R),
    };
  }
}

/**
 * The name of a block's tensor without the number of its chunk: blocks.1.6.norm1.weight is blocks.6.norm1.weight.
 *
 * For the `rename` of loadStateDict; names of other kinds, and with anything before them, stay or are kept.
 */
export function withoutBlockChunks(name: string): string {
  return name.replace(/(^|\.)blocks\.\d+\.(\d+)\./, '$1blocks.$2.');
}

/** Linear layers as DINOv2 starts them: weights truncated normal with standard deviation 0.02, biases 0. */
function initialiseBlocks(blocks: readonly PreNormBlock[], key: InitKey): void {
  const parameters = blocks.flatMap((block) => block.namedParameters());
  const matrices = parameters.filter(([, { rank }]) => rank === 2);
  const keys = splitKey(key, matrices.length);
  tf.tidy(() => {
    matrices.forEach(([, variable], i) => variable.assign(truncatedGaussian(keys[i]!, variable.shape, { std: 0.02 })));
  });
}
