import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../src/check';
import { readSafetensors, type SafetensorsDtype, type SafetensorsEntry } from '../src/io/safetensors/safetensors';
import { tensorsToSafetensors, toTensor } from '../src/io/safetensors/tensors';
import { backendsUnderTest } from '../src/testing';

const entry = (dtype: SafetensorsDtype, data: SafetensorsEntry['data'], shape = [data.length]): SafetensorsEntry => ({
  dtype,
  shape,
  data,
});

describe.each(backendsUnderTest())('toTensor on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  const kept: [SafetensorsEntry, tf.DataType, number[]][] = [
    [entry('F32', Float32Array.of(1.5, -0, NaN, Infinity)), 'float32', [1.5, -0, NaN, Infinity]],
    [entry('F16', Float32Array.of(0.5, 2 ** -24)), 'float32', [0.5, 2 ** -24]],
    [entry('F16', Uint16Array.of(0x3800, 0x0001)), 'float32', [0.5, 2 ** -24]],
    [entry('BF16', Uint16Array.of(0xc000)), 'float32', [-2]],
    [entry('F8_E4M3', Uint8Array.of(0x7e)), 'float32', [448]],
    [entry('F8_E5M2', Uint8Array.of(0x7b)), 'float32', [57344]],
    [entry('F64', Float64Array.of(0.1, -Infinity, NaN)), 'float32', [Math.fround(0.1), -Infinity, NaN]],
    [entry('I8', Int8Array.of(-128, 127)), 'int32', [-128, 127]],
    [entry('U8', Uint8Array.of(255)), 'int32', [255]],
    [entry('I16', Int16Array.of(-32768)), 'int32', [-32768]],
    [entry('U16', Uint16Array.of(65535)), 'int32', [65535]],
    [entry('I32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1)), 'int32', [-(2 ** 31), 2 ** 31 - 1]],
    [entry('U32', Uint32Array.of(2 ** 31 - 1)), 'int32', [2 ** 31 - 1]],
    [entry('I64', BigInt64Array.of(-(2n ** 31n), 5n)), 'int32', [-(2 ** 31), 5]],
    [entry('U64', BigUint64Array.of(2n ** 31n - 1n)), 'int32', [2 ** 31 - 1]],
    [entry('BOOL', Uint8Array.of(1, 0, 1)), 'bool', [1, 0, 1]],
  ];
  const named = kept.map((row) => [`${row[0].dtype} ${row[0].data.constructor.name}`, ...row] as const);
  it('gives complex numbers a last axis of real and imaginary parts', () => {
    const single = { dtype: 'C64' as const, shape: [1, 2], data: Float32Array.of(1, 2, 3, -4) };
    expect(toTensor(single)).toBeAllclose([
      [
        [1, 2],
        [3, -4],
      ],
    ]);
    expect(toTensor({ dtype: 'C128', shape: [], data: Float64Array.of(0.1, 2) })).toBeAllclose([0.1, 2]);
    expect(() => toTensor({ ...single, shape: [2, 2] })).toThrow(ShapeError);
    expect(() => toTensor(single)).toLeakNothing();
  });

  it.each(named)('keeps the values of %s and leaves only its result behind', (_, source, dtype, values) => {
    expect(() => toTensor(source)).toLeakNothing();
    const tensor = toTensor(source);
    expect(tensor.dtype).toBe(dtype);
    expect(tensor.shape).toEqual(source.shape);
    expect([...tensor.dataSync()]).toEqual(values);
    tensor.dispose();
  });

  it('keeps shapes, also of scalars and empty tensors', () => {
    for (const shape of [[], [1, 1, 1], [2, 0, 3], [3, 2]]) {
      const length = shape.reduce((product, n) => product * n, 1);
      const tensor = toTensor(entry('F32', new Float32Array(length), shape));
      expect(tensor.shape).toEqual(shape);
      tensor.dispose();
    }
  });

  it('makes files of tensors that read back equal, and leaks nothing', async () => {
    const named = {
      weight: tf.tensor2d([1.5, -0, 3e-42, NaN], [2, 2]),
      steps: tf.scalar(7, 'int32'),
      mask: tf.tensor1d([true, false, true], 'bool'),
      none: tf.zeros([0, 4]),
      computed: tf.tidy(() => tf.tensor1d([1, 2]).greater(1.5)),
    };
    const { numTensors, numDataBuffers } = tf.memory();
    const { tensors, metadata } = readSafetensors(await tensorsToSafetensors(named, { by: 'test' }));
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    expect({ ...metadata }).toEqual({ by: 'test' });
    expect(tensors['weight']!.dtype).toBe('F32');
    expect(tensors['steps']!.dtype).toBe('I32');
    expect(tensors['mask']!.dtype).toBe('BOOL');
    expect(tensors['computed']!.data).toEqual(Uint8Array.of(0, 1));
    for (const [name, tensor] of Object.entries(named)) {
      const back = toTensor(tensors[name]);
      expect([back.dtype, back.shape]).toEqual([tensor.dtype, tensor.shape]);
      expect([...back.dataSync()]).toEqual([...tensor.dataSync()]);
      tf.dispose([back, tensor]);
    }
  });
});

