import { argumentMessage, describeValue, FormatError } from '../../check';

/** A member of a zip archive that has passed every check but its checksum. */
export interface ZipMember {
  name: string;
  /** Where its header begins, and where its stored bytes begin and end in the file. */
  header: number;
  begin: number;
  end: number;
  /** Whether they are compressed (deflate) or plain. */
  deflated: boolean;
  /** Bytes when plain. */
  size: number;
  crc: number;
}

/** Where the central directory lies and how many members it lists. */
interface DirectoryPlace {
  count: number;
  begin: number;
  size: number;
  /** Where the record begins that says so, directly behind the directory. */
  end: number;
  disks: number[];
}

const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 };
/** In a 32-bit field: the number stands in a 64-bit field elsewhere. */
const elsewhere32 = 0xffffffff;

/** A zip archive's list of members: refuses what is truncated, repeated, overlapping, encrypted or split. */
export function readZipDirectory(where: string, bytes: Uint8Array): ZipMember[] {
  return new DirectoryReader(where, bytes).members();
}

/**
 * Reads the central directory, in which every member is listed, and the short header before each member.
 *
 * @see PKWARE, APPNOTE.TXT, .ZIP file format specification 6.3.10, sections 4.3 to 4.5
 */
class DirectoryReader {
  readonly #view: DataView;

  constructor(
    private readonly where: string,
    private readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  members(): ZipMember[] {
    const place = this.#directory();
    const { count, begin, size, end, disks } = place;
    if (disks.some((disk) => disk !== 0)) throw this.#refusal('the zip archive', 'be in one part', disks);
    if (begin + size !== end) {
      throw this.#refusal('the zip directory', `end at ${end}, where the end record begins`, begin + size);
    }
    if (46 * count > size) throw this.#refusal('the zip directory', `hold its ${count} members`, size);
    const members: ZipMember[] = [];
    let at = begin;
    for (let i = 0; i < count; i++) {
      const { member, next } = this.#member(at, place);
      members.push(member);
      at = next;
    }
    if (at !== end) throw this.#refusal('the zip directory', `end with its last member, at ${at}`, end);
    this.#checkApart(members);
    return members;
  }

  /** Members that share a name or bytes are how an archive shows different contents to different readers. */
  #checkApart(members: ZipMember[]): void {
    const names = new Set<string>();
    let covered = 0;
    for (const { name, header, end } of [...members].sort((a, b) => a.header - b.header)) {
      if (names.has(name)) throw this.#refusal('member names', 'be unique', name);
      if (header < covered) {
        throw this.#refusal(`member ${describeValue(name)}`, `begin at ${covered} or later (overlap)`, header);
      }
      names.add(name);
      covered = end;
    }
  }

  #directory(): DirectoryPlace {
    const end = this.#endRecord();
    const locator = end - 20;
    if (locator < 0 || this.#u32(locator) !== signature.locator64) {
      const disks = [this.#u16(end + 4), this.#u16(end + 6)];
      return { count: this.#u16(end + 10), begin: this.#u32(end + 16), size: this.#u32(end + 12), end, disks };
    }
    const record = this.#u64(locator + 8);
    if (record + 56 > locator || this.#u32(record) !== signature.end64) {
      throw this.#refusal('the end record of 64 bits', 'lie before its locator', record);
    }
    const disks = [this.#u32(record + 16), this.#u32(record + 20)];
    const [count, size, begin] = [32, 40, 48].map((field) => this.#u64(record + field)) as [number, number, number];
    return { count, begin, size, end: record, disks };
  }

  /** The end record is the last thing in the file but for a comment, whose length it knows. */
  #endRecord(): number {
    const last = this.bytes.length - 22;
    for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
      if (this.#u32(at) === signature.end && this.#u16(at + 20) === last - at) return at;
    }
    throw new FormatError(`${this.where}: the file must end with a zip directory. Is it truncated, or not a zip file?`);
  }

  /** The member that the directory lists at `at`, and where the next one is listed. */
  #member(at: number, { begin: directory, end }: DirectoryPlace): { member: ZipMember; next: number } {
    if (at + 46 > end || this.#u32(at) !== signature.central) {
      throw this.#refusal('the zip directory', 'list a member', at, 'The file is corrupt.');
    }
    const nameEnd = at + 46 + this.#u16(at + 28);
    const extraEnd = nameEnd + this.#u16(at + 30);
    const next = extraEnd + this.#u16(at + 32);
    if (next > end) throw this.#refusal('the zip directory', `end at ${end}`, next);
    const name = this.#name(at + 46, nameEnd);
    const label = `member ${describeValue(name)}`;
    const [flags, method] = [this.#u16(at + 8), this.#u16(at + 10)];
    if (flags & 1) throw this.#refusal(label, 'not be encrypted', `flags ${flags}`);
    if (method !== 0 && method !== 8) throw this.#refusal(label, 'be stored (0) or deflated (8)', method);
    const wide = this.#wideNumbers(nameEnd, extraEnd);
    // The order of the 64-bit numbers; only those are there whose 32-bit field says so.
    const [size, packed, header] = [24, 20, 42].map((field) => {
      const narrow = this.#u32(at + field);
      const value = narrow === elsewhere32 ? wide.shift() : narrow;
      if (value === undefined) throw this.#refusal(label, 'have its 64-bit numbers', narrow, 'The file is corrupt.');
      return value;
    }) as [number, number, number];
    const begin = this.#dataStart(label, header, directory, this.bytes.subarray(at + 46, nameEnd));
    if (begin + packed > directory) throw this.#refusal(label, `end at ${directory} or before`, begin + packed);
    if (method === 0 && size !== packed) throw this.#refusal(label, `have ${packed} bytes, as it is stored`, size);
    const crc = this.#u32(at + 16);
    return { member: { name, header, begin, end: begin + packed, deflated: method === 8, size, crc }, next };
  }

  /** The header before a member repeats its name and has extra fields of its own, of another length. */
  #dataStart(label: string, header: number, directory: number, name: Uint8Array): number {
    const nameBegin = header + 30;
    if (nameBegin + name.length > directory || this.#u32(header) !== signature.local) {
      throw this.#refusal(label, 'begin with a local header', header, 'The file is corrupt.');
    }
    const length = this.#u16(header + 26);
    if (length !== name.length || name.some((byte, i) => byte !== this.bytes[nameBegin + i])) {
      throw this.#refusal(label, 'have the same name in its local header', header, 'The file is corrupt.');
    }
    return nameBegin + length + this.#u16(header + 28);
  }

  /** The numbers of 64 bits in the extra field of kind 1; none when there is no such field. */
  #wideNumbers(begin: number, end: number): number[] {
    for (let at = begin; at + 4 <= end;) {
      const [kind, length] = [this.#u16(at), this.#u16(at + 2)];
      at += 4;
      if (kind === 1 && at + length <= end) {
        return Array.from({ length: length >> 3 }, (_, i) => this.#u64(at + 8 * i));
      }
      at += length;
    }
    return [];
  }

  #name(begin: number, end: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes.subarray(begin, end));
    } catch (cause) {
      throw new FormatError(`${this.where}: member names must be UTF-8 text. The file is corrupt.`, { cause });
    }
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, true);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #u64(at: number): number {
    return Number(this.#view.getBigUint64(at, true));
  }

  #refusal(name: string, requirement: string, value: unknown, fix = ''): FormatError {
    return new FormatError(argumentMessage(this.where, name, requirement, value, fix));
  }
}
