import { Inflate } from 'fflate';
import { argumentMessage, describeValue, FormatError } from '../../check';
import type { ByteBudget } from '../byte-budget';
import { crc32 } from '../crc32';
import { readZipDirectory, type ZipMember } from './directory';

/** Bytes handed to the decompressor at a time: few, so that a bomb is noticed before much of it is expanded. */
const pieceBytes = 2 ** 14;

/** How members of a zip archive are read. */
export interface ZipOptions {
  /** Compares the checksum of each member that is read, default true. */
  checksums?: boolean;
}

/** Whether the bytes begin as a zip archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/** A zip archive in memory, read member by member. */
export class ZipArchive {
  readonly #members: Map<string, ZipMember>;

  /**
   * @param where   start of every message, as `package.function`
   * @param bytes   the whole file
   * @param budget  pays for what is decompressed
   * @throws FormatError when the directory is truncated, corrupt or ambiguous
   */
  constructor(
    private readonly where: string,
    private readonly bytes: Uint8Array,
    private readonly budget: ByteBudget,
    private readonly options: ZipOptions = {},
  ) {
    this.#members = new Map(readZipDirectory(where, bytes).map((member) => [member.name, member]));
  }

  /** The names of its members, in the order of the directory. */
  get names(): string[] {
    return [...this.#members.keys()];
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /**
   * The bytes of a member: a view that shares the memory of the file where they are stored plain.
   *
   * @throws FormatError when there is no such member, or it is corrupt
   */
  read(name: string): Uint8Array {
    const member = this.#members.get(name);
    const label = `member ${describeValue(name)}`;
    if (member === undefined) throw this.#refusal(label, 'be in the archive', this.names, 'The file is incomplete.');
    const stored = this.bytes.subarray(member.begin, member.end);
    const plain = member.deflated ? this.#inflated(label, stored, member.size) : stored;
    if (this.options.checksums !== false && crc32(plain) !== member.crc) {
      const fix = 'The file is corrupt. If its writer left the checksums out, pass { checksums: false }.';
      throw this.#refusal(label, 'have the checksum of its directory entry', crc32(plain), fix);
    }
    return plain;
  }

  #inflated(label: string, packed: Uint8Array, size: number): Uint8Array {
    this.budget.take(size);
    const plain = new Uint8Array(size);
    let filled = 0;
    let over = false;
    const inflate = new Inflate((chunk) => {
      over ||= filled + chunk.length > size;
      if (!over) plain.set(chunk, filled);
      filled += chunk.length;
    });
    try {
      for (let at = 0; at === 0 || (at < packed.length && !over); at += pieceBytes) {
        inflate.push(packed.subarray(at, at + pieceBytes), at + pieceBytes >= packed.length);
      }
    } catch (cause) {
      throw new FormatError(`${this.where}: ${label} must be whole deflated data. The file is corrupt.`, { cause });
    }
    if (filled !== size) throw this.#refusal(label, `decompress to ${size} bytes`, over ? 'more' : filled);
    return plain;
  }

  #refusal(name: string, requirement: string, value: unknown, fix = ''): FormatError {
    return new FormatError(argumentMessage(this.where, name, requirement, value, fix));
  }
}
