/** A text as tokens. */
export interface TokenizedText {
  /** Ids of the tokens, [L]. */
  ids: Int32Array;
  /** Values at number tokens as the text writes them, 1 at every other token, [L]; all 1 but for xVal. */
  numbers: Float64Array;
  /** Start and end of each token in the text, in UTF-16 units, [2 L]; the tokens of a number have its literal's. */
  offsets: Uint32Array;
  /** Characters that the vocabulary has no word for, apart from white space. */
  dropped: number;
  /** Numbers that were replaced by the nearest one that has words. */
  clipped: number;
}

/** What makes tokens of texts. */
export interface TextTokenizer {
  readonly vocabSize: number;
  /** Id of [NUM]; null where numbers are written in several tokens. */
  readonly numberId: number | null;
  readonly maskId: number;
  readonly padId: number;
  encode(text: string): TokenizedText;
  decode(ids: ArrayLike<number>, numbers?: ArrayLike<number> | readonly string[]): string;
}

/** Tokens that are being written. */
export class TokenWriter {
  dropped = 0;
  clipped = 0;
  private ids: Int32Array;
  private numbers: Float64Array;
  private offsets: Uint32Array;
  private length = 0;

  constructor(expected: number) {
    this.ids = new Int32Array(expected);
    this.numbers = new Float64Array(expected).fill(1);
    this.offsets = new Uint32Array(2 * expected);
  }

  push(id: number, start: number, end: number): void {
    const at = this.length++;
    if (at >= this.ids.length) this.grow();
    this.ids[at] = id;
    this.offsets[2 * at] = start;
    this.offsets[2 * at + 1] = end;
  }

  pushNumber(id: number, start: number, end: number, value: number): void {
    this.push(id, start, end);
    this.numbers[this.length - 1] = value;
  }

  finish(): TokenizedText {
    const { length, dropped, clipped } = this;
    return {
      ids: this.ids.slice(0, length),
      numbers: this.numbers.slice(0, length),
      offsets: this.offsets.slice(0, 2 * length),
      dropped,
      clipped,
    };
  }

  private grow(): void {
    const size = 2 * this.ids.length + 16;
    const [ids, numbers, offsets] = [new Int32Array(size), new Float64Array(size), new Uint32Array(2 * size)];
    ids.set(this.ids);
    numbers.set(this.numbers);
    numbers.fill(1, this.numbers.length);
    offsets.set(this.offsets);
    Object.assign(this, { ids, numbers, offsets });
  }
}
