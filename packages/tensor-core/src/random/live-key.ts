import { Key } from './key';
import { threefry } from './threefry';

/** Where the words of a key come from that stands for another one at each run of a compiled function. */
interface Origin {
  /** The current words, two of them; what they are derived from may have changed since the last look. */
  words(): Uint32Array;
}

const live = new WeakSet<Key>();

/** Whether the key stands for another one at each run of a compiled function. */
export function isLive(key: Key): boolean {
  return live.has(key);
}

/** A key with the words of the last one that was set; keys derived from it and draws with it follow. */
export class KeySlot {
  private readonly current = new Uint32Array(2);
  readonly key = keyOf({ words: () => this.current });

  set({ word0, word1 }: Key): void {
    this.current[0] = word0;
    this.current[1] = word1;
  }
}

/** An ordinary key with the words that a live one has now. */
export function settled(key: Key): Key {
  return isLive(key) ? Key.ofWords(key.word0, key.word1) : key;
}

function keyOf(origin: Origin): Key {
  // A key for all who ask; its words are looked up instead of being fields.
  const key = Object.create(Key.prototype, {
    word0: { get: () => origin.words()[0]!, enumerable: true },
    word1: { get: () => origin.words()[1]!, enumerable: true },
    derive: { value: (counter0: number, counter1: number) => keyOf(derived(origin, counter0, counter1)) },
  }) as Key;
  live.add(key);
  return key;
}

/** What Threefry makes of the origin's words with a counter, computed again when they have changed. */
function derived(from: Origin, counter0: number, counter1: number): Origin {
  const last = new Uint32Array(2);
  const own = new Uint32Array(2);
  let fresh = false;
  return {
    words: () => {
      const words = from.words();
      if (!fresh || words[0] !== last[0] || words[1] !== last[1]) {
        last.set(words);
        threefry(last[0]!, last[1]!, counter0, counter1, own, 0);
        fresh = true;
      }
      return own;
    },
  };
}
