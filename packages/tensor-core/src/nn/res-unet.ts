// B batch, H W rows and columns, C channels, E = 100 width of the codes of time and parameters.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, checkShape, ShapeError } from '../check';
import { silu } from './activations';
import { BatchNorm } from './batch-norm';
import { checkCounts } from './checks';
import { Conv2d } from './conv2d';
import { ConvTranspose2d } from './conv-transpose2d';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { Module } from './module';
import { sinusoidalPositions } from './positions-sinusoidal';
import { CODE_WIDTH, ResBlock, type Normalisation, type ResBlockOptions } from './res-block';
import { alternatingTable, FourierFeatures, TimeTable } from './time-embedding';

/** Options of ResUNet; the defaults are those of the published experiments. */
export interface ResUNetOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Default 1. */
  inChannels?: number;
  /** Default 1. */
  outChannels?: number;
  /** Channels of the first level, even, default 10; each level but the last doubles them. */
  firstChannels?: number;
  /** Side length of the images at each level, each half of the one before; default [256, 128, 64, 32]. */
  sizes?: readonly number[];
  /** Default 'GN', with firstChannels / 2 channels in a group. */
  normalisation?: Normalisation;
  /**
   * Default 'discrete': a table of codes by integer step. 'fourier': random Fourier features of t in [0, 1], fixed.
   * 'forward': a linear map of t.
   */
  time?: 'discrete' | 'fourier' | 'forward';
  /** Rows of the table of discrete times, at least 2, default 1000. */
  steps?: number;
  /**
   * Which table: 'standard' (default), sines and then cosines, see sinusoidalPositions; 'reference', see alternatingTable.
   * Checkpoints bring theirs.
   */
  timeTable?: 'standard' | 'reference';
  /** Number of parameters phi that the network is conditioned on, default 0. */
  phiLength?: number;
  /** Default true. */
  skipRescale?: boolean;
  /** Padding of the blocks and the tail; default 'circular', for fields on a torus. */
  paddingMode?: 'zeros' | 'circular';
  /** Of the normalisations, default 1e-5. */
  epsilon?: number;
}

interface TimeCode extends Module {
  forward(t: tf.Tensor): tf.Tensor;
}

/**
 * The residual U-Net that predicts the noise in maps of the interstellar dust, conditioned on diffusion time and
 * parameters phi.
 *
 * Levels are joined by 4x4 convolutions of stride 2 down and transposed ones up, with zero padding. The last layer is a
 * batch normalisation (with LN a layer normalisation): call `eval()` before sampling.
 *
 * Names: time_embed.*, phi_embed.0.*, downblocks.N.*, upblocks.N.*, tail.{0,1}.*, as in AstroDiff/AstroDDPM.
 *
 * @see Heurtel-Depeiges et al., 2023, arXiv:2310.16285; Heurtel-Depeiges et al., 2024, arXiv:2402.19455
 */
export class ResUNet extends Module {
  private readonly timeEmbed: TimeCode;
  private readonly phiEmbed: Linear | null;
  private readonly down: readonly ResBlock[];
  private readonly samplers: readonly Conv2d[];
  private readonly up: readonly ResBlock[];
  private readonly upsamplers: readonly ConvTranspose2d[];
  private readonly tail: Conv2d;
  private readonly tailNorm: BatchNorm | LayerNorm | null;
  private readonly sizes: readonly number[];
  private readonly inChannels: number;

  /** @throws RangeError when firstChannels is odd, the sizes do not halve or are fewer than 2, or a number is bad */
  constructor(options: ResUNetOptions) {
    super();
    const { key, inChannels = 1, outChannels = 1, firstChannels = 10, sizes = [256, 128, 64, 32] } = options;
    const {
      normalisation = 'GN',
      phiLength = 0,
      paddingMode = 'circular',
      epsilon = 1e-5,
      skipRescale = true,
    } = options;
    checkArchitecture({ inChannels, outChannels, firstChannels, phiLength, sizes });
    [this.sizes, this.inChannels] = [sizes, inChannels];
    const levels = sizes.length;
    const keys = splitKey<InitKey>(key, 4 * levels);
    const next = (): InitKey => keys.pop()!;
    const block = (
      channels: [number, number, number, number],
      size: number,
      groupSize = firstChannels / 2,
    ): ResBlock => {
      const common = { normalisation, epsilon, paddingMode, skipRescale, hasPhi: phiLength > 0 };
      return new ResBlock(channels, { ...common, key: next(), groupSize, size } satisfies ResBlockOptions);
    };
    this.timeEmbed = this.child('time_embed', timeCodeOf(options, next()));
    this.phiEmbed =
      phiLength > 0 ? this.child('phi_embed.0', new Linear(phiLength, CODE_WIDTH, { key: next() })) : null;

    const widths = sizes.slice(1).map((_, level) => firstChannels * 2 ** level);
    const last = widths.at(-1)!;
    this.down = sizes.map((size, level) => {
      if (level === 0) return block([inChannels, firstChannels, firstChannels, firstChannels], size, 1);
      if (level === levels - 1) return block([last, last / 2, last / 2, last], size);
      return block([widths[level]! / 2, widths[level]!, widths[level]!, widths[level]!], size);
    });
    this.samplers = widths.map((C) => new Conv2d(C, C, 4, { key: next(), stride: 2, padding: 1 }));
    this.children('downblocks', interleaved<Module>(this.down, this.samplers));

    const upwards = [...widths].reverse();
    this.upsamplers = upwards.map((C) => new ConvTranspose2d(C, C, 4, { key: next(), stride: 2, padding: 1 }));
    this.up = upwards.map((C, i) => {
      const size = sizes[levels - 2 - i]!;
      return i === levels - 2 ? block([2 * C, C, C, C], size) : block([2 * C, C, C / 2, C / 2], size);
    });
    this.children('upblocks', interleaved<Module>(this.upsamplers, this.up));

    const tailOptions = { key: next(), padding: 1, paddingMode };
    this.tail = this.child('tail.0', new Conv2d(firstChannels, outChannels, 3, tailOptions));
    const tailNorm = tailNormOf(normalisation, outChannels, sizes[0]!, epsilon);
    this.tailNorm = tailNorm && this.child('tail.1', tailNorm);
  }

