import * as tf from '@tensorflow/tfjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { scope, tensorsIn, type Own } from '../src/scope';

/** Gives other code a turn, as reading a value does. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('scope', () => {
  it('disposes what the body owns and leaves nothing behind', async () => {
    await expect(() =>
      scope(async (own) => {
        const x = own(tf.tensor1d([3, 4]));
        return (await own(x.norm()).data())[0];
      }),
    ).toLeakNothing();
  });

  it('gives the result of the body, with its type', async () => {
    const norm = await scope(async (own) => (await own(tf.tensor1d([3, 4]).norm()).data())[0]!);
    expectTypeOf(norm).toEqualTypeOf<number>();
    expect(norm).toBe(5);
  });

  it('gives own back its argument, with its type', async () => {
    await scope(async (own) => {
      const pair = { x: tf.scalar(1), rest: [tf.tensor1d([2])] };
      expect(own(pair)).toBe(pair);
      expectTypeOf(own(tf.tensor2d([[1]]))).toEqualTypeOf<tf.Tensor2D>();
      await pause();
    });
  });

  it('keeps the tensors that are returned, in arrays and objects too', async () => {
    const kept = await scope(async (own) => {
      const a = own(tf.tensor1d([1, 2]));
      const b = own(tf.tensor1d([3, 4]));
      await pause();
      return { sum: own(a.add(b)), parts: [b] };
    });
    expect(kept.sum).toBeAllclose([4, 6]);
    expect(kept.parts[0]).toBeAllclose([3, 4]);
    tf.dispose(kept);
  });

  it('disposes what is owned, not what is only used, when a tensor is owned twice or already disposed', async () => {
    const kept = tf.scalar(7);
    await expect(() =>
      scope(async (own) => {
        const x = own(own(kept.square()));
        own([x, x]).forEach((tensor) => tensor.dispose());
        await pause();
      }),
    ).toLeakNothing();
    expect(kept.isDisposed).toBe(false);
    kept.dispose();
  });

  it('disposes what is owned when the body rejects, and rejects with the same error', async () => {
    const error = new Error('half way');
    let owned: tf.Tensor | undefined;
    const failing = async (own: Own) => {
      owned = own(tf.scalar(1));
      await pause();
      throw error;
    };
    await expect(scope(failing)).rejects.toBe(error);
    expect(owned!.isDisposed).toBe(true);
  });

  it('rejects when the body throws before its first pause', async () => {
    let owned: tf.Tensor | undefined;
    const failing = (own: Own): Promise<void> => {
      owned = own(tf.scalar(1));
      throw new RangeError('at once');
    };
    await expect(scope(failing)).rejects.toThrow(RangeError);
    expect(owned!.isDisposed).toBe(true);
  });

  it('leaves alone the tensors that other code makes while the body waits', async () => {
    const outside = scope(async (own) => {
      own(tf.scalar(1));
      await pause();
    });
    const made = tf.scalar(2);
    await outside;
    expect(made.isDisposed).toBe(false);
    made.dispose();
  });

  it('hands the result of an inner scope to the outer one', async () => {
    await expect(() =>
      scope(async (outer) => {
        const inner = outer(await scope(async (own) => Promise.resolve(own(tf.scalar(2)).square())));
        expect(await outer(inner.add(1)).data()).toEqual(Float32Array.of(5));
      }),
    ).toLeakNothing();
  });

  it('disposes and throws when own is called after the body has ended', async () => {
    const late = tf.scalar(1);
    let own: Own | undefined;
    await scope((given) => {
      own = given;
      return Promise.resolve();
    });
    expect(() => own!({ late })).toThrow(
      'tensor-core.scope: own must be called before the body ends, got a call after it. Await all work.',
    );
    expect(late.isDisposed).toBe(true);
  });
});

describe('tensorsIn', () => {
  it('finds each tensor of nested arrays and objects once, in order', () => {
    const [a, b, c] = [tf.scalar(1), tf.scalar(2), tf.variable(tf.scalar(3))] as const;
    expect(tensorsIn({ a, list: [b, [a, { c }]], n: 1, s: 'text', nothing: null, missing: undefined })).toEqual([
      a,
      b,
      c,
    ]);
    expect(tensorsIn(a)).toEqual([a]);
  });

  it.each([undefined, null, 1, 'text', [], {}, () => 1])('finds none in %o', (value) => {
    expect(tensorsIn(value)).toEqual([]);
  });

  it('ends on containers that contain themselves', () => {
    const x = tf.scalar(1);
    const cyclic: Record<string, unknown> = { x };
    cyclic['self'] = [cyclic];
    expect(tensorsIn(cyclic)).toEqual([x]);
  });

  it('looks into objects without prototype, as the readers of files give them', () => {
    const x = tf.scalar(1);
    expect(tensorsIn(Object.assign(Object.create(null) as object, { x }))).toEqual([x]);
  });

  it('does not look into instances of classes, which own their tensors', () => {
    class Model {
      weight = tf.scalar(1);
    }
    expect(tensorsIn([new Model(), new Map([['w', tf.scalar(1)]])])).toEqual([]);
  });
});
