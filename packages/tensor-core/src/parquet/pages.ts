import type { ChunkLayout } from './layout';
import { ByteCursor, type ThriftStruct } from './thrift';

/** What the header of a page says, and where the page lies. */
interface Page {
  kind: 'data' | 'data 2' | 'dictionary' | 'index';
  /** Values, nulls included. */
  values: number;
  /** Of kind `data 2` only. */
  nulls: number;
  encoding: number;
  /** Bytes after decompression. */
  size: number;
  /** Where the page's bytes begin and end in the buffer. */
  begin: number;
  end: number;
  /** Where those begin that may be compressed: of kind `data 2` behind the levels. */
  body: number;
  repetitionBytes: number;
  compressed: boolean;
}

const [PLAIN_DICTIONARY, RLE, RLE_DICTIONARY] = [2, 3, 8];

/** More values, or more bytes than this and than the footer says, in one page are taken for damage. */
const maxInPage = 2 ** 26;

/**
 * Checks the pages of a column chunk before they are decoded: the decoder trusts the lengths that it finds, and a wrong
 * one can take all memory, which ends the process.
 *
 * @param bytes   pages, whole, from the first byte of a header on
 * @param layout  of the column chunk that they belong to
 * @throws Error with the reason
 */
export function checkPages(bytes: Uint8Array, layout: ChunkLayout): void {
  for (const page of pagesOf(bytes, layout)) {
    if (page.kind === 'data 2') {
      const levels = (begin: number, end: number): DataView => viewOf(bytes.subarray(begin, end));
      const between = page.begin + page.repetitionBytes;
      const { repetition, definition } = layout;
      if (repetition > 0)
        checkRuns(new ByteCursor(levels(page.begin, between)), widthOf(repetition), page.values, null);
      if (definition > 0) checkRuns(new ByteCursor(levels(between, page.body)), widthOf(definition), page.values, null);
    }
    if (!page.compressed) checkBody(bytes.subarray(page.body, page.end), page, layout);
  }
}

const pagesOfBuffer = new WeakMap<ArrayBufferLike, Map<number, Page>>();

/**
 * Checks a page that was just decompressed.
 *
 * @param packed  its compressed bytes; before them in their buffer are their header and other whole pages
 * @param bytes   the decompressed bytes
 * @throws Error with the reason
 */
export function checkUnpacked(packed: Uint8Array, bytes: Uint8Array, layout: ChunkLayout): void {
  let pages = pagesOfBuffer.get(packed.buffer);
  if (!pages) {
    pages = new Map(pagesOf(new Uint8Array(packed.buffer), layout).map((page) => [page.body, page]));
    pagesOfBuffer.set(packed.buffer, pages);
  }
  const page = pages.get(packed.byteOffset);
  if (!page) throw new Error('a page is not where its header says');
  checkBody(bytes, page, layout);
}

/** The pages that lie one behind the other, with headers that are possible. */
function pagesOf(bytes: Uint8Array, { values, size, codec }: ChunkLayout): Page[] {
  const pages: Page[] = [];
  const cursor = new ByteCursor(viewOf(bytes));
  while (cursor.at < bytes.length - 1) {
    const header = cursor.struct();
    const kind = (['data', 'index', 'dictionary', 'data 2'] as const)[numberOf(header, 1)];
    if (!kind) throw new Error('a page has an unknown type');
    const details = header.get({ data: 5, index: 6, dictionary: 7, 'data 2': 8 }[kind]);
    const fields = details instanceof Map ? details : new Map<number, number | ThriftStruct>();
    const two = kind === 'data 2';
    const begin = cursor.at;
    const end = begin + numberOf(header, 3);
    const [definitionBytes, repetitionBytes] = two ? [numberOf(fields, 5), numberOf(fields, 6)] : [0, 0];
    const page: Page = {
      kind,
      values: kind === 'index' ? 0 : numberOf(fields, 1),
      nulls: two ? numberOf(fields, 2) : 0,
      encoding: kind === 'index' ? 0 : numberOf(fields, two ? 4 : 2),
      size: numberOf(header, 2),
      begin,
      end,
      body: begin + repetitionBytes + definitionBytes,
      repetitionBytes,
      compressed: codec !== 'UNCOMPRESSED' && !(two && fields.get(7) === 0),
    };
    if (end > bytes.length || page.body > end || page.size > Math.max(size, maxInPage))
      throw new Error('a page has an impossible size');
    const most = kind === 'dictionary' ? maxInPage : Math.min(values, maxInPage);
    if (page.values > most || page.nulls > page.values) {
      throw new Error(`a page claims ${page.values} of ${values} values`);
    }
    pages.push(page);
    cursor.at = end;
  }
  return pages;
}

