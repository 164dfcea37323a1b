import { isSpace } from '../numbers/strict-numbers';

/** Words by their characters, to be found at a place of a text. */
export class WordTrie {
  /** Nodes by character and parent: next.get(node * 65536 + code). */
  private readonly next = new Map<number, number>();
  /** Children of the root by character below 128, where most words begin: 0 for none. */
  private readonly first = new Int32Array(128);
  /** Id of the word that ends at a node; -1 for none. */
  private readonly ids: number[] = [-1];
  /** After the latest match. */
  end = 0;

  private readonly skipSpace: boolean;

  /** @param words  [text, id] @param options.skipSpace  whether white space counts for nothing, in words as in texts */
  constructor(words: Iterable<readonly [string, number]>, { skipSpace }: { skipSpace: boolean }) {
    this.skipSpace = skipSpace;
    for (const [word, id] of words) this.add(word, id);
  }

  /**
   * The longest word that begins at a place; sets `end`.
   *
   * @param limit  where the text ends
   * @returns its id, -1 for none
   */
  longest(text: string, start: number, limit: number): number {
    const code = text.charCodeAt(start);
    let node = code < 128 ? this.first[code]! : (this.next.get(code) ?? 0);
    if (node === 0) return -1;
    let found = this.ids[node]!;
    this.end = start + 1;
    for (let at = start + 1; at < limit; at++) {
      const own = text.charCodeAt(at);
      if (this.skipSpace && isSpace(own)) continue;
      node = this.next.get(node * 65536 + own) ?? 0;
      if (node === 0) break;
      const id = this.ids[node]!;
      if (id >= 0) {
        found = id;
        this.end = at + 1;
      }
    }
    return found;
  }

  private add(word: string, id: number): void {
    let node = 0;
    for (let at = 0; at < word.length; at++) {
      const code = word.charCodeAt(at);
      if (this.skipSpace && isSpace(code)) continue;
      const edge = node * 65536 + code;
      let child = this.next.get(edge);
      if (child === undefined) {
        child = this.ids.push(-1) - 1;
        this.next.set(edge, child);
        if (node === 0 && code < 128) this.first[code] = child;
      }
      node = child;
    }
    if (node !== 0) this.ids[node] = id;
  }
}
