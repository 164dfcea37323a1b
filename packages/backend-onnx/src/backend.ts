import * as tf from '@tensorflow/tfjs';
import { Entry } from './entry';
import { Builder } from './graph/builder';
import {
  bytesOf,
  elementsOver,
  sameShape,
  sizeOf,
  Storage,
  Value,
  type Elements,
  type ElementType,
  type Shape,
} from './graph/value';
import { BufferPool } from './runtime/buffer-pool';
import { ExecutableCache } from './runtime/executables';
import { Recording } from './recording';
import { cast } from './graph/types';
import type { Settings } from './options';
import type { Trace } from './jit/trace';

/** Constants up to this size become part of a compiled function, where they can be folded. */
const LARGEST_FOLDED = 1024;

type DType = 'float32' | 'int32' | 'bool';

/**
 * The TensorFlow.js backend on ONNX Runtime.
 *
 * A kernel call is recorded as nodes of a graph; when a value is read, or the graph has grown to a limit,
 * all that is recorded and still referred to is run at once.
 */
export class OnnxBackend extends tf.KernelBackend {
  readonly graph = new Builder();
  readonly pool: BufferPool;
  readonly executables: ExecutableCache;
  readonly recording: Recording;
  /** The function being compiled, if any. */
  trace: Trace | null = null;
  private dataIds = 0;
  /** Data ids that other backends have made. */
  private readonly foreign = new WeakMap<object, Entry>();

  /** @param settings  read whenever they are needed, so changes hold from then on */
  constructor(readonly settings: Settings) {
    super();
    this.pool = new BufferPool(settings);
    this.executables = new ExecutableCache(settings);
    this.recording = new Recording(this.graph, this.pool, this.executables, settings);
  }

  // Tensors and values

  /** The value of a tensor in its shape. */
  operand(info: tf.TensorInfo): Value {
    const { value } = this.entryOf(info.dataId);
    if (value === null) throw new Error(`backend-onnx: a ${info.dtype} tensor has no value in a graph.`);
    return sameShape(value.shape, info.shape) ? value : this.graph.reshape(value, info.shape);
  }

  /** A new tensor of the value. */
  tensor(value: Value, dtype: tf.DataType = value.type as DType): tf.TensorInfo {
    const entry = new Entry(dtype);
    this.dataIds++;
    this.adopt(entry, value);
    return { dataId: entry, shape: [...value.shape], dtype };
  }

  /** Gives an entry its value, and keeps count of who needs what. */
  adopt(entry: Entry, value: Value): void {
    // A constant is part of a graph's structure; as a tensor of its own it is an input like all others.
    entry.value = value.constant && !this.trace ? this.leafOf(value.constant, value.type, value.shape) : value;
    if (entry.value.storage) entry.value.storage.owners++;
    else if (this.trace) this.trace.entries.add(entry);
    else if (value.node) {
      this.recording.add(entry);
      this.recording.flushAtLimit();
    }
  }

  /** A new complex tensor that takes over its parts. */
  complexTensor(real: tf.TensorInfo, imag: tf.TensorInfo): tf.TensorInfo {
    const entry = new Entry('complex64');
    entry.complex = { real, imag };
    this.dataIds++;
    return { dataId: entry, shape: real.shape, dtype: 'complex64' };
  }

  /** A tensor with the elements as another type. */
  castTensor(x: tf.TensorInfo, dtype: tf.DataType): tf.TensorInfo {
    if (x.shape.includes(0)) return this.tensor(this.emptyLeaf(dtype as DType, x.shape));
    return this.tensor(cast(this.graph, this.operand(x), dtype as DType));
  }

  /** A float32 tensor of zeros. */
  zeros(shape: number[]): tf.TensorInfo {
    return this.tensor(this.leafOf(new Float32Array(sizeOf(shape)), 'float32', shape));
  }

  /** A leaf without elements: a length of its shape is 0. */
  emptyLeaf(type: ElementType, shape: Shape): Value {
    return this.leafOf(elementsOver(type, new ArrayBuffer(0), 0), type, shape);
  }

  /** Gives a variable another value: in place where nothing else shares its data. */
  replace(variable: tf.Variable, value: Value): void {
    const entry = this.entryOf(variable.dataId);
    if (entry.refCount === 1) {
      value.storage!.owners++;
      this.forget(entry);
      entry.value = value;
      return;
    }
    const tensor = tf.engine().makeTensorFromTensorInfo(this.tensor(value, variable.dtype));
    variable.assign(tensor);
    tensor.dispose();
  }

  /** A leaf over memory that is the backend's own from here on. */
  leafOf(elements: Elements, type: ElementType, shape: Shape): Value {
    return Value.leaf(new Storage(elements, type), shape);
  }

  /** Elements of a tensor, which must not be changed. */
  elementsOf(info: tf.TensorInfo): Elements {
    return this.materialize(this.entryOf(info.dataId));
  }

  entryOf(dataId: object): Entry {
    const entry = this.lookUp(dataId);
    if (entry?.isHere) return entry;
    const owner = tf.engine().state.tensorInfo.get(dataId)?.backend;
    if (owner === undefined || owner === this) {
      throw new Error('backend-onnx: a tensor must not be disposed before it is used, got one that is.');
    }
    // It lies in another backend: TensorFlow.js moves it here.
    tf.engine().moveData(this, dataId);
    return this.lookUp(dataId)!;
  }

  private lookUp(dataId: object): Entry | undefined {
    return dataId instanceof Entry ? dataId : this.foreign.get(dataId);
  }

