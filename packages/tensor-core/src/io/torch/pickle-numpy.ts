import { argumentMessage, FormatError } from '../../check';
import { partsOf, type ArrayEntry } from '../array-entry';
import type { ByteBudget } from '../byte-budget';
import { npyArray, type NpyLayout } from '../npy/array';
import { npyType } from '../npy/type';
import { PyGlobal, PyLeaf, PyTuple } from './pickle-values';

export interface NumpyOptions {
  /** Leaves F16 as bits. */
  keepBits: boolean;
  /** Pays for copies. */
  budget: ByteBudget;
}

/** The classes and functions of NumPy that a pickle may call: those that make arrays, scalars and their types. */
export function numpyGlobals(where: string, { keepBits, budget }: NumpyOptions): PyGlobal[] {
  function refusal(name: string, requirement: string, value: unknown): FormatError {
    return new FormatError(argumentMessage(where, name, requirement, value, 'The pickle is corrupt.'));
  }

  /** A type string whose byte order follows as its state. */
  class NumpyDtype extends PyLeaf {
    #order = '|';
    #structured = false;

    constructor(private readonly kind: string) {
      super();
    }

    build(state: unknown): void {
      const items = state instanceof PyTuple ? state.items : [];
      this.#order = String(items[1]);
      this.#structured = items[3] != null || items[2] != null;
    }

    override plain(): string {
      return this.#structured ? '|V' : `${this.#order}${this.kind}`;
    }
  }

  /** An array that gets its contents after it was made. */
  class NumpyArray extends PyLeaf {
    #contents: (() => ArrayEntry) | undefined;

    build(state: unknown): void {
      const [, shape, dtype, fortranOrder, bytes] = state instanceof PyTuple ? state.items : [];
      this.fill(shape, dtype, fortranOrder === true, bytes);
    }

    fill(shape: unknown, dtype: unknown, fortranOrder: boolean, bytes: unknown): void {
      const layout = layoutOf(shape, dtype, fortranOrder);
      if (!(bytes instanceof Uint8Array)) throw refusal('a NumPy array', 'be made of bytes', bytes);
      this.#contents = () => npyArray(where, bytes, layout, keepBits, budget);
    }

    override plain(): ArrayEntry {
      if (!this.#contents) throw refusal('a NumPy array', 'have contents', 'none');
      return this.#contents();
    }
  }

  function layoutOf(shape: unknown, dtype: unknown, fortranOrder: boolean): NpyLayout {
    const lengths = shape instanceof PyTuple ? shape.items : [undefined];
    if (!lengths.every((length) => typeof length === 'number')) {
      throw refusal('a NumPy array', 'have a shape of integers', shape);
    }
    if (!(dtype instanceof NumpyDtype)) throw refusal('a NumPy array', 'have a NumPy type', dtype);
    return { ...npyType(where, dtype.plain()), shape: [...lengths], fortranOrder };
  }

  function scalar([dtype, bytes]: readonly unknown[]): unknown {
    const layout = layoutOf(new PyTuple([]), dtype, false);
    if (!(bytes instanceof Uint8Array)) throw refusal('a NumPy scalar', 'be made of bytes', bytes);
    const { data } = npyArray(where, bytes, layout, false, budget);
    const [first, second] = [data[0]!, data[1]];
    if (partsOf(layout.dtype) === 2) return { re: first, im: second };
    if (layout.dtype === 'BOOL') return first !== 0;
    return Number.isSafeInteger(Number(first)) ? Number(first) : first;
  }

  function dtypeOf([kind]: readonly unknown[]): NumpyDtype {
    if (typeof kind !== 'string') throw refusal('a NumPy type', 'be named by a string', kind);
    return new NumpyDtype(kind);
  }

  function fromBuffer([bytes, dtype, shape, order]: readonly unknown[]): NumpyArray {
    const array = new NumpyArray();
    array.fill(shape, dtype, order === 'F', bytes);
    return array;
  }

  // NumPy 2 renamed its inner module.
  const inner = ['numpy.core', 'numpy._core'].flatMap((module) => [
    new PyGlobal(`${module}.multiarray.scalar`, scalar),
    new PyGlobal(`${module}.multiarray._reconstruct`, () => new NumpyArray()),
    new PyGlobal(`${module}.numeric._frombuffer`, fromBuffer),
  ]);
  return [...inner, new PyGlobal('numpy.dtype', dtypeOf), new PyGlobal('numpy.ndarray')];
}
