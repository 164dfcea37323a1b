import * as tf from '@tensorflow/tfjs';
import { Key } from '../random';
import { isLive, KeySlot, settled } from '../random/live-key';

/** The keys among the arguments of a compiled function, which stand for other ones at each call. */
export class KeyArguments {
  private readonly slots: KeySlot[] = [];

  /** The arguments with a key in place of each key that is the same one at each call, and now has its words. */
  take(args: readonly unknown[]): unknown[] {
    let next = 0;
    return args.map((arg) =>
      mapKeys(arg, (key) => {
        // Of an outer function that is being recorded: it stands for others already.
        if (isLive(key)) return key;
        const slot = (this.slots[next++] ??= new KeySlot());
        slot.set(key);
        return slot.key;
      }),
    );
  }

  /** The result with ordinary keys. */
  give(result: unknown): unknown {
    return mapKeys(result, settled);
  }
}

/** The same container with `replace` applied to its keys; what holds none is left as it is. */
function mapKeys(container: unknown, replace: (key: Key) => Key): unknown {
  if (container instanceof Key) return replace(container);
  if (typeof container !== 'object' || container === null || container instanceof tf.Tensor) return container;
  if (Array.isArray(container)) {
    const items = container.map((item) => mapKeys(item, replace));
    return items.some((item, i) => item !== container[i]) ? items : container;
  }
  if (Object.getPrototypeOf(container) !== Object.prototype) return container;
  const entries = Object.entries(container).map(([name, item]) => [name, mapKeys(item, replace)] as const);
  return entries.some(([name, item]) => item !== (container as Record<string, unknown>)[name])
    ? Object.fromEntries(entries)
    : container;
}