  private materialize(entry: Entry): Elements {
    const value = entry.value!;
    if (value.known) return value.known;
    if (this.trace) this.trace.refuse('the values of a tensor are read');
    if (value.node === null) {
      throw new Error(
        'backend-onnx: a tensor that was made inside a compiled function must be returned by it to be read.',
      );
    }
    this.recording.flush(entry);
    return entry.value!.known!;
  }

  // The interface of TensorFlow.js

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const entry = new Entry(dtype);
    this.dataIds++;
    this.fill(entry, values, shape);
    return entry;
  }

  override move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    let entry = this.lookUp(dataId);
    if (entry === undefined) {
      entry = new Entry(dtype);
      this.foreign.set(dataId, entry);
    }
    this.dataIds++;
    entry.refCount = refCount;
    this.fill(entry, values, shape);
  }

  /** Values are copied: their owner may change them before the recording runs. */
  private fill(entry: Entry, values: tf.backend_util.BackendValues, shape: readonly number[]): void {
    const { dtype } = entry;
    if (dtype === 'string') {
      entry.strings = (values as Uint8Array[] | undefined) ?? [];
    } else if (dtype === 'complex64') {
      const merged = values as Float32Array;
      const { real, imag } = tf.backend_util.splitRealAndImagArrays(merged);
      const part = (elements: Float32Array): tf.TensorInfo => this.tensor(this.leafOf(elements, 'float32', shape));
      entry.complex = { real: part(real), imag: part(imag) };
    } else {
      this.adopt(entry, this.leafFrom(values as Elements | undefined, dtype, shape));
    }
  }

  private leafFrom(values: Elements | undefined, type: DType, shape: readonly number[]): Value {
    const size = sizeOf(shape);
    // Ones and zeros, above all, as gradients start with: one number in a compiled function.
    if (this.trace && values && size > LARGEST_FOLDED && isUniform(values)) {
      return this.graph.fill(type, shape, values[0] as number);
    }
    const constant = this.trace !== null && size <= LARGEST_FOLDED;
    const bytes = bytesOf(type, shape);
    const elements = elementsOver(type, constant ? new ArrayBuffer(bytes) : this.pool.take(bytes), size);
    if (values === undefined) elements.fill(0 as never);
    else elements.set(values as never);
    if (constant) {
      const value = Value.constant(type, shape, elements);
      this.trace!.constants.push(value);
      return value;
    }
    return Value.leaf(new Storage(elements, type, true), shape);
  }

  /**
   * A tensor that the host fills: while a function is being compiled `fill` is not called but kept, for each run.
   * `fill` gets a zeroed array.
   */
  hostInput(shape: number[], dtype: DType, fill: (out: never) => void): tf.Tensor {
    const write = fill as (out: Elements) => void;
    const storage = this.trace ? new Storage(null, dtype) : this.filled(dtype, shape, write);
    this.trace?.draws.push({ storage, shape, fill: write });
    return tf.engine().makeTensorFromTensorInfo(this.tensor(Value.leaf(storage, shape), dtype));
  }

  /** Memory that `fill` has written to, zeroed before. */
  filled(type: ElementType, shape: Shape, fill: (out: Elements) => void): Storage {
    const elements = elementsOver(type, this.pool.take(bytesOf(type, shape)), sizeOf(shape));
    elements.fill(0 as never);
    fill(elements);
    return new Storage(elements, type, true);
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const entry = this.entryOf(dataId);
    if (entry.strings) return entry.strings;
    if (entry.complex) {
      const { real, imag } = entry.complex;
      return tf.backend_util.mergeRealAndImagArrays(
        this.elementsOf(real) as Float32Array,
        this.elementsOf(imag) as Float32Array,
      );
    }
    // A copy: the memory itself may serve another tensor later.
    return this.materialize(entry).slice() as Float32Array;
  }

  override read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    return new Promise((resolve) => resolve(this.readSync(dataId)));
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const entry = this.lookUp(dataId);
    if (!entry?.isHere) return true;
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (entry.complex) {
      this.disposeData(entry.complex.real.dataId);
      this.disposeData(entry.complex.imag.dataId);
    }
    this.forget(entry);
    entry.clear();
    this.dataIds--;
    return true;
  }

  /** An entry no longer wants its value. */
  private forget(entry: Entry): void {
    const storage = entry.value?.storage;
    if (storage) {
      this.recording.drop(storage);
    } else {
      this.recording.remove(entry);
      this.trace?.entries.delete(entry);
    }
  }

  override refCount(dataId: tf.DataId): number {
    const entry = this.lookUp(dataId);
    return entry?.isHere ? entry.refCount : 0;
  }

  override incRef(dataId: tf.DataId): void {
    this.entryOf(dataId).refCount++;
  }

  /** The counterpart of incRef. */
  decRef(dataId: tf.DataId): void {
    const entry = this.lookUp(dataId);
    if (entry) entry.refCount--;
  }

  override numDataIds(): number {
    return this.dataIds;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override time(f: () => void): Promise<{ kernelMs: number }> {
    this.recording.flush();
    const start = performance.now();
    f();
    this.recording.flush();
    return Promise.resolve({ kernelMs: performance.now() - start });
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  /** See `afterRun` of tensor-core. */
  afterRun(effect: () => void): boolean {
    this.trace?.effects.push(effect);
    return this.trace !== null;
  }

  override dispose(): void {
    this.executables.clear();
    this.pool.clear();
  }
}

function isUniform(values: Elements): boolean {
  const first = values[0]!;
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return false;
  return true;
}
