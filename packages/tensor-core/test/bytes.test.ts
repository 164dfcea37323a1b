import { describe, expect, it } from 'vitest';
import { arrayFromBytes, bytesFromArray } from '../src/io/bytes';

const bytes = Uint8Array.from({ length: 40 }, (_, i) => i * 7 + 130);

describe('arrayFromBytes', () => {
  for (const begin of [0, 8, 3]) {
    it(`reads every type in both byte orders at offset ${begin} as DataView does`, () => {
      const view = new DataView(bytes.buffer);
      for (const order of ['little', 'big'] as const) {
        const little = order === 'little';
        const at = (width: number): number[] => [0, 1, 2].map((i) => begin + i * width);
        expect([...arrayFromBytes(Float64Array, bytes, begin, 3, order)]).toEqual(
          at(8).map((offset) => view.getFloat64(offset, little)),
        );
        expect([...arrayFromBytes(BigInt64Array, bytes, begin, 3, order)]).toEqual(
          at(8).map((offset) => view.getBigInt64(offset, little)),
        );
        expect([...arrayFromBytes(Uint32Array, bytes, begin, 3, order)]).toEqual(
          at(4).map((offset) => view.getUint32(offset, little)),
        );
        expect([...arrayFromBytes(Int16Array, bytes, begin, 3, order)]).toEqual(
          at(2).map((offset) => view.getInt16(offset, little)),
        );
        expect([...arrayFromBytes(Int8Array, bytes, begin, 3, order)]).toEqual(
          at(1).map((offset) => view.getInt8(offset)),
        );
      }
    });
  }

  it('shares memory where it can and never copies more than the numbers asked for', () => {
    // Not at the start of its buffer, as Node's small Buffers are.
    const part = new Uint8Array(bytes.buffer, 4, 32);
    expect(arrayFromBytes(Uint32Array, part, 4, 2, 'little').buffer).toBe(bytes.buffer);
    expect(arrayFromBytes(Uint8Array, part, 3, 2, 'big').buffer).toBe(bytes.buffer);
    for (const copied of [
      arrayFromBytes(BigInt64Array, part, 0, 2, 'little'),
      arrayFromBytes(Float64Array, part, 4, 2, 'big'),
      arrayFromBytes(BigInt64Array, Buffer.from(bytes.buffer, 1), 0, 2, 'little'),
    ]) {
      expect(copied.buffer).not.toBe(bytes.buffer);
      expect(copied.buffer.byteLength).toBe(16);
    }
  });

  it('leaves the file as it was when it swaps bytes', () => {
    const before = [...bytes];
    arrayFromBytes(Int32Array, bytes, 0, 10, 'big');
    expect([...bytes]).toEqual(before);
  });
});

describe('bytesFromArray', () => {
  it('is the inverse of arrayFromBytes', () => {
    for (const order of ['little', 'big'] as const) {
      const array = arrayFromBytes(Int32Array, bytes, 8, 4, order);
      expect([...bytesFromArray(array, order)]).toEqual([...bytes.subarray(8, 24)]);
    }
  });

  it('takes only the part of the buffer that the array covers, and does not change it', () => {
    const array = Uint16Array.of(1, 2, 3, 4).subarray(1, 3);
    expect([...bytesFromArray(array, 'little')]).toEqual([2, 0, 3, 0]);
    expect([...bytesFromArray(array, 'big')]).toEqual([0, 2, 0, 3]);
    expect([...array]).toEqual([2, 3]);
  });
});
