import { describe, expect, it } from 'vitest';
import type { ArrayEntry } from '../src/io/torch/torch';
import * as p from './torch-pickles';

const { valueOf, refusalOf } = p;

/** What a pickle that breaks a rule is refused with. */
const refusal = (...opcodes: number[][]): string => refusalOf(() => valueOf(opcodes.flat())).message;

describe('the pickles of readTorch', () => {
  it('hold what appears twice as one object, and what contains itself', () => {
    // A list, put into the memo, and two references to it; then a list that is appended to itself.
    const [first, second] = valueOf([0x5d, 0x28, 0x5d, 0x71, 0, 0x68, 0, 0x65]) as [unknown[], unknown[]];
    expect(first).toBe(second);
    const cycle = valueOf([0x5d, 0x71, 0, 0x68, 0, 0x61]) as unknown[];
    expect(cycle).toHaveLength(1);
    expect(cycle[0]).toBe(cycle);
  });

  it('may use the stack as Python allows', () => {
    // A duplicate, a dropped value, a mark dropped alone and one dropped with what lies above it.
    expect(valueOf([...p.int(1), 0x32, 0x86])).toEqual([1, 1]);
    expect(valueOf([...p.int(1), ...p.int(2), 0x30])).toBe(1);
    expect(valueOf([...p.int(1), 0x28, 0x30])).toBe(1);
    expect(valueOf([...p.int(1), 0x28, ...p.int(2), ...p.int(3), 0x31])).toBe(1);
    expect(valueOf([...p.int(1), ...p.int(2), ...p.int(3), 0x87])).toEqual([1, 2, 3]);
    expect(valueOf([0x7d, ...p.str('a'), ...p.int(1), 0x73])).toEqual(Object.assign(Object.create(null), { a: 1 }));
    expect(valueOf([0x7d, 0x72, 0, 1, 0, 0, 0x30, 0x6a, 0, 1, 0, 0])).toEqual(Object.create(null));
  });

  it('keep the later of two entries of one key, and names that objects treat specially', () => {
    const value = valueOf(p.dict([p.str('a'), p.int(1)], [p.str('__proto__'), p.int(2)], [p.str('a'), p.int(3)]));
    expect(Object.entries(value as object)).toEqual([
      ['a', 3],
      ['__proto__', 2],
    ]);
    expect('polluted' in {}).toBe(false);
  });

  it('hold integers exactly: numbers to 2^53 - 1, then bigints', () => {
    expect(valueOf([0x8a, 0])).toBe(0);
    expect(valueOf([0x8a, 1, 0xff])).toBe(-1);
    expect(valueOf(p.long(2n ** 53n - 1n))).toBe(Number.MAX_SAFE_INTEGER);
    expect(valueOf(p.long(2n ** 53n))).toBe(2n ** 53n);
    expect(valueOf(p.long(-(2n ** 53n)))).toBe(-(2n ** 53n));
    expect(valueOf([0x8b, 3, 0, 0, 0, 0, 0, 0x80])).toBe(-(2 ** 23));
  });

  it('make plain data of the classes of Python that hold data', () => {
    const name = (value: string): number[] => p.call(p.global('builtins', value), p.list(p.int(1), p.int(2)));
    expect(valueOf(p.list(name('list'), name('tuple'), name('set'), name('frozenset')))).toEqual([
      [1, 2],
      [1, 2],
      new Set([1, 2]),
      new Set([1, 2]),
    ]);
    const pairs = p.list(p.tuple(p.str('b'), p.int(1)), p.list(p.str('a'), p.int(2)));
    expect(Object.entries(valueOf(p.call(p.global('collections', 'OrderedDict'), pairs)) as object)).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
    const path = p.call(p.global('pathlib', 'PosixPath'), p.str('runs'), p.str('1'));
    expect(valueOf(p.list(path, p.call(p.global('pathlib', 'PosixPath'))))).toEqual(['runs/1', '.']);
    expect(valueOf(p.list(p.call(p.global('builtins', 'bytes')), p.global('builtins', 'float')))).toEqual([
      new Uint8Array(0),
      'builtins.float',
    ]);
    // Python 3 writes a class's object with no named arguments so, from protocol 4 on.
    const attributes = [...p.global('pytorch_lightning.utilities.parsing', 'AttributeDict'), 0x29, 0x7d, 0x92];
    expect(valueOf([...attributes, ...p.str('lr'), ...p.int(1), 0x73])).toEqual(
      Object.assign(Object.create(null), { lr: 1 }),
    );
  });

  it('are refused when they are not Python data', () => {
    const at = 'The pickle is corrupt or hostile, at its byte';
    expect(refusal([0x30])).toBe(`tensor-core.readTorch: the stack must hold an operand, got "nothing". ${at} 3.`);
    expect(refusal([0x28, 0x61])).toMatch(/the stack must hold an operand/);
    // What lies below an open mark is out of reach.
    expect(refusal([0x4e, 0x28, 0x85, 0x74, 0x86])).toMatch(/the stack must hold an operand/);
    expect(refusal([0x74])).toMatch(/the stack must hold a mark, got "none"/);
    expect(refusal([0x4e, 0x4e])).toMatch(/the pickle must hold one value, got 2/);
    expect(refusal([0x4e, 0x2e])).toMatch(/the pickle must end with its stop opcode, got "1 bytes more"/);
    expect(refusal([0x28, 0x4e])).toMatch(/must hold one value/);
    expect(refusal([0x68, 7])).toMatch(/the memo must have an entry 7, got "none"/);
    expect(refusal([0x4e, 0x4e, 0x61])).toMatch(/a list must be here to append to, got null/);
    expect(refusal([0x4e, 0x28, 0x90])).toMatch(/a set must be here to add to/);
    expect(refusal([0x4e, 0x4e, 0x4e, 0x73])).toMatch(/a dictionary must be here to set items of/);
    expect(refusal([0x7d, 0x28, 0x4e, 0x75])).toMatch(/dictionary items must come in pairs, got 1/);
    expect(refusal([0x4e, 0x4e, 0x93])).toMatch(/a class must be named by strings, got \[null, null\]/);
    expect(refusal([0x4e, 0x29, 0x52])).toMatch(/a call must have a class and a tuple/);
    expect(refusal(p.global('builtins', 'int'), [0x29, 0x52])).toMatch(
      /a class that makes objects, got "builtins.int"/,
    );
    expect(refusal(p.global('builtins', 'set'), [0x29], p.dict([p.str('x'), p.none]), [0x92])).toMatch(
      /a call must have no named arguments/,
    );
    expect(refusal([0x5d, 0x4e, 0x62])).toMatch(/an object must be here to take a state/);
    expect(refusal([0x63, 0x61])).toMatch(/a name must end with a line feed/);
    expect(refusal([0x58, 1, 0, 0, 0, 0xff])).toMatch(/strings must be UTF-8 text/);
    expect(refusal([0x49, 0x31, 10])).toMatch(/opcodes must be of protocols 2 to 5, got "0x49"/);
    const read = (bytes: number[]): string => refusalOf(() => p.readBytes(Uint8Array.from(bytes))).message;
    expect(read([0x80, 1, 0x4e, 0x2e])).toMatch(/the protocol must be 2 to 5, got 1/);
    expect(read([0x80, 6, 0x4e, 0x2e])).toMatch(/the protocol must be 2 to 5, got 6/);
    expect(read([0x4e, 0x2e])).toMatch(/the pickle must begin with 0x80/);
  });

  it('are refused when the classes of Python and NumPy get what they never get', () => {
    const builtin = (name: string, ...args: number[][]): string => refusal(p.call(p.global('builtins', name), ...args));
    expect(builtin('set', p.int(1))).toMatch(/a set must be made of a list, got 1. The pickle is corrupt./);
    expect(builtin('complex', p.str('a'))).toMatch(/a complex number must have two parts/);
    expect(builtin('bytes', p.str('a'), p.str('utf8'))).toMatch(/bytes must be made of latin1 text/);
    expect(builtin('bytes', p.str('\u0100'), p.str('latin1'))).toMatch(/bytes must be made of latin1 text/);
    expect(builtin('dict', p.list(p.tuple(p.int(1))))).toMatch(/builtins.dict must be made of pairs/);
    expect(refusal(p.call(p.global('pathlib', 'PosixPath'), p.int(1)))).toMatch(
      /a path must be made of strings, got 1/,
    );
    expect(refusal(p.call(p.global('argparse', 'Namespace')), p.none, [0x62])).toMatch(
      /a Namespace must be made of a list/,
    );
    const numpy = (name: string, ...args: number[][]): number[] =>
      p.call(p.global('numpy.core.multiarray', name), ...args);
    const dtype = (kind: string): number[] => [
      ...p.call(p.global('numpy', 'dtype'), p.str(kind)),
      ...p.tuple(p.int(3), p.str('<'), p.none, p.none),
      0x62,
    ];
    expect(refusal(numpy('_reconstruct'))).toMatch(/a NumPy array must have contents, got "none"/);
    expect(refusal(numpy('_reconstruct'), p.none, [0x62])).toMatch(/a NumPy array must have a shape of integers/);
    expect(refusal(numpy('scalar', p.int(1), p.none))).toMatch(/a NumPy array must have a NumPy type, got 1/);
    expect(refusal(numpy('scalar', dtype('f8'), p.none))).toMatch(/a NumPy scalar must be made of bytes/);
    expect(refusal(numpy('scalar', dtype('f8'), [0x43, 1, 0]))).toMatch(/must have the 8 bytes of F64 \[\], got 1/);
    expect(refusal(numpy('scalar', dtype('O8'), [0x43, 1, 0]))).toMatch(/It is Python objects, which are pickles/);
    expect(refusal(p.call(p.global('numpy', 'dtype'), p.int(1)))).toMatch(/a NumPy type must be named by a string/);
    const state = p.tuple(p.int(1), p.tuple(p.int(2)), dtype('i1'), [0x89], p.str('ab'));
    expect(refusal(numpy('_reconstruct'), state, [0x62])).toMatch(/a NumPy array must be made of bytes/);
    const fields = [
      ...p.call(p.global('numpy', 'dtype'), p.str('f8')),
      ...p.tuple(p.int(3), p.str('|'), p.none, p.tuple(p.str('a'))),
      0x62,
    ];
    expect(refusal(numpy('scalar', fields, [0x43, 1, 0]))).toMatch(/raw or structured elements/);
  });
});