  /**
   * @param x_BHWC  images whose sides 2^(levels - 1) divides, and with LN those of sizes[0]
   * @param t       int32 steps [B] with discrete times, else times [B] or [B, 1]
   * @param phi_BP  the parameters, scaled to [-1, 1], for a network that is conditioned on them
   * @returns [B, H, W, outChannels]
   * @throws ShapeError when a shape does not fit, TypeError when phi is missing or not wanted
   */
  forward(x_BHWC: tf.Tensor, t: tf.Tensor, phi_BP?: tf.Tensor): tf.Tensor {
    this.checkInputs(x_BHWC, t, phi_BP);
    return tf.tidy(() => {
      const time_BE = this.timeEmbed.forward(this.timeEmbed instanceof TimeTable ? t.flatten() : t.reshape([-1, 1]));
      const phi_BE = this.phiEmbed === null ? null : silu(this.phiEmbed.forward(phi_BP!));
      const skips: tf.Tensor[] = [];
      let h = x_BHWC;
      this.down.forEach((block, level) => {
        h = block.forward(h, time_BE, phi_BE);
        if (level === this.samplers.length) return;
        skips.push(h);
        h = this.samplers[level]!.forward(h);
      });
      this.up.forEach((block, i) => {
        h = tf.concat([this.upsamplers[i]!.forward(h), skips.pop()!], -1);
        h = block.forward(h, time_BE, phi_BE);
      });
      h = this.tail.forward(h);
      return this.tailNorm === null ? h : this.tailNorm.forward(h);
    });
  }

  private checkInputs(x_BHWC: tf.Tensor, t: tf.Tensor, phi_BP: tf.Tensor | undefined): void {
    const where = 'tensor-core.ResUNet.forward';
    checkShape(where, 'x', x_BHWC, [null, null, null, this.inChannels]);
    const [B, H, W] = x_BHWC.shape as [number, number, number];
    const factor = 2 ** (this.sizes.length - 1);
    if (H % factor !== 0 || W % factor !== 0) {
      throw new ShapeError(argumentMessage(where, 'x', `have sides that ${factor} divides`, x_BHWC));
    }
    if (t.size !== B) throw new ShapeError(argumentMessage(where, 't', `have one time for each of ${B} images`, t));
    if (this.phiEmbed === null && phi_BP !== undefined) {
      throw new TypeError(argumentMessage(where, 'phi', 'be left out: the network has no parameters phi', phi_BP));
    }
    if (this.phiEmbed !== null) checkShape(where, 'phi', phi_BP as tf.Tensor, [B, this.phiEmbed.inFeatures]);
  }
}

function timeCodeOf(options: ResUNetOptions, key: InitKey): TimeCode {
  const { time = 'discrete', steps = 1000, timeTable = 'standard' } = options;
  const where = 'tensor-core.ResUNet';
  switch (checkOneOf(where, 'time', time, ['discrete', 'fourier', 'forward'])) {
    case 'fourier':
      return new FourierFeatures(CODE_WIDTH, { key });
    case 'forward':
      return new Linear(1, CODE_WIDTH, { key });
    case 'discrete': {
      const isReference = checkOneOf(where, 'timeTable', timeTable, ['standard', 'reference']) === 'reference';
      checkNumber(where, 'steps', steps, { min: 2, integer: true });
      return new TimeTable(
        isReference ? alternatingTable(steps, CODE_WIDTH) : sinusoidalPositions(steps, CODE_WIDTH, { layout: 'half' }),
      );
    }
  }
}

function tailNormOf(
  normalisation: Normalisation,
  channels: number,
  size: number,
  epsilon: number,
): BatchNorm | LayerNorm | null {
  if (normalisation === null) return null;
  if (normalisation === 'LN') return new LayerNorm([channels, size, size], { epsilon, affine: false });
  return new BatchNorm(channels, { epsilon });
}

/** first[0], second[0], first[1], second[1], ...; the first may have one more. */
function interleaved<T>(first: readonly T[], second: readonly T[]): T[] {
  return first.flatMap((item, i) => (i < second.length ? [item, second[i]!] : [item]));
}

function checkArchitecture({
  sizes,
  phiLength,
  firstChannels,
  ...counts
}: Required<Pick<ResUNetOptions, 'inChannels' | 'outChannels' | 'firstChannels' | 'phiLength' | 'sizes'>>): void {
  const where = 'tensor-core.ResUNet';
  checkCounts(where, { ...counts, firstChannels });
  checkNumber(where, 'phiLength', phiLength, { min: 0, integer: true });
  if (firstChannels % 2 !== 0) {
    throw new RangeError(argumentMessage(where, 'firstChannels', 'be even', firstChannels));
  }
  const halve = sizes.every((size, level) => Number.isInteger(size) && (level === 0 || 2 * size === sizes[level - 1]));
  if (sizes.length < 2 || !halve || sizes.at(-1)! < 1) {
    throw new RangeError(argumentMessage(where, 'sizes', 'be two or more integers, each half the one before', sizes));
  }
}
