import { argumentMessage, checkOneOf, FormatError } from '../../check';
import { ByteBudget } from '../byte-budget';
import type { ByteOrder } from '../bytes';
import { isGzip } from '../gzip';
import { readPickle } from './pickle-machine';
import { plainData } from './pickle-plain';
import { torchGlobals, type UnknownClasses } from './globals';
import { TorchStorages, type TorchArchive } from './storage';
import { isZip, ZipArchive, type ZipOptions } from '../zip/archive';

const where = 'tensor-core.readTorch';

export interface ReadTorchOptions extends ZipOptions {
  /** Gives F16, BF16 and F8 tensors as their bits instead of widening them to float32, default false. */
  keepBits?: boolean;
  /**
   * What becomes of objects of classes that are not known: 'refuse' (default) is a FormatError that names the class,
   * 'describe' gives a PickledObject, which is data only. Objects of OmegaConf, enums and the like need it.
   */
  unknownClasses?: UnknownClasses;
  /** Largest memory, in bytes, for what cannot be a view of `bytes`; default 8 times the file, at least 2^28. */
  maxBytes?: number;
}

/** A PyTorch file in memory. */
export interface TorchFile {
  /**
   * What was saved, as plain data.
   *
   *   tensor, parameter, storage       ArrayEntry
   *   dict and subclasses              record without prototype where all keys are strings and numbers, else Map
   *   list, tuple, torch.Size          array
   *   set, frozenset                   Set
   *   int                              number up to 2^53 - 1, else bigint
   *   float, bool, str, None           number, boolean, string, null
   *   complex                          { re, im }
   *   bytes, bytearray                 Uint8Array
   *   argparse.Namespace               record of its attributes
   *   a class, torch.dtype             its name as a string, 'torch.float32'
   *   torch.device, pathlib.Path       string, 'cuda:0'
   *   NumPy arrays and scalars         ArrayEntry and number, bigint or boolean
   *   objects of unknown classes       see ReadTorchOptions
   */
  value: unknown;
}

/**
 * Reads what torch.save of PyTorch 1.6 and later wrote: `.pt`, `.pth`, `.ckpt` of PyTorch Lightning, `ckpt.tar`.
 *
 * The file is a zip archive with a pickle. Of pickle's language only what makes data is carried out, the classes are
 * those of an allow-list, and nothing of the file is run. It is checked as something hostile: sizes, checksums, tensors
 * that lie inside of their storage, nesting, memory.
 *
 * @param bytes    the whole file
 * @param options  see ReadTorchOptions
 * @returns what was saved, as plain data, see TorchFile. Row-major tensors share the memory of `bytes` where their
 *   offset is a multiple of the element size (PyTorch aligns them to 64 bytes), and tensors of one storage share it;
 *   transposed, expanded and widened ones are copies
 * @throws FormatError when the file is truncated, corrupt, TorchScript, of PyTorch before 1.6 or of another format, or
 *   has objects of unknown classes; TypeError when `bytes` is no Uint8Array; RangeError for an impossible option
 * @see https://pytorch.org/docs/stable/notes/serialization.html
 */
export function readTorch(bytes: Uint8Array, options: ReadTorchOptions = {}): TorchFile {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(argumentMessage(where, 'bytes', 'be a Uint8Array', bytes, 'Pass new Uint8Array(arrayBuffer).'));
  }
  const { unknownClasses = 'refuse', keepBits = false } = options;
  checkOneOf(where, 'unknownClasses', unknownClasses, ['refuse', 'describe']);
  const budget = new ByteBudget(where, bytes.length, options.maxBytes);
  checkKind(bytes);
  const zip = new ZipArchive(where, bytes, budget, options);
  const root = rootOf(zip);
  const archive: TorchArchive = { where, zip, root, order: byteOrder(zip, root), keepBits, budget };
  const storages = new TorchStorages(archive);
  const value = readPickle(where, zip.read(`${root}data.pkl`), {
    find: torchGlobals(archive, unknownClasses),
    persistent: (id) => storages.find(id),
  });
  return { value: plainData(where, value) };
}

/** The first bytes of a pickle of protocol 2 to 5: opcode 0x80, then the protocol. */
function isPickle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;
}

/** The first pickle of a file before 1.6: the integer 0x1950a86a20f9469cfc6c, behind the opcode of 10-byte integers. */
const legacyMagic = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/** Tells apart what people take for a PyTorch file. */
function checkKind(bytes: Uint8Array): void {
  if (isZip(bytes)) return;
  const again = 'torch.save(torch.load(path, map_location="cpu"), new_path)';
  let advice = 'Is it truncated, or another format?';
  if (isPickle(bytes)) {
    const legacy = legacyMagic.every((byte, i) => bytes[2 + i] === byte);
    advice = legacy
      ? `It was written before PyTorch 1.6, or with _use_new_zipfile_serialization=False. Save it again: ${again}.`
      : 'It is a bare pickle. Load it in Python and save it again by torch.save.';
  } else if (isGzip(bytes)) {
    advice = 'It is compressed by gzip: await gunzip(bytes) first.';
  }
  throw new FormatError(`${where}: the file must be a zip archive written by torch.save, got another one. ${advice}`);
}

/** The folder of the archive that holds data.pkl. */
function rootOf(zip: ZipArchive): string {
  const roots = zip.names.flatMap((name) => /^((?:[^/]*\/)?)data\.pkl$/.exec(name)?.[1] ?? []);
  const [root] = roots;
  if (root === undefined || roots.length > 1) {
    const fix = 'Is it a zip archive of something else?';
    throw new FormatError(argumentMessage(where, 'the archive', 'have one data.pkl', roots.length, fix));
  }
  if (zip.has(`${root}constants.pkl`)) {
    const fix = 'In Python: torch.save(torch.jit.load(path, map_location="cpu").state_dict(), new_path).';
    throw new FormatError(`${where}: the file must be written by torch.save, got a TorchScript archive. ${fix}`);
  }
  return root;
}

/** Files of PyTorch 2.1 and later say in which byte order they are; the others are those of a little-endian machine. */
function byteOrder(zip: ZipArchive, root: string): ByteOrder {
  const name = `${root}byteorder`;
  if (!zip.has(name)) return 'little';
  const order = new TextDecoder().decode(zip.read(name));
  if (order !== 'little' && order !== 'big') {
    throw new FormatError(argumentMessage(where, 'the byte order', 'be little or big', order, 'The file is corrupt.'));
  }
  return order;
}
