import { argumentMessage, FormatError } from '../../check';
import type { ByteBudget } from '../byte-budget';
import { PyDict, PyGlobal, PyList, PySet, PyTuple } from './pickle-values';

/** What an element costs that is copied from one container into another. */
const bytesPerItem = 16;

/** Classes that hold nothing but what a dictionary holds. */
const dictionaries = [
  'builtins.dict',
  'collections.OrderedDict',
  'collections.Counter',
  'lightning.fabric.utilities.data.AttributeDict',
  'lightning.pytorch.utilities.parsing.AttributeDict',
  'lightning_fabric.utilities.data.AttributeDict',
  'pytorch_lightning.utilities.parsing.AttributeDict',
];

/** Classes that are only named, as the type of something. */
const names = ['bool', 'float', 'int', 'object', 'str', 'type'].map((name) => `builtins.${name}`);

/** The classes and functions of Python's own library that a pickle may call, by dotted name. */
export function pythonGlobals(where: string, budget: ByteBudget): PyGlobal[] {
  function refusal(name: string, requirement: string, value: unknown): FormatError {
    return new FormatError(argumentMessage(where, name, requirement, value, 'The pickle is corrupt.'));
  }

  /** The items of a list, tuple or set, which are paid for as they will be copied. */
  function itemsOf(name: string, source: unknown): readonly unknown[] {
    if (source === undefined) return [];
    if (!(source instanceof PyList || source instanceof PyTuple || source instanceof PySet)) {
      throw refusal(name, 'be made of a list', source);
    }
    budget.take(bytesPerItem * source.items.length);
    return source.items;
  }

  function entriesOf(name: string, source: unknown): [unknown, unknown][] {
    if (source instanceof PyDict) {
      budget.take(bytesPerItem * source.entries.length);
      return [...source.entries];
    }
    return itemsOf(name, source).map((pair) => {
      if (!(pair instanceof PyList || pair instanceof PyTuple) || pair.items.length !== 2) {
        throw refusal(name, 'be made of pairs', pair);
      }
      return [pair.items[0], pair.items[1]];
    });
  }

  /** Text whose characters stand for bytes of the same number: how protocol 2 stores bytes. */
  function latin1([text, encoding]: readonly unknown[]): Uint8Array {
    if (text === undefined) return new Uint8Array(0);
    if (text instanceof Uint8Array) return text;
    if (typeof text !== 'string' || !['latin1', 'latin-1'].includes(encoding as string)) {
      throw refusal('bytes', 'be made of latin1 text', [text, encoding]);
    }
    budget.take(text.length);
    return Uint8Array.from(text, (character) => {
      const code = character.charCodeAt(0);
      if (code > 0xff) throw refusal('bytes', 'be made of latin1 text', text);
      return code;
    });
  }

  function complex([re, im]: readonly unknown[]): { re: number; im: number } {
    if (typeof re === 'number' && typeof im === 'number') return { re, im };
    throw refusal('a complex number', 'have two parts', [re, im]);
  }

  /** An object that is nothing but its attributes. */
  class PyNamespace extends PyDict {
    override build(state: unknown): void {
      this.entries.push(...entriesOf('a Namespace', state));
    }
  }

  function path({ items }: PyTuple): string {
    const [first, ...rest] = items.map((part) => {
      if (typeof part !== 'string') throw refusal('a path', 'be made of strings', part);
      return part;
    });
    budget.take(items.reduce((size: number, part) => size + (part as string).length, 0));
    if (first === undefined) return '.';
    return /[\\/]$/.test(first) ? first + rest.join('/') : [first, ...rest].join('/');
  }

  const makers: Record<string, (args: readonly unknown[]) => unknown> = {
    'builtins.list': ([source]) => new PyTuple([...itemsOf('a list', source)]),
    'builtins.tuple': ([source]) => new PyTuple([...itemsOf('a tuple', source)]),
    'builtins.set': ([source]) => new PySet([...itemsOf('a set', source)]),
    'builtins.frozenset': ([source]) => new PySet([...itemsOf('a frozenset', source)]),
    'builtins.bytes': latin1,
    'builtins.bytearray': latin1,
    'builtins.complex': complex,
    '_codecs.encode': latin1,
    'collections.defaultdict': () => new PyDict(),
    'argparse.Namespace': () => new PyNamespace(),
    'types.SimpleNamespace': () => new PyNamespace(),
    'pathlib.PosixPath': (args) => path(new PyTuple(args)),
    'pathlib.PurePosixPath': (args) => path(new PyTuple(args)),
  };
  for (const name of dictionaries) makers[name] = ([source]) => new PyDict(entriesOf(name, source));
  return [
    ...Object.entries(makers).map(([name, call]) => new PyGlobal(name, call)),
    ...names.map((name) => new PyGlobal(name)),
  ];
}
