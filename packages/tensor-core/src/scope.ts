import * as tf from '@tensorflow/tfjs';

/** Hands tensors (or containers of tensors) to a scope, which disposes them when its body has ended. */
export type Own = <T extends tf.TensorContainer>(value: T) => T;

/**
 * `tf.tidy` for asynchronous bodies: what the body gives to `own` is disposed when the body has
 * returned or thrown, except for what it returns.
 *
 * tf.tidy cannot do this, as its scope would also collect tensors that other code makes while the
 * body waits; so ownership is explicit here, and synchronous stretches may use `own(tf.tidy(...))`.
 *
 * @param body  receives `own`, which returns its argument; all of its work must have ended when it returns
 * @returns what the body returns; its tensors, those in arrays and plain objects too, are the caller's
 * @throws Error from `own` when the body has ended already; the tensors are disposed
 * @example
 * const norm = await scope(async (own) => {
 *   const x = own(tf.tensor1d([3, 4]));
 *   return (await own(x.norm()).data())[0];
 * });
 */
export async function scope<T>(body: (own: Own) => Promise<T>): Promise<T> {
  const owned = new Set<tf.Tensor>();
  let ended = false;
  const own: Own = (value) => {
    const tensors = tensorsIn(value);
    if (ended) {
      tf.dispose(tensors);
      throw new Error(
        'tensor-core.scope: own must be called before the body ends, got a call after it. Await all work.',
      );
    }
    for (const tensor of tensors) owned.add(tensor);
    return value;
  };
  try {
    const result = await body(own);
    for (const tensor of tensorsIn(result)) owned.delete(tensor);
    return result;
  } finally {
    ended = true;
    for (const tensor of owned) if (!tensor.isDisposed) tensor.dispose();
  }
}

/** All tensors in nested arrays and plain objects, each once. */
export function tensorsIn(value: unknown): tf.Tensor[] {
  const found = new Set<tf.Tensor>();
  const seen = new Set<object>();
  const visit = (item: unknown): void => {
    if (typeof item !== 'object' || item === null || seen.has(item)) return;
    seen.add(item);
    if (item instanceof tf.Tensor) found.add(item as tf.Tensor);
    else if (Array.isArray(item)) item.forEach(visit);
    else if (isPlain(item)) Object.values(item).forEach(visit);
  };
  visit(value);
  return [...found];
}

/** Whether it is an object literal, or one without prototype, as the readers of `io` give them. */
function isPlain(item: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(item);
  return prototype === Object.prototype || prototype === null;
}
