import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { requireTool } from '@tfsci/tooling';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../src/io/byte-budget';
import { isZip, ZipArchive, type ZipOptions } from '../src/io/zip/archive';
import { crc32 } from '../src/io/crc32';
import { writeZip, type ZipInput, type ZipWriteOptions } from '../src/io/zip/write';
import { refusalOf } from './torch-pickles';

const python = requireTool('python-torch');

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const members: ZipInput[] = [
  { name: 'a/data', bytes: Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 11) },
  { name: 'empty', bytes: new Uint8Array(0) },
  { name: 'größe', bytes: text('größe') },
];
const open = (bytes: Uint8Array, options?: ZipOptions, maxBytes = 2 ** 20): ZipArchive =>
  new ZipArchive('test', bytes, new ByteBudget('test', bytes.length, maxBytes), options);
const kinds: [string, ZipWriteOptions][] = [
  ['stored', {}],
  ['deflated', { compress: true }],
  ['zip64', { wideFrom: 1 }],
  ['deflated zip64', { compress: true, wideFrom: 0 }],
  ['partly zip64', { wideFrom: 1000 }],
];

/** The archive with the bytes at `at` replaced. */
function changed(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

/** Where the n-th entry of the directory begins, or the end record. */
function placeOf(bytes: Uint8Array, signature: number, n = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; ; at++) if (view.getUint32(at, true) === signature && n-- === 0) return at;
}
const central = (bytes: Uint8Array, n = 0): number => placeOf(bytes, 0x02014b50, n);
const end = (bytes: Uint8Array): number => placeOf(bytes, 0x06054b50);

describe('crc32', () => {
  it('is that of zlib, for every length', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 7919) >> 3);
    const oracle = (data: Uint8Array): number =>
      Buffer.from(zlib.gzipSync(data)).readUInt32LE(zlib.gzipSync(data).length - 8);
    for (let length = 0; length < 40; length++) {
      expect(crc32(bytes.subarray(length, 3 * length))).toBe(oracle(bytes.subarray(length, 3 * length)));
    }
    // The check value of the polynomial.
    expect(crc32(text('123456789'))).toBe(0xcbf43926);
  });
});

