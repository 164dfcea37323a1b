import * as tf from '@tensorflow/tfjs';
import { backend, check, type io, random } from '@tfsci/tensor-core';
import type { HostPair } from './sketches/signs';

const { argumentMessage, ShapeError } = check;

/** The random numbers of a feature map by name, as the tensors of a safetensors file. */
export type Weights = Record<string, io.SafetensorsEntry>;

/** Where the random numbers of a feature map come from: drawn with a key, or given. */
export interface WeightSource {
  /** What they are drawn with; a number n is `random.key(n)`. The same key gives the same map on every backend. */
  key?: random.Key | number;
  /** Given numbers, by the names and shapes that `weights()` of such a map has, instead of a key. */
  weights?: Weights;
}

/** The key of a source, or null where the weights are given. @throws TypeError when it has neither, both or another thing */
export function keyOf(where: string, { key, weights }: WeightSource): random.Key | null {
  if ((key === undefined) === (weights === undefined)) {
    const both = key === undefined ? 'neither' : 'both';
    throw new TypeError(
      argumentMessage(where, 'options', 'have either key or weights', both, 'For a start take key: 0.'),
    );
  }
  if (key === undefined) {
    if (typeof weights === 'object' && weights !== null) return null;
    throw new TypeError(argumentMessage(where, 'weights', 'be tensors by name, as weights() gives them', weights));
  }
  return random.asKey(where, key);
}

/**
 * Returns the entry of given weights, checked.
 *
 * @throws ShapeError when it is missing or has another shape, RangeError when a number is not finite
 */
export function givenWeight(
  where: string,
  weights: Weights,
  name: string,
  shape: readonly number[],
): io.SafetensorsEntry {
  const entry = weights[name];
  const label = labelOf(name);
  if (entry === undefined || String(entry.shape) !== String(shape)) {
    throw new ShapeError(argumentMessage(where, label, `have the shape [${shape.join(', ')}]`, entry?.shape));
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (entry.data.length !== size) {
    throw new ShapeError(argumentMessage(where, label, `have ${size} numbers`, entry.data.length));
  }
  for (const value of entry.data) {
    if (!Number.isFinite(Number(value))) {
      throw new RangeError(argumentMessage(where, label, 'have finite numbers', Number(value)));
    }
  }
  return entry;
}

/**
 * The given integers of a name, [length], each of 0 .. below - 1.
 *
 * @throws as `givenWeight`; RangeError for other numbers
 */
export function givenIndices(where: string, weights: Weights, name: string, length: number, below: number): Int32Array {
  const numbers = Array.from(givenWeight(where, weights, name, [length]).data, Number);
  const wrong = numbers.find((number) => !Number.isInteger(number) || number < 0 || number >= below);
  if (wrong === undefined) return Int32Array.from(numbers);
  throw new RangeError(argumentMessage(where, labelOf(name), `have integers from 0 to ${below - 1}`, wrong));
}

/** The given numbers of a name, or of its parts `NAME.re` and `NAME.im`. @throws as `givenWeight` */
export function givenPair(where: string, weights: Weights, name: string, shape: number[], complex: boolean): HostPair {
  const part = (which: string): Float32Array =>
    Float32Array.from(givenWeight(where, weights, which, shape).data, Number);
  return complex ? { re: part(`${name}.re`), im: part(`${name}.im`) } : { re: part(name), im: null };
}

function labelOf(name: string): string {
  return `weights[${JSON.stringify(name)}]`;
}

/** What `givenPair` reads. */
export function pairEntries(name: string, { re, im }: HostPair, shape: number[]): Weights {
  if (im === null) return { [name]: { dtype: 'F32', shape, data: re } };
  return { [`${name}.re`]: { dtype: 'F32', shape, data: re }, [`${name}.im`]: { dtype: 'F32', shape, data: im } };
}

/** Weights on the host, and tensors of them that live as long as their owner. */
export class WeightTensors {
  private readonly kept = new Map<string, tf.Tensor>();

  /** The tensor of an array; made when it is first asked for, in a compiled function each time that it is recorded. */
  get(name: string, data: Float32Array | Int32Array, shape: number[]): tf.Tensor {
    const make = (): tf.Tensor => tf.tensor(data, shape, data instanceof Int32Array ? 'int32' : 'float32');
    if (backend.isRecording()) return make();
    let tensor = this.kept.get(name);
    if (tensor === undefined) {
      tensor = tf.keep(make());
      this.kept.set(name, tensor);
    }
    return tensor;
  }

  /** The tensors of both parts. */
  pair(name: string, { re, im }: HostPair, shape: number[]): { re: tf.Tensor; im: tf.Tensor | null } {
    return { re: this.get(`${name}.re`, re, shape), im: im && this.get(`${name}.im`, im, shape) };
  }

  dispose(): void {
    for (const tensor of this.kept.values()) tensor.dispose();
    this.kept.clear();
  }
}

/** The same weights with a prefix before each name. */
export function prefixed(weights: Weights, prefix: string): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, entry]) => [prefix + name, entry]));
}

/** The weights whose names have the prefix, without it. */
export function unprefixed(weights: Weights, prefix: string): Weights {
  const entries = Object.entries(weights).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, entry]) => [name.slice(prefix.length), entry]));
}
