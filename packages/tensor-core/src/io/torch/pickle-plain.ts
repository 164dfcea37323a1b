import { argumentMessage, FormatError } from '../../check';
import { PyDict, PyGlobal, PyLeaf, PyList, PyObject, PySet, PyTuple } from './pickle-values';

/** An object of a class that this package does not know: what the file says of it, and nothing that it could do. */
export interface PickledObject {
  /** Its class, as `module.Name`. */
  class: string;
  /** What the class would have been called with. */
  args: unknown[];
  /** What the object would have been handed as its state, mostly a record of its attributes; null when there is none. */
  state: unknown;
  /** What a subclass of list contains. */
  items?: unknown[];
  /** What a subclass of dict contains. */
  entries?: unknown;
}

/** More than any checkpoint has; JavaScript's stack bears it, also that of a reader that walks the result. */
const maxDepth = 200;

/**
 * Turns what a pickle built into plain data: null, booleans, numbers, bigints, strings, Uint8Arrays, arrays for lists and
 * tuples, Sets, records for dictionaries, and what leaves give. An object that occurs twice is one object in the result.
 *
 * @throws FormatError when it is nested more than 200 deep, and all that leaves throw
 */
export function plainData(where: string, value: unknown): unknown {
  const done = new Map<object, unknown>();

  /** Enters `made` before it is filled: the value may contain itself. */
  function entered<T>(source: object, made: T): T {
    done.set(source, made);
    return made;
  }

  function record(source: object, entries: readonly (readonly [unknown, unknown])[], depth: number): unknown {
    const keys = recordKeys(entries);
    if (keys === undefined) {
      const map = entered(source, new Map<unknown, unknown>());
      for (const [key, item] of entries) map.set(plain(key, depth), plain(item, depth));
      return map;
    }
    // Without a prototype a name such as __proto__ is a key like any other.
    const made = entered(source, Object.create(null) as Record<string, unknown>);
    entries.forEach(([, item], i) => (made[keys[i]!] = plain(item, depth)));
    return made;
  }

  function plain(item: unknown, outer: number): unknown {
    if (typeof item !== 'object' || item === null || item instanceof Uint8Array) return item;
    if (item instanceof PyGlobal) return item.name;
    if (done.has(item)) return done.get(item);
    const depth = outer + 1;
    if (depth > maxDepth) {
      throw new FormatError(argumentMessage(where, 'the contents', `be nested at most ${maxDepth} deep`, 'more'));
    }
    if (item instanceof PyLeaf) return entered(item, item.plain());
    if (item instanceof PyDict) return record(item, item.entries, depth);
    if (item instanceof PySet) {
      const set = entered(item, new Set<unknown>());
      for (const member of item.items) set.add(plain(member, depth));
      return set;
    }
    if (item instanceof PyList || item instanceof PyTuple) {
      const list = entered<unknown[]>(item, []);
      for (const member of item.items) list.push(plain(member, depth));
      return list;
    }
    if (item instanceof PyObject) {
      const described = entered<PickledObject>(item, { class: item.className, args: [], state: null });
      for (const argument of item.args) described.args.push(plain(argument, depth));
      described.state = plain(item.state, depth);
      if (item.items.length > 0) described.items = item.items.map((member) => plain(member, depth));
      if (item.entries.length > 0) described.entries = record({}, item.entries, depth);
      return described;
    }
    return item;
  }

  return plain(value, 0);
}

/** The keys as those of a record, or undefined when they are not all text and numbers, or two become the same text. */
function recordKeys(entries: readonly (readonly [unknown, unknown])[]): string[] | undefined {
  const sources = new Map<string, unknown>();
  const keys: string[] = [];
  for (const [key] of entries) {
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') return undefined;
    const text = String(key);
    if (sources.has(text) && sources.get(text) !== key) return undefined;
    sources.set(text, key);
    keys.push(text);
  }
  return keys;
}
