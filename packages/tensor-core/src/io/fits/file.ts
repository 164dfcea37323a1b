import { argumentMessage, checkNumber, describeValue, FormatError } from '../../check';
import { blockBytes, blocks, fitsInteger, fitsText, readFitsHeader, type FitsHeader } from './header';
import { FitsImage, imageDtype } from './image';
import { FitsTable } from './table';
import { isGzip } from '../gzip';

const where = 'tensor-core.readFits';

/** A unit of a FITS file that is no image and no binary table, or empty. */
export interface FitsOther {
  kind: 'other';
  name: string;
  header: FitsHeader;
  /** What it is, such as 'an ASCII table'. */
  content: string;
}

/** A unit of a FITS file: a header and its data. */
export type FitsHdu = FitsImage | FitsTable | FitsOther;

export interface ReadFitsOptions {
  /** Largest memory, in bytes, for one column of lists, whose rows may share bytes; default 8 times the file, at least 2^28. */
  maxBytes?: number;
}

/** A FITS file in memory. */
export class FitsFile {
  constructor(
    /** Its units in the order of the file. */
    readonly hdus: readonly FitsHdu[],
  ) {}

  /**
   * An image.
   *
   * @param which  number of the unit from 0, or its EXTNAME (the first of that name, upper and lower case alike);
   *   default the first image
   * @throws FormatError when there is none, or that unit is something else
   */
  image(which?: number | string): FitsImage {
    return this.#unit('image', which) as FitsImage;
  }

  /**
   * A binary table.
   *
   * @param which  as for image; default the first table
   * @throws FormatError when there is none, or that unit is something else
   */
  table(which?: number | string): FitsTable {
    return this.#unit('table', which) as FitsTable;
  }

  #unit(kind: 'image' | 'table', which: number | string | undefined): FitsHdu {
    const wanted = String(which).toUpperCase();
    const found =
      typeof which === 'number'
        ? this.hdus[which]
        : this.hdus.find((hdu) => (which === undefined ? hdu.kind === kind : hdu.name.toUpperCase() === wanted));
    if (found?.kind === kind) return found;
    const there = this.hdus.map((hdu, i) => {
      const content = hdu.kind === 'other' ? hdu.content : hdu.kind === 'image' ? 'an image' : 'a binary table';
      return `${i} ${describeValue(hdu.name)} ${content}`;
    });
    const label = which === undefined ? 'the file' : `unit ${describeValue(which)}`;
    const requirement = which === undefined ? `have ${nounOf(kind)}` : `be ${nounOf(kind)}`;
    throw new FormatError(`${where}: ${label} must ${requirement}, got ${there.join('; ')}.`);
  }
}

function nounOf(kind: 'image' | 'table'): string {
  return kind === 'image' ? 'an image' : 'a binary table';
}

/**
 * Reads a FITS file: images and binary tables. Only the headers are read at once; data when they are asked for.
 *
 * @param bytes             the whole file, not compressed
 * @param options.maxBytes  see ReadFitsOptions
 * @returns its units. ASCII tables, compressed images (ZIMAGE), random groups and unknown extensions are listed as
 *   `other`, and named when they are asked for
 * @throws FormatError when the file is truncated, corrupt, compressed or of another format; TypeError when `bytes` is no
 *   Uint8Array
 * @see FITS standard 4.0, https://fits.gsfc.nasa.gov/fits_standard.html
 * @example
 * toTensor(readFits(bytes).image('SCI')); // float32 [rows, columns]
 */
