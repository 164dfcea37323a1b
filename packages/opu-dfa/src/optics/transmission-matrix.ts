// M frames, C inputs (mirrors), N outputs (pixels).
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, checkShape, ShapeError } = check;

/** Light at the pixels: complex numbers of one shape. */
export type Field = { re: tf.Tensor2D; im: tf.Tensor2D };

/** Size and seed of a drawn matrix. */
export interface TransmissionOptions {
  /** C, mirrors, at most 2^24. */
  inputs: number;
  /** N, pixels. */
  outputs: number;
  /** A key, or a seed. */
  key: random.KeyOrSeed;
  /** Whether it is kept as tensors, or drawn again for each product. Default: kept up to 2^22 entries (32 MiB). */
  stored?: boolean;
  /** Outputs that are drawn at a time where it is not kept, default 2^20 / C, at least 256. Results do not depend on it. */
  blockSize?: number;
}

/** A measured matrix: its parts [C, N]. */
export type GivenMatrix = Field & {
  /** Standard deviation of each part, default 1 / sqrt(C). */
  deviation?: number;
};

const STORED_ENTRIES = 2 ** 22;
const BLOCK_ENTRIES = 2 ** 20;

/**
 * Columns that share a key. One draw has at most 2^32 numbers, and making a key costs as much as some ten numbers, so it is
 * neither one key for all columns nor one for each.
 */
const COLUMNS_PER_KEY = 256;

/** What makes the columns of one part: tensors [C, to - from]. */
type Columns = (from: number, to: number) => tf.Tensor2D;

/**
 * The complex transmission matrix R [C, N] of a scattering medium.
 *
 *   Re R_ij, Im R_ij ~ N(0, 1 / C), independent, so E |R_ij|^2 = 2 / C
 *
 * Entry (i, j) is a function of the key, C, i and j alone: the first columns of a wide matrix are those of a narrow one, and
 * any columns can be had without the others, so that N = 1e6 needs no memory.
 */
export class TransmissionMatrix {
  readonly inputs: number;
  readonly outputs: number;
  /** Standard deviation of Re R_ij and of Im R_ij. */
  readonly deviation: number;
  /** Whether it is kept as tensors: then its products can be part of a compiled step. */
  readonly stored: boolean;
  readonly blockSize: number;
  /** A given matrix, for checkpoints: { 'matrix.re', 'matrix.im' }. A drawn one has its key. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  private readonly kept: readonly tf.Variable[];
  private readonly columns: { re: Columns; im: Columns };

  /**
   * @param matrix  size and key of a matrix to draw; or { re, im } [C, N], a measured one, copied, with the standard deviation
   *   of its parts, default 1 / sqrt(C)
   * @throws RangeError for sizes that are no positive integers, ShapeError for parts that are no matrices of one shape,
   *   TypeError for what is neither
   */
  constructor(matrix: TransmissionOptions | GivenMatrix) {
    const where = 'opu-dfa.TransmissionMatrix';
    if (typeof matrix !== 'object' || (matrix as object | null) === null) {
      const wanted = 'be { inputs, outputs, key } or { re, im }';
      throw new TypeError(argumentMessage(where, 'matrix', wanted, matrix));
    }
    if ('re' in matrix) {
      checkShape(where, 're', matrix.re, [null, null]);
      checkShape(where, 'im', matrix.im, matrix.re.shape);
      [this.inputs, this.outputs] = matrix.re.shape;
      if (matrix.re.size === 0) throw new ShapeError(argumentMessage(where, 're', 'have entries', matrix.re));
      this.deviation = checkNumber(where, 'deviation', matrix.deviation ?? this.inputs ** -0.5, { above: 0 });
      this.stored = true;
      this.blockSize = this.outputs;
      const [re, im] = [matrix.re, matrix.im].map((part) => tf.tidy(() => tf.variable(part.toFloat(), false)));
      this.variables = { 'matrix.re': re!, 'matrix.im': im! };
      this.kept = [re!, im!];
      this.columns = { re: sliceOf(re!), im: sliceOf(im!) };
      return;
    }
    const { inputs, outputs } = matrix;
    const key = random.asKey(where, matrix.key);
    this.inputs = checkNumber(where, 'inputs', inputs, { min: 1, max: 2 ** 24, integer: true });
    this.outputs = checkNumber(where, 'outputs', outputs, { min: 1, integer: true });
    this.deviation = inputs ** -0.5;
    this.stored = matrix.stored ?? inputs * outputs <= STORED_ENTRIES;
    const blockSize = matrix.blockSize ?? Math.max(256, Math.floor(BLOCK_ENTRIES / inputs));
    this.blockSize = checkNumber(where, 'blockSize', blockSize, { min: 1, integer: true });
    const [re, im] = random.split(key).map((part) => drawnColumns(part, inputs)) as [Columns, Columns];
    this.variables = {};
    this.kept = this.stored ? [re, im].map((part) => tf.tidy(() => tf.variable(part(0, outputs), false))) : [];
    this.columns = this.stored ? { re: sliceOf(this.kept[0]!), im: sliceOf(this.kept[1]!) } : { re, im };
  }

