import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { readSafetensors } from '../src/io/safetensors/safetensors';

/** A file of a header, given as text or bytes, and that many bytes of data. */
function fileOf(header: string | Uint8Array, dataBytes = 0, declaredLength?: number): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(declaredLength ?? text.length), true);
  file.set(text, 8);
  return file;
}

/** A header with one tensor, w, in which the given fields are replaced; it is sound without any. */
function header(fields: { dtype?: string; shape?: string; data_offsets?: string } = {}): string {
  const { dtype = '"F32"', shape = '[2]', data_offsets = '[0,8]' } = fields;
  return `{"w":{"dtype":${dtype},"shape":${shape},"data_offsets":${data_offsets}}}`;
}
const u8 = (name: string, begin: number, end: number): string =>
  `"${name}":{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;

const hostile: [string, Uint8Array, string | RegExp][] = [
  // The frame
  ['an empty file', new Uint8Array(0), 'the file must have at least 8 bytes, got 0. Is it truncated?'],
  ['a cut header length', new Uint8Array(7), 'the file must have at least 8 bytes, got 7.'],
  [
    'a header longer than the file',
    fileOf(header(), 8, 500),
    /the header of 500 bytes must lie in the file of \d+\. The file is truncated/,
  ],
  [
    'a header over 100 MB',
    fileOf(header(), 8, 100_000_001),
    'the header length must be <= 100000000 bytes, got 100000001.',
  ],
  [
    'a header length of 2^64 - 1',
    new Uint8Array(16).fill(255),
    'the header length must be <= 100000000 bytes, got 18446744073709552000.',
  ],
  ['a header of no bytes', fileOf('', 8), 'the header must begin with {, got "".'],
  ['a pickle', fileOf('\x80\x04\x95'), 'the header must begin with {'],
  // The text
  [
    'bytes that are not UTF-8',
    fileOf(Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d)),
    'the header must be UTF-8 text.',
  ],
  ['overlong UTF-8', fileOf(Uint8Array.of(0x7b, 0xc0, 0xa2, 0x7d)), 'the header must be UTF-8 text.'],
  ['a byte order mark', fileOf(`\ufeff${header()}`, 8), 'the header must begin with {'],
  ['space before the header', fileOf(` ${header()}`, 8), 'the header must begin with {'],
  ['an array for a header', fileOf('[]'), 'the header must begin with {, got "[]".'],
  ['text that is not JSON', fileOf('{w}'), 'a key of the header must be a JSON string, got "w}" at character 1'],
  ['a cut header text', fileOf('{"w":'), 'tensor "w" must be a JSON object, got the end at character 5'],
  ['text after the header', fileOf(`${header()} {}`, 8), 'the header must have nothing but spaces after it'],
  ['a zero after the header', fileOf(`${header()}\0`, 8), 'the header must have nothing but spaces after it'],
  ['a comma too many', fileOf('{"__metadata__":{},}'), 'a key of the header must be a JSON string'],
  ['a comment', fileOf('{/**/}'), 'a key of the header must be a JSON string'],
  ['a raw line break in a name', fileOf('{"a\nb":1}'), 'a key of the header must be a JSON string without raw control'],
  ['a lone surrogate in a name', fileOf('{"\\udc00":1}'), 'a key of the header must have no lone surrogate'],
  ['an endless nesting', fileOf(`{"w":{"x":${'['.repeat(1e5)}`), 'be nested at most 32 deep'],
  // Keys
  ['a tensor given twice', fileOf(`{${u8('a', 0, 1)},${u8('a', 0, 1)}}`, 1), 'the header must not repeat a key'],
  ['a field given twice', fileOf(header({ dtype: '"F32","dtype":"F32"' }), 8), 'tensor "w" must not repeat a key'],
  ['metadata given twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), 'the header must not repeat a key'],
  ['a metadata key given twice', fileOf('{"__metadata__":{"a":"1","a":"2"}}'), '__metadata__ must not repeat a key'],
  [
    '__proto__ given twice',
    fileOf('{"__metadata__":{"__proto__":"1","__proto__":"2"}}'),
    '__metadata__ must not repeat a key',
  ],
  ['metadata that is no object', fileOf('{"__metadata__":[]}'), '__metadata__ must be a JSON object, got "[]}"'],
  ['metadata null', fileOf('{"__metadata__":null}'), '__metadata__ must be a JSON object'],
  [
    'a number in the metadata',
    fileOf('{"__metadata__":{"epoch":3}}'),
    '__metadata__ "epoch" must be a JSON string, got "3}}"',
  ],
  ['an object in the metadata', fileOf('{"__metadata__":{"a":{}}}'), '__metadata__ "a" must be a JSON string'],
  // One tensor
  ['a tensor that is no object', fileOf('{"w":3}'), 'tensor "w" must be a JSON object, got "3}"'],
  ['a tensor without dtype', fileOf('{"w":{"shape":[],"data_offsets":[0,1]}}', 1), 'but it has no dtype.'],
  ['a tensor without shape', fileOf('{"w":{"dtype":"U8","data_offsets":[0,1]}}', 1), 'but it has no shape.'],
  [
    'a tensor without offsets',
    fileOf('{"w":{"dtype":"U8","shape":[]}}', 1),
    'tensor "w" must have dtype, shape and data_offsets, but it has no data_offsets.',
  ],
  [
    'an unknown dtype',
    fileOf(header({ dtype: '"F128"' }), 8),
    /the dtype of tensor "w" must be one of U64, .*BOOL, got "F128"\.$/,
  ],
  ['a dtype that objects have', fileOf(header({ dtype: '"constructor"' }), 8), 'got "constructor".'],
  ['the dtype __proto__', fileOf(header({ dtype: '"__proto__"' }), 8), 'got "__proto__".'],
  [
    'a dtype that is no string',
    fileOf(header({ dtype: '5' }), 8),
    'the dtype of tensor "w" must be a JSON string, got "5,',
  ],
  [
    'a shape that is no array',
    fileOf(header({ shape: '2' }), 8),
    'the shape of tensor "w" must be a JSON array, got "2,',
  ],
  [
    'a negative dimension',
    fileOf(header({ shape: '[-2]' }), 8),
    'the shape of tensor "w" must hold integers from 0 to 2^53 - 1, got "-2],',
  ],
  ['two negative dimensions', fileOf(header({ shape: '[-1,-2]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['a fraction in the shape', fileOf(header({ shape: '[1.5]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['an integer written as 2.0', fileOf(header({ shape: '[2.0]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['an integer written as 2e0', fileOf(header({ shape: '[2e0]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['NaN in the shape', fileOf(header({ shape: '[NaN]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['Infinity in the shape', fileOf(header({ shape: '[Infinity]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['1e999 in the shape', fileOf(header({ shape: '[1e999]' }), 8), 'the shape of tensor "w" must hold integers'],
  ['a string in the shape', fileOf(header({ shape: '["2"]' }), 8), 'the shape of tensor "w" must hold integers'],
  [
    'a dimension over 2^53',
    fileOf(header({ shape: '[9007199254740993]' }), 8),
    'the shape of tensor "w" must hold integers',
  ],
  [
    'a shape whose product wraps to 2 in 64 bits',
    fileOf(header({ shape: '[4294967298,4294967297,2147483649]' }), 8),
    'the shape of tensor "w" must hold fewer than 2^53 bytes',
  ],
  [
    'a product over 2^53, times 0',
    fileOf(header({ shape: '[94906267,94906267,0]', data_offsets: '[0,0]' })),
    'the shape of tensor "w" must hold fewer than 2^53 bytes',
  ],
  [
    'too many dimensions',
    fileOf(header({ shape: `[${'1,'.repeat(300)}2]` }), 8),
    'the shape of tensor "w" must have at most 255 entries',
  ],
  // Where it lies
  [
    'one offset',
    fileOf(header({ data_offsets: '[8]' }), 8),
    'the data_offsets of tensor "w" must be [begin, end] with begin <= end, got [8].',
  ],
  [
    'three offsets',
    fileOf(header({ data_offsets: '[0,8,8]' }), 8),
    'the data_offsets of tensor "w" must be [begin, end] with begin <= end, got [0, 8, 8].',
  ],
  [
    'offsets in the wrong order',
    fileOf(header({ data_offsets: '[8,0]' }), 8),
    'must be [begin, end] with begin <= end, got [8, 0].',
  ],
  [
    'a negative offset',
    fileOf(header({ data_offsets: '[-8,0]' }), 8),
    'the data_offsets of tensor "w" must hold integers',
  ],
  [
    'a fractional offset',
    fileOf(header({ data_offsets: '[0,8.5]' }), 8),
    'the data_offsets of tensor "w" must hold integers',
  ],
  [
    'an offset of 1e999',
    fileOf(header({ data_offsets: '[0,1e999]' }), 8),
    'the data_offsets of tensor "w" must hold integers',
  ],
  [
    'a size other than the shape says',
    fileOf(header({ shape: '[3]' }), 8),
    'the data_offsets of tensor "w" must take the 12 bytes of F32 [3], got [0, 8].',
  ],
  [
    'data cut short',
    fileOf(header(), 7),
    'tensor "w" must end within the 7 bytes of data, got 8. The file is truncated',
  ],
  [
    'data far outside the file',
    fileOf(header({ data_offsets: '[4294967288,4294967296]' }), 8),
    'tensor "w" must end within the 8 bytes of data',
  ],
  [
    'data after the last tensor',
    fileOf(header(), 9),
    'the data must end with the last tensor, at 8 (trailing bytes), got 9.',
  ],
  ['data without a tensor', fileOf('{}', 1), 'the data must end with the last tensor, at 0 (trailing bytes), got 1.'],
  [
    'tensors that overlap',
    fileOf(`{${u8('a', 0, 4)},${u8('b', 3, 6)}}`, 6),
    'tensor "b" must begin at 4, where the tensor before it ends (overlap), got 3.',
  ],
  [
    'tensors that share their data',
    fileOf(`{${u8('a', 0, 4)},${u8('b', 0, 4)}}`, 4),
    'tensor "b" must begin at 4, where the tensor before it ends (overlap), got 0.',
  ],
  [
    'an empty tensor within another',
    fileOf(`{${u8('a', 0, 4)},${u8('b', 2, 2)}}`, 4),
    'tensor "b" must begin at 4, where the tensor before it ends (overlap), got 2.',
  ],
  [
    'a hole between tensors',
    fileOf(`{${u8('a', 0, 2)},${u8('b', 3, 4)}}`, 4),
    'tensor "b" must begin at 2, where the tensor before it ends (hole), got 3.',
  ],
  [
    'a hole before the first',
    fileOf(`{${u8('a', 1, 2)}}`, 2),
    'tensor "a" must begin at 0, where the tensor before it ends (hole), got 1.',
  ],
];

describe('the header of readSafetensors', () => {
  it.each(hostile)('refuses %s', (_, file, message) => {
    expect(() => readSafetensors(file)).toThrow(FormatError);
    expect(() => readSafetensors(file)).toThrow(message);
    expect(() => readSafetensors(file)).toThrow(/^tensor-core\.readSafetensors: /);
  });

  it('accepts the sound file that the table varies', () => {
    expect(readSafetensors(fileOf(header(), 8)).tensors['w']!.shape).toEqual([2]);
  });
});
