import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import {
  argumentMessage,
  BackendError,
  checkedSize,
  checkNumber,
  checkOneOf,
  checkShape,
  describeValue,
  FormatError,
  ShapeError,
  type NumberRequirement,
} from '../src/check';

/** What a call throws, as one value to compare. */
function thrownBy(call: () => unknown): { type: string; message: string } {
  try {
    call();
  } catch (error) {
    const { name, message } = error as Error;
    return { type: name, message };
  }
  throw new Error('nothing was thrown');
}

describe('the error classes', () => {
  it.each([ShapeError, FormatError, BackendError])('%o is an Error with its own name and a cause', (ErrorClass) => {
    const cause = new Error('why');
    const error = new ErrorClass('what', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe(`${ErrorClass.name}: what`);
    expect(error.cause).toBe(cause);
  });
});

describe('describeValue', () => {
  const cyclic: unknown[] = [1];
  cyclic.push(cyclic);
  it.each([
    ['a number', 1.5, '1.5'],
    ['negative zero', -0, '-0'],
    ['NaN', NaN, 'NaN'],
    ['a bigint', 2n ** 64n, '18446744073709551616'],
    ['a string, quoted', 'a "b"\n', String.raw`"a \"b\"\n"`],
    ['a string of 60 characters, whole', 'x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['a longer string, cut to 60', 'x'.repeat(61), `"${'x'.repeat(57)}..."`],
    ['true', true, 'true'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['an object', { a: 1 }, 'an object'],
    ['a typed array', new Float32Array(3), 'Float32Array(3)'],
    ['a DataView, by its bytes', new DataView(new ArrayBuffer(6)), 'DataView(6)'],
    ['an empty array', [], '[]'],
    ['a short array', [1, 'a', null], '[1, "a", null]'],
    ['an array with a hole', Array(1), '[undefined]'],
    ['a long array', Array.from({ length: 9 }, () => 0), 'an array of 9'],
    ['an array of arrays, which stay closed', [[1, 2], [3]], '[an array of 2, an array of 1]'],
    ['an array that contains itself', cyclic, '[1, an array of 2]'],
  ])('writes %s', (_, value, expected) => {
    expect(describeValue(value)).toBe(expected);
  });

  it('tells dtype and shape of a tensor, also inside an array and after its disposal', () => {
    const tensor = tf.zeros([2, 3], 'int32');
    expect(describeValue(tensor)).toBe('a int32 tensor of shape [2, 3]');
    expect(describeValue([tensor, 1])).toBe('[a int32 tensor of shape [2, 3], 1]');
    tensor.dispose();
    expect(describeValue(tensor)).toBe('a int32 tensor of shape [2, 3]');
    expect(describeValue(tf.scalar(1))).toBe('a float32 tensor of shape []');
  });
});

describe('argumentMessage', () => {
  it('names function, argument, requirement, value and fix', () => {
    const message = argumentMessage('pkg.f', 'x', 'be positive', -1, 'Take the square.');
    expect(message).toBe('pkg.f: x must be positive, got -1. Take the square.');
  });

  it('ends after the value when there is no fix', () => {
    expect(argumentMessage('pkg.f', 'x', 'be positive', -1)).toBe('pkg.f: x must be positive, got -1.');
  });
});

describe('checkNumber', () => {
  it.each<[number, NumberRequirement]>([
    [1.5, {}],
    [-0, {}],
    [0, { min: 0 }],
    [1, { max: 1 }],
    [5e-324, { above: 0 }],
    [1 - 2 ** -53, { below: 1 }],
    [Number.MAX_SAFE_INTEGER, { integer: true }],
    [3, { min: 3, max: 3, above: 2, below: 4, integer: true }],
  ])('gives %d back, which satisfies %o', (value, requirement) => {
    expect(checkNumber('pkg.f', 'x', value, requirement)).toBe(value);
  });

  it.each<[number, NumberRequirement, string]>([
    [NaN, {}, 'be a finite number'],
    [Infinity, {}, 'be a finite number'],
    [-Infinity, { max: 0 }, 'be a finite number <= 0'],
    [-1, { min: 0 }, 'be a finite number >= 0'],
    [2, { max: 1 }, 'be a finite number <= 1'],
    [0, { above: 0 }, 'be a finite number > 0'],
    [-0, { above: 0, max: 1 }, 'be a finite number > 0 and <= 1'],
    [1, { min: 0, below: 1 }, 'be a finite number >= 0 and < 1'],
    [1.5, { integer: true }, 'be an integer'],
    [2 ** 53, { integer: true }, 'be an integer'],
    [0, { integer: true, min: 1 }, 'be an integer >= 1'],
  ])('rejects %d under %o', (value, requirement, wanted) => {
    const message = `pkg.f: x must ${wanted}, got ${describeValue(value)}. Fix.`;
    expect(thrownBy(() => checkNumber('pkg.f', 'x', value, requirement, 'Fix.'))).toEqual({
      type: 'RangeError',
      message,
    });
  });

  it.each(['1', 1n, null, undefined, [1], Object(1)])('rejects %o, which is no number, with a TypeError', (value) => {
    const message = `pkg.f: x must be a finite number > 0, got ${describeValue(value)}. Fix.`;
    const call = () => checkNumber('pkg.f', 'x', value, { above: 0 }, 'Fix.');
    expect(thrownBy(call)).toEqual({ type: 'TypeError', message });
  });
});

describe('checkOneOf', () => {
  it('gives the value back, typed as one of the allowed ones', () => {
    const dtype: 'float32' | 'int32' = checkOneOf('pkg.f', 'dtype', 'int32', ['float32', 'int32']);
    expect(dtype).toBe('int32');
    expect(checkOneOf('pkg.f', 'n', 2, [1, 2])).toBe(2);
  });

  it('lists what is allowed', () => {
    expect(thrownBy(() => checkOneOf('pkg.f', 'dtype', 'bool', ['float32', 'int32']))).toEqual({
      type: 'RangeError',
      message: 'pkg.f: dtype must be one of "float32", "int32", got "bool".',
    });
    expect(thrownBy(() => checkOneOf('pkg.f', 'n', '1', [1, 2])).message).toBe(
      'pkg.f: n must be one of 1, 2, got "1".',
    );
  });
});

describe('checkShape', () => {
  it.each<[number[], (number | null)[]]>([
    [[], []],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 3],
      [null, 3],
    ],
    [[0], [0]],
  ])('gives back a tensor of shape %o, which fits %o', (shape, wanted) => {
    const tensor = tf.zeros(shape);
    expect(checkShape('pkg.f', 'x', tensor, wanted)).toBe(tensor);
  });

  it.each<[number[], (number | null)[], string]>([
    [[2, 3], [3, 2], '[3, 2]'],
    [[2, 3], [null], '[*]'],
    [[2], [null, 2], '[*, 2]'],
    [[], [1], '[1]'],
    [[1], [], '[]'],
  ])('rejects a tensor of shape %o for %o', (shape, wanted, words) => {
    expect(thrownBy(() => checkShape('pkg.f', 'x', tf.zeros(shape), wanted, 'Reshape it.'))).toEqual({
      type: 'ShapeError',
      message: `pkg.f: x must have shape ${words}, got a float32 tensor of shape [${shape.join(', ')}]. Reshape it.`,
    });
  });

  it.each([null, undefined, 3, [1, 2], { shape: [2] }])('rejects %o, which is no tensor, with a TypeError', (value) => {
    expect(thrownBy(() => checkShape('pkg.f', 'x', value as unknown as tf.Tensor, [2]))).toEqual({
      type: 'TypeError',
      message: `pkg.f: x must have shape [2], got ${describeValue(value)}.`,
    });
  });
});

describe('checkedSize', () => {
  it.each([
    [[], 1],
    [[0], 0],
    [[2, 3, 4], 24],
    [[2 ** 26, 2 ** 26], 2 ** 52],
    [[2 ** 52, 2 ** 52, 0], 0],
  ])('counts the elements of shape %o', (shape, size) => {
    expect(checkedSize('pkg.f', shape)).toBe(size);
  });

  it.each([[[-1]], [[1.5]], [[NaN]], [[Infinity]], [[2 ** 53]]])('rejects a length in %o', (shape) => {
    const message = `pkg.f: shape must be an integer >= 0, got ${shape[0]}.`;
    expect(thrownBy(() => checkedSize('pkg.f', [2, ...shape]))).toEqual({ type: 'RangeError', message });
  });

  it('rejects a product that a number cannot count', () => {
    expect(thrownBy(() => checkedSize('pkg.f', [2 ** 27, 2 ** 26]))).toEqual({
      type: 'RangeError',
      message: 'pkg.f: shape must have fewer than 2^53 elements, got [134217728, 67108864].',
    });
  });

  it('rejects a length that is no number with a TypeError', () => {
    expect(() => checkedSize('pkg.f', ['2'] as unknown as number[])).toThrow(TypeError);
  });
});
