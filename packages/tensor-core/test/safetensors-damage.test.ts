import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { readSafetensors, writeSafetensors } from '../src/io/safetensors/safetensors';

/** A sound file with several dtypes, an empty tensor, a scalar and metadata. */
const sound = writeSafetensors(
  {
    half: { dtype: 'F16', shape: [2, 2], data: Float32Array.of(1, -0, 1e-7, NaN) },
    'long\n"name" é': { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
    none: { dtype: 'F32', shape: [0, 3], data: new Float32Array(0) },
    mask: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  },
  { step: '12' },
);

describe('readSafetensors on damaged files', () => {
  it('refuses a file cut at any byte', () => {
    for (let length = 0; length < sound.length; length++) {
      expect(() => readSafetensors(sound.subarray(0, length))).toThrow(FormatError);
    }
    expect(Object.keys(readSafetensors(sound).tensors)).toHaveLength(4);
  });

  it('refuses a file with anything behind it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (tail) => {
        expect(() => readSafetensors(new Uint8Array([...sound, ...tail]))).toThrow(/trailing bytes/);
      }),
      { seed: 1 },
    );
  });

  /** Either a FormatError or tensors whose data fit their shapes. */
  function readsOrRefuses(file: Uint8Array): void {
    try {
      for (const { shape, data } of Object.values(readSafetensors(file).tensors)) {
        expect(data.length).toBe(shape.reduce((product, n) => product * n, 1));
      }
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }

  it('reads or refuses a file with any single bit flipped', () => {
    for (let bit = 0; bit < 8 * sound.length; bit++) {
      const flipped = sound.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      readsOrRefuses(flipped);
    }
  });

  it('reads or refuses random bytes, and random bytes written over a sound file', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readsOrRefuses), { numRuns: 500, seed: 2 });
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, noise) => {
        const changed = sound.slice();
        changed.set(noise.subarray(0, sound.length - at), at);
        readsOrRefuses(changed);
      }),
      { numRuns: 2000, seed: 3 },
    );
  });
});
