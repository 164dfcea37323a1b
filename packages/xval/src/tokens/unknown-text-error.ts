import { check } from '@tfsci/tensor-core';
import { placeOf } from '../numbers/place';

/** A text has something that the vocabulary has no word for. */
export class UnknownTextError extends check.FormatError {
  /** What is unknown, at most 20 characters of it. */
  readonly excerpt: string;

  /** @param position  index of the text at which nothing fits */
  constructor(
    where: string,
    text: string,
    readonly position: number,
  ) {
    const excerpt = /^\s*\S*/.exec(text.slice(position, position + 20))![0];
    const fix = "Add it to `keys` or `words`, or build the tokenizer with unknown: 'drop'.";
    super(
      `${where}: the vocabulary must have words for all of the text, got ${JSON.stringify(excerpt)} ${placeOf(text, position)}. ${fix}`,
    );
    this.excerpt = excerpt;
  }
}
