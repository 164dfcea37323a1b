import type { FormatError } from '../../check';
import { PickleBytes } from './pickle-bytes';
import { isBuildable, PyDict, PyGlobal, PyList, PyObject, PySet, PyTuple } from './pickle-values';

/** What a pickle may refer to. */
export interface PickleWorld {
  /** The class or function of a name, from an allow-list; throws for every other name. */
  find(module: string, name: string): PyGlobal;
  /** The object that lies outside of the pickle. */
  persistent(id: unknown): unknown;
}

/**
 * Reads a pickle: runs its opcodes on a stack, where a class or function is never more than what `world` gives for its
 * name. Nothing of the file is executed.
 *
 * @param where  start of every message, as `package.function`
 * @param bytes  the pickle, protocol 2 to 5
 * @returns what it holds, in the classes of pickle-values
 * @throws FormatError when the pickle is truncated or corrupt, and all that `world` throws
 * @see Python's Lib/pickletools.py, which describes each opcode; PEP 307, 3154 and 574
 */
export function readPickle(where: string, bytes: Uint8Array, world: PickleWorld): unknown {
  return new PickleMachine(new PickleBytes(where, bytes), world).run();
}

class PickleMachine {
  #stack: unknown[] = [];
  /** Heights of the stack at the marks that are open; what lies below one is out of reach. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(
    readonly source: PickleBytes,
    readonly world: PickleWorld,
  ) {}

  run(): unknown {
    if (this.source.uint(1) !== 0x80) throw this.refusal('the pickle', 'begin with 0x80', 'another byte');
    const protocol = this.source.uint(1);
    if (protocol < 2 || protocol > 5) throw this.refusal('the protocol', 'be 2 to 5', protocol);
    for (;;) {
      const opcode = this.source.uint(1);
      if (opcode === stop) break;
      const operation = operations.get(opcode);
      if (!operation) throw this.refusal('opcodes', 'be of protocols 2 to 5', `0x${opcode.toString(16)}`);
      operation(this);
    }
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0)
      throw this.refusal('the pickle', 'hold one value', this.#stack.length + 1);
    if (this.source.left > 0)
      throw this.refusal('the pickle', 'end with its stop opcode', `${this.source.left} bytes more`);
    return value;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.refusal('the stack', 'hold an operand', 'nothing');
    return this.#stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** All that was pushed since the last mark. */
  popMark(): unknown[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.refusal('the stack', 'hold a mark', 'none');
    return this.#stack.splice(height);
  }

