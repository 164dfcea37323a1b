// What a pickle builds, before it is turned into plain data: lists and dictionaries may still grow, and contain
// themselves, while it is read.

/** A Python list. */
export class PyList {
  readonly items: unknown[] = [];
}

/** A Python tuple. */
export class PyTuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** A Python set or frozenset. */
export class PySet {
  constructor(readonly items: unknown[] = []) {}
}

/** A Python dictionary, or a subclass of one; of two entries of one key the later counts. */
export class PyDict {
  constructor(readonly entries: [key: unknown, value: unknown][] = []) {}

  /** The attributes of a subclass's object, such as those of a state dict's `_metadata`, are left out. */
  build(_state: unknown): void {}
}

/** A class or function by its dotted name; only those of an allow-list can be called, and what that does is ours. */
export class PyGlobal {
  constructor(
    readonly name: string,
    readonly call?: (args: readonly unknown[]) => unknown,
  ) {}
}

/** An object of a class that is not known: nothing but what the file says of it. */
export class PyObject {
  state: unknown = null;
  readonly items: unknown[] = [];
  readonly entries: [key: unknown, value: unknown][] = [];

  constructor(
    readonly className: string,
    readonly args: readonly unknown[],
  ) {}

  build(state: unknown): void {
    this.state = state;
  }
}

/** A value that is decoded only when it turns out to be part of the result, such as a tensor. */
export abstract class PyLeaf {
  abstract plain(): unknown;
}

/** Whether a value takes the state that Python would hand to its `__setstate__`. */
export function isBuildable(value: unknown): value is { build(state: unknown): void } {
  return typeof value === 'object' && value !== null && 'build' in value && typeof value.build === 'function';
}
