import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { isArrayEntry, readTorch, type ReadTorchOptions } from '../src/io/torch/torch';
import { pickle, str, tensor, dict, list, storage, torchBytes } from './torch-pickles';

const golden = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`golden/io/torch/${name}`, import.meta.url)));

/** Requires that every array of a value has the elements of its shape. */
function checkArrays(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (isArrayEntry(value)) {
    const parts = value.dtype.startsWith('C') ? 2 : 1;
    expect(value.data.length).toBe(value.shape.reduce((product, n) => product * n, parts));
  } else if (!ArrayBuffer.isView(value)) {
    const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
    for (const one of inside) checkArrays(one, seen);
  }
}

/** The value, or undefined when it is refused as it should be: by a FormatError. */
function readOrRefused(file: Uint8Array, options?: ReadTorchOptions): unknown {
  try {
    const { value } = readTorch(file, options);
    checkArrays(value);
    return value;
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return undefined;
  }
}

describe('readTorch on damaged files', () => {
  it.each(['state-dict.pt', 'views.pt', 'python-4.pt', 'deflated.pt'])('refuses %s cut at any byte', (name) => {
    const file = golden(name);
    for (let length = 0; length < file.length; length++) {
      expect(() => readTorch(file.subarray(0, length))).toThrow(FormatError);
    }
    readTorch(file);
  });

  it('refuses a file with anything behind it', () => {
    const file = golden('tensor.pt');
    expect(() => readTorch(Uint8Array.from([...file, 0]))).toThrow(FormatError);
  });

  it('refuses a file with any bit flipped, or reads the same from it', () => {
    const file = golden('tensor.pt');
    const { value: sound } = readTorch(file);
    let refused = 0;
    for (let bit = 0; bit < 8 * file.length; bit++) {
      const flipped = file.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const value = readOrRefused(flipped);
      if (value === undefined) refused++;
      else expect(value).toEqual(sound);
    }
    expect(refused).toBeGreaterThan(file.length);
  });

  const options = { unknownClasses: 'describe', checksums: false, maxBytes: 2 ** 24 } as const;

  it('reads or refuses pickles with any bit flipped, or cut anywhere, whose checksums are not looked at', () => {
    const contents = pickle(
      dict(
        [str('w'), tensor(storage('0', 6), 1, [2, 2], [1, 2])],
        [str('x'), list(str('text'), [0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9])],
      ),
    );
    const file = (bytes: Uint8Array): Uint8Array => torchBytes(bytes, { 0: new Uint8Array(24) });
    for (let bit = 0; bit < 8 * contents.length; bit++) {
      const flipped = contents.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      readOrRefused(file(flipped), options);
    }
    for (let length = 0; length < contents.length; length++) {
      expect(() => readTorch(file(contents.subarray(0, length)), options)).toThrow(FormatError);
    }
  });

  it('reads or refuses random pickles', () => {
    // Opcodes are likelier than other bytes, so that the stack gets something to work with.
    const opcode = fc.constantFrom(
      ...Buffer.from(
        '(012NJKMGX]ae)t}sucRbQqrhj.\x80\x81\x85\x86\x87\x88\x89\x8a\x8f\x90\x91\x92\x93\x94\x95',
        'latin1',
      ),
    );
    const bytes = fc.array(fc.oneof({ weight: 5, arbitrary: opcode }, { weight: 1, arbitrary: fc.nat(255) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        bytes,
        (noise) => void readOrRefused(torchBytes(Uint8Array.from([0x80, 4, ...noise, 0x2e])), options),
      ),
      { numRuns: 3000, seed: 1 },
    );
  });

  it('reads or refuses files with random bytes written over them', () => {
    for (const name of ['lightning.ckpt', 'python-2.pt', 'python-5.pt', 'dtypes.pt', 'deflated.pt']) {
      const file = golden(name);
      fc.assert(
        fc.property(fc.nat(file.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, noise) => {
          const changed = file.slice();
          changed.set(noise.subarray(0, file.length - at), at);
          readOrRefused(changed, options);
        }),
        { numRuns: 400, seed: 2 },
      );
    }
  });
});
