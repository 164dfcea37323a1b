import type * as tf from '@tensorflow/tfjs';
import { ShapeError } from './errors';

/** What a number must satisfy; `min`/`max` are allowed values, `above`/`below` are not. */
export interface NumberRequirement {
  min?: number;
  max?: number;
  above?: number;
  below?: number;
  integer?: boolean;
}

/** How a received value is written into an error message: short, and telling shapes of tensors. */
export function describeValue(value: unknown): string {
  return described(value, 1);
}

function described(value: unknown, arraysToOpen: number): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'number' || typeof value === 'bigint') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'boolean' || value === null || value === undefined) return String(value);
  if (typeof value === 'function') return 'a function';
  if (isTensorLike(value)) return `a ${value.dtype} tensor of shape [${value.shape.join(', ')}]`;
  if (ArrayBuffer.isView(value)) {
    const { length = value.byteLength } = value as Partial<Uint8Array>;
    return `${value.constructor.name}(${length})`;
  }
  if (Array.isArray(value)) {
    // Nested ones are not opened: they may be large, or contain themselves.
    if (value.length > 8 || arraysToOpen === 0) return `an array of ${value.length}`;
    return `[${Array.from(value, (item) => described(item, arraysToOpen - 1)).join(', ')}]`;
  }
  return typeof value === 'object' ? 'an object' : 'a symbol';
}

/** The message every argument error of the tree has: `<where>: <name> must <requirement>, got <value>. <fix>` */
export function argumentMessage(where: string, name: string, requirement: string, value: unknown, fix = ''): string {
  return `${where}: ${name} must ${requirement}, got ${describeValue(value)}.${fix && ` ${fix}`}`;
}

/**
 * Returns `value` if it is a finite number that satisfies the requirement.
 *
 * @throws TypeError when it is not a number, RangeError when it is outside
 */
export function checkNumber(
  where: string,
  name: string,
  value: unknown,
  requirement: NumberRequirement = {},
  fix = '',
): number {
  // In words only where it fails: this runs in inner loops too.
  const message = (): string => argumentMessage(where, name, wordsOf(requirement), value, fix);
  if (typeof value !== 'number') throw new TypeError(message());
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity, integer = false } = requirement;
  const inside = value >= min && value <= max && value > above && value < below;
  if (!Number.isFinite(value) || !inside || (integer && !Number.isSafeInteger(value))) {
    throw new RangeError(message());
  }
  return value;
}

/** Returns `value` if it is one of `allowed`. @throws RangeError otherwise */
export function checkOneOf<T extends string | number>(
  where: string,
  name: string,
  value: unknown,
  allowed: readonly T[],
): T {
  if (!allowed.includes(value as T)) {
    throw new RangeError(argumentMessage(where, name, `be one of ${allowed.map(describeValue).join(', ')}`, value));
  }
  return value as T;
}

/**
 * Returns `tensor` if its shape is the given one; `null` stands for any length.
 *
 * @throws TypeError when it is not a tensor, ShapeError when the shape differs
 */
export function checkShape<T extends tf.Tensor>(
  where: string,
  name: string,
  tensor: T,
  shape: readonly (number | null)[],
  fix = '',
): T {
  const wanted = `have shape [${shape.map((n) => n ?? '*').join(', ')}]`;
  if (!isTensorLike(tensor)) throw new TypeError(argumentMessage(where, name, wanted, tensor, fix));
  const fits = tensor.shape.length === shape.length && shape.every((n, i) => n === null || n === tensor.shape[i]);
  if (!fits) throw new ShapeError(argumentMessage(where, name, wanted, tensor, fix));
  return tensor;
}

/** Returns the number of elements of a shape. @throws RangeError when an entry is negative, broken or too large */
export function checkedSize(where: string, shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) {
    checkNumber(where, 'shape', length, { min: 0, integer: true });
    size *= length;
  }
  if (!Number.isSafeInteger(size))
    throw new RangeError(argumentMessage(where, 'shape', 'have fewer than 2^53 elements', shape));
  return size;
}

function isTensorLike(value: unknown): value is tf.Tensor {
  return typeof value === 'object' && value !== null && 'dataId' in value && 'shape' in value;
}

function wordsOf({ min, max, above, below, integer }: NumberRequirement): string {
  const bounds = [
    min !== undefined && `>= ${min}`,
    above !== undefined && `> ${above}`,
    max !== undefined && `<= ${max}`,
    below !== undefined && `< ${below}`,
  ].filter(Boolean);
  return [`be ${integer ? 'an integer' : 'a finite number'}`, bounds.join(' and ')].filter(Boolean).join(' ');
}
