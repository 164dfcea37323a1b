import { FormatError } from '../check';

const maxDepth = 32;
const numberPattern = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const maxNumberLength = 400;

/**
 * Reads the JSON header of a file from front to back, the caller saying what must come next.
 *
 * Other than JSON.parse it refuses duplicate keys, integers that a number cannot hold, lone surrogates and nesting
 * deeper than 32, and it builds nothing that was not asked for, so a hostile text fails at its first wrong token.
 * Every failure is a FormatError that says what was expected, what is there and where.
 *
 * @see RFC 8259, https://www.rfc-editor.org/rfc/rfc8259
 */
export class JsonCursor {
  #at = 0;
  #depth = 0;

  /** @param where  start of every message, as `package.function` @param text  the JSON text */
  constructor(
    private readonly where: string,
    private readonly text: string,
  ) {}

  /** Throws a FormatError: `<where>: <what> must <requirement>, got <what stands here> at character <n>.` */
  refuse(what: string, requirement: string, at = this.#at): never {
    const rest = this.text.slice(at, at + 24);
    const got = rest === '' ? 'the end' : JSON.stringify(rest.length < 24 ? rest : `${rest}...`);
    throw new FormatError(`${this.where}: ${what} must ${requirement}, got ${got} at character ${at} of the header.`);
  }

  /** Reads an object; `visit` must read the value of each key. */
  object(what: string, visit: (key: string) => void): void {
    const keys = new Set<string>();
    this.#list(what, 'be a JSON object', '{', '}', () => {
      const start = this.#skipSpace();
      const key = this.string(`a key of ${what}`);
      if (keys.has(key)) this.refuse(what, 'not repeat a key', start);
      keys.add(key);
      if (!this.#take(':')) this.refuse(what, 'have a colon after each key');
      visit(key);
    });
  }

  /** Reads an array; `visit` must read each item. */
  array(what: string, visit: (index: number) => void): void {
    let index = 0;
    this.#list(what, 'be a JSON array', '[', ']', () => visit(index++));
  }

  /** Reads a string. */
  string(what: string): string {
    const start = this.#skipSpace();
    if (this.text[start] !== '"') this.refuse(what, 'be a JSON string');
    let end = start;
    let escapes: number;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) this.refuse(what, 'be a JSON string with a closing quote');
      // A quote after an odd number of backslashes is escaped.
      for (escapes = 0; this.text[end - 1 - escapes] === '\\'; escapes++);
    } while (escapes % 2 === 1);
    this.#at = end + 1;
    let value: string;
    try {
      value = JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      return this.refuse(what, 'be a JSON string without raw control characters or unknown escapes', start);
    }
    if (/\p{Surrogate}/u.test(value)) this.refuse(what, 'have no lone surrogate', start);
    return value;
  }

  /** Reads a number written as a plain integer from 0 to 2^53 - 1. */
  count(what: string): number {
    const start = this.#skipSpace();
    const token = this.#numberToken();
    const value = /^[0-9]+$/.test(token) && numberPattern.test(token) ? Number(token) : NaN;
    if (!Number.isSafeInteger(value)) this.refuse(what, 'hold integers from 0 to 2^53 - 1', start);
    return value;
  }

  /** Reads any one value and drops it. */
  skip(what: string): void {
    const start = this.#skipSpace();
    const first = this.text[start];
    if (first === '{') return this.object(what, () => this.skip(what));
    if (first === '[') return this.array(what, () => this.skip(what));
    if (first === '"') return void this.string(what);
    const word = ['true', 'false', 'null'].find((literal) => this.text.startsWith(literal, start));
    if (word !== undefined) this.#at += word.length;
    else if (!numberPattern.test(this.#numberToken())) this.refuse(what, 'be a JSON value', start);
  }

  /** Requires that only white space is left. */
  end(what: string): void {
    if (this.#skipSpace() < this.text.length) this.refuse(what, 'have nothing but spaces after it');
  }

  #list(what: string, requirement: string, open: string, close: string, item: () => void): void {
    if (!this.#take(open)) this.refuse(what, requirement);
    if (++this.#depth > maxDepth) this.refuse(what, `be nested at most ${maxDepth} deep`);
    if (!this.#take(close)) {
      do item();
      while (this.#take(','));
      if (!this.#take(close)) this.refuse(what, `have a comma or ${close} after each item`);
    }
    this.#depth--;
  }

  #take(character: string): boolean {
    const found = this.text[this.#skipSpace()] === character;
    if (found) this.#at++;
    return found;
  }

  #numberToken(): string {
    const start = this.#at;
    const limit = start + maxNumberLength;
    while (this.#at < limit && /[-+.0-9eE]/.test(this.text[this.#at] ?? '')) this.#at++;
    return this.text.slice(start, this.#at);
  }

  #skipSpace(): number {
    while (' \t\n\r'.includes(this.text[this.#at] ?? '.')) this.#at++;
    return this.#at;
  }
}
