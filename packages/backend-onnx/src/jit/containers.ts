import * as tf from '@tensorflow/tfjs';

/** Arguments or results taken apart: the tensors in order, and what is left when they are taken out. */
export interface Flattened {
  tensors: tf.Tensor[];
  /** Equal for two containers exactly if they differ in their tensors alone. */
  structure: string;
}

/** Numbers of objects that are compared by identity. */
const identities = new WeakMap<object, number>();
let nextIdentity = 0;

function identityOf(object: object): number {
  let number = identities.get(object);
  if (number === undefined) identities.set(object, (number = nextIdentity++));
  return number;
}

/** Takes tensors out of arrays and plain objects; variables stay in, as they are the same at each call. */
export function flatten(container: unknown): Flattened {
  const tensors: tf.Tensor[] = [];
  return { structure: textOf(container, tensors), tensors };
}

function textOf(value: unknown, tensors: tf.Tensor[]): string {
  if (isTensor(value) && !(value instanceof tf.Variable)) {
    tensors.push(value);
    return `T:${value.dtype}[${value.shape.join()}]`;
  }
  switch (typeof value) {
    case 'object':
      break;
    case 'function':
      return `F${identityOf(value)}`;
    case 'string':
      return JSON.stringify(value);
    case 'symbol':
      return `S${String(value)}`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    default:
      return `${typeof value}:${String(value)}`;
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, tensors)).join()}]`;
  if (isPlain(value)) {
    return `{${Object.keys(value)
      .map((key) => `${JSON.stringify(key)}:${textOf(value[key], tensors)}`)
      .join()}}`;
  }
  return `#${identityOf(value)}`;
}

/** The same container with `replace` applied to its tensors (not to variables). */
export function mapTensors(container: unknown, replace: (tensor: tf.Tensor) => unknown): unknown {
  if (isTensor(container)) return container instanceof tf.Variable ? container : replace(container);
  if (Array.isArray(container)) return container.map((item) => mapTensors(item, replace));
  if (typeof container === 'object' && container !== null && isPlain(container)) {
    return Object.fromEntries(Object.entries(container).map(([key, item]) => [key, mapTensors(item, replace)]));
  }
  return container;
}

function isTensor(value: unknown): value is tf.Tensor {
  return value instanceof tf.Tensor;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
