import * as tf from '@tensorflow/tfjs';
import { backend, check, scope, type random } from '@tfsci/tensor-core';
import { hostTensor } from './host-tensor';
import { checkTensor, hostRows, readRows, type RowReader, type Rows } from './rows';
import type { FeatureMapJson } from './json';
import type { Weights } from './weights';

const { argumentMessage, ShapeError } = check;

/** Numbers in a block of rows that is worked on at a time: 8 MiB of float32. */
const BLOCK_NUMBERS = 2 ** 21;

/** Features of rows, on the host. */
export interface FeatureRows {
  /** Row after row. */
  data: Float32Array;
  /** [n, D] */
  shape: [number, number];
}

/** Writes the features of `count` rows of a reader from the `first` on into `out`. */
export type HostTransform = (reader: RowReader, first: number, count: number, out: Float32Array) => void;

/** Options of transformations that may take long. */
export interface TransformOptions {
  /** Rows that are worked on at a time; default as many as make blocks of 8 MiB, at most 1024. */
  blockRows?: number;
  /** Told the number of rows done so far. */
  onProgress?: (rows: number) => void;
  signal?: AbortSignal;
}

/**
 * A map phi from R^d to R^D with E <phi(x), phi(y)> = k(x, y) for a kernel k.
 *
 * The random numbers are drawn once, when the map is made; `dispose` lets go of the tensors that hold them.
 */
export abstract class FeatureMap {
  /** Name of the class, in JSON and in messages. */
  readonly kind: string;
  /** d */
  readonly inputDim: number;
  /** D, the number of real features. */
  readonly features: number;
  private madeHostTransform: HostTransform | null | undefined;

  constructor(kind: string, inputDim: number, features: number) {
    this.kind = kind;
    this.inputDim = inputDim;
    this.features = features;
  }

  /** The features of tensors, of kernels that have gradients; inside of tf.tidy. */
  protected abstract apply(x_ND: tf.Tensor2D): tf.Tensor2D;

  /** A faster way than `apply` for rows on the host, where there is one; asked for once, when it is first needed. */
  protected makeHostTransform(): HostTransform | null {
    return null;
  }

  /** The random numbers by name. The arrays are the map's own: not to be changed. */
  abstract weights(): Weights;
  /** The same map with new random numbers. */
  abstract resample(key: random.Key | number): FeatureMap;
  abstract toJSON(): FeatureMapJson;
  /** Disposes the tensors that it keeps. They are made again when the map is used again. */
  abstract dispose(): void;

  /**
   * Adapts what depends on the data. Sketches do not: they only look whether x has d columns.
   *
   * @returns this map
   */
  fit(x: Rows | tf.Tensor2D): this {
    readRows(x, { where: this.where('fit'), columns: this.inputDim });
    return this;
  }

  /**
   * The features of the rows of a tensor.
   *
   * Differentiable in x, and of kernels only where a gradient is taken, a compiled function is recorded, or values lie
   * on a device; else by blocks of rows, so that little more memory is needed than for the result.
   *
   * @param x_ND  [n, d]
   * @returns float32 [n, D]
   * @throws ShapeError when x has not d columns; RangeError that names the row for numbers that are not finite, where
   *   values are at hand (else such rows give NaN)
   */
  transform(x_ND: tf.Tensor2D): tf.Tensor2D {
    const where = this.where('transform');
    if (!((x_ND as unknown) instanceof tf.Tensor)) {
      throw new TypeError(argumentMessage(where, 'x', 'be a tensor', x_ND, 'transformRows takes arrays.'));
    }
    checkTensor(where, 'x', x_ND);
    if (backend.valuesAtHand()) {
      const reader = readRows(x_ND, { where, columns: this.inputDim });
      return hostTensor([reader.count, this.features], (out) => {
        for (const [first, count] of this.blocksOf(reader.count)) this.transformBlock(reader, first, count, out);
      });
    }
    if (x_ND.shape[0] === 0) throw new ShapeError(argumentMessage(where, 'x', 'have at least one row', x_ND));
    if (x_ND.shape[1] !== this.inputDim) {
      throw new ShapeError(argumentMessage(where, 'x', `have ${this.inputDim} columns`, x_ND));
    }
    return tf.tidy(() => this.apply(x_ND.toFloat()));
  }

  /**
   * The features of rows on the host, by blocks of rows.
   *
   * @param x  [n, d], dense or sparse
   * @returns [n, D]
   * @throws as `transform`; the signal's reason when it is aborted
   */
  async transformRows(x: Rows | tf.Tensor2D, options: TransformOptions = {}): Promise<FeatureRows> {
    return this.blocksToRows(this.where('transformRows'), x, options, 0);
  }

