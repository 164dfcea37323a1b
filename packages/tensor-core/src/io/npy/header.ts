import { argumentMessage, FormatError } from '../../check';
import type { NpyLayout } from './array';
import { npyType } from './type';

/** The first bytes of a file: 0x93, then NUMPY. */
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Data begin at a multiple of this many bytes. */
const alignment = 64;

/** NumPy leaves room for the growth of one axis to this many digits. */
const growthDigits = 21;

/** Whether the bytes begin as a NumPy array file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads the header of a NumPy array file, format 1.0, 2.0 or 3.0.
 *
 * @returns the layout, and where the data begin
 * @throws FormatError
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function readNpyHeader(where: string, bytes: Uint8Array): { layout: NpyLayout; dataStart: number } {
  if (!isNpy(bytes)) {
    const words = 'the file must begin with 0x93 NUMPY. Is it truncated, or not written by np.save?';
    throw new FormatError(`${where}: ${words}`);
  }
  const [major, minor] = [bytes[6], bytes[7]];
  if (major === undefined || major < 1 || major > 3 || minor !== 0) {
    throw new FormatError(argumentMessage(where, 'the format version', 'be 1.0, 2.0 or 3.0', [major, minor]));
  }
  const textStart = major === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = bytes.length >= textStart;
  const length = known ? (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true)) : 0;
  const dataStart = textStart + length;
  if (!known || dataStart > bytes.length) {
    const wanted = `hold the ${dataStart} bytes of its header`;
    throw new FormatError(argumentMessage(where, 'the file', wanted, bytes.length, 'It is truncated.'));
  }
  // Versions 1 and 2 are latin1; the names of an array's keys are ASCII in each of them.
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(textStart, dataStart));
  return { layout: new NpyHeaderText(where, text).layout(), dataStart };
}

/**
 * Reads the one Python dictionary that a header is:
 * `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, the keys in any order.
 */
class NpyHeaderText {
  #at = 0;

  constructor(
    private readonly where: string,
    private readonly text: string,
  ) {}

  layout(): NpyLayout {
    const found = new Map<string, unknown>();
    this.#require(/\{/y, 'begin with {');
    while (!this.#take(/\}/y)) {
      const key = this.#string();
      if (found.has(key)) this.#refuse('not repeat a key');
      this.#require(/:/y, 'have a colon after each key');
      found.set(key, this.#value(key));
      if (!this.#take(/,/y)) {
        this.#require(/\}/y, 'have a comma or } after each value');
        break;
      }
    }
    this.#require(/$/y, 'have nothing but spaces after }');
    if (found.size !== 3) this.#refuse('have the keys descr, fortran_order and shape');
    const type = npyType(this.where, found.get('descr') as string);
    return { ...type, shape: found.get('shape') as number[], fortranOrder: found.get('fortran_order') as boolean };
  }

  #value(key: string): unknown {
    if (key === 'shape') return this.#shape();
    if (key === 'fortran_order') return this.#require(/True|False/y, 'say True or False for fortran_order') === 'True';
    if (key !== 'descr') this.#refuse('have the keys descr, fortran_order and shape');
    if (this.#take(/\[/y)) {
      const fix = 'Save each field as an array of its own.';
      throw new FormatError(`${this.where}: the element type must not be a structure of several fields. ${fix}`);
    }
    return this.#string();
  }

  #shape(): number[] {
    const shape: number[] = [];
    this.#require(/\(/y, 'give the shape as (');
    while (!this.#take(/\)/y)) {
      // Python 2 wrote an L after long integers.
      const digits = this.#require(/[0-9]{1,16}L?/y, 'give the shape as integers').replace('L', '');
      shape.push(Number(digits));
      if (this.#take(/,/y)) continue;
      // (3) is a number in Python, not a tuple.
      if (shape.length < 2) this.#refuse('give the shape as a tuple');
      this.#require(/\)/y, 'have a comma or ) after each length');
      break;
    }
    return shape;
  }

  #string(): string {
    return this.#require(/'[^'\\\n]*'|"[^"\\\n]*"/y, 'have a string').slice(1, -1);
  }

  #require(pattern: RegExp, requirement: string): string {
    return this.#take(pattern) ?? this.#refuse(requirement);
  }

  /** The next token if the pattern matches, spaces before it dropped. */
  #take(pattern: RegExp): string | undefined {
    while (' \t\n\r'.includes(this.text[this.#at] ?? '.')) this.#at++;
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.text)?.[0];
    this.#at += token?.length ?? 0;
    return token;
  }

  #refuse(requirement: string): never {
    const rest = this.text.slice(this.#at, this.#at + 24);
    throw new FormatError(argumentMessage(this.where, 'the header', requirement, rest, 'The file is corrupt.'));
  }
}

/** The header that NumPy writes for a row-major array, format 1.0, up to the first byte of data. */
export function npyHeader(typeString: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '${typeString}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const grown = dictionary + ' '.repeat(shape.length === 0 ? 0 : growthDigits - String(shape[0]).length);
  const prefix = magic.length + 4;
  // NumPy adds a whole block where the header would end on one.
  const padding = alignment - ((prefix + grown.length + 1) % alignment);
  const text = new TextEncoder().encode(`${grown}${' '.repeat(padding)}\n`);
  const header = new Uint8Array(prefix + text.length);
  header.set([...magic, 1, 0, text.length & 0xff, text.length >> 8]);
  header.set(text, prefix);
  return header;
}
