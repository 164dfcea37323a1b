import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { writeSafetensors } from '../src/io/safetensors/safetensors';
import {
  backendsUnderTest,
  finiteDifferences,
  firstDifference,
  loadGolden,
  tensorMatchers,
  valuesOf,
  type CloseOptions,
} from '../src/testing';

/** What the matcher says of two values; null when it passes. */
const difference = (actual: unknown, expected: unknown, options?: CloseOptions): string | null =>
  firstDifference(valuesOf(actual), valuesOf(expected), options);

describe('valuesOf', () => {
  it.each([
    ['a number', 2, [], [2]],
    ['a nested array', [[1, 2, 3], [4, 5, 6]], [2, 3], [1, 2, 3, 4, 5, 6]], // prettier-ignore
    ['an empty array', [], [0], []],
    ['empty rows', [[], []], [2, 0], []],
    ['a typed array', Float32Array.of(0.5, 2), [2], [0.5, 2]],
    ['64-bit integers', BigInt64Array.of(-1n, 2n), [2], [-1, 2]],
    ['an array of typed arrays', [Int8Array.of(1), Int8Array.of(2)], [2, 1], [1, 2]],
    ['a record', { data: [1, 2], shape: [1, 2] }, [1, 2], [1, 2]],
    ['a record of 64-bit integers', { data: BigUint64Array.of(3n), shape: [] }, [], [3]],
    ['a tensor', tf.tensor2d([[1], [2]]), [2, 1], [1, 2]],
    ['an int32 scalar', tf.scalar(3, 'int32'), [], [3]],
    ['a bool tensor', tf.tensor1d([true, false], 'bool'), [2], [1, 0]],
    ['an array of tensors', [tf.scalar(1), tf.scalar(2)], [2], [1, 2]],
    ['a complex tensor, its parts on a last axis', tf.complex([1, 2], [3, 4]), [2, 2], [1, 3, 2, 4]],
  ])('reads %s', (_, source, shape, data) => {
    const values = valuesOf(source);
    expect(values.shape).toEqual(shape);
    expect(Array.from(values.data)).toEqual(data);
  });

  it.each([
    ['text', 'abc', 'cannot compare values of type string'],
    ['null', null, 'cannot compare values of type object'],
    ['an object', { data: [1] }, 'cannot compare values of type object'],
    ['a DataView', new DataView(new ArrayBuffer(4)), 'cannot compare values of type object'],
    ['a ragged array', [[1, 2], [3]], 'ragged nested array'],
    ['an array of mixed depth', [1, [2]], 'ragged nested array'],
    ['a record with too few values', { data: [], shape: [2] }, '0 values cannot have the shape [2]'],
    ['a record with too many', { data: [1, 2], shape: [] }, '2 values cannot have the shape []'],
  ])('rejects %s', (_, source, message) => {
    expect(() => valuesOf(source)).toThrow(new TypeError(message));
  });
});

