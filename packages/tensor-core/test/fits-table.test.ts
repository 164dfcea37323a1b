import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readFits, type FitsTable } from '../src/io/fits/fits';
import type { ArrayEntry } from '../src/io/torch/torch';
import { goldenFits, table } from './fits-bytes';
import { refusalOf } from './torch-pickles';

interface Described {
  dtype: string;
  shape: number[];
  bytes: string;
}
const { tables: expected } = JSON.parse(
  readFileSync(new URL('golden/io/fits/expected.json', import.meta.url), 'utf8'),
) as {
  tables: {
    numbers: Record<string, Described>;
    strings: Record<string, string[]>;
    lists: Record<string, Described[]>;
  };
};
const hex = (view: ArrayBufferView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');

function expectArray(entry: ArrayEntry, { dtype, shape, bytes }: Described): void {
  expect([entry.dtype, entry.shape, hex(entry.data)]).toEqual([dtype, shape, bytes]);
}
const golden = readFits(goldenFits('tables'));
const catalog = golden.table('catalog');
const made = (...args: Parameters<typeof table>): FitsTable => readFits(table(...args)).table();
const refusal = (read: () => unknown): string => refusalOf(read).message;

describe('FitsTable', () => {
  it.each(Object.keys(expected.numbers))('reads the numbers that astropy reads: %s', (name) => {
    expectArray(catalog.numbers(name), expected.numbers[name]!);
  });

  it.each(Object.keys(expected.strings))('reads the texts that astropy wrote: %s', (name) => {
    expect(catalog.strings(name)).toEqual(expected.strings[name]);
  });

  it.each(Object.keys(expected.lists))('reads the lists that astropy wrote: %s', (name) => {
    const lists = catalog.lists(name);
    expect(lists).toHaveLength(3);
    lists.forEach((list, row) => expectArray(list, expected.lists[name]![row]!));
  });

  it('describes its columns', () => {
    expect(catalog.rows).toBe(3);
    expect(catalog.columns).toHaveLength(21);
    expect(catalog.columns[3]).toEqual({ name: 'short', unit: 'm/s', format: 'I', kind: 'numbers', shape: [] });
    expect(catalog.columns[8]).toMatchObject({ name: 'matrix', format: '6D', shape: [2, 3] });
    expect(catalog.columns.slice(17).map(({ kind }) => kind)).toEqual(['numbers', 'lists', 'lists', 'strings']);
    expect(catalog.numbers('none')).toEqual({ dtype: 'F32', shape: [3, 0], data: new Float32Array(0) });
    expect(catalog.numbers(2)).toEqual(catalog.numbers('BYTE'));
  });

  it('makes nulls NaN, and refuses where that would cost digits', () => {
    const nulls = golden.table('nulls');
    expect(nulls.numbers('count')).toEqual({ dtype: 'F64', shape: [3], data: Float64Array.of(NaN, 2, 3) });
    expect(() => nulls.numbers('id')).toThrow(RangeError);
    expect(nulls.numbers('id', { stored: true })).toEqual({
      dtype: 'I64',
      shape: [3],
      data: BigInt64Array.of(2n ** 60n + 1n, -1n, 3n),
    });
    expect(catalog.numbers('scaled', { stored: true }).data).toEqual(Int16Array.of(0, 7, -62));
  });

  it('reads tables of one column, and of no rows', () => {
    expect([...golden.table('single').numbers('only').data]).toEqual([5, 42, 79, 116].map((n) => n / 8 - 9));
    expect(golden.table('empty').numbers('x')).toEqual({ dtype: 'F32', shape: [0], data: new Float32Array(0) });
    expect(golden.table()).toBe(catalog);
  });

  it('cuts texts and numbers as TDIM says, and drops what is left over', () => {
    const text = Buffer.from('abcdefgh12345678');
    const texts = made(8, 2, ['8A'], text, ["TDIM1 = '(2,3)'"]);
    expect(texts.columns[0]).toMatchObject({ kind: 'strings', shape: [3] });
    expect(texts.strings(0)).toEqual(['ab', 'cd', 'ef', '12', '34', '56']);
    const numbers = made(8, 2, ['8B'], text, ["TDIM1 = '(2, 3)'"]).numbers(0);
    expect([numbers.shape, Buffer.from(numbers.data as Uint8Array).toString()]).toEqual([[2, 3, 2], 'abcdef123456']);
    const bits = made(1, 2, ['8X'], [0b10100000, 0b01000001], ["TDIM1 = '(3,2)'"]).numbers(0);
    expect([bits.shape, [...bits.data]]).toEqual([
      [2, 2, 3],
      [1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    ]);
  });

  it('reads texts up to a NUL, keeps spaces in front, and falsehood for no value', () => {
    expect(made(4, 2, ['4A'], Buffer.from(' a  b\0cd')).strings(0)).toEqual([' a', 'b']);
    expect([...made(1, 3, ['L'], Buffer.from('TF\0')).numbers(0).data]).toEqual([1, 0, 0]);
  });

  it('scales complex numbers by a real offset, and lists as it does columns', () => {
    const one = [0x3f, 0x80, 0, 0];
    const complex = made(8, 1, ['C'], [...one, ...one], ['TSCAL1 = 2.0', 'TZERO1 = 0.5']).numbers(0);
    expect(complex).toEqual({ dtype: 'C128', shape: [1], data: Float64Array.of(2.5, 2) });
    const lists = made(8, 1, ['PI(2)'], [0, 0, 0, 2, 0, 0, 0, 1, 9, 0, 1, 0, 2], ['TSCAL1 = 0.5', 'TNULL1 = 2']);
    expect(lists.lists(0)).toEqual([{ dtype: 'F64', shape: [2], data: Float64Array.of(0.5, NaN) }]);
    expect(lists.lists(0, { stored: true })[0]!.data).toEqual(Int16Array.of(1, 2));
    const bits = made(8, 1, ['PX(9)'], [0, 0, 0, 9, 0, 0, 0, 0, 0b10000001, 0b10000000]);
    expect([...bits.lists(0)[0]!.data]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(made(0, 0, ['0PB'], []).lists(0)).toEqual([]);
    expect(made(1, 1, ['0PB', 'B'], [7]).lists(0)).toEqual([{ dtype: 'U8', shape: [0], data: new Uint8Array(0) }]);
  });

  it('finds the heap where THEAP says', () => {
    const bytes = [0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 42];
    expect([...made(8, 1, ['PB'], bytes, ['THEAP = 10']).lists(0)[0]!.data]).toEqual([42]);
    expect([...made(8, 1, ['PB'], bytes).lists(0)[0]!.data]).toEqual([1]);
    expect(refusal(() => made(8, 1, ['PB'], bytes, ['THEAP = 12']))).toMatch(
      /THEAP must be an integer from 8 to 11, got 12/,
    );
    expect(refusal(() => made(8, 1, ['PB'], bytes, ['THEAP = 7']))).toMatch(/THEAP must be an integer from 8 to 11/);
  });

  it('refuses lists that lie outside of the heap, or share so much of it that they exceed the memory', () => {
    const list = (...descriptor: number[]): string =>
      refusal(() => made(8, 1, ['PI'], [...descriptor, 1, 2, 3, 4]).lists(0));
    expect(list(0, 0, 0, 3, 0, 0, 0, 0)).toBe(
      'tensor-core.readFits: row 0 of column "" must lie in the heap of 4 bytes, got [0, 6]. The file is corrupt.',
    );
    expect(list(0, 0, 0, 2, 0, 0, 0, 1)).toMatch(/must lie in the heap of 4 bytes, got \[1, 4\]/);
    expect(list(255, 255, 255, 255, 0, 0, 0, 0)).toMatch(/must lie in the heap/);
    expect(list(0, 0, 0, 1, 255, 255, 255, 255)).toMatch(/must lie in the heap/);
    const wide = [0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0, 0, 0, 0, 0, 0, 0];
    expect(refusal(() => made(16, 1, ['QB'], [...wide, 5]).lists(0))).toMatch(/must lie in the heap of 1 bytes/);
    const shared = Array.from({ length: 1000 }, () => [0, 0, 0x40, 0, 0, 0, 0, 0]).flat();
    const bytes = table(8, 1000, ['PB'], [...shared, ...new Uint8Array(0x4000)]);
    expect(readFits(bytes).table().lists(0)).toHaveLength(1000);
    expect(
      refusal(() =>
        readFits(bytes, { maxBytes: 2 ** 20 })
          .table()
          .lists(0),
      ),
    ).toMatch(/must take at most 1048576 bytes/);
    // Each call has the whole limit.
    const roomy = readFits(bytes, { maxBytes: 2 ** 27 }).table();
    for (let i = 0; i < 3; i++) expect(roomy.lists(0)).toHaveLength(1000);
  });

  it('names the columns that are there, and what reads them', () => {
    const two = made(2, 1, ['B', 'A'], [1, 65], ["TTYPE1 = 'x'", "TTYPE2 = 'y'", "EXTNAME = 'tab'"]);
    expect(refusal(() => two.numbers('z'))).toBe(
      'tensor-core.readFits: table "tab" must have the column "z", got "x", "y".',
    );
    expect(refusal(() => two.numbers(2))).toBe(
      'tensor-core.readFits: table "tab" must have the column 2, got "x", "y".',
    );
    expect(refusal(() => two.numbers('y'))).toBe(
      'tensor-core.readFits: table "tab": column "y" must hold numbers, got "strings (A)". Use strings().',
    );
    expect(refusal(() => two.strings('x'))).toMatch(/must hold strings, got "numbers \(B\)". Use numbers\(\)./);
    expect(refusal(() => two.lists('X'))).toMatch(/must hold lists/);
  });

  it.each([
    [[2, 1, ['Z'], [1, 2]], /TFORM1 must be a count and one of LXBIJKAEDCM, PQ, got "Z"/],
    [[2, 1, [''], [1, 2]], /TFORM1 must be a count/],
    [[2, 1, ['PZ'], [1, 2]], /TFORM1 must be a count/],
    [[16, 1, ['2PB'], Array(16).fill(0)], /TFORM1 must have at most one descriptor, got "2PB"/],
    [[2, 1, ['B'], [1, 2]], /the columns must fill the 2 bytes of a row, got 1/],
    [[2, 1, ['3B'], [1, 2]], /the columns must fill the 2 bytes of a row, got 3/],
    [[2, 1, ['999999999999999K'], [1, 2]], /the columns must fill the 2 bytes of a row/],
    [[0, 5, [], []], /NAXIS1 must be an integer from 1 to/],
    [[2, 1, ['2B'], [1, 2], ["TDIM1 = '(3)'"]], /TDIM1 must be lengths above 0 of at most 2 elements, got "\(3\)"/],
    [[2, 1, ['2B'], [1, 2], ["TDIM1 = '(0,9)'"]], /TDIM1 must be lengths above 0/],
    [[2, 1, ['2B'], [1, 2], ["TDIM1 = '2'"]], /TDIM1 must be lengths above 0/],
    [[2, 1, ['2B'], [1, 2], ['TNULL1 = 0.5']], /TNULL1 must be an integer, got 0.5/],
    [[2, 1, ['2B'], [1, 2], ["TSCAL1 = 'a'"]], /TSCAL1 must be a finite number, got "a"/],
    [[2, 1, ['2B'], [1, 2], ['TZERO1 = T']], /TZERO1 must be a finite number, got true/],
  ] as [Parameters<typeof table>, RegExp][])('refuses columns that do not fit: %#', (args, message) => {
    expect(refusal(() => readFits(table(...args)))).toMatch(message);
  });
});