describe('hostile pickles', () => {
  it('cannot ask for more than a small multiple of their size', () => {
    expect(refusal([0x8b, 0, 0, 0, 0x7f])).toMatch(/an integer must have at most 65536 bytes, got 2130706432/);
    expect(refusal([0x58, 0xff, 0xff, 0xff, 0xff])).toMatch(/the pickle must have 4294967295 more bytes, got 1/);
    expect(refusal([0x8e, 0, 0, 0, 0, 0, 0, 0, 0x80])).toMatch(/the pickle must have 9223372036854776000 more bytes/);
  });

  it('that nest deeper than any data are refused, shallow ones are read', () => {
    const nested = (depth: number): number[] => [
      ...Array<number>(depth).fill(0x5d),
      ...Array<number>(depth - 1).fill(0x61),
    ];
    expect(refusal(nested(201))).toMatch(/the contents must be nested at most 200 deep, got "more"/);
    expect(refusal(nested(100_000))).toMatch(/nested at most 200 deep/);
    expect(valueOf(nested(200))).toBeInstanceOf(Array);
  });

  it('that double themselves at each step stay as small as they are written', () => {
    // Lists of two references to the list before: 2^150 leaves, 150 lists.
    let opcodes = [0x5d, 0x71, 0, 0x30];
    for (let i = 1; i <= 150; i++) opcodes = [...opcodes, 0x5d, 0x28, 0x68, i - 1, 0x68, i - 1, 0x65, 0x71, i, 0x30];
    let value = valueOf([...opcodes, 0x68, 150]) as unknown[];
    let lists = 0;
    for (; value.length > 0; value = value[0] as unknown[]) {
      expect(value[0]).toBe(value[1]);
      lists++;
    }
    expect(lists).toBe(150);
  });

  it('that copy one container again and again stop at maxBytes', () => {
    const items = p.list(...Array.from({ length: 1000 }, () => [0x4e]));
    const once = [...p.global('builtins', 'set'), 0x68, 0, 0x85, 0x52, 0x30];
    const many = [...items, 0x71, 0, ...Array.from({ length: 1000 }, () => once).flat()];
    expect(refusalOf(() => valueOf(many, { maxBytes: 2 ** 20 })).message).toMatch(
      /the contents must take at most 1048576 bytes of memory, got [0-9]+. Raise maxBytes if you trust the source./,
    );
    expect(valueOf(many, { maxBytes: 2 ** 25 })).toHaveLength(1000);
    // The same by text that becomes bytes, and by attributes.
    const text = [...p.str('x'.repeat(10_000)), 0x71, 0, ...p.str('latin1'), 0x71, 1];
    const encode = [...p.global('_codecs', 'encode'), 0x68, 0, 0x68, 1, 0x86, 0x52, 0x30];
    const encoded = [...text, 0x30, ...Array.from({ length: 200 }, () => encode).flat()];
    expect(refusalOf(() => valueOf(encoded, { maxBytes: 2 ** 20 })).message).toMatch(/at most 1048576 bytes/);
    const attributes = [
      ...p.dict(...Array.from({ length: 1000 }, () => [p.none, p.none] as [number[], number[]])),
      0x71,
      0,
    ];
    const namespace = [...attributes, ...p.call(p.global('argparse', 'Namespace'))];
    const filled = [...namespace, ...Array.from({ length: 1000 }, () => [0x68, 0, 0x62]).flat(), 0x86];
    expect(refusalOf(() => valueOf(filled, { maxBytes: 2 ** 20 })).message).toMatch(/at most 1048576 bytes/);
  });

  it('cannot make maxBytes meaningless', () => {
    expect(() => valueOf([0x4e], { maxBytes: NaN })).toThrow(RangeError);
    expect(() => valueOf([0x4e], { maxBytes: -1 })).toThrow(
      'tensor-core.readTorch: maxBytes must be an integer >= 0, got -1.',
    );
  });
});