  /** A mark directly below is what POP removes when nothing was pushed since. */
  discard(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  tuple(length: number): void {
    const items = Array.from({ length }, () => this.pop());
    this.push(new PyTuple(items.reverse()));
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw this.refusal('the memo', `have an entry ${index}`, 'none');
    this.push(this.#memo.get(index));
  }

  append(items: unknown[]): void {
    const target = this.top();
    if (!(target instanceof PyList || target instanceof PyObject))
      throw this.refusal('a list', 'be here to append to', target);
    for (const item of items) target.items.push(item);
  }

  add(items: unknown[]): void {
    const target = this.top();
    if (!(target instanceof PySet)) throw this.refusal('a set', 'be here to add to', target);
    for (const item of items) target.items.push(item);
  }

  setItems(flat: unknown[]): void {
    const target = this.top();
    if (!(target instanceof PyDict || target instanceof PyObject))
      throw this.refusal('a dictionary', 'be here to set items of', target);
    if (flat.length % 2 === 1) throw this.refusal('dictionary items', 'come in pairs', flat.length);
    for (let i = 0; i < flat.length; i += 2) target.entries.push([flat[i], flat[i + 1]]);
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw this.refusal('a class', 'be named by strings', [module, name]);
    this.push(this.world.find(module, name));
  }

  call(callee: unknown, args: unknown): void {
    if (!(callee instanceof PyGlobal) || !(args instanceof PyTuple))
      throw this.refusal('a call', 'have a class and a tuple', [callee, args]);
    if (!callee.call) throw this.refusal('a call', 'be of a class that makes objects', callee.name);
    this.push(callee.call(args.items));
  }

  callWithNames(): void {
    const [names, args, callee] = [this.pop(), this.pop(), this.pop()];
    if (!(names instanceof PyDict) || names.entries.length > 0)
      throw this.refusal('a call', 'have no named arguments', names);
    this.call(callee, args);
  }

  build(): void {
    const state = this.pop();
    const target = this.top();
    if (!isBuildable(target)) throw this.refusal('an object', 'be here to take a state', target);
    target.build(state);
  }

  refusal(name: string, requirement: string, value: unknown): FormatError {
    return this.source.refusal(name, requirement, value);
  }
}

const stop = 0x2e;

/** What each opcode does, by its code. */
const operations = new Map<number, (m: PickleMachine) => void>([
  [0x95, (m) => void m.source.take(8)], // FRAME: how the pickle is cut into reads
  [0x28, (m) => m.mark()],
  [0x30, (m) => m.discard()], // POP
  [0x31, (m) => void m.popMark()],
  [0x32, (m) => m.push(m.top())], // DUP

  [0x4e, (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x4a, (m) => m.push(m.source.int32())],
  [0x4b, (m) => m.push(m.source.uint(1))],
  [0x4d, (m) => m.push(m.source.uint(2))],
  [0x8a, (m) => m.push(m.source.integer(m.source.uint(1)))], // LONG1
  [0x8b, (m) => m.push(m.source.integer(m.source.uint(4)))], // LONG4
  [0x47, (m) => m.push(m.source.float64())],

  [0x8c, (m) => m.push(m.source.utf8(m.source.uint(1)))], // SHORT_BINUNICODE
  [0x58, (m) => m.push(m.source.utf8(m.source.uint(4)))],
  [0x8d, (m) => m.push(m.source.utf8(m.source.uint(8)))],
  [0x43, (m) => m.push(m.source.take(m.source.uint(1)))], // SHORT_BINBYTES
  [0x42, (m) => m.push(m.source.take(m.source.uint(4)))],
  [0x8e, (m) => m.push(m.source.take(m.source.uint(8)))],
  [0x96, (m) => m.push(m.source.take(m.source.uint(8)))], // BYTEARRAY8

  [0x5d, (m) => m.push(new PyList())],
  [0x61, (m) => m.append([m.pop()])],
  [0x65, (m) => m.append(m.popMark())],
  [0x29, (m) => m.tuple(0)],
  [0x85, (m) => m.tuple(1)],
  [0x86, (m) => m.tuple(2)],
  [0x87, (m) => m.tuple(3)],
  [0x74, (m) => m.push(new PyTuple(m.popMark()))],
  [0x7d, (m) => m.push(new PyDict())],
  [0x73, (m) => m.setItems([m.pop(), m.pop()].reverse())],
  [0x75, (m) => m.setItems(m.popMark())],
  [0x8f, (m) => m.push(new PySet())],
  [0x90, (m) => m.add(m.popMark())],
  [0x91, (m) => m.push(new PySet(m.popMark()))], // FROZENSET

  [0x63, (m) => m.global(m.source.line(), m.source.line())],
  [0x93, (m) => m.global(...([m.pop(), m.pop()].reverse() as [unknown, unknown]))], // STACK_GLOBAL
  [0x52, (m) => m.call(...([m.pop(), m.pop()].reverse() as [unknown, unknown]))], // REDUCE
  [0x81, (m) => m.call(...([m.pop(), m.pop()].reverse() as [unknown, unknown]))], // NEWOBJ
  [0x92, (m) => m.callWithNames()], // NEWOBJ_EX
  [0x62, (m) => m.build()],
  [0x51, (m) => m.push(m.world.persistent(m.pop()))], // BINPERSID

  [0x71, (m) => m.remember(m.source.uint(1))],
  [0x72, (m) => m.remember(m.source.uint(4))],
  [0x94, (m) => m.remember()], // MEMOIZE
  [0x68, (m) => m.recall(m.source.uint(1))],
  [0x6a, (m) => m.recall(m.source.uint(4))],
]);