  /** Columns from .. to - 1 of R, [C, to - from]. @throws RangeError for columns that are none */
  chunk(from: number, to: number): Field {
    const where = 'opu-dfa.TransmissionMatrix.chunk';
    checkNumber(where, 'from', from, { min: 0, below: this.outputs, integer: true });
    checkNumber(where, 'to', to, { above: from, max: this.outputs, integer: true });
    return { re: this.columns.re(from, to), im: this.columns.im(from, to) };
  }

  /**
   * The light behind the medium, x R.
   *
   * @param x_MC   frames, any numbers
   * @param units  how many of the outputs, from the first, default all
   * @returns { re, im } float32 [M, units]
   * @throws ShapeError, TypeError for frames that are no [M, C] numbers, RangeError for units
   */
  field(x_MC: tf.Tensor2D, units = this.outputs): Field {
    this.checkProduct('opu-dfa.TransmissionMatrix.field', x_MC, units);
    return { re: this.product(x_MC, units, this.columns.re), im: this.product(x_MC, units, this.columns.im) };
  }

  /** Re(x R) [M, units] alone, with half the work of `field`. @throws as `field` */
  realField(x_MC: tf.Tensor2D, units = this.outputs): tf.Tensor2D {
    this.checkProduct('opu-dfa.TransmissionMatrix.realField', x_MC, units);
    return this.product(x_MC, units, this.columns.re);
  }

  dispose(): void {
    tf.dispose([...this.kept]);
  }

  private product(x: tf.Tensor2D, units: number, columns: Columns): tf.Tensor2D {
    const step = this.stored ? units : this.blockSize;
    return tf.tidy(() => {
      const x_MC = x.toFloat();
      const parts: tf.Tensor2D[] = [];
      for (let from = 0; from < units; from += step) {
        parts.push(tf.tidy(() => tf.matMul(x_MC, columns(from, Math.min(units, from + step)))));
      }
      return parts.length === 1 ? parts[0]! : tf.concat(parts, 1);
    });
  }

  private checkProduct(where: string, x: tf.Tensor2D, units: number): void {
    checkShape(where, 'x', x, [null, this.inputs], 'A frame has one number for each input.');
    if (x.dtype === 'complex64' || x.dtype === 'string') {
      throw new TypeError(argumentMessage(where, 'x', 'have real numbers', x));
    }
    checkNumber(where, 'units', units, { min: 1, max: this.outputs, integer: true });
  }
}

function sliceOf(variable: tf.Variable): Columns {
  const part = variable as unknown as tf.Tensor2D;
  // The variable itself is not the caller's: a product or a slice with all columns takes a clone.
  return (from, to) => (to - from === part.shape[1] ? part.clone() : part.slice([0, from], [-1, to - from]));
}

/** Column j is numbers (j mod 256) C .. of the draw with the key foldIn(part, floor(j / 256)). */
function drawnColumns(part: random.Key, inputs: number): Columns {
  return (from, to) => {
    const width = to - from;
    const entries = new Float32Array(inputs * width);
    for (let start = from; start < to;) {
      const block = Math.floor(start / COLUMNS_PER_KEY);
      const first = block * COLUMNS_PER_KEY;
      const end = Math.min(to, first + COLUMNS_PER_KEY);
      const offset = (start - first) * inputs;
      const drawn = new Float32Array((end - start) * inputs);
      random.fillNormal(random.foldIn(part, block), drawn, { std: inputs ** -0.5, offset });
      for (let i = 0; i < inputs; i++) {
        const row = i * width - from;
        for (let j = start; j < end; j++) entries[row + j] = drawn[(j - start) * inputs + i]!;
      }
      start = end;
    }
    return tf.tensor2d(entries, [inputs, width]);
  };
}