describe('tensors of a pickle', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const read = (...args: Parameters<typeof p.tensor>): ArrayEntry =>
    p.readBytes(p.pickle(p.tensor(...args)), { 0: bytes }) as ArrayEntry;
  const held = p.storage('0', 6);
  const refused = (...args: Parameters<typeof p.tensor>): string => refusalOf(() => read(...args)).message;

  it('are the views that offset, shape and strides say', () => {
    expect([...read(held, 0, [2, 3], [3, 1]).data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...read(held, 1, [2, 2], [2, 1]).data]).toEqual([2, 3, 4, 5]);
    expect([...read(held, 0, [3, 2], [1, 3]).data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...read(held, 5, [2, 2], [0, 0]).data]).toEqual([6, 6, 6, 6]);
    expect([...read(held, 0, [4, 2], [1, 2]).data]).toEqual([1, 3, 2, 4, 3, 5, 4, 6]);
    expect([...read(held, 4, [1, 1, 2], [99, 2 ** 40, 1]).data]).toEqual([5, 6]);
    expect(read(held, 6, [0], [1])).toEqual({ dtype: 'F32', shape: [0], data: new Float32Array(0) });
    expect(read(held, 0, [2 ** 52, 2 ** 52, 0, 3], [1, 1, 1, 1]).data).toHaveLength(0);
    expect([...read(held, 2, [], []).data]).toEqual([3]);
  });

  it('must lie inside of their storage', () => {
    const outside = /a tensor must lie inside of its storage of 6 elements, got 7/;
    expect(refused(held, 1, [6], [1])).toMatch(outside);
    expect(refused(held, 0, [2, 3], [4, 1])).toMatch(outside);
    expect(refused(held, 6, [], [])).toMatch(outside);
    expect(refused(held, 0, [2], [2 ** 53 - 1])).toMatch(/inside of its storage/);
    expect(refused(held, 0, [2 ** 53 - 1, 2 ** 53 - 1], [2 ** 53 - 1, 2 ** 53 - 1])).toMatch(/inside of its storage/);
    expect(refused(held, -1, [1], [1])).toMatch(
      /the offset of a tensor must be integers from 0 to 2\^53 - 1, got \[-1\]/,
    );
    expect(refused(held, 0, [2], [-1])).toMatch(/the strides of a tensor must be integers from 0/);
    expect(refused(held, 0, [-2], [1])).toMatch(/the shape of a tensor must be integers from 0/);
    expect(refused(held, 0, [2], [])).toMatch(/at most 64 dimensions, each with a stride/);
    expect(refused(held, 0, Array<number>(65).fill(1), Array<number>(65).fill(1))).toMatch(/at most 64 dimensions/);
    expect(refused(p.none, 0, [1], [1])).toMatch(/a tensor must be a view of a storage, got null/);
  });

  it('that repeat one element more often than memory allows stop at maxBytes', () => {
    expect(refused(held, 0, [1e6, 1e6], [0, 0])).toMatch(
      /must take at most 268435456 bytes of memory, got 4000000000000/,
    );
    expect(refused(held, 0, [2 ** 52, 2 ** 52], [0, 0])).toMatch(/must take at most/);
    expect(read(held, 0, [1000, 1000], [0, 0]).data.every((value) => value === 1)).toBe(true);
  });

  it('must have a storage of the size that is promised', () => {
    const message = (length: number): string => refused(p.storage('0', length), 0, [1], [1]);
    expect(message(7)).toMatch(
      /storage "0" must have the 28 bytes of its 7 F32 elements, got 24. The file is corrupt./,
    );
    expect(message(5)).toMatch(/must have the 20 bytes of its 5 F32 elements, got 24/);
    expect(message(2 ** 53)).toMatch(/a storage must be \('storage', class, key, device, length\)/);
    expect(refused(p.storage('9', 6), 0, [1], [1])).toMatch(/member "archive\/data\/9" must be in the archive/);
    expect(refused(p.storage('0', 6, 'float32'), 0, [1], [1])).toMatch(/a storage must be/);
    expect(refusal([...p.tuple(p.str('storage')), 0x51])).toMatch(/a storage must be/);
    expect(refusal([0x4e, 0x51])).toMatch(/a storage must be/);
  });

  it('with an operation that is still to be done are refused', () => {
    const pending = p.dict([p.str('conj'), [0x88]]);
    expect(refused(held, 0, [1], [1], pending)).toBe(
      'tensor-core.readTorch: a tensor must have no pending operation, got "conj". Save x.resolve_conj().resolve_neg() instead.',
    );
    expect(read(held, 0, [1], [1], p.dict([p.str('conj'), [0x89]])).data[0]).toBe(1);
  });

  it('are made by known functions of known dtypes only', () => {
    const v3 = (type: number[]): number[] =>
      p.call(
        p.global('torch._utils', '_rebuild_tensor_v3'),
        held,
        p.int(0),
        p.tuple(),
        p.tuple(),
        [0x89],
        [0x7d],
        type,
      );
    expect(refusal(v3(p.none))).toMatch(/a tensor must have a known dtype, got null/);
    expect(refusal(p.call(p.global('torch._utils', '_rebuild_parameter'), p.none))).toMatch(
      /a parameter must be made of a tensor/,
    );
    const typed = (rebuild: number[], type: number[]): string =>
      refusal(p.call(p.global('torch._tensor', '_rebuild_from_type_v2'), rebuild, type, p.tuple(), p.none));
    const rebuild = p.global('torch._utils', '_rebuild_tensor_v2');
    const message = /a tensor must be rebuilt by a known function/;
    expect(typed(p.global('builtins', 'set'), p.global('torch', 'Tensor'))).toMatch(message);
    expect(typed(rebuild, p.global('builtins', 'set'))).toMatch(message);
    expect(typed(p.none, p.global('torch', 'Tensor'))).toMatch(message);
    // Without arguments the function is reached, and finds no storage.
    expect(typed(rebuild, p.global('torch', 'Tensor'))).toMatch(/a tensor must be a view of a storage/);
  });
});
