import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import type { Entry } from '../entry';
import { Storage, Value, type ElementType } from '../graph/value';
import { flatten, mapTensors } from './containers';
import { Trace } from './trace';
import { watching, type Watched } from './watch';

/** Where an input of a recorded function comes from at each call: the argument by its place, or the variable. */
export type Source = { argument: number; part: 'real' | 'imag' | 'whole' } | { variable: tf.Variable };

/** What becomes of a value that the function has computed. */
export type Sink =
  | { result: number; part: 'real' | 'imag' | 'whole' }
  | { variable: tf.Variable }
  /** A tensor that the function has made and not returned: a new variable, or one that it keeps. */
  | { kept: Entry };

/** One call of a function, recorded. */
export interface Recorded {
  /** Storages that stand for arguments and variables. */
  sources: Map<Storage, Source>;
  sinks: { value: Value; sink: Sink }[];
  /** The function's result, where the tensors with these numbers stand for computed ones. */
  result: unknown;
  resultNumbers: Map<tf.Tensor, number>;
  /** The tensors with which the function was called, in order; the result may hold them. */
  parameters: tf.Tensor[];
  trace: Trace;
  watched: Watched;
}

/**
 * Calls `fn` with tensors that have no values, and gives what it did with them.
 *
 * @param forFile  whether the graph is for a model file: inputs keep the shape in which they come, and operators are
 *   ONNX's own as far as there is a choice
 */
export function record(
  backend: OnnxBackend,
  fn: (...args: never[]) => unknown,
  args: unknown[],
  forFile = false,
): Recorded {
  // So that every tensor from outside has its elements.
  backend.recording.flush();
  const trace = new Trace();
  const sources = new Map<Storage, Source>();
  const nodesBefore = backend.graph.nodes;
  const { tensors } = flatten(args);
  if (tensors.some(({ dtype }) => dtype === 'string')) {
    throw new Error('backend-onnx.jit: arguments must be numeric, got a tensor of strings.');
  }
  const parameters = tensors.map((tensor, argument) =>
    parameterLike(backend, tensor, (storage, part) => sources.set(storage, { argument, part })),
  );
  const firstOwn = (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId();
  const existing = new Set(Object.values(tf.engine().registeredVariables));
  const variables: StandIn[] = [];
  try {
    for (const variable of existing) variables.push(standIn(backend, variable, sources));
    backend.trace = trace;
    let next = 0;
    const standIns = mapTensors(args, () => parameters[next++]!) as never[];
    for (const storage of sources.keys()) storage.oneShape = forFile;
    backend.graph.portable = forFile;
    const { result, watched } = watching(() => tf.tidy(() => synchronous(fn(...standIns)) as tf.TensorContainer));
    const recorded: Recorded = { sources, sinks: [], result, resultNumbers: new Map(), parameters, trace, watched };
    const own = flatten(result).tensors.filter(({ id }) => id >= firstOwn);
    addResults(backend, own, recorded);
    for (const { variable, marker } of variables) {
      if (variable.isDisposed || variable.dataId === marker.dataId) continue;
      recorded.sinks.push({ value: backend.entryOf(variable.dataId).value!, sink: { variable } });
    }
    own.forEach((tensor) => tensor.dispose());
    variables.splice(0).forEach(({ restore }) => restore());
    const created = variablesSince(existing);
    const kept = new Set([...trace.entries, ...created.map(({ dataId }) => backend.entryOf(dataId))]);
    for (const entry of kept) if (entry.value) recorded.sinks.push({ value: entry.value, sink: { kept: entry } });
    return recorded;
  } catch (error) {
    // What an optimizer has made meanwhile has no value.
    for (const variable of variablesSince(existing)) variable.dispose();
    throw error;
  } finally {
    variables.forEach(({ restore }) => restore());
    parameters.forEach((tensor) => tensor.dispose());
    backend.trace = null;
    backend.graph.nodes = nodesBefore;
    backend.graph.portable = false;
  }
}

function variablesSince(existing: ReadonlySet<tf.Variable>): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables).filter((variable) => !existing.has(variable));
}

function synchronous(result: unknown): unknown {
  if (result instanceof Promise) {
    throw new Error('backend-onnx.jit: a compiled function must be synchronous, got one that returns a promise.');
  }
  return result;
}

/** A tensor like `tensor` whose elements come with each call. */
function parameterLike(
  backend: OnnxBackend,
  { shape, dtype }: tf.Tensor,
  register: (storage: Storage, part: 'real' | 'imag' | 'whole') => void,
): tf.Tensor {
  const slot = (type: ElementType, part: 'real' | 'imag' | 'whole'): tf.TensorInfo => {
    const storage = new Storage(null, type);
    register(storage, part);
    return backend.tensor(Value.leaf(storage, shape));
  };
  const info =
    dtype === 'complex64'
      ? backend.complexTensor(slot('float32', 'real'), slot('float32', 'imag'))
      : slot(dtype as ElementType, 'whole');
  return tf.engine().makeTensorFromTensorInfo(info);
}

interface StandIn {
  variable: tf.Variable;
  /** What the variable holds until it is assigned. */
  marker: tf.Tensor;
  restore: () => void;
}

/** Lets a variable hold a tensor without elements, until `restore`. */
function standIn(backend: OnnxBackend, variable: tf.Variable, sources: Map<Storage, Source>): StandIn {
  if (variable.dtype === 'string' || variable.dtype === 'complex64') {
    return { variable, marker: variable, restore: () => undefined };
  }
  backend.incRef(variable.dataId);
  const { dataId, shape, dtype } = variable;
  const original = tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype });
  const marker = parameterLike(backend, variable, (storage) => sources.set(storage, { variable }));
  variable.assign(marker);
  const restore = (): void => {
    if (!variable.isDisposed) variable.assign(original);
    original.dispose();
    marker.dispose();
  };
  return { variable, marker, restore };
}

/** Sinks for the tensors of the function's result that it has made. */
function addResults(backend: OnnxBackend, own: readonly tf.Tensor[], { resultNumbers, sinks }: Recorded): void {
  for (const tensor of own) {
    if (resultNumbers.has(tensor)) continue;
    const result = resultNumbers.size;
    resultNumbers.set(tensor, result);
    const { complex } = backend.entryOf(tensor.dataId);
    if (complex) {
      const part = (of: tf.TensorInfo): Value => backend.operand({ ...of, shape: tensor.shape });
      sinks.push({ value: part(complex.real), sink: { result, part: 'real' } });
      sinks.push({ value: part(complex.imag), sink: { result, part: 'imag' } });
    } else if (tensor.dtype === 'string') {
      throw new Error('backend-onnx.jit: results must be numeric, got a tensor of strings.');
    } else {
      sinks.push({ value: backend.operand(tensor), sink: { result, part: 'whole' } });
    }
  }
}
