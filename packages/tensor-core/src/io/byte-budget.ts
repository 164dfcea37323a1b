import { argumentMessage, checkNumber, FormatError } from '../check';

/**
 * Counts the memory that reading a file takes beyond the file itself, so that a small hostile file cannot ask for much.
 *
 * The limit is 8 times the file, at least 256 MiB, unless the caller says otherwise.
 */
export class ByteBudget {
  readonly #maxBytes: number;
  #taken = 0;

  /**
   * @param where      start of every message, as `package.function`
   * @param fileBytes  size of the file
   * @param maxBytes   the caller's limit
   * @throws TypeError or RangeError when `maxBytes` is no size
   */
  constructor(
    private readonly where: string,
    fileBytes: number,
    maxBytes = Math.max(2 ** 28, 8 * fileBytes),
  ) {
    this.#maxBytes = checkNumber(where, 'maxBytes', maxBytes, { min: 0, integer: true });
  }

  /** Accounts for memory that is about to be taken. @throws FormatError when it is too much */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken <= this.#maxBytes) return;
    const fix = 'Raise maxBytes if you trust the source.';
    const wanted = `take at most ${this.#maxBytes} bytes of memory`;
    throw new FormatError(argumentMessage(this.where, 'the contents', wanted, this.#taken, fix));
  }
}
