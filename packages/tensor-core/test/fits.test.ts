import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { toTensor } from '../src/io';
import { readFits } from '../src/io/fits/fits';
import { goldenFits, image, joined, unit } from './fits-bytes';
import { refusalOf } from './torch-pickles';

interface Described {
  name: string;
  dtype: string;
  shape: number[];
  bytes: string;
  stored?: Described;
}
const expected = JSON.parse(readFileSync(new URL('golden/io/fits/expected.json', import.meta.url), 'utf8')) as {
  images: (Described | null)[];
  scaled: Described[];
};
const hex = (view: ArrayBufferView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('hex');
const float64 = (bytes: string): Float64Array => new Float64Array(Uint8Array.from(Buffer.from(bytes, 'hex')).buffer);

const where = 'tensor-core.readFits';
const refusal = (bytes: Uint8Array): string => refusalOf(() => readFits(bytes)).message;

describe('readFits', () => {
  it('reads the images that astropy reads, bit for bit: each BITPIX and the unsigned types', () => {
    const { hdus } = readFits(goldenFits('images'));
    expect(hdus).toHaveLength(expected.images.length);
    expect(hdus[0]).toMatchObject({ kind: 'other', name: 'PRIMARY', content: 'nothing but a header' });
    expected.images.forEach((wanted, i) => {
      const hdu = hdus[i]!;
      if (wanted === null || hdu.kind !== 'image') return void expect([i, wanted]).toEqual([0, null]);
      expect([hdu.name, hdu.dtype, hdu.shape]).toEqual([wanted.name, wanted.dtype, wanted.shape]);
      expect(hex(hdu.data), wanted.name).toBe(wanted.bytes);
    });
  });

  it('scales by BZERO + BSCALE stored, rounded once, and makes BLANK NaN', () => {
    const file = readFits(goldenFits('scaled'));
    const dtypes = ['F32', 'F32', 'F32', 'F64', 'F64', 'F64', 'F32', 'F64', 'F32'];
    expected.scaled.forEach(({ bytes, shape, stored }, i) => {
      const found = file.image(i);
      const exact = float64(bytes);
      expect([found.dtype, found.shape]).toEqual([dtypes[i], shape]);
      expect(found.data).toEqual(found.dtype === 'F32' ? Float32Array.from(exact) : exact);
      expect([found.stored.dtype, hex(found.stored.data)]).toEqual([stored!.dtype, stored!.bytes]);
    });
    expect([...file.image(1).data].filter(Number.isNaN)).toHaveLength(1);
  });

  it('finds units by number, by name and by kind, and says what there is', () => {
    const file = readFits(goldenFits('images'));
    expect(file.image().name).toBe('TYPE U1');
    expect(file.image('vector').shape).toEqual([7]);
    expect(file.image(11)).toBe(file.image('VECTOR'));
    const others = readFits(goldenFits('others'));
    expect(others.hdus.map(({ kind }) => kind)).toEqual(['other', 'other', 'other', 'image']);
    const there =
      '0 "PRIMARY" nothing but a header; 1 "ASCII" an ASCII table, which astropy turns into a binary one; ' +
      '2 "PACKED" a compressed image (ZIMAGE), which funpack or astropy turn into a plain one; 3 "PLAIN" an image.';
    expect(refusalOf(() => others.table()).message).toBe(`${where}: the file must have a binary table, got ${there}`);
    expect(refusalOf(() => others.image('packed')).message).toBe(
      `${where}: unit "packed" must be an image, got ${there}`,
    );
    expect(refusalOf(() => others.image(9)).message).toBe(`${where}: unit 9 must be an image, got ${there}`);
    expect(refusalOf(() => others.table('plain')).message).toContain('unit "plain" must be a binary table, got');
    expect([...others.image().data]).toEqual([-120, -83, -46, -9]);
  });

  it('gives images that toTensor takes', () => {
    const tensor = toTensor(readFits(goldenFits('images')).image('type f4'));
    const wanted = Array.from({ length: 15 }, (_, i) => ((37 * i + 5) % 251) / 8 - 9);
    expect(tensor).toBeAllclose(tf.tensor(wanted, [3, 5]), { atol: 0, rtol: 0 });
    tf.dispose(tensor);
  });

  it('computes data when they are asked for, once, and shares the memory of 8-bit ones', () => {
    const bytes = image(8, [2], [1, 2]);
    const plain = readFits(bytes).image();
    expect(plain.data.buffer).toBe(bytes.buffer);
    const scaled = readFits(image(8, [2], [1, 2], ['BSCALE = 2.0'])).image();
    expect(scaled.data).toBe(scaled.data);
    expect([...scaled.data]).toEqual([2, 4]);
    const later = readFits(image(64, [1], [0, 32, 0, 0, 0, 0, 0, 1], ['BLANK = 7'])).image();
    expect(() => later.data).toThrow(
      new RangeError(
        `${where}: an integer among blanks must be within +-(2^53 - 1), got 9007199254740993. ` +
          'Use the stored integers and treat the blank yourself.',
      ),
    );
    expect(later.stored.data).toEqual(BigInt64Array.of(2n ** 53n + 1n));
  });

  it('does not take BLANK for a number of a float image, nor the unsigned offset with BLANK for unsigned', () => {
    const seven = [0x40, 0xe0, 0, 0];
    expect([...readFits(image(-32, [1], seven, ['BLANK = 7'])).image().data]).toEqual([7]);
    const blank = readFits(image(16, [2], [0x80, 0, 0, 1], ['BZERO = 32768', 'BLANK = 1'])).image();
    expect([blank.dtype, ...blank.data]).toEqual(['F32', 0, NaN]);
    const far = readFits(
      image(64, [2], [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], ['BLANK = -9223372036854775808']),
    );
    expect([...far.image().data]).toEqual([NaN, 2]);
  });

  it('reads files whose end is padded, or not padded at all', () => {
    const bytes = image(16, [3], [0, 1, 0, 2, 0, 3]);
    for (const file of [
      bytes.subarray(0, 2886),
      joined(bytes, new Uint8Array(5000)),
      joined(bytes, new Uint8Array(9).fill(32)),
    ]) {
      const { hdus } = readFits(file);
      expect(hdus).toHaveLength(1);
      expect([...readFits(file).image().data]).toEqual([1, 2, 3]);
    }
  });

  it('lists random groups and unknown extensions, and steps over their data', () => {
    const groups = image(8, [0, 1440], new Uint8Array(2882), ['GROUPS = T', 'PCOUNT = 1', 'GCOUNT = 2']);
    const foreign = unit(
      ["XTENSION = 'FOREIGN'", 'BITPIX = 8', 'NAXIS = 1', 'NAXIS1 = 3000', 'PCOUNT = 1'],
      new Uint8Array(3001),
    );
    const last = unit(["XTENSION = 'IMAGE'", 'BITPIX = 8', 'NAXIS = 1', 'NAXIS1 = 2', "EXTNAME = 'last'"], [5, 6]);
    const compressed = unit([
      "XTENSION = 'BINTABLE'",
      'BITPIX = 8',
      'NAXIS = 2',
      'NAXIS1 = 0',
      'NAXIS2 = 0',
      'ZTABLE = T',
    ]);
    const file = readFits(joined(groups, foreign, compressed, last));
    expect(file.hdus.map((hdu) => (hdu.kind === 'other' ? hdu.content : hdu.kind))).toEqual([
      'random groups',
      'an extension of type "FOREIGN"',
      'a compressed table (ZTABLE), which funpack turns into a plain one',
      'image',
    ]);
    expect([...file.image('LAST').data]).toEqual([5, 6]);
  });

  it.each([
    [new Uint8Array(0), /a header must end with an END card. Is the file truncated, or no FITS file\?/],
    [new Uint8Array(2880).fill(7), /a keyword must be of A-Z, 0-9, - and _, got ".*". Is this a FITS file\?/],
    [unit(['SIMPLE = F', 'BITPIX = 8', 'NAXIS = 0']), /a header must begin with SIMPLE = T. Is this a FITS file\?/],
    [
      joined(image(8, [1], [1]), unit(['BITPIX = 8', 'NAXIS = 0'])),
      /a header must begin with XTENSION. The file is corrupt/,
    ],
    [joined(image(8, [1], [1]), new Uint8Array(2880).fill(1)), /a keyword must be of A-Z.*The file is corrupt./],
    [unit(['SIMPLE = T', 'BITPIX = 8']), /NAXIS must be an integer from 0 to 999, got undefined/],
    [unit(['SIMPLE = T', 'BITPIX = 8', 'NAXIS = 1000']), /NAXIS must be an integer from 0 to 999, got 1000/],
    [unit(['SIMPLE = T', 'BITPIX = 8', "NAXIS = '1'"]), /NAXIS must be an integer from 0 to 999, got "1"/],
    [unit(['SIMPLE = T', 'BITPIX = 8', 'NAXIS = 1']), /NAXIS1 must be an integer from 0 to .*, got undefined/],
    [image(12, [1], [1]), /BITPIX must be 8, 16, 32, 64, -32 or -64, got 12/],
    [image(8.5, [1], [1]), /BITPIX must be an integer from -64 to 64, got 8.5/],
    [image(8, [-1], [1]), /NAXIS1 must be an integer from 0/],
    [image(8, [9e15, 9e15].map(Math.floor), [1]), /the data must be below 2\^53 bytes/],
    [image(8, [2881], [1]), /the file must have the 5761 bytes that unit 0 ends with, got 5760. It is truncated./],
    [image(8, [1], [1], ["BSCALE = 'x'"]), /BSCALE must be a finite number, got "x"/],
    [image(8, [1], [1], ['BZERO = 1E999']), /BZERO must be a finite number, got Infinity/],
    [image(8, [1], [1], ['BLANK = 1.5']), /BLANK must be an integer, got 1.5/],
    [Uint8Array.of(0x1f, 0x8b, 8), /must be uncompressed, got gzip. await gunzip\(bytes\) first, or use readFitsFile/],
  ])('refuses what is no sound file: %#', (bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it('refuses arguments of other types', () => {
    expect(() => readFits([] as unknown as Uint8Array)).toThrow(
      new TypeError(`${where}: bytes must be a Uint8Array, got []. Pass new Uint8Array(arrayBuffer).`),
    );
    expect(() => readFits(image(8, [1], [1]), { maxBytes: -1 })).toThrow(RangeError);
  });
});

describe('the header of a FITS file', () => {
  const { values, comments } = readFits(goldenFits('header')).hdus[0]!.header;

  it('holds the values that astropy wrote', () => {
    const wanted = {
      TEXT: 'it\'s "so"',
      EMPTY: '',
      LEADING: '  two spaces',
      LONG: `${'x'.repeat(200)} & end`,
      YES: true,
      NO: false,
      INTEGER: -42,
      BIG: 2n ** 70n,
      REAL: 1.5,
      TINY: 1e-300,
      COMPLEX: { re: 1.5, im: -2 },
      UNDEF: undefined,
      'ESO TEL AMBI': 3.5,
      COMMENT: 'first line\nsecond line',
      HISTORY: 'made by hand',
      DOUBLE: 1.25e-3,
      PLUS: 17,
    };
    for (const [keyword, value] of Object.entries(wanted)) expect([keyword, values[keyword]]).toEqual([keyword, value]);
    expect('UNDEF' in values).toBe(true);
    expect(comments).toMatchObject({
      TEXT: 'a comment / with a slash',
      LONG: 'a long one',
      UNDEF: 'no value',
      'ESO TEL AMBI': '[C] temperature',
      PLUS: 'signed',
    });
    expect([Object.getPrototypeOf(values), Object.getPrototypeOf(comments)]).toEqual([null, null]);
  });

  const header = (...cards: string[]): Record<string, unknown> =>
    readFits(unit(['SIMPLE = T', 'BITPIX = 8', 'NAXIS = 0', ...cards])).hdus[0]!.header.values;

  it('keeps the first of two values, odd ones as their text, and & where nothing goes on', () => {
    const read = header(
      "A = 'x&'",
      'A = 2',
      'B = NaN',
      "C = 'open",
      "D = 'a&'",
      "CONTINUE  'b&' / c",
      "CONTINUE  'd' / e",

      'E',
    );
    expect({ ...read }).toMatchObject({ A: 'x&', B: 'NaN', C: "'open", D: 'abd' });
    expect('E' in read).toBe(false);
    expect(header('F = .5', 'G = 1.', 'H = (1,-2.5D1)', "I = ''''", 'J = / none')).toMatchObject({
      F: 0.5,
      G: 1,
      H: { re: 1, im: -25 },
      I: "'",
      J: undefined,
    });
  });

  it('needs no equals sign in the text of comments', () => {
    expect(header('COMMENT = 5', '        text', 'COMMENT')).toMatchObject({ COMMENT: '= 5\n', '': 'text' });
  });

  it('may be long without taking long', () => {
    const many = Array.from({ length: 20_000 }, () => "CONTINUE  'yyyyyyyyyy&'");
    const remarks = Array.from({ length: 20_000 }, (_, i) => `COMMENT ${i}`);
    const read = header("L = 'x&'", ...many, "CONTINUE  'z'", ...remarks);
    expect(read['L']).toHaveLength(200_002);
    expect((read['COMMENT'] as string).split('\n')).toHaveLength(20_000);
  });
});

describe('readFits on damaged files', () => {
  const bytes = goldenFits('others');
  const contents = (file: Uint8Array): string[] =>
    readFits(file).hdus.map(
      (hdu) => `${hdu.name} ${hdu.kind} ${hdu.kind === 'image' ? `${hdu.shape.join()} ${hdu.data.join()}` : ''}`,
    );
  const whole = contents(bytes);

  it('cut at any byte are refused, or hold the units that are whole', () => {
    let refusals = 0;
    for (let length = 0; length < bytes.length; length += length % 2880 < 2 || length % 2880 > 2870 ? 1 : 7) {
      try {
        const read = contents(bytes.subarray(0, length));
        expect(read).toEqual(whole.slice(0, read.length));
      } catch (error) {
        refusals++;
        expect(error).toBeInstanceOf(FormatError);
      }
    }
    expect(refusals).toBeGreaterThan(1000);
  });

  it('with random bytes written over their headers are read or refused', () => {
    for (const name of ['others', 'tables', 'header', 'scaled']) {
      const file = goldenFits(name);
      const headers = Array.from({ length: file.length / 80 }, (_, i) => 80 * i).filter((at) =>
        /^[A-Z0-9]+ *= /.test(Buffer.from(file.subarray(at, at + 10)).toString('latin1')),
      );
      const noise = fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 12 }),
        fc.stringMatching(/^[-0-9 .ET'PQJX(),&=/]{1,12}$/).map((text) => Uint8Array.from(Buffer.from(text))),
      );
      fc.assert(
        fc.property(fc.constantFrom(...headers), fc.nat(40), noise, (card, at, written) => {
          const changed = file.slice();
          changed.set(written, card + at);
          try {
            for (const hdu of readFits(changed, { maxBytes: 2 ** 24 }).hdus) {
              if (hdu.kind === 'image') expect(hdu.data.length).toBe(hdu.shape.reduce((product, n) => product * n, 1));
              if (hdu.kind === 'table') for (const [i, { kind }] of hdu.columns.entries()) hdu[kind](i);
            }
          } catch (error) {
            if (!(error instanceof RangeError && /an integer among blanks/.test(error.message))) {
              expect(error).toBeInstanceOf(FormatError);
            }
          }
        }),
        { numRuns: 500, seed: 5 },
      );
    }
  });
});
