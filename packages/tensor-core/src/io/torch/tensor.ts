import { argumentMessage, FormatError } from '../../check';
import type { ArrayDtype, ArrayEntry } from '../array-entry';
import { PyDict, PyGlobal, PyLeaf, PyTuple } from './pickle-values';
import { torchDtypes, TorchStorage } from './storage';
import type { StridedView } from './strided-view';

/** PyTorch's own limit. */
const maxDimensions = 64;

/** A view of a storage, checked, and decoded when it is wanted. */
class TorchTensor extends PyLeaf {
  constructor(
    private readonly storage: TorchStorage,
    private readonly dtype: ArrayDtype,
    private readonly view: StridedView,
  ) {
    super();
  }

  override plain(): ArrayEntry {
    return this.storage.view(this.dtype, this.view);
  }
}

/** The functions of PyTorch that a pickle calls to make tensors. */
export function tensorGlobals(where: string): PyGlobal[] {
  function refusal(name: string, requirement: string, value: unknown, fix = 'The file is corrupt.'): FormatError {
    return new FormatError(argumentMessage(where, name, requirement, value, fix));
  }

  function counts(name: string, source: unknown): number[] {
    const items = source instanceof PyTuple ? source.items : [-1];
    return items.map((item) => {
      if (typeof item === 'number' && Number.isSafeInteger(item) && item >= 0) return item;
      throw refusal(name, 'be integers from 0 to 2^53 - 1', source instanceof PyTuple ? items : source);
    });
  }

  function tensor(storage: unknown, offset: unknown, size: unknown, stride: unknown, dtype?: ArrayDtype): TorchTensor {
    if (!(storage instanceof TorchStorage)) throw refusal('a tensor', 'be a view of a storage', storage);
    const shape = counts('the shape of a tensor', size);
    const strides = counts('the strides of a tensor', stride);
    const begin = counts('the offset of a tensor', new PyTuple([offset]))[0]!;
    if (shape.length !== strides.length || shape.length > maxDimensions) {
      throw refusal('a tensor', `have at most ${maxDimensions} dimensions, each with a stride`, [shape, strides]);
    }
    const type = dtype ?? storage.dtype;
    const empty = shape.includes(0);
    const last = shape.reduce((at, length, axis) => at + (length - 1) * strides[axis]!, begin);
    const limit = storage.lengthAs(type);
    if (!empty && !(last < limit))
      throw refusal('a tensor', `lie inside of its storage of ${limit} elements`, last + 1);
    return new TorchTensor(storage, type, { offset: begin, shape, strides });
  }

  /** What the tensor's imaginary or negative parts were promised to be: not stored, so a reader must not overlook it. */
  function checkMetadata(metadata: unknown): void {
    const entries = metadata instanceof PyDict ? metadata.entries : [];
    const pending = entries.find(([, value]) => value !== false && value !== null);
    if (pending === undefined) return;
    const fix = 'Save x.resolve_conj().resolve_neg() instead.';
    throw refusal('a tensor', 'have no pending operation', String(pending[0]), fix);
  }

  function rebuild(args: readonly unknown[]): TorchTensor {
    const [storage, offset, size, stride, , , metadata] = args;
    checkMetadata(metadata);
    return tensor(storage, offset, size, stride);
  }

  function rebuildOfDtype(args: readonly unknown[]): TorchTensor {
    const [storage, offset, size, stride, , , type, metadata] = args;
    checkMetadata(metadata);
    const dtype = type instanceof PyGlobal ? torchDtypes.get(type.name) : undefined;
    if (dtype === undefined) throw refusal('a tensor', 'have a known dtype', type, '');
    return tensor(storage, offset, size, stride, dtype);
  }

  function parameter([data]: readonly unknown[]): PyLeaf {
    if (!(data instanceof TorchTensor)) throw refusal('a parameter', 'be made of a tensor', data);
    return data;
  }

  /** A tensor with attributes of its own, which are left out. */
  function rebuildFromType([rebuildIt, type, args]: readonly unknown[]): unknown {
    const known = rebuildIt instanceof PyGlobal && type instanceof PyGlobal && tensorClasses.includes(type.name);
    if (!known || !rebuildIt.name.startsWith('torch._utils._rebuild_') || !(args instanceof PyTuple)) {
      throw refusal('a tensor', 'be rebuilt by a known function', rebuildIt);
    }
    return rebuildIt.call!(args.items);
  }

  return [
    new PyGlobal('torch._utils._rebuild_tensor', rebuild),
    new PyGlobal('torch._utils._rebuild_tensor_v2', rebuild),
    new PyGlobal('torch._utils._rebuild_tensor_v3', rebuildOfDtype),
    new PyGlobal('torch._utils._rebuild_parameter', parameter),
    new PyGlobal('torch._utils._rebuild_parameter_with_state', parameter),
    new PyGlobal('torch._tensor._rebuild_from_type_v2', rebuildFromType),
    ...tensorClasses.map((name) => new PyGlobal(name)),
  ];
}

const tensorClasses = ['torch.Tensor', 'torch.nn.parameter.Parameter', 'torch.nn.parameter.Buffer'];