describe('toBeAllclose', () => {
  it('passes up to atol + rtol |expected|, bounds included, and no further', () => {
    const within = { rtol: 0.25, atol: 1 }; // of an expected 4: up to 2 away
    expect(2).toBeAllclose(4, within);
    expect(6).toBeAllclose(4, within);
    expect(-6).toBeAllclose(-4, within);
    expect(6.001).not.toBeAllclose(4, within);
    expect(1.999).not.toBeAllclose(4, within);
    // |actual| does not enter: of an expected 0 it is 1 away at most.
    expect(1.001).not.toBeAllclose(0, within);
  });

  it('takes rtol 1e-5 and atol 1e-7 by default', () => {
    expect(1 + 1.0e-5).toBeAllclose(1);
    expect(1 + 1.02e-5).not.toBeAllclose(1);
    expect(0.99e-7).toBeAllclose(0);
    expect(1.01e-7).not.toBeAllclose(0);
  });

  it('demands equality when both tolerances are 0', () => {
    const exact = { rtol: 0, atol: 0 };
    expect([0, -0, 1, Infinity]).toBeAllclose([-0, 0, 1, Infinity], exact);
    expect(5e-324).not.toBeAllclose(0, exact);
  });

  it.each([
    [NaN, 1],
    [1, NaN],
    [NaN, Infinity],
    [Infinity, -Infinity],
    [Infinity, 1e308],
    [1e308, Infinity],
    [NaN, 0],
  ])('finds %d unlike %d, whatever the tolerances', (actual, expected) => {
    expect([1, actual]).not.toBeAllclose([1, expected], { rtol: 1, atol: 1 });
    expect([1, actual]).not.toBeAllclose([1, expected], { rtol: 0, atol: 0 });
  });

  it('finds NaN like NaN and infinities like themselves', () => {
    expect(tf.tensor1d([NaN, Infinity, -Infinity])).toBeAllclose([NaN, Infinity, -Infinity]);
  });

  it('compares across tensors, arrays and records', () => {
    expect(tf.tensor2d([[1, 2]])).toBeAllclose({ data: Float64Array.of(1, 2), shape: [1, 2] });
    expect([[1, 2]]).toBeAllclose(tf.tensor2d([[1, 2]]));
    expect(tf.complex([1], [2])).toBeAllclose([[1, 2]]);
  });

  it('tells shapes apart that hold the same values', () => {
    expect(difference([1, 2], [[1, 2]])).toBe('shapes differ: got [2], expected [1, 2]');
    expect(difference(1, [1])).toBe('shapes differ: got [], expected [1]');
    expect([[], []]).not.toBeAllclose([]);
  });

  it('reports how many are wrong, the tolerances, and the worst by its index', () => {
    const expected = [[0, 1, 2], [3, 4, 5]]; // prettier-ignore
    const actual = [[0, 1.5, 2], [3, 4, 9]]; // prettier-ignore
    expect(difference(actual, expected, { rtol: 0, atol: 0.25 })).toBe(
      '2 of 6 elements outside rtol 0, atol 0.25; the worst at [1, 2]: got 9, expected 5',
    );
  });

  it('takes the worst by its excess over the tolerance, and not-a-number above all', () => {
    // 1 away from 1 exceeds its tolerance by more than 10 away from 1000.
    const wrong = { rtol: 1e-3, atol: 0 };
    expect(difference([1010, 2], [1000, 1], wrong)).toContain('the worst at [1]: got 2, expected 1');
    expect(difference([1010, 2, NaN], [1000, 1, 1], wrong)).toContain('the worst at [2]: got NaN, expected 1');
    expect(difference(3, 4)).toContain('the worst at []: got 3, expected 4');
  });

  it('fails with the difference, and negated with its opposite', () => {
    expect(() => expect([1, 2]).toBeAllclose([1, 3])).toThrow(
      '1 of 2 elements outside rtol 0.00001, atol 1e-7; the worst at [1]: got 2, expected 3',
    );
    expect(() => expect([1, 2]).not.toBeAllclose([1, 2])).toThrow('all elements are within tolerance');
  });
});

