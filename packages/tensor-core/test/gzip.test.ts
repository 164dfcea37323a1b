import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { gunzip, isGzip } from '../src/io/gzip';

const text = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
const packed = new Uint8Array(gzipSync(text));

describe('gunzip', () => {
  it('undoes gzip, for empty, small and many-piece data', async () => {
    const samples = fc.uint8Array({ maxLength: 300_000, size: 'max' });
    await fc.assert(
      fc.asyncProperty(samples, async (bytes) => {
        expect(Buffer.compare(await gunzip(gzipSync(bytes)), bytes)).toBe(0);
      }),
      { numRuns: 15, seed: 1, examples: [[new Uint8Array(0)], [text]] },
    );
  });

  it('does not change or take over its argument', async () => {
    const before = [...packed];
    await gunzip(packed);
    expect([...packed]).toEqual(before);
  });

  it('refuses data that is truncated, at a sample of lengths', async () => {
    for (let length = 0; length < packed.length; length += 37) {
      await expect(gunzip(packed.subarray(0, length))).rejects.toThrow(FormatError);
    }
    await expect(gunzip(packed.subarray(0, packed.length - 1))).rejects.toThrow(
      /whole gzip file.*truncated or corrupt/,
    );
  });

  it('refuses a corrupt body and a wrong checksum', async () => {
    for (const at of [packed.length >> 1, packed.length - 6]) {
      const corrupt = packed.slice();
      corrupt[at]! ^= 0x10;
      await expect(gunzip(corrupt)).rejects.toThrow(/tensor-core.gunzip: the data must be a whole gzip file/);
    }
  });

  it('refuses what is not gzip', async () => {
    await expect(gunzip(text)).rejects.toThrow('tensor-core.gunzip: the data must begin with 1f 8b');
  });

  it('stops at maxBytes, which is itself allowed', async () => {
    expect((await gunzip(packed, { maxBytes: 5000 })).length).toBe(5000);
    await expect(gunzip(packed, { maxBytes: 4999 })).rejects.toThrow(
      /decompress to at most 4999 bytes, but has more. Raise maxBytes/,
    );
    await expect(gunzip(packed, { maxBytes: -1 })).rejects.toThrow(RangeError);
    await expect(gunzip(packed, { maxBytes: NaN })).rejects.toThrow(RangeError);
  });

  it('survives a bomb: memory stays near the limit, not the expanded size', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 27), { level: 9 });
    const before = process.memoryUsage().arrayBuffers;
    await expect(gunzip(bomb, { maxBytes: 2 ** 20 })).rejects.toThrow(FormatError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
  });
});

describe('isGzip', () => {
  it('looks at the first two bytes', () => {
    expect(isGzip(packed)).toBe(true);
    expect(isGzip(Uint8Array.of(0x1f))).toBe(false);
    expect(isGzip(Uint8Array.of(0x8b, 0x1f))).toBe(false);
  });
});
