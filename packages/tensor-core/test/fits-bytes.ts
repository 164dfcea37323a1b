import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

// FITS files of the golden folder, and such put together by hand.

export const goldenFits = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(new URL(`golden/io/fits/${name}.fits.gz`, import.meta.url))));

const padded = (bytes: Uint8Array, fill: number): Uint8Array => {
  const blocks = new Uint8Array(2880 * Math.ceil(bytes.length / 2880)).fill(fill);
  blocks.set(bytes);
  return blocks;
};

/** A header of cards, as `KEYWORD = value` or whole cards, and data. */
export function unit(cards: string[], data: ArrayLike<number> = []): Uint8Array {
  const text = [...cards, 'END'].map((card) => {
    const [, keyword, value] = /^([A-Z0-9_-]+) = (.*)$/.exec(card) ?? [];
    return (keyword === undefined ? card : `${keyword.padEnd(8)}= ${value}`).padEnd(80);
  });
  const header = padded(Uint8Array.from(Buffer.from(text.join(''), 'latin1')), 0x20);
  return Uint8Array.from([...header, ...padded(Uint8Array.from(data), 0)]);
}

export const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A primary image. */
export const image = (bitpix: number, lengths: number[], data: ArrayLike<number>, more: string[] = []): Uint8Array =>
  unit(
    [
      'SIMPLE = T',
      `BITPIX = ${bitpix}`,
      `NAXIS = ${lengths.length}`,
      ...lengths.map((length, i) => `NAXIS${i + 1} = ${length}`),
      ...more,
    ],
    data,
  );

/** An empty primary unit and a binary table. */
export const table = (
  rowBytes: number,
  rows: number,
  formats: string[],
  data: ArrayLike<number>,
  more: string[] = [],
): Uint8Array =>
  joined(
    unit(['SIMPLE = T', 'BITPIX = 8', 'NAXIS = 0']),
    unit(
      [
        ...["XTENSION = 'BINTABLE'", 'BITPIX = 8', 'NAXIS = 2', `NAXIS1 = ${rowBytes}`, `NAXIS2 = ${rows}`],
        ...[`PCOUNT = ${Math.max(0, data.length - rowBytes * rows)}`, 'GCOUNT = 1', `TFIELDS = ${formats.length}`],
        ...formats.map((format, i) => `TFORM${i + 1} = '${format}'`),
        ...more,
      ],
      data,
    ),
  );