/** Checks the levels of a page that holds them in its body, and dictionary indices and booleans. */
function checkBody(bytes: Uint8Array, page: Page, layout: ChunkLayout): void {
  if (page.kind === 'dictionary' || page.kind === 'index') return;
  const cursor = new ByteCursor(viewOf(bytes));
  let present = page.values - page.nulls;
  const { encoding } = page;
  const indexed = encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY;
  if (page.kind === 'data') {
    const { repetition, definition } = layout;
    if (repetition > 0) checkLevels(cursor, repetition, page.values, null);
    // Where the values are in runs too, their number is needed: those that are no nulls.
    const wanted = indexed || encoding === RLE ? definition : null;
    if (definition > 0) present = checkLevels(cursor, definition, page.values, wanted);
  }
  if (indexed) {
    const width = cursor.byte();
    if (width > 32) throw new Error(`dictionary indices have ${width} bits`);
    if (width > 0) checkRuns(cursor, width, present, null);
  } else if (encoding === RLE) {
    cursor.uint32();
    checkRuns(cursor, 1, present, null);
  }
}

/** Checks levels that are preceded by their length in bytes, and counts those that are wanted. */
function checkLevels(cursor: ByteCursor, highest: number, count: number, wanted: number | null): number {
  const length = cursor.uint32();
  const behind = cursor.at + length;
  const found = checkRuns(cursor, widthOf(highest), count, wanted);
  cursor.at = behind;
  return found;
}

/**
 * Checks runs of equal values and of packed ones: that they hold `count` values and not more.
 *
 * @param wanted  a value to count, null for none
 * @returns how often it occurs
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/, "Run Length Encoding / Bit-Packing Hybrid"
 */
function checkRuns(cursor: ByteCursor, width: number, count: number, wanted: number | null): number {
  let found = 0;
  for (let seen = 0; seen < count;) {
    const head = cursor.varint();
    const half = Math.floor(head / 2);
    if (head % 2 === 0) {
      if (half > count - seen) throw new Error(`a run has ${half} values where ${count - seen} are left`);
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value += cursor.byte() * 2 ** shift;
      if (value === wanted) found += half;
      seen += half;
    } else {
      // The last group of eight may reach beyond the end.
      if (8 * half >= count - seen + 8) throw new Error(`a run has ${8 * half} values where ${count - seen} are left`);
      const last = Math.min(count, seen + 8 * half);
      const behind = cursor.at + half * width;
      if (wanted !== null) found += occurrences(cursor, width, last - seen, wanted);
      cursor.at = behind;
      seen = last;
    }
  }
  return found;
}

/** How often a value occurs among packed ones, the least significant bits first. */
function occurrences(cursor: ByteCursor, width: number, count: number, wanted: number): number {
  let found = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < count; i++) {
    while (held < width) {
      bits |= cursor.byte() << held;
      held += 8;
    }
    if ((bits & ((1 << width) - 1)) === wanted) found++;
    bits >>>= width;
    held -= width;
  }
  return found;
}

/** Bits of numbers up to `highest`. */
function widthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}

function numberOf(fields: ThriftStruct, id: number): number {
  const value = fields.get(id);
  if (typeof value !== 'number' || value < 0) throw new Error('a page has an incomplete header');
  return value;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
