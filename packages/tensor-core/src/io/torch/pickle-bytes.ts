import { argumentMessage, FormatError } from '../../check';

/** 2^19 bits: more than any checkpoint's integers have, few enough for arithmetic on them to be quick. */
const maxIntegerBytes = 2 ** 16;

/** Reads the arguments of a pickle's opcodes, front to back; every failure is a FormatError. */
export class PickleBytes {
  readonly #view: DataView;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;

  constructor(
    private readonly where: string,
    private readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes have been read. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  uint(width: 1 | 2 | 4 | 8): number {
    const at = this.#step(width);
    if (width === 1) return this.#view.getUint8(at);
    if (width === 2) return this.#view.getUint16(at, true);
    return width === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }

  int32(): number {
    return this.#view.getInt32(this.#step(4), true);
  }

  /** A float64, which pickles store with the most significant byte first. */
  float64(): number {
    return this.#view.getFloat64(this.#step(8), false);
  }

  /** The next `length` bytes, as a view that shares the memory of the pickle. */
  take(length: number): Uint8Array {
    const at = this.#step(length);
    return this.bytes.subarray(at, at + length);
  }

  utf8(length: number): string {
    const bytes = this.take(length);
    try {
      return this.#text.decode(bytes);
    } catch (cause) {
      throw new FormatError(`${this.where}: strings must be UTF-8 text. The file is corrupt.`, { cause });
    }
  }

  /** The text up to the next line feed. */
  line(): string {
    const end = this.bytes.indexOf(10, this.#at);
    if (end < 0) throw this.refusal('a name', 'end with a line feed', `${this.left} bytes`);
    const text = this.utf8(end - this.#at);
    this.#at++;
    return text;
  }

  /** An integer in two's complement, least significant byte first: a number where it is exact, else a bigint. */
  integer(length: number): number | bigint {
    if (length > maxIntegerBytes) throw this.refusal('an integer', `have at most ${maxIntegerBytes} bytes`, length);
    const bytes = this.take(length);
    let digits = '';
    for (let i = length - 1; i >= 0; i--) digits += bytes[i]!.toString(16).padStart(2, '0');
    const value = length === 0 ? 0n : BigInt.asIntN(8 * length, BigInt(`0x${digits}`));
    const near = Number(value);
    return Number.isSafeInteger(near) ? near : value;
  }

  refusal(name: string, requirement: string, value: unknown): FormatError {
    const fix = `The pickle is corrupt or hostile, at its byte ${this.#at}.`;
    return new FormatError(argumentMessage(this.where, name, requirement, value, fix));
  }

  /** Steps over `length` bytes and returns where they begin. */
  #step(length: number): number {
    if (length > this.left) throw this.refusal('the pickle', `have ${length} more bytes`, this.left);
    this.#at += length;
    return this.#at - length;
  }
}