export function readFits(bytes: Uint8Array, options: ReadFitsOptions = {}): FitsFile {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes, 'Pass new Uint8Array(arrayBuffer).'));
  }
  const { maxBytes } = options;
  if (maxBytes !== undefined) checkNumber(where, 'maxBytes', maxBytes, { min: 0, integer: true });
  if (isGzip(bytes)) {
    const fix = 'await gunzip(bytes) first, or use readFitsFile on Node.';
    throw new FormatError(`${where}: the file must be uncompressed, got gzip. ${fix}`);
  }
  const hdus: FitsHdu[] = [];
  for (let at = 0; at === 0 || (at < bytes.length && !isPadding(bytes, at));) {
    const { header, end } = readFitsHeader(where, bytes, at);
    const first = hdus.length === 0;
    if (first ? header.values['SIMPLE'] !== true : fitsText(header, 'XTENSION') === undefined) {
      const fix = first ? 'Is this a FITS file?' : 'The file is corrupt.';
      throw new FormatError(`${where}: a header must begin with ${first ? 'SIMPLE = T' : 'XTENSION'}. ${fix}`);
    }
    const shape = shapeOf(header);
    const size = dataBytes(header, shape);
    if (end + size > bytes.length) {
      const wanted = `have the ${end + size} bytes that unit ${hdus.length} ends with`;
      throw new FormatError(argumentMessage(where, 'the file', wanted, bytes.length, 'It is truncated.'));
    }
    hdus.push(unitOf(header, shape, first, { bytes, begin: end }, maxBytes));
    at = end + blocks(size);
  }
  return new FitsFile(hdus);
}

/** Tapes and careless writers fill the end of a file. */
function isPadding(bytes: Uint8Array, at: number): boolean {
  const rest = bytes.subarray(at);
  return rest.every((byte) => byte === 0) || (rest.length < blockBytes && rest.every((byte) => byte === 0x20));
}

/** Row-major: the axes reversed. */
function shapeOf(header: FitsHeader): number[] {
  const axes = fitsInteger(where, header, 'NAXIS', { min: 0, max: 999 });
  return Array.from({ length: axes }, (_, i) => fitsInteger(where, header, `NAXIS${axes - i}`, { min: 0 }));
}

/** FITS standard 4.0, equation (2): |BITPIX| / 8 GCOUNT (PCOUNT + NAXIS1 ... NAXISn). */
function dataBytes(header: FitsHeader, shape: number[]): number {
  const width = Math.abs(fitsInteger(where, header, 'BITPIX', { min: -64, max: 64 })) / 8;
  if (imageDtype(header.values['BITPIX']) === undefined) {
    throw new FormatError(argumentMessage(where, 'BITPIX', 'be 8, 16, 32, 64, -32 or -64', header.values['BITPIX']));
  }
  if (shape.length === 0) return 0;
  const groups = fitsInteger(where, header, 'GCOUNT', { min: 0 }, 1);
  const parameters = fitsInteger(where, header, 'PCOUNT', { min: 0 }, 0);
  const counted = isRandomGroups(header) ? shape.slice(0, -1) : shape;
  const size = width * groups * (parameters + counted.reduce((product, length) => product * length, 1));
  if (!Number.isSafeInteger(size))
    throw new FormatError(argumentMessage(where, 'the data', 'be below 2^53 bytes', shape));
  return size;
}

function isRandomGroups({ values }: FitsHeader): boolean {
  return values['GROUPS'] === true && values['NAXIS1'] === 0;
}

function unitOf(
  header: FitsHeader,
  shape: number[],
  first: boolean,
  source: { bytes: Uint8Array; begin: number },
  maxBytes: number | undefined,
): FitsHdu {
  const extension = first ? 'IMAGE' : fitsText(header, 'XTENSION')!;
  const name = fitsText(header, 'EXTNAME') ?? (first ? 'PRIMARY' : '');
  const other = (content: string): FitsOther => ({ kind: 'other', name, header, content });
  if (extension === 'BINTABLE') {
    const compressed = 'a compressed image (ZIMAGE), which funpack or astropy turn into a plain one';
    if (header.values['ZIMAGE'] === true) return other(compressed);
    if (header.values['ZTABLE'] === true)
      return other('a compressed table (ZTABLE), which funpack turns into a plain one');
    return new FitsTable(where, name, header, source, maxBytes);
  }
  if (extension === 'TABLE') return other('an ASCII table, which astropy turns into a binary one');
  if (extension !== 'IMAGE') return other(`an extension of type ${describeValue(extension)}`);
  if (shape.length === 0) return other('nothing but a header');
  if (isRandomGroups(header)) return other('random groups');
  return new FitsImage(where, name, header, source, shape);
}