  /**
   * The features of rows that come piece by piece, from a file or a network: memory for one piece at a time.
   *
   * @param source  pieces of rows, of any lengths
   * @returns the features of each piece; rows are counted through in messages and for `onProgress`
   * @throws TypeError when the source cannot be iterated over; as `transformRows`
   */
  async *transformChunks(
    source: Iterable<Rows> | AsyncIterable<Rows>,
    options: TransformOptions = {},
  ): AsyncGenerator<FeatureRows, void, undefined> {
    const where = this.where('transformChunks');
    const pieces = Object(source) as object;
    if (!(Symbol.asyncIterator in pieces || Symbol.iterator in pieces)) {
      throw new TypeError(argumentMessage(where, 'source', 'be an iterable of pieces of rows', source));
    }
    const { onProgress } = options;
    let done = 0;
    for await (const rows of source) {
      const before = done;
      const progress = onProgress && { onProgress: (count: number) => onProgress(before + count) };
      const features = await this.blocksToRows(where, rows, { ...options, ...progress }, done);
      done += features.shape[0];
      yield features;
    }
  }

  /**
   * The approximate kernel matrix, phi(x) phi(y)^T.
   *
   * @param x_ND  [n, d]
   * @param y_MD  [m, d], default x
   * @returns float32 [n, m]
   * @throws as `transform`
   */
  kernel(x_ND: tf.Tensor2D, y_MD: tf.Tensor2D = x_ND): tf.Tensor2D {
    check.checkShape(this.where('kernel'), 'y', y_MD, [null, this.inputDim]);
    return tf.tidy(() => {
      const phiX = this.transform(x_ND);
      return tf.matMul(phiX, y_MD === x_ND ? phiX : this.transform(y_MD), false, true);
    });
  }

  private get hostTransform(): HostTransform | null {
    if (this.madeHostTransform === undefined) this.madeHostTransform = this.makeHostTransform();
    return this.madeHostTransform;
  }

  /** How messages name a method of this map. */
  protected where(method: string): string {
    return `ctr-features.${this.kind}.${method}`;
  }

  private async blocksToRows(
    where: string,
    x: Rows | tf.Tensor2D,
    { blockRows, onProgress, signal }: TransformOptions,
    firstRow: number,
  ): Promise<FeatureRows> {
    if (blockRows !== undefined) check.checkNumber(where, 'blockRows', blockRows, { min: 1, integer: true });
    signal?.throwIfAborted();
    const reader = readRows(await hostRows(where, x), { where, columns: this.inputDim, firstRow });
    const data = new Float32Array(reader.count * this.features);
    for (const [first, count] of this.blocksOf(reader.count, blockRows)) {
      if (this.hostTransform !== null || backend.capabilities().readsSynchronously) {
        this.transformBlock(reader, first, count, data);
      } else {
        data.set(await this.blockOnDevice(reader, first, count), first * this.features);
      }
      onProgress?.(first + count);
      // So that a page stays alive, and a signal can come.
      if (first + count < reader.count) await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
    return { data, shape: [reader.count, this.features] };
  }

  private transformBlock(reader: RowReader, first: number, count: number, data: Float32Array): void {
    const out = data.subarray(first * this.features, (first + count) * this.features);
    if (this.hostTransform !== null) return this.hostTransform(reader, first, count, out);
    // The values not through tf.tidy: it would look at each of them for tensors.
    const phi = tf.tidy(() => this.apply(this.block(reader, first, count)));
    try {
      out.set(phi.dataSync());
    } finally {
      phi.dispose();
    }
  }

  private blockOnDevice(reader: RowReader, first: number, count: number): Promise<tf.TypedArray> {
    return scope(async (own) => own(tf.tidy(() => this.apply(this.block(reader, first, count)))).data());
  }

  private block(reader: RowReader, first: number, count: number): tf.Tensor2D {
    const out = new Float32Array(count * this.inputDim);
    reader.read(first, count, { out, stride: this.inputDim, offset: 0, scale: 1 });
    return tf.tensor2d(out, [count, this.inputDim]);
  }

  /** First row and number of rows of each block. */
  private *blocksOf(rows: number, blockRows?: number): Generator<[number, number]> {
    const numbers = Math.max(this.features, this.inputDim);
    const step = blockRows ?? Math.max(1, Math.min(1024, Math.floor(BLOCK_NUMBERS / numbers)));
    for (let first = 0; first < rows; first += step) yield [first, Math.min(step, rows - first)];
  }
}