describe('toLeakNothing', () => {
  afterEach(() => tf.disposeVariables());

  it('passes for a body that leaves nothing, synchronous or not', async () => {
    expect(() => tf.tidy(() => void tf.ones([2]).add(1))).toLeakNothing();
    await expect(async () => {
      const x = tf.ones([2]);
      await x.data();
      x.dispose();
    }).toLeakNothing();
  });

  it('does not count the result, and disposes it', async () => {
    const result = { list: [tf.scalar(1)] };
    expect(() => tf.scalar(1)).toLeakNothing();
    expect(() => ({ list: [tf.scalar(1), { deep: tf.scalar(2) }] })).toLeakNothing();
    await expect(() => Promise.resolve([tf.scalar(1)])).toLeakNothing();
    const before = tf.memory().numTensors;
    void tensorMatchers.toLeakNothing(() => result);
    expect(result.list[0]!.isDisposed).toBe(true);
    expect(tf.memory().numTensors).toBe(before - 1);
  });

  it('counts what a synchronous body leaves', () => {
    const leaking = () => {
      const x = tf.ones([2]);
      x.reshape([2, 1]);
      return x.add(1);
    };
    expect(leaking).not.toLeakNothing();
    // x and its reshape share a buffer.
    expect(() => expect(leaking).toLeakNothing()).toThrow(
      'left 2 tensors and 1 buffers behind (its result not counted)',
    );
  });

  it('counts what an asynchronous body leaves after its last pause', async () => {
    const leaking = async () => {
      await Promise.resolve();
      tf.scalar(1);
    };
    await expect(leaking).not.toLeakNothing();
    const judged = async () => expect(leaking).toLeakNothing();
    await expect(judged()).rejects.toThrow('left 1 tensors and 1 buffers behind (its result not counted)');
  });

  it('counts a variable that is left', () => {
    expect(() => void tf.variable(tf.scalar(1))).not.toLeakNothing();
  });

  it('fails for a body that disposes or gives back a tensor of others', () => {
    const message = 'left -1 tensors and -1 buffers behind: it disposed or gave back what it did not make';
    const [first, second] = [tf.scalar(1), tf.scalar(2)];
    expect(() => expect(() => first.dispose()).toLeakNothing()).toThrow(message);
    expect(() => expect(() => second).toLeakNothing()).toThrow(message);
  });

  it('lets errors of the body through', async () => {
    const thrower = (): void => {
      throw new RangeError('from the body');
    };
    expect(() => expect(thrower).toLeakNothing()).toThrow('from the body');
    const judged = async () => expect(() => Promise.reject(new RangeError('later'))).toLeakNothing();
    await expect(judged()).rejects.toThrow('later');
  });
});

describe('finiteDifferences', () => {
  // f(x, y, z) = sin(x) exp(y) + z^3 / 3
  const f = ([x, y, z]: Float64Array) => Math.sin(x!) * Math.exp(y!) + z! ** 3 / 3;
  const point = [0.7, -0.4, 1.5];
  const gradient = [Math.cos(0.7) * Math.exp(-0.4), Math.sin(0.7) * Math.exp(-0.4), 1.5 ** 2];

  it('gives the gradient of a smooth function to 10 digits', () => {
    // Truncation h^2 f''' / 6 < 1e-10 and rounding 1e-16 |f| / h < 1e-10, h = 1e-5.
    expect(finiteDifferences(f, point)).toBeAllclose(gradient, { rtol: 0, atol: 2e-10 });
  });

  it('has an error that falls as the square of the step', () => {
    const error = (step: number): number => {
      const found = finiteDifferences(f, point, step);
      return Math.hypot(...found.map((value, i) => value - gradient[i]!));
    };
    const order = Math.log2(error(1e-2) / error(5e-3));
    // The next term of the series is step^2 = 1e-4 times the first one, up to a factor near 1.
    expect(Math.abs(order - 2)).toBeLessThan(1e-3);
  });

  it('is exact for a quadratic function, up to rounding, at any step', () => {
    // 1e-16 |f| / h with |f| < 10 and h >= 1e-2.
    const quadratic = ([x, y]: Float64Array) => 3 * x! * x! - 2 * x! * y! + y!;
    for (const step of [1e-2, 1]) {
      expect(finiteDifferences(quadratic, [1, 2], step)).toBeAllclose([2, -1], { rtol: 0, atol: 1e-12 });
    }
  });

  it('takes steps relative to components above 1, absolute below', () => {
    const seen: number[] = [];
    finiteDifferences((x) => seen.push(x[0]!, x[1]!), [1000, 0.001], 0.5);
    expect(seen).toEqual([1500, 0.001, 500, 0.001, 1000, 0.501, 1000, -0.499]);
  });

  it('leaves its argument as it was and calls f twice a component', () => {
    const x = Float64Array.of(1, 2, 3);
    const spy = vi.fn(() => 0);
    expect([...finiteDifferences(spy, x)]).toEqual([0, 0, 0]);
    expect([...x]).toEqual([1, 2, 3]);
    expect(spy).toHaveBeenCalledTimes(6);
    expect(finiteDifferences(spy, [])).toHaveLength(0);
  });

  it('agrees with tf.grad on a float32 function at the step that it recommends for those', () => {
    const body = (x: tf.Tensor) => x.sin().mul(x).sum();
    const x = [0.3, -1.2, 2.1];
    const found = finiteDifferences((values) => body(tf.tensor1d([...values])).dataSync()[0]!, x, 1e-2);
    // Rounding 6e-8 |f| / h, |f| < 4, and truncation h^2 |f'''| / 6, |f'''| < 5, h < 2.1e-2.
    expect(found).toBeAllclose(tf.grad(body)(tf.tensor1d(x)), { rtol: 0, atol: 5e-4 });
  });
});

