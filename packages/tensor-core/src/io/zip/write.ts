import { deflateSync } from 'fflate';
import { crc32 } from '../crc32';

/** One member of an archive to be written. */
export interface ZipInput {
  name: string;
  bytes: Uint8Array;
}

export interface ZipWriteOptions {
  /** Compresses the members by deflate, default false. */
  compress?: boolean;
  /** Numbers from here on go into 64-bit fields; the format's value is 2^32 - 1. */
  wideFrom?: number;
}

/** 1 January 1980, the first date of the format, at midnight: the same contents give the same bytes. */
const date = 0x0021;
/** Versions of the format that a reader must know: 2.0 for deflate, 4.5 for numbers of 64 bits. */
const version = { plain: 20, wide: 45 };
/** The name is UTF-8. */
const utf8Flag = 1 << 11;

/**
 * Writes a zip archive of whole members, in their order.
 *
 * @param members  names must be unique and at most 65535 bytes of UTF-8; the caller has checked them
 * @returns the whole file; its bytes depend on nothing but the arguments
 * @see PKWARE, APPNOTE.TXT, .ZIP file format specification 6.3.10
 */
export function writeZip(members: readonly ZipInput[], options: ZipWriteOptions = {}): Uint8Array {
  const { compress = false, wideFrom = 0xffffffff } = options;
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    at += part.length;
  };
  for (const { name, bytes } of members) {
    const label = new TextEncoder().encode(name);
    const packed = compress ? deflateSync(bytes) : bytes;
    const wide = [bytes.length, packed.length, at].some((number) => number >= wideFrom);
    const sizes = wide ? [0xffffffff, 0xffffffff] : [packed.length, bytes.length];
    const common = [
      u16(wide ? version.wide : version.plain, utf8Flag, compress ? 8 : 0, 0, date),
      u32(crc32(bytes), ...sizes),
      u16(label.length, wide ? 4 + 16 : 0),
    ];
    const entry = [u16(version.wide), ...common];
    // The directory's entry has one more number in its extra field, where the member begins.
    if (wide) entry[3] = u16(label.length, 4 + 24);
    const place = wide ? 0xffffffff : at;
    const extra = wide ? [u16(1, 24), u64(bytes.length, packed.length, at)] : [];
    directory.push(joined([u32(0x02014b50), ...entry, u16(0, 0, 0), u32(0, place), label, ...extra]));
    add(joined([u32(0x04034b50), ...common, label, ...(wide ? [u16(1, 16), u64(bytes.length, packed.length)] : [])]));
    add(packed);
  }
  const begin = at;
  for (const entry of directory) add(entry);
  const size = at - begin;
  const count = members.length;
  if ([size, begin].some((number) => number >= wideFrom) || count >= 0xffff) {
    const record = at;
    add(joined([u32(0x06064b50), u64(44), u16(version.wide, version.wide), u32(0, 0), u64(count, count, size, begin)]));
    add(joined([u32(0x07064b50, 0), u64(record), u32(1)]));
    add(joined([u32(0x06054b50), u16(0, 0, 0xffff, 0xffff), u32(0xffffffff, 0xffffffff), u16(0)]));
  } else {
    add(joined([u32(0x06054b50), u16(0, 0, count, count), u32(size, begin), u16(0)]));
  }
  return joined(parts);
}

function u16(...numbers: number[]): Uint8Array {
  return fields(2, numbers, (view, at, value) => view.setUint16(at, value, true));
}

function u32(...numbers: number[]): Uint8Array {
  return fields(4, numbers, (view, at, value) => view.setUint32(at, value, true));
}

function u64(...numbers: number[]): Uint8Array {
  return fields(8, numbers, (view, at, value) => view.setBigUint64(at, BigInt(value), true));
}

function fields(
  width: number,
  numbers: number[],
  set: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(width * numbers.length));
  numbers.forEach((value, i) => set(view, width * i, value));
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
