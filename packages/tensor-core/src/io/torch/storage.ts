import { argumentMessage, describeValue, FormatError } from '../../check';
import { arrayStorage, partsOf, widened, widthOf, type ArrayDtype, type ArrayEntry } from '../array-entry';
import type { ByteBudget } from '../byte-budget';
import { arrayFromBytes, type ByteOrder, type NumericArray } from '../bytes';
import { isSmallFloat } from '../half';
import { PyGlobal, PyLeaf, PyTuple } from './pickle-values';
import { elementsOf, isContiguous, type StridedView } from './strided-view';
import type { ZipArchive } from '../zip/archive';

/** PyTorch's names of element types: of the storage class, where there is one, and of the dtype. */
const names: readonly [ArrayDtype, storageClass: string | undefined, ...dtypeNames: string[]][] = [
  ['F64', 'DoubleStorage', 'float64', 'double'],
  ['F32', 'FloatStorage', 'float32', 'float'],
  ['F16', 'HalfStorage', 'float16', 'half'],
  ['BF16', 'BFloat16Storage', 'bfloat16'],
  ['I64', 'LongStorage', 'int64', 'long'],
  ['I32', 'IntStorage', 'int32', 'int'],
  ['I16', 'ShortStorage', 'int16', 'short'],
  ['I8', 'CharStorage', 'int8'],
  ['U8', 'ByteStorage', 'uint8'],
  ['BOOL', 'BoolStorage', 'bool'],
  ['C64', 'ComplexFloatStorage', 'complex64', 'cfloat'],
  ['C128', 'ComplexDoubleStorage', 'complex128', 'cdouble'],
  ['U64', undefined, 'uint64'],
  ['U32', undefined, 'uint32'],
  ['U16', undefined, 'uint16'],
  ['F8_E4M3', undefined, 'float8_e4m3fn'],
  ['F8_E5M2', undefined, 'float8_e5m2'],
];

/** The dtype of a storage class, by the class's dotted name. An untyped storage is bytes. */
export const storageClasses: ReadonlyMap<string, ArrayDtype> = new Map([
  ...names.flatMap(([dtype, name]) => (name === undefined ? [] : ([[`torch.${name}`, dtype]] as const))),
  ...['torch.storage.UntypedStorage', 'torch.storage._UntypedStorage', 'torch.UntypedStorage'].map(
    (name) => [name, 'U8'] as const,
  ),
]);

/** The dtype of PyTorch's name, `torch.float32` and the like. */
export const torchDtypes: ReadonlyMap<string, ArrayDtype> = new Map(
  names.flatMap(([dtype, , ...known]) => known.map((name) => [`torch.${name}`, dtype] as const)),
);

/** What all storages of a file share. */
export interface TorchArchive {
  where: string;
  zip: ZipArchive;
  /** The folder inside of the archive. */
  root: string;
  order: ByteOrder;
  keepBits: boolean;
  budget: ByteBudget;
}

/** The memory that tensors are views of; a file has it once, however many they are. */
export class TorchStorage extends PyLeaf {
  readonly #arrays = new Map<ArrayDtype, NumericArray>();

  /**
   * @param key     its member of the archive
   * @param dtype   the type of its elements; U8 where it has none
   * @param length  how many elements
   */
  constructor(
    private readonly archive: TorchArchive,
    private readonly key: string,
    readonly dtype: ArrayDtype,
    readonly length: number,
  ) {
    super();
  }

  /** How many elements of `dtype` it holds. */
  lengthAs(dtype: ArrayDtype): number {
    return Math.floor((this.length * widthOf(this.dtype)) / widthOf(dtype));
  }

  /** A storage that was saved by itself is a tensor of one dimension. */
  override plain(): ArrayEntry {
    return this.view(this.dtype, { offset: 0, shape: [this.length], strides: [1] });
  }

  /** The elements of a view that lies inside of the storage; shares memory with the file where it can. */
  view(dtype: ArrayDtype, view: StridedView): ArrayEntry {
    const { budget, keepBits } = this.archive;
    const shape = [...view.shape];
    const elements = shape.reduce((product, length) => product * length, 1);
    const source = this.#array(dtype);
    if (!isContiguous(view)) budget.take(elements * widthOf(dtype));
    const data = elementsOf(source, view, partsOf(dtype));
    if (keepBits || !isSmallFloat(dtype)) return { dtype, shape, data };
    budget.take(4 * elements);
    return { dtype, shape, data: widened(dtype, data) };
  }

  /** All elements as they are stored. */
  #array(dtype: ArrayDtype): NumericArray {
    const known = this.#arrays.get(dtype);
    if (known) return known;
    const { where, zip, root, order, budget } = this.archive;
    const bytes = zip.read(`${root}data/${this.key}`);
    const size = this.length * widthOf(this.dtype);
    if (bytes.length !== size) {
      const label = `storage ${describeValue(this.key)}`;
      const wanted = `have the ${size} bytes of its ${this.length} ${this.dtype} elements`;
      throw new FormatError(argumentMessage(where, label, wanted, bytes.length, 'The file is corrupt.'));
    }
    const length = partsOf(dtype) * this.lengthAs(dtype);
    const array = arrayFromBytes<NumericArray>(arrayStorage[dtype], bytes, 0, length, order);
    if (array.buffer !== bytes.buffer) budget.take(size);
    this.#arrays.set(dtype, array);
    return array;
  }
}

/** Finds the storages of an archive by what their pickle says of them, each one once. */
export class TorchStorages {
  readonly #known = new Map<string, TorchStorage>();

  constructor(private readonly archive: TorchArchive) {}

  /** @param id  the tuple ('storage', class, key, device, length) */
  find(id: unknown): TorchStorage {
    const [kind, type, key, , length] = id instanceof PyTuple ? id.items : [];
    const name = type instanceof PyGlobal ? type.name : '';
    const dtype = storageClasses.get(name);
    if (kind !== 'storage' || dtype === undefined || typeof key !== 'string' || typeof length !== 'number') {
      const wanted = "be ('storage', class, key, device, length)";
      throw new FormatError(argumentMessage(this.archive.where, 'a storage', wanted, [kind, name, key, length]));
    }
    const identity = `${dtype} ${length} ${key}`;
    const known = this.#known.get(identity) ?? new TorchStorage(this.archive, key, dtype, length);
    this.#known.set(identity, known);
    return known;
  }
}
