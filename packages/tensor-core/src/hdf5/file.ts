import { argumentMessage, describeValue, FormatError } from '../check';
import { Hdf5Dataset, withMemory, type Hdf5Array, type OpenFile } from './dataset';
import { elementsAt, elementTypeOf } from './elements';
import { asking, quietly, type Library } from './library';
import { rowsOf, type Hdf5RowsOptions } from './rows';

/**
 * The value of an attribute: a number, bigint (64-bit integers), boolean or string when it is a scalar; shape and
 * elements when it is an array; null when it is empty; undefined when its type has no counterpart (references,
 * compound types).
 */
export type Hdf5Attribute = number | bigint | boolean | string | Hdf5Array | null | undefined;

/** An open HDF5 file. Close it after use: `close()`, or `using file = …` where the language has it. */
export class Hdf5File {
  readonly #file: OpenFile;
  readonly #close: () => void;

  /** Made by openHdf5 and openHdf5File. */
  constructor(library: Library, opened: bigint, release: () => void) {
    let current: bigint | null = opened;
    const id = (where: string): bigint => {
      if (current === null) throw new Error(`${where}: the file must be open, but close() was called.`);
      return current;
    };
    this.#file = { library, id };
    this.#close = () => {
      if (current === null) return;
      current = null;
      try {
        quietly(library, () => library.close_file(opened));
      } finally {
        release();
      }
    };
    const { dispose } = Symbol as { dispose?: symbol };
    if (dispose) Object.defineProperty(this, dispose, { value: this.#close });
  }

  /**
   * The names in a group: of datasets, groups and links, in the file's order.
   *
   * @param path  of the group, default '/'
   * @throws RangeError when there is none, with what there is instead
   */
  keys(path = '/'): string[] {
    const where = 'tensor-core.Hdf5File.keys';
    const group = this.#resolve(where, path, 'group');
    const { library, id } = this.#file;
    return asking(library, where, `group ${group} cannot be read`, () => library.get_names(id(where), group, false));
  }

  /**
   * The attributes of a group or dataset, by name. The object has no prototype, so any name is safe.
   *
   * @param path  of the group or dataset, default '/'
   * @throws RangeError when there is none, FormatError when the file is corrupt
   */
  attributes(path = '/'): Record<string, Hdf5Attribute> {
    const where = 'tensor-core.Hdf5File.attributes';
    const owner = this.#resolve(where, path, 'any');
    const fault = `the attributes of ${owner} cannot be read`;
    const { library, id } = this.#file;
    const names = asking(library, where, fault, () => library.get_attribute_names(id(where), owner));
    const values = Object.create(null) as Record<string, Hdf5Attribute>;
    for (const name of names) values[name] = this.#attribute(where, owner, name);
    return values;
  }

  /**
   * A dataset, of which nothing is read yet.
   *
   * @param path  such as '/group/name'; the first slash may be left out
   * @throws RangeError when there is none, with what there is instead; FormatError for an element type that is not read
   */
  dataset(path: string): Hdf5Dataset {
    const where = 'tensor-core.Hdf5File.dataset';
    return new Hdf5Dataset(where, this.#file, this.#resolve(where, path, 'dataset'));
  }

  /**
   * The rows of datasets, that is the indices of their first axes, in batches: for training, or for files larger than
   * memory. Chunks that reach beyond a batch are kept for the next, so that each is decompressed once.
   *
   * @param paths          a dataset, or several of the same number of rows
   * @param options.batch  rows of a batch, default 32; the last one may have fewer
   * @param options.start  first row, default 0
   * @param options.stop   behind the last row, default all
   * @returns an iterator: the arrays of a batch, by path as given; for a single path the array itself
   * @throws ShapeError when a dataset is a scalar or the numbers of rows differ, RangeError for rows that are not there
   * @example
   * for (const { images, labels } of file.rows(['images', 'labels'], { batch: 64 })) { … }
   */
  rows(path: string, options?: Hdf5RowsOptions): Generator<Hdf5Array, void, undefined>;
  rows<P extends string>(
    paths: readonly P[],
    options?: Hdf5RowsOptions,
  ): Generator<Record<P, Hdf5Array>, void, undefined>;
  rows(
    paths: string | readonly string[],
    options: Hdf5RowsOptions = {},
  ): Generator<Hdf5Array | Record<string, Hdf5Array>, void, undefined> {
    const names = typeof paths === 'string' ? [paths] : paths;
    const batches = rowsOf(new Map(names.map((name) => [name, this.dataset(name)])), options);
    return typeof paths === 'string' ? onlyOne(batches, paths) : batches;
  }

  /** Closes the file and gives its memory back. Its datasets cannot be read any more. A second call does nothing. */
  close(): void {
    this.#close();
  }

  #attribute(where: string, owner: string, name: string): Hdf5Attribute {
    const { library } = this.#file;
    const id = this.#file.id(where);
    const fault = `attribute ${describeValue(name)} of ${owner} cannot be read`;
    const description = asking(library, where, fault, () => library.get_attribute_metadata(id, owner, name));
    const { shape } = description;
    if (shape === null) return null;
    const elements = elementTypeOf(description);
    if (typeof elements === 'string') return undefined;
    const size = shape.reduce((product, length) => product * length, 1);
    return withMemory(library, where, size * elements.size, (pointer) => {
      const read = (): number => library.get_attribute_data(id, owner, name, BigInt(pointer));
      const { value: status, complaints } = quietly(library, read);
      if (status < 0) throw new FormatError(`${where}: ${fault} (${complaints}).`);
      try {
        const data = elementsAt(library, elements, pointer, size);
        if (shape.length > 0) return { dtype: elements.dtype, shape, data } as Hdf5Array;
        return elements.dtype === 'BOOL' ? data[0] === 1 : data[0];
      } finally {
        if (description.vlen) library.reclaim_vlen_memory(id, owner, name, BigInt(pointer));
      }
    });
  }

  /** The path with one slash before each name, after a look that it leads to what is wanted. */
  #resolve(where: string, path: string, wanted: 'group' | 'dataset' | 'any'): string {
    const { library } = this.#file;
    const id = this.#file.id(where);
    if (typeof path !== 'string') throw new TypeError(argumentMessage(where, 'path', 'be a string', path));
    const names = path.split('/').filter((name) => name !== '');
    let at = '/';
    for (const name of ['', ...names]) {
      const parent = at;
      if (name !== '') at = parent === '/' ? `/${name}` : `${parent}/${name}`;
      const { value: kind, complaints } = quietly(library, () => library.get_type(id, at));
      const last = at === `/${names.join('/')}`;
      if (kind === library.H5G_GROUP && complaints === '' && !(last && wanted === 'dataset')) continue;
      if (kind === library.H5G_DATASET && last && wanted !== 'group') continue;
      const requirement = `name ${wanted === 'any' ? 'a group or dataset' : `a ${wanted}`} of the file`;
      throw new RangeError(argumentMessage(where, 'path', requirement, path, this.#whatIsAt(where, id, parent, at)));
    }
    return at;
  }

  /** Tells why a path leads nowhere. @throws FormatError when it does lead somewhere, but that cannot be read */
  #whatIsAt(where: string, id: bigint, parent: string, at: string): string {
    const { library } = this.#file;
    const namesIn = (group: string): string[] =>
      asking(library, where, `group ${group} cannot be read`, () => library.get_names(id, group, false));
    const { value: kind, complaints } = quietly(library, () => library.get_type(id, at));
    if (complaints === '') {
      if (kind === library.H5G_GROUP) return `${at} is a group of ${listed(namesIn(at))}.`;
      if (kind === library.H5G_DATASET) return `${at} is a dataset.`;
      if (kind === library.H5G_UDLINK) {
        const target = quietly(library, () => library.get_external_link(id, at)).value;
        return `${at} is a link to ${target.obj_path} of the file ${target.filename}, which is not followed.`;
      }
      if (kind >= 0) return `${at} is a named type.`;
    }
    const target = quietly(library, () => library.get_symbolic_link(id, at)).value;
    if (target !== null) return `${at} is a link to ${target}, which does not exist.`;
    const names = namesIn(parent);
    if (names.includes(at.slice(at.lastIndexOf('/') + 1))) {
      throw new FormatError(`${where}: ${at} cannot be read (${complaints}). The file is corrupt.`);
    }
    return `${parent} has ${listed(names)}.`;
  }
}

function* onlyOne(batches: Iterable<Record<string, Hdf5Array>>, path: string): Generator<Hdf5Array, void, undefined> {
  for (const batch of batches) yield batch[path]!;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  if (names.length === 0) return 'nothing';
  return names.length > 20 ? `${shown}, … (${names.length} in all)` : shown;
}
