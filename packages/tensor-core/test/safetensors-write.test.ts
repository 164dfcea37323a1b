import { describe, expect, it } from 'vitest';
import { ShapeError } from '../src/check';
import { writeSafetensors, type SafetensorsEntry } from '../src/io/safetensors/safetensors';

/** In the official order of the dtypes. */
const dtypes = [
  'U64',
  'I64',
  'F64',
  'F32',
  'U32',
  'I32',
  'BF16',
  'F16',
  'U16',
  'I16',
  'F8_E4M3',
  'F8_E5M2',
  'I8',
  'U8',
  'BOOL',
];

describe('writeSafetensors on bad input', () => {
  const bytes = Uint8Array.of(0, 2);
  const refused: [string, Record<string, unknown>, Record<string, unknown>, new (m: string) => Error, string][] = [
    [
      'data of another type',
      { x: { dtype: 'F32', shape: [2], data: bytes } },
      {},
      TypeError,
      'the data of tensor "x" must be a Float32Array for dtype F32, got Uint8Array(2).',
    ],
    [
      'bits of another width',
      { x: { dtype: 'F16', shape: [2], data: bytes } },
      {},
      TypeError,
      'the data of tensor "x" must be a Float32Array or Uint16Array for dtype F16, got Uint8Array(2).',
    ],
    [
      'a plain array',
      { x: { dtype: 'U8', shape: [1], data: [1] } },
      {},
      TypeError,
      'the data of tensor "x" must be a Uint8Array for dtype U8, got [1].',
    ],
    [
      'too few elements',
      { x: { dtype: 'U8', shape: [2, 2], data: bytes } },
      {},
      ShapeError,
      'the data of tensor "x" must have the 4 elements of its shape [2, 2], got Uint8Array(2).',
    ],
    [
      'a negative dimension',
      { x: { dtype: 'U8', shape: [-1, -2], data: bytes } },
      {},
      RangeError,
      'shape must be an integer >= 0, got -1.',
    ],
    [
      'an unknown dtype',
      { x: { dtype: 'F4', shape: [2], data: bytes } },
      {},
      RangeError,
      `the dtype of tensor "x" must be one of ${dtypes.map((name) => `"${name}"`).join(', ')}, got "F4".`,
    ],
    [
      'BOOL that is not 0 or 1',
      { x: { dtype: 'BOOL', shape: [2], data: bytes } },
      {},
      RangeError,
      'the data of tensor "x" must be 0 or 1 for dtype BOOL, got 2.',
    ],
    [
      'the reserved name',
      { __metadata__: { dtype: 'U8', shape: [2], data: bytes } },
      {},
      RangeError,
      'a tensor name must not be __metadata__, got "__metadata__". The format reserves that name.',
    ],
    [
      'a name that UTF-8 cannot hold',
      { '\ud800': { dtype: 'U8', shape: [2], data: bytes } },
      {},
      RangeError,
      'a tensor name must have no lone surrogate, got "\\ud800".',
    ],
    ['metadata that is not text', {}, { epoch: 3 }, TypeError, 'metadata "epoch" must be a string, got 3.'],
  ];
  it.each(refused)('refuses %s', (_, named, metadata, kind, message) => {
    const write = (): unknown =>
      writeSafetensors(named as Record<string, SafetensorsEntry>, metadata as Record<string, string>);
    expect(write).toThrow(new kind(`tensor-core.writeSafetensors: ${message}`));
  });

  it('refuses a header over 100 MB, which no reader would take', () => {
    expect(() => writeSafetensors({}, { note: 'x'.repeat(1e8) })).toThrow(/the header must be <= 100000000 bytes/);
  });
});