describe('loadGolden', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tfsci-golden-'));
  const file = path.join(folder, 'values.safetensors');
  afterAll(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    file,
    writeSafetensors(
      {
        matrix: { dtype: 'F64', shape: [2, 2], data: Float64Array.of(1, Math.PI, -0, NaN) },
        half: { dtype: 'F16', shape: [2], data: Float32Array.of(0.5, 0.1) },
        long: { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 40n)) },
        flag: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
        empty: { dtype: 'F32', shape: [0, 3], data: new Float32Array(0) },
      },
      { source: 'by hand' },
    ),
  );

  it.each([file, pathToFileURL(file)])('reads names and metadata from %s', (where) => {
    const golden = loadGolden(where);
    expect(golden.names.toSorted()).toEqual(['empty', 'flag', 'half', 'long', 'matrix']);
    expect({ ...golden.metadata }).toEqual({ source: 'by hand' });
  });

  it('widens every dtype to float64', () => {
    const golden = loadGolden(file);
    expect(golden.get('matrix')).toEqual({ dtype: 'F64', shape: [2, 2], data: Float64Array.of(1, Math.PI, -0, NaN) });
    expect(golden.get('half')).toEqual({ dtype: 'F16', shape: [2], data: Float64Array.of(0.5, 0.0999755859375) });
    expect(golden.get('long')).toEqual({ dtype: 'I64', shape: [], data: Float64Array.of(-(2 ** 40)) });
    expect(golden.get('flag')).toEqual({ dtype: 'BOOL', shape: [2], data: Float64Array.of(0, 1) });
    expect(golden.get('empty')).toEqual({ dtype: 'F32', shape: [0, 3], data: new Float64Array(0) });
  });

  it('gives what toBeAllclose takes', () => {
    expect(tf.tensor1d([0.5, 0.0999755859375])).toBeAllclose(loadGolden(file).get('half'));
  });

  it.each(['Matrix', 'toString', '__proto__'])('names the file when it has no tensor %s', (name) => {
    expect(() => loadGolden(file).get(name)).toThrow(`golden file ${file} has no tensor ${name}`);
  });

  it('rejects a truncated file', () => {
    const short = path.join(folder, 'short.safetensors');
    writeFileSync(short, new Uint8Array(7));
    expect(() => loadGolden(short)).toThrow(expect.objectContaining({ name: 'FormatError' }));
  });
});

describe('backendsUnderTest', () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    [undefined, ['cpu', 'wasm']],
    ['', ['cpu', 'wasm']],
    [' , ', ['cpu', 'wasm']],
    ['onnx', ['onnx']],
    [' wasm, cpu ,', ['wasm', 'cpu']],
  ])('for TFSCI_BACKENDS %o gives %o', (value, expected) => {
    vi.stubEnv('TFSCI_BACKENDS', value);
    expect(backendsUnderTest()).toEqual(expected);
  });
});
