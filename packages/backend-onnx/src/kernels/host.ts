import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import { sizeOf, type Elements, type ElementType } from '../graph/value';

/** What this file uses of TensorFlow.js's cpu backend. */
interface CpuBackend extends tf.KernelBackend {
  makeTensorInfo(shape: number[], dtype: tf.DataType, values?: unknown): tf.TensorInfo;
  data: { get(dataId: object): { values: ArrayLike<number> | Uint8Array[]; complexTensorInfos?: Parts } };
  disposeIntermediateTensorInfo(info: tf.TensorInfo): void;
}
interface Parts {
  real: tf.TensorInfo;
  imag: tf.TensorInfo;
}

/** The ragged kernels have operands that are lists. */
type OneOrMany = tf.TensorInfo | tf.TensorInfo[];

/** An instance of its own, so that its tensors are not counted with those of the user's cpu backend. */
let cpu: CpuBackend | undefined;

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Runs a kernel by the implementation of TensorFlow.js's cpu backend, on the elements of its operands. */
export function runOnHost(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attributes: tf.NamedAttrMap | undefined,
  backend: OnnxBackend,
): tf.TensorInfo | tf.TensorInfo[] {
  const kernel = tf.getKernel(kernelName, 'cpu');
  const host = (cpu ??= hostBackend());
  const taken: tf.TensorInfo[] = [];
  const operands: tf.NamedTensorInfoMap = Array.isArray(inputs) ? ([] as never) : {};
  try {
    refuseUnknown(kernelName, inputs, backend);
    const toOperand = (input: OneOrMany): OneOrMany => {
      if (Array.isArray(input)) return input.map((one) => toOperand(one) as tf.TensorInfo);
      const operand = toHost(input, backend, host);
      taken.push(operand);
      // Some kernels ask their operands for what only tensors have.
      return Object.assign(operand, { rank: input.shape.length });
    };
    for (const name in inputs) if (inputs[name]) operands[name] = toOperand(inputs[name]) as tf.TensorInfo;
    const result = kernel.kernelFunc({ inputs: operands, attrs: attributes!, backend: host });
    const back = (info: tf.TensorInfo): tf.TensorInfo => {
      const own = fromHost(info, backend, host);
      if (!taken.includes(info)) taken.push(info);
      return own;
    };
    return Array.isArray(result) ? result.map(back) : back(result);
  } finally {
    for (const info of taken) while (!host.disposeData(info.dataId));
  }
}

/** While a function is recorded a kernel can run on the host if its operands do not depend on the call. */
function refuseUnknown(kernelName: string, inputs: tf.NamedTensorInfoMap, backend: OnnxBackend): void {
  if (!backend.trace) return;
  for (const info of Object.values(inputs).flat()) {
    if (!info) continue;
    const { complex, value } = backend.entryOf(info.dataId);
    const values = complex ? [backend.operand(complex.real), backend.operand(complex.imag)] : [value];
    if (values.every((one) => one === null || one.known)) continue;
    backend.trace.refuse(`its operation ${kernelName} runs on the host, where it needs the values`);
  }
}

function hostBackend(): CpuBackend {
  // Else its first use advises to install another backend.
  return Object.assign(tf.findBackendFactory('cpu')() as CpuBackend, { firstUse: false });
}

function toHost(info: tf.TensorInfo, backend: OnnxBackend, host: CpuBackend): tf.TensorInfo {
  const entry = backend.entryOf(info.dataId);
  if (entry.strings) return host.makeTensorInfo(info.shape, 'string', entry.strings);
  if (!entry.complex) return host.makeTensorInfo(info.shape, info.dtype, backend.elementsOf(info));
  const { real, imag } = entry.complex;
  const complex = host.makeTensorInfo(info.shape, 'complex64');
  const part = (of: tf.TensorInfo): tf.TensorInfo => toHost({ ...of, shape: info.shape }, backend, host);
  host.data.get(complex.dataId).complexTensorInfos = { real: part(real), imag: part(imag) };
  return complex;
}

function fromHost(info: tf.TensorInfo, backend: OnnxBackend, host: CpuBackend): tf.TensorInfo {
  const { shape, dtype } = info;
  const { values, complexTensorInfos: parts } = host.data.get(info.dataId);
  if (parts) {
    const part = (of: tf.TensorInfo): tf.TensorInfo => fromHost({ ...of, shape }, backend, host);
    return backend.complexTensor(part(parts.real), part(parts.imag));
  }
  if (dtype === 'string') return { dataId: backend.write(values as never, shape, dtype), shape, dtype };
  const type = dtype as ElementType & keyof typeof ARRAYS;
  // A copy, as the values may be those of an operand; a kernel may leave them out for an empty result.
  const elements: Elements = values ? ARRAYS[type].from(values as ArrayLike<number>) : new ARRAYS[type](sizeOf(shape));
  return backend.tensor(backend.leafOf(elements, type, shape), dtype);
}
