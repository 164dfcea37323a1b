// N steps, D width of the code, B batch.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import { checkCounts } from './checks';
import { gaussian, type InitKey } from './init';
import { linear } from './linear';
import { Module } from './module';

/**
 * The table that the discrete cosmological networks were trained with, which differs from every usual one; the usual one
 * is sinusoidalPositions with the layout 'half'.
 *
 *   code[t] = sin(r[t]) for even t,  r[t][j] = t / 10000^(2j/D), j < D;  other rows start as r[t];
 *   then row 1 - m, counted from the end where negative, becomes cos(code[m]) for m = 0, 2, 4, ...
 *
 * So the cosines are those of sines, and of an odd number of steps odd rows from 3 on keep their angles.
 *
 * @param steps  N, at least 2
 * @param width  D, even
 * @returns float32 [N, D]
 * @throws RangeError when a number is not such an integer
 */
export function alternatingTable(steps: number, width: number): tf.Tensor2D {
  const where = 'tensor-core.alternatingTable';
  checkEven(where, width);
  checkNumber(where, 'steps', steps, { min: 2, integer: true });
  // The reference rounds the angles to float32 before it takes sines.
  const angle = (t: number, j: number): number => Math.fround(t / 10000 ** ((2 * j) / width));
  const sine = (m: number, j: number): number => Math.fround(Math.sin(angle(m, j)));
  const code = (t: number, j: number): number => {
    // m = 1 - t comes from row 1, m = 1 + N - t from the others.
    const m = t === 1 ? 0 : steps + 1 - t;
    if (m % 2 === 0 && m < steps) return Math.cos(sine(m, j));
    return t % 2 === 0 ? sine(t, j) : angle(t, j);
  };
  const values = Float32Array.from({ length: steps * width }, (_, i) => code(Math.floor(i / width), i % width));
  return tf.tensor2d(values, [steps, width]);
}

/**
 * A fixed table of codes by step, a frozen parameter.
 *
 * Names: weight [N, D].
 */
export class TimeTable extends Module {
  readonly weight: tf.Variable;

  /** @param table  adopted: its memory passes to the module */
  constructor(table: tf.Tensor2D) {
    super();
    this.weight = this.parameter('weight', table);
    this.freeze();
  }

  /** @param t_B  int32, 0 .. N - 1 @returns [B, D] @throws TypeError when the steps are not int32 */
  forward(t_B: tf.Tensor): tf.Tensor {
    if (t_B.dtype !== 'int32') {
      throw new TypeError(argumentMessage('tensor-core.TimeTable.forward', 't', 'be int32 steps', t_B));
    }
    return tf.gather(this.weight, t_B);
  }
}

/** Options of FourierFeatures. */
export interface FourierFeaturesOptions {
  /** For the frequencies; null gives zeros, for those that are loaded afterwards. */
  key: InitKey;
  /** Standard deviation of the frequencies in turns, default 0.1. */
  scale?: number;
}

/**
 * Random Fourier features of a time, with fixed frequencies.
 *
 *   [sin(w t + b), cos(w t + b)],  w_j = 2 pi scale N(0, 1),  b = 0
 *
 * Names: 0.weight [D/2, 1] for w and 0.bias [D/2] for b, both frozen.
 *
 * @see Tancik et al., 2020, arXiv:2006.10739
 */
export class FourierFeatures extends Module {
  private readonly frequencies: tf.Variable;
  private readonly phases: tf.Variable;

  /** @param width  D @throws RangeError when it is not a positive even integer or the scale is not positive */
  constructor(
    readonly width: number,
    { key, scale = 0.1 }: FourierFeaturesOptions,
  ) {
    super();
    const where = 'tensor-core.FourierFeatures';
    checkEven(where, width);
    checkNumber(where, 'scale', scale, { above: 0 });
    this.frequencies = this.parameter('0.weight', gaussian(key, [width / 2, 1], 2 * Math.PI * scale));
    this.phases = this.parameter('0.bias', tf.zeros([width / 2]));
    this.freeze();
  }

  /** @param t_B1  times @returns [B, D] @throws ShapeError when the last axis is not of length 1 */
  forward(t_B1: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const angles = linear(t_B1, this.frequencies, this.phases);
      return tf.concat([angles.sin(), angles.cos()], -1);
    });
  }
}

function checkEven(where: string, width: number): void {
  checkCounts(where, { width });
  if (width % 2 !== 0) throw new RangeError(argumentMessage(where, 'width', 'be even', width));
}
