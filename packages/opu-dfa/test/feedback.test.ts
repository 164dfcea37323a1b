import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { denseNetwork, MatrixFeedback, SharedFeedback, type Feedback } from '../src/index';
import { drawn, smallDense } from './networks';

const { ShapeError } = check;
const key = random.key(5);

const valuesOf = (feedback: Feedback): Float32Array[] =>
  Object.values(feedback.variables).map((matrix) => Float32Array.from(matrix.dataSync()));

/** Drawn once on the reference backend. */
async function onCpu<T>(make: () => T): Promise<T> {
  await useBackend('cpu');
  return make();
}

describe.each(backendsUnderTest())('feedback on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterAll(() => useBackend('cpu'));

  const signals = (feedback: Feedback, e: tf.Tensor2D, widths: number[]): Float32Array[] =>
    tf.tidy(() =>
      (feedback.signals(e, widths, key) as tf.Tensor2D[]).map((each) => Float32Array.from(each.dataSync())),
    );

  it('of a matrix each is e B', () => {
    const [e, first, second] = [drawn(1, [4, 3]), drawn(2, [3, 6]), drawn(3, [3, 5])] as tf.Tensor2D[];
    const feedback = new MatrixFeedback([first!, second!]);
    const found = signals(feedback, e!, [6, 5]);
    [first!, second!].forEach((matrix, l) => {
      expect(found[l]).toBeAllclose(
        tf.tidy(() => tf.matMul(e!, matrix).dataSync()),
        { rtol: 1e-6, atol: 1e-6 },
      );
    });
    expect(Object.keys(feedback.variables)).toEqual(['feedback.0', 'feedback.1']);
    expect(Object.values(feedback.variables).map(({ trainable }) => trainable)).toEqual([false, false]);
    feedback.dispose();
    expect(first!.isDisposed).toBe(false);
    tf.dispose([e, first, second]);
  });

  it('of one matrix are its first columns, over the root of its width', () => {
    const [e, matrix] = [drawn(1, [4, 3]), drawn(2, [3, 6])] as tf.Tensor2D[];
    const feedback = new SharedFeedback(matrix!);
    const [narrow, wide] = signals(feedback, e!, [2, 6]);
    const all = tf.tidy(() => tf.matMul(e!, matrix!).div(Math.sqrt(6)));
    expect(wide).toBeAllclose(all.dataSync(), { rtol: 1e-6, atol: 1e-6 });
    expect(narrow).toBeAllclose(all.slice([0, 0], [-1, 2]).dataSync(), { rtol: 1e-6, atol: 1e-6 });
    feedback.dispose();
    tf.dispose([e, matrix, all]);
  });

  it('is the same for the same key on all backends, and other for other layers and keys', async () => {
    const reference = await onCpu(() => {
      const feedback = MatrixFeedback.draw(key, 3, [4, 4]);
      const values = valuesOf(feedback);
      feedback.dispose();
      return values;
    });
    await useBackend(backend);
    const [own, other] = [MatrixFeedback.draw(key, 3, [4, 4]), MatrixFeedback.draw(random.key(6), 3, [4, 4])];
    expect(valuesOf(own)).toEqual(reference);
    expect(reference[0]).not.toEqual(reference[1]);
    expect(valuesOf(other)[0]).not.toEqual(reference[0]);
    own.dispose();
    other.dispose();
  });

  it('leaves nothing behind', () => {
    const e = drawn(1, [4, 3]) as tf.Tensor2D;
    expect(() => MatrixFeedback.draw(key, 3, [4, 5]).dispose()).toLeakNothing();
    expect(() => SharedFeedback.draw(key, 3, [4, 5]).dispose()).toLeakNothing();
    const [matrices, shared] = [MatrixFeedback.draw(key, 3, [4, 5]), SharedFeedback.draw(key, 3, [4, 5])];
    expect(() => matrices.signals(e, [4, 5])).toLeakNothing();
    expect(() => shared.signals(e, [4, 5])).toLeakNothing();
    for (const feedback of [matrices, shared]) {
      feedback.dispose();
      expect(() => feedback.dispose()).toLeakNothing();
    }
    e.dispose();
  });
});

