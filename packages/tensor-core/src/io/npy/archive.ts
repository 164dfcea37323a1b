import { argumentMessage, describeValue, FormatError } from '../../check';
import type { ArrayEntry } from '../array-entry';
import { ByteBudget } from '../byte-budget';
import { npyContents, npyFile, type ReadNpyOptions } from './file';
import { isNpy } from './header';
import { ZipArchive, type ZipOptions } from '../zip/archive';
import { writeZip } from '../zip/write';

/** More than 65535 bytes is more than the length field of a zip archive holds. */
const maxNameBytes = 0xffff - '.npy'.length;

export interface ReadNpzOptions extends ReadNpyOptions, ZipOptions {
  /** The arrays to read, default all: those of kinds that are refused need not stop the others. */
  names?: string[];
  /** Largest memory, in bytes, for what cannot be a view of `bytes`; default 8 times the file, at least 2^28. */
  maxBytes?: number;
}

/**
 * Reads an archive that np.savez or np.savez_compressed wrote.
 *
 * @param bytes    the whole file, its members stored or deflated, zip64 or not
 * @param options  see ReadNpzOptions
 * @returns arrays by name, as readNpy gives them; no prototype, so any name is safe
 * @throws FormatError when the archive is truncated, corrupt, holds what readNpy refuses or other than arrays, lacks a
 *   name, or takes more memory than `maxBytes`; TypeError when `bytes` is no Uint8Array
 */
export function readNpz(bytes: Uint8Array, options: ReadNpzOptions = {}): Record<string, ArrayEntry> {
  const where = 'tensor-core.readNpz';
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes, 'Pass new Uint8Array(arrayBuffer).'));
  }
  const budget = new ByteBudget(where, bytes.length, options.maxBytes);
  if (isNpy(bytes)) throw new FormatError(`${where}: the file must be a zip archive, got one array. Use readNpy.`);
  const zip = new ZipArchive(where, bytes, budget, options);
  const members = new Map(zip.names.map((member) => [member.replace(/\.npy$/, ''), member]));
  if (members.size < zip.names.length) {
    throw new FormatError(argumentMessage(where, 'the array names', 'be unique', zip.names));
  }
  const arrays = Object.create(null) as Record<string, ArrayEntry>;
  for (const name of options.names ?? members.keys()) {
    const member = members.get(name);
    if (member === undefined) {
      throw new FormatError(argumentMessage(where, 'the archive', `hold ${describeValue(name)}`, [...members.keys()]));
    }
    arrays[name] = npyContents(
      `${where}: array ${describeValue(name)}`,
      zip.read(member),
      options.keepBits ?? false,
      budget,
    );
  }
  return arrays;
}

export interface WriteNpzOptions {
  /** Compresses by deflate, as np.savez_compressed does, default false. */
  compress?: boolean;
}

/**
 * Writes arrays as an archive that np.load reads.
 *
 * @param arrays            by name, see writeNpy
 * @param options.compress  default false
 * @returns the whole file; the same arrays give the same bytes
 * @throws all that writeNpy throws; RangeError for a name that the format cannot hold (lone surrogates, NUL, too long)
 */
export function writeNpz(arrays: Record<string, ArrayEntry>, options: WriteNpzOptions = {}): Uint8Array {
  const where = 'tensor-core.writeNpz';
  const members = Object.entries(arrays).map(([name, entry]) => {
    const long = new TextEncoder().encode(name).length > maxNameBytes;
    if (long || /\0|\p{Surrogate}/u.test(name)) {
      const wanted = `be at most ${maxNameBytes} bytes without NUL and lone surrogates`;
      throw new RangeError(argumentMessage(where, 'an array name', wanted, name));
    }
    return { name: `${name}.npy`, bytes: npyFile(where, `array ${describeValue(name)}`, entry) };
  });
  return writeZip(members, { compress: options.compress ?? false });
}
