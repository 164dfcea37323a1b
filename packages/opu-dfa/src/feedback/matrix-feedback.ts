// M examples, C outputs of the network, N units of a hidden layer.
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import type { Feedback } from './feedback';

const { argumentMessage, checkNumber, ShapeError } = check;

/**
 * One fixed random matrix for each hidden layer, f^l = e B^l.
 *
 * @see Noekland, 2016, "Direct feedback alignment provides learning in deep neural networks", arXiv:1609.01596
 */
export class MatrixFeedback implements Feedback {
  readonly outputs: number;
  readonly compiles = true;
  readonly variables: Readonly<Record<string, tf.Variable>>;
  private readonly matrices: readonly tf.Variable[];

  /**
   * @param matrices  B^l [C, N_l] of each hidden layer; copied
   * @throws RangeError without any, ShapeError when one is no matrix or has other rows than the first
   */
  constructor(matrices: readonly tf.Tensor[]) {
    const where = 'opu-dfa.MatrixFeedback';
    if (matrices.length === 0) {
      const fix = 'A network without hidden layers has null as its feedback.';
      throw new RangeError(argumentMessage(where, 'matrices', 'be at least one', [], fix));
    }
    const outputs = matrices[0]?.shape[0] ?? 0;
    matrices.forEach((matrix, i) => {
      if (matrix.rank !== 2 || matrix.shape[0] !== outputs) {
        throw new ShapeError(argumentMessage(where, `matrices[${i}]`, `have the shape [${outputs}, N]`, matrix));
      }
    });
    this.outputs = outputs;
    this.matrices = matrices.map((matrix) => tf.tidy(() => tf.variable(matrix, false)));
    this.variables = Object.fromEntries(this.matrices.map((matrix, i) => [`feedback.${i}`, matrix]));
  }

  /**
   * Draws the matrices.
   *
   *   B^l ~ N(0, scale^2), layer l with foldIn(key, l)
   *
   * @param outputs  C
   * @param widths   N_l of each hidden layer
   * @param scale    default 1 / sqrt(C), the real part of an optical transmission matrix
   * @throws RangeError for sizes that are no positive integers or a scale <= 0
   */
  static draw(key: random.Key, outputs: number, widths: readonly number[], scale = outputs ** -0.5): MatrixFeedback {
    const where = 'opu-dfa.MatrixFeedback.draw';
    random.checkKey(where, key);
    checkNumber(where, 'outputs', outputs, { min: 1, integer: true });
    widths.forEach((width, i) => checkNumber(where, `widths[${i}]`, width, { min: 1, integer: true }));
    checkNumber(where, 'scale', scale, { above: 0 });
    const matrices = widths.map((width, l) => random.normal(random.foldIn(key, l), [outputs, width], { std: scale }));
    const feedback = new MatrixFeedback(matrices);
    tf.dispose(matrices);
    return feedback;
  }

  /** @throws ShapeError for other outputs or widths than the matrices have */
  signals(e_MC: tf.Tensor2D, widths: readonly number[]): tf.Tensor2D[] {
    const where = 'opu-dfa.MatrixFeedback.signals';
    checkErrors(where, this.outputs, e_MC);
    checkWidths(
      where,
      this.matrices.map(({ shape }) => shape[1]!),
      widths,
    );
    return this.matrices.map((matrix) => tf.matMul<tf.Tensor2D>(e_MC, matrix as unknown as tf.Tensor2D));
  }

  dispose(): void {
    for (const matrix of this.matrices) if (!matrix.isDisposed) matrix.dispose();
  }
}

/**
 * One matrix for all hidden layers, as one shot of an optical processor: layer l gets the first N_l columns.
 *
 *   f^l = (e G)[:, :N_l] / sqrt(N_max),  G [C, N_max], entries uniform on [-1, 1)
 *
 * @see Launay, Poli, Boniface, Krzakala, 2020, "Direct feedback alignment scales to modern deep learning tasks and
 *   architectures", arXiv:2006.12878
 */
export class SharedFeedback implements Feedback {
  readonly outputs: number;
  readonly compiles = true;
  readonly variables: Readonly<Record<string, tf.Variable>>;
  private readonly matrix: tf.Variable;

  /**
   * @param matrix  G [C, N_max]; copied
   * @throws ShapeError when it is no matrix
   */
  constructor(matrix: tf.Tensor) {
    if (matrix.rank !== 2) {
      throw new ShapeError(argumentMessage('opu-dfa.SharedFeedback', 'matrix', 'have the shape [C, N]', matrix));
    }
    this.outputs = matrix.shape[0]!;
    this.matrix = tf.tidy(() => tf.variable(matrix, false));
    this.variables = { feedback: this.matrix };
  }

  /** Draws G for the widest of the layers. @throws RangeError for sizes that are no positive integers */
  static draw(key: random.Key, outputs: number, widths: readonly number[]): SharedFeedback {
    const where = 'opu-dfa.SharedFeedback.draw';
    random.checkKey(where, key);
    checkNumber(where, 'outputs', outputs, { min: 1, integer: true });
    const widest = checkNumber(where, 'the widest layer', Math.max(...widths), { min: 1, integer: true });
    const matrix = random.uniform(key, [outputs, widest], { low: -1, high: 1 });
    const feedback = new SharedFeedback(matrix);
    matrix.dispose();
    return feedback;
  }

  /** @throws ShapeError for other outputs, or layers wider than the matrix */
  signals(e_MC: tf.Tensor2D, widths: readonly number[]): tf.Tensor2D[] {
    const where = 'opu-dfa.SharedFeedback.signals';
    checkErrors(where, this.outputs, e_MC);
    const columns = this.matrix.shape[1]!;
    const tooWide = widths.find((width) => width > columns);
    if (tooWide !== undefined) {
      const wanted = `be at most ${columns}, the columns of the matrix`;
      throw new ShapeError(argumentMessage(where, 'widths', wanted, tooWide));
    }
    return tf.tidy(() => {
      const all = tf.matMul<tf.Tensor2D>(e_MC, this.matrix).mul<tf.Tensor2D>(columns ** -0.5);
      return widths.map((width) => (width === columns ? all.clone() : all.slice([0, 0], [-1, width])));
    });
  }

  dispose(): void {
    if (!this.matrix.isDisposed) this.matrix.dispose();
  }
}

function checkErrors(where: string, outputs: number, e: tf.Tensor): void {
  if (e.rank === 2 && e.shape[1] === outputs) return;
  throw new ShapeError(argumentMessage(where, 'e', `have the shape [M, ${outputs}]`, e));
}

function checkWidths(where: string, own: readonly number[], widths: readonly number[]): void {
  if (String(own) === String(widths)) return;
  throw new ShapeError(argumentMessage(where, 'widths', `be [${own.join(', ')}], as the matrices are`, [...widths]));
}