describe('feedback', () => {
  it('has the spread that was asked for', () => {
    // The variance of n = 30,000 normal numbers has the relative standard deviation sqrt(2 / n) = 0.008; 5 of them.
    const spread = (scale?: number): number => {
      const feedback = MatrixFeedback.draw(key, 10, [3000], scale);
      const [values] = valuesOf(feedback);
      feedback.dispose();
      return values!.reduce((sum, value) => sum + value ** 2, 0) / values!.length;
    };
    expect(Math.abs(10 * spread() - 1)).toBeLessThan(0.041);
    expect(Math.abs(spread(2) / 4 - 1)).toBeLessThan(0.041);
    const shared = SharedFeedback.draw(key, 10, [3000, 7]);
    const [values] = valuesOf(shared);
    shared.dispose();
    expect(values).toHaveLength(30_000);
    expect(Math.min(...values!)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values!)).toBeLessThan(1);
    // Uniform: variance 1/3, fourth moment 1/5, so the mean square has the standard deviation sqrt(4/45 / n) = 0.0017.
    const square = values!.reduce((sum, value) => sum + value ** 2, 0) / values!.length;
    expect(Math.abs(square - 1 / 3)).toBeLessThan(0.0086);
  });

  it('of one’s own serves several networks, and is left to its owner', () => {
    const shared = MatrixFeedback.draw(key, 3, [6]);
    const options = { inputs: 4, hidden: [6], outputs: 3, feedback: shared };
    const [first, second] = [denseNetwork({ ...options, key: 1 }), denseNetwork({ ...options, key: 2 })];
    first.dispose();
    const x = drawn(1, [2, 4]);
    const y = tf.tensor1d([0, 1], 'int32');
    const { loss, gradients } = second.gradients(x, y);
    second.dispose();
    expect(valuesOf(shared)).toHaveLength(1);
    shared.dispose();
    tf.dispose([x, y, loss, gradients]);
  });

  it('that cannot be is refused', () => {
    const e = drawn(1, [4, 3]) as tf.Tensor2D;
    const flat = tf.zeros([3]);
    const [odd, even] = [tf.zeros([2, 4]), tf.zeros([3, 4])];
    expect(() => new MatrixFeedback([])).toThrow(
      new RangeError(
        'opu-dfa.MatrixFeedback: matrices must be at least one, got []. A network without hidden layers has null as its feedback.',
      ),
    );
    expect(() => new MatrixFeedback([even, odd])).toThrow(
      new ShapeError(
        'opu-dfa.MatrixFeedback: matrices[1] must have the shape [3, N], got a float32 tensor of shape [2, 4].',
      ),
    );
    expect(() => new MatrixFeedback([flat])).toThrow(ShapeError);
    expect(() => new SharedFeedback(flat)).toThrow(
      new ShapeError('opu-dfa.SharedFeedback: matrix must have the shape [C, N], got a float32 tensor of shape [3].'),
    );
    expect(() => MatrixFeedback.draw(key, 3, [4], 0)).toThrow(
      new RangeError('opu-dfa.MatrixFeedback.draw: scale must be a finite number > 0, got 0.'),
    );
    expect(() => MatrixFeedback.draw(key, 0, [4])).toThrow(
      new RangeError('opu-dfa.MatrixFeedback.draw: outputs must be an integer >= 1, got 0.'),
    );
    expect(() => MatrixFeedback.draw(key, 3, [4, 1.5])).toThrow(
      new RangeError('opu-dfa.MatrixFeedback.draw: widths[1] must be an integer >= 1, got 1.5.'),
    );
    expect(() => MatrixFeedback.draw(7 as never, 3, [4])).toThrow(TypeError);
    expect(() => SharedFeedback.draw(key, 3, [])).toThrow(
      new RangeError('opu-dfa.SharedFeedback.draw: the widest layer must be an integer >= 1, got -Infinity.'),
    );
    const [matrices, shared] = [MatrixFeedback.draw(key, 3, [4]), SharedFeedback.draw(key, 3, [4])];
    expect(() => matrices.signals(e, [5])).toThrow(
      new ShapeError('opu-dfa.MatrixFeedback.signals: widths must be [4], as the matrices are, got [5].'),
    );
    expect(() => matrices.signals(odd as tf.Tensor2D, [4])).toThrow(
      new ShapeError(
        'opu-dfa.MatrixFeedback.signals: e must have the shape [M, 3], got a float32 tensor of shape [2, 4].',
      ),
    );
    expect(() => shared.signals(odd as tf.Tensor2D, [4])).toThrow(
      new ShapeError(
        'opu-dfa.SharedFeedback.signals: e must have the shape [M, 3], got a float32 tensor of shape [2, 4].',
      ),
    );
    expect(() => shared.signals(e, [4, 5])).toThrow(
      new ShapeError('opu-dfa.SharedFeedback.signals: widths must be at most 4, the columns of the matrix, got 5.'),
    );
    [matrices, shared].forEach((feedback) => feedback.dispose());
    tf.dispose([e, flat, odd, even]);
  });

  it('of the wrong sizes is refused by the network', async () => {
    const x = drawn(1, [2, 4]);
    const y = tf.tensor1d([0, 1], 'int32');
    const wrong = MatrixFeedback.draw(key, 2, [6]);
    const make = () => denseNetwork({ inputs: 4, hidden: [6], outputs: 3, feedback: wrong, key: 0 });
    expect(make).toThrow(new ShapeError('opu-dfa.DfaNetwork: feedback.outputs must be 3, as the network has, got 2.'));
    expect(() => {
      expect(make).toThrow();
    }).toLeakNothing();
    const narrow = smallDense({ feedback: MatrixFeedback.draw(key, 3, [6]) });
    expect(() => narrow.gradients(x, y)).toThrow(
      new ShapeError('opu-dfa.MatrixFeedback.signals: widths must be [6], as the matrices are, got [6, 5].'),
    );
    const device = (signals: () => tf.Tensor2D[]): Feedback => ({
      outputs: 3,
      compiles: false,
      variables: {},
      signals: () => Promise.resolve(signals()),
      dispose: () => undefined,
    });
    const few = smallDense({ feedback: device(() => [tf.zeros([2, 6])]) });
    await expect(few.gradientsAsync(x, y)).rejects.toThrow(
      new ShapeError('opu-dfa.DfaNetwork: feedback must give the shape [2, 5] for hidden layer 1, got undefined.'),
    );
    const swapped = smallDense({ feedback: device(() => [tf.zeros([2, 5]), tf.zeros([2, 6])]) });
    await expect(swapped.gradientsAsync(x, y)).rejects.toThrow(
      'feedback must give the shape [2, 6] for hidden layer 0, got a float32 tensor of shape [2, 5].',
    );
    await expect(() => few.gradientsAsync(x, y).catch(() => undefined)).toLeakNothing();
    [narrow, few, swapped].forEach((network) => network.dispose());
    wrong.dispose();
    tf.dispose([x, y]);
  });
});