describe('a zip archive', () => {
  it.each(kinds)('that is written %s is read again', (_, options) => {
    const bytes = writeZip(members, options);
    const zip = open(bytes);
    expect(isZip(bytes)).toBe(true);
    expect(zip.names).toEqual(members.map(({ name }) => name));
    for (const { name, bytes: contents } of members) expect(Buffer.compare(zip.read(name), contents)).toBe(0);
    expect(Buffer.compare(writeZip(members, options), bytes)).toBe(0);
  });

  it('may hold anything', () => {
    const some = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 3000, size: 'max' }), {
      maxKeys: 6,
    });
    fc.assert(
      fc.property(some, fc.boolean(), fc.nat(3000), (named, compress, wideFrom) => {
        const list = Object.entries(named).map(([name, bytes]) => ({ name, bytes }));
        const zip = open(writeZip(list, { compress, wideFrom }));
        expect(zip.names).toEqual(list.map(({ name }) => name));
        for (const { name, bytes } of list) expect(Buffer.compare(zip.read(name), bytes)).toBe(0);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it.skipIf(python === undefined)('that is written here is sound to Python (python-torch)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tensor-core-zip-'));
    try {
      kinds.forEach(([, options], i) => writeFileSync(join(folder, `${i}.zip`), writeZip(members, options)));
      const program =
        'import sys, zipfile\n' +
        'for path in sys.argv[1:]:\n' +
        '    archive = zipfile.ZipFile(path)\n' +
        '    assert archive.testzip() is None\n' +
        '    print([(i.filename, i.file_size, i.compress_type) for i in archive.infolist()])\n';
      const paths = kinds.map((_, i) => join(folder, `${i}.zip`));
      const lines = execFileSync(python!, ['-c', program, ...paths], { encoding: 'utf8', env: { PYTHONUTF8: '1' } });
      const line = (method: number): string =>
        `[('a/data', 5000, ${method}), ('empty', 0, ${method}), ('größe', 7, ${method})]`;
      expect(lines.trim().split('\n')).toEqual([0, 8, 0, 8, 0].map(line));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('of more members than 16 bits count goes through the 64-bit directory', () => {
    const many = Array.from({ length: 65_536 }, (_, i) => ({ name: String(i), bytes: new Uint8Array(0) }));
    const bytes = writeZip(many);
    expect(open(bytes).names).toHaveLength(65_536);
    expect(placeOf(bytes.subarray(-98), 0x06064b50)).toBe(0);
  });

  it('shares the memory of stored members', () => {
    const bytes = writeZip(members);
    expect(open(bytes).read('a/data').buffer).toBe(bytes.buffer);
  });

  it('may end with a comment', () => {
    const plain = writeZip(members);
    const bytes = new Uint8Array([...changed(plain, end(plain) + 20, 5, 0), ...text('hello')]);
    expect(open(bytes).names).toHaveLength(3);
    expect(refusalOf(() => open(bytes.subarray(0, -1))).message).toMatch(
      /test: the file must end with a zip directory/,
    );
  });

  it.each(kinds)('that is %s and cut anywhere is refused', (_, options) => {
    const bytes = writeZip(members.slice(1), options);
    for (let length = 0; length < bytes.length; length++) refusalOf(() => open(bytes.subarray(0, length)));
  });

  it.each(kinds)('that is %s with any bit flipped is refused or reads the same', (_, options) => {
    const bytes = writeZip(members.slice(1), options);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = changed(bytes, bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
      const read = (): string => {
        const zip = open(flipped);
        return zip.names.map((name) => `${name} ${Buffer.from(zip.read(name)).toString('hex')}`).join();
      };
      let contents = `empty ,größe ${Buffer.from('größe').toString('hex')}`;
      try {
        contents = read();
      } catch {
        refusalOf(read);
      }
      expect(contents).toBe(`empty ,größe ${Buffer.from('größe').toString('hex')}`);
    }
  });

  const plain = writeZip(members);
  const packed = writeZip(members, { compress: true });
  const wide = writeZip(members, { wideFrom: 1 });
  const record = placeOf(wide, 0x06064b50);
  const twice = writeZip([members[2]!, members[2]!]);

  it.each([
    ['encrypted', changed(plain, central(plain) + 8, 1), /member "a\/data" must not be encrypted/],
    ['of another method', changed(plain, central(plain) + 10, 12), /must be stored \(0\) or deflated \(8\), got 12/],
    ['of another size', changed(plain, central(plain) + 24, 1, 1), /must have 5000 bytes, as it is stored, got 257/],
    [
      'beyond the directory',
      changed(plain, central(plain) + 20, 0xff, 0xff, 0, 0, 0xff, 0xff),
      /must end at [0-9]+ or before/,
    ],
    ['without header', changed(plain, central(plain) + 42, 7), /must begin with a local header, got 7/],
    ['of two names', changed(plain, 30, 0x62), /must have the same name in its local header/],
    ['of one name', twice, /member names must be unique, got "größe"/],
    ['without UTF-8', changed(plain, central(plain, 2) + 46, 0xff), /member names must be UTF-8 text/],
    ['in parts', changed(plain, end(plain) + 4, 1), /the zip archive must be in one part, got \[1, 0\]/],
    ['in 64-bit parts', changed(wide, record + 16, 1), /the zip archive must be in one part, got \[1, 0\]/],
    ['with too many members', changed(plain, end(plain) + 10, 9), /must hold its 9 members/],
    ['with too few members', changed(plain, end(plain) + 10, 2), /must end with its last member/],
    ['with a directory elsewhere', changed(plain, end(plain) + 16, 0), /the zip directory must end at [0-9]+, where/],
    ['with a broken list', changed(plain, central(plain, 1), 0), /the zip directory must list a member/],
    ['without its 64-bit record', changed(wide, record, 0), /the end record of 64 bits must lie before its locator/],
    [
      'without 64-bit numbers',
      changed(wide, placeOf(wide, 0x00180001), 2),
      /must have its 64-bit numbers, got 4294967295/,
    ],
    ['with a directory entry too long', changed(plain, central(plain, 2) + 32, 99), /the zip directory must end at/],
  ])('with a member %s is refused', (_, bytes, message) => {
    expect(refusalOf(() => open(bytes)).message).toMatch(message);
  });

  it('whose members share bytes is refused', () => {
    // Two members of one name length: the first one's bytes hold the second one whole.
    const inner = writeZip([{ name: 'b', bytes: text('xyz') }]);
    const outer = writeZip([
      { name: 'a', bytes: inner.subarray(0, central(inner)) },
      { name: 'b', bytes: text('xyz') },
    ]);
    const nested = changed(outer, central(outer, 1) + 42, 31);
    expect(refusalOf(() => open(nested)).message).toMatch(
      /member "b" must begin at [0-9]+ or later \(overlap\), got 31/,
    );
  });

  it('checks the sums unless told not to', () => {
    const corrupt = changed(plain, 40, plain[40]! ^ 1);
    expect(refusalOf(() => open(corrupt).read('a/data')).message).toMatch(
      /test: member "a\/data" must have the checksum of its directory entry, got [0-9]+. The file is corrupt. If its writer/,
    );
    expect(open(corrupt, { checksums: false }).read('a/data')).toHaveLength(5000);
    expect(open(corrupt).read('größe')).toHaveLength(7);
    expect(refusalOf(() => open(plain).read('none')).message).toMatch(
      /member "none" must be in the archive, got \["a\/data"/,
    );
  });

  it('decompresses to what the directory says, and no more', () => {
    const read = (...size: number[]): string =>
      refusalOf(() => open(changed(packed, central(packed) + 24, ...size), { checksums: false }).read('a/data'))
        .message;
    expect(read(0x87)).toMatch(/must decompress to 4999 bytes, got "more"/);
    expect(read(0x89)).toMatch(/must decompress to 5001 bytes, got 5000/);
    const broken = changed(packed, 37, 0xff, 0xff, 0xff);
    expect(refusalOf(() => open(broken).read('a/data')).message).toMatch(
      /must be whole deflated data|must have the checksum|must decompress/,
    );
    expect(refusalOf(() => open(packed, {}, 4999).read('a/data')).message).toMatch(
      /must take at most 4999 bytes of memory, got 5000/,
    );
    // A truncated stream: the packed size halved, the header of the next member left alone.
    const half = changed(packed, central(packed) + 20, 9, 0);
    expect(refusalOf(() => open(half).read('a/data')).message).toMatch(/must be whole deflated data/);
  });

  it('that is a bomb costs no more than the limit', () => {
    const bomb = writeZip([{ name: 'zeros', bytes: new Uint8Array(2 ** 26) }], { compress: true });
    expect(bomb.length).toBeLessThan(2 ** 17);
    expect(refusalOf(() => open(bomb).read('zeros')).message).toMatch(/at most 1048576 bytes/);
    const liar = changed(bomb, central(bomb) + 24, 0, 0, 1, 0);
    const before = process.memoryUsage().arrayBuffers;
    expect(refusalOf(() => open(liar).read('zeros')).message).toMatch(/must decompress to 65536 bytes, got "more"/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26);
  });
});