describe('toTensor', () => {
  it('rounds F64 to the nearest float32, ties to even', () => {
    const halfway = 1 + 2 ** -24;
    const tensor = toTensor(entry('F64', Float64Array.of(halfway, halfway + 2 ** -50, 1 + 3 * 2 ** -24, 1e-50)));
    expect([...tensor.dataSync()]).toEqual([1, 1 + 2 ** -23, 1 + 2 ** -22, 0]);
    tensor.dispose();
  });

  const integer = 'an integer element must be within int32, -2147483648 to 2147483647, got';
  const refused: [string, unknown, new (m: string) => Error, string][] = [
    ['I64 above', entry('I64', BigInt64Array.of(0n, 2n ** 31n)), RangeError, `${integer} 2147483648. Use entry.data`],
    ['I64 below', entry('I64', BigInt64Array.of(-(2n ** 63n))), RangeError, `${integer} -9223372036854775808.`],
    ['I64 that would wrap to 0', entry('I64', BigInt64Array.of(2n ** 32n)), RangeError, `${integer} 4294967296.`],
    ['U64', entry('U64', BigUint64Array.of(2n ** 64n - 1n)), RangeError, `${integer} 18446744073709551615.`],
    ['U32', entry('U32', Uint32Array.of(2 ** 31)), RangeError, `${integer} 2147483648.`],
    [
      'F64 over float32',
      entry('F64', Float64Array.of(1, 1e39)),
      RangeError,
      'an F64 element must be within float32, got 1e+39. Rescale',
    ],
    ['BOOL of 2', entry('BOOL', Uint8Array.of(1, 2)), RangeError, 'a BOOL element must be 0 or 1, got 2.'],
    [
      'shape and data that disagree',
      entry('F32', new Float32Array(3), [2]),
      ShapeError,
      'the data must have the elements of its shape [2], got Float32Array(3).',
    ],
    ['a missing entry', undefined, TypeError, 'entry must be an array of a file, got undefined. Is the name right?'],
  ];
  it.each(refused)('refuses %s and leaks nothing', (_, source, kind, message) => {
    const attempt = (): unknown => toTensor(source as SafetensorsEntry);
    expect(attempt).toThrow(kind);
    expect(attempt).toThrow(`tensor-core.toTensor: ${message}`);
    expect(() => {
      expect(attempt).toThrow();
    }).toLeakNothing();
  });
});

describe('tensorsToSafetensors', () => {
  it('refuses other dtypes and what is no tensor', async () => {
    await tf.setBackend('cpu');
    const complex = tf.complex([1], [2]);
    await expect(tensorsToSafetensors({ z: complex })).rejects.toThrow(
      'tensor-core.tensorsToSafetensors: tensor "z" must be a float32, int32 or bool tensor, ' +
        'got a complex64 tensor of shape [1]. Store complex values as two tensors, re and im.',
    );
    complex.dispose();
    await expect(tensorsToSafetensors({ z: 3 as unknown as tf.Tensor })).rejects.toThrow(TypeError);
  });

  it('keeps a name such as __proto__', async () => {
    const one = tf.scalar(1);
    const named = Object.fromEntries([['__proto__', one]]);
    expect(Object.keys(readSafetensors(await tensorsToSafetensors(named)).tensors)).toEqual(['__proto__']);
    one.dispose();
  });
});
