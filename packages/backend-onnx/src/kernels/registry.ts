import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { runOnHost } from './host';

/** The operands of a kernel by TensorFlow.js's names; lists are `inputs[0]`, `inputs[1]`, ... */
export type Operands = Record<string, Value>;

/**
 * How a kernel is written in operators of ONNX. No operand is empty, a string or complex. Gives the result, or
 * `null` for operands that the host's implementation has to take.
 */
export type Lowering = (operands: Operands, attributes: never, graph: Builder) => Value | Value[] | null;
export type LoweringTable = Readonly<Record<string, Lowering>>;

/** Real and imaginary part. */
export interface ComplexValue {
  re: Value;
  im: Value;
}

/** The same for operands of which one at least is complex (a real one has im = null). */
export type ComplexOperands = Record<string, { re: Value; im: Value | null }>;
export type ComplexLowering = (
  operands: ComplexOperands,
  attributes: never,
  graph: Builder,
) => Value | ComplexValue | (Value | ComplexValue)[] | null;
export type ComplexLoweringTable = Readonly<Record<string, ComplexLowering>>;

/** A kernel that handles tensors rather than graphs: renaming, taking apart, moving. */
export type TensorKernel = (
  inputs: tf.NamedTensorInfoMap,
  attributes: never,
  backend: OnnxBackend,
) => tf.TensorInfo | tf.TensorInfo[];
export type TensorKernelTable = Readonly<Record<string, TensorKernel>>;

export const BACKEND_NAME = 'onnx';

/** Registers every kernel that the cpu backend has: by its lowering, or as handed to the host. */
export function registerKernels(
  lowerings: LoweringTable,
  complexLowerings: ComplexLoweringTable,
  tensorKernels: TensorKernelTable,
): void {
  const names = new Set([
    ...tf.getKernelsForBackend('cpu').map(({ kernelName }) => kernelName),
    ...Object.keys(lowerings),
    ...Object.keys(tensorKernels),
  ]);
  for (const kernelName of names) {
    const tensorKernel = tensorKernels[kernelName];
    const lowering = lowerings[kernelName];
    const complexLowering = complexLowerings[kernelName];
    tf.registerKernel({
      kernelName,
      backendName: BACKEND_NAME,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const onnx = backend as OnnxBackend;
        if (tensorKernel) return tensorKernel(inputs, attrs as never, onnx);
        return (
          lowered(kernelName, inputs, attrs, onnx, lowering, complexLowering) ??
          runOnHost(kernelName, inputs, attrs, onnx)
        );
      },
    });
  }
}

function lowered(
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attributes: unknown,
  backend: OnnxBackend,
  lowering: Lowering | undefined,
  complexLowering: ComplexLowering | undefined,
): tf.TensorInfo | tf.TensorInfo[] | null {
  let complex = false;
  for (const name in inputs) {
    const info = inputs[name];
    if (info === undefined || info === null) continue;
    // The ragged kernels have operands that are lists.
    if (Array.isArray(info) || info.dtype === 'string' || info.shape.includes(0)) return null;
    if (info.dtype === 'complex64') complex = true;
  }
  if (complex) return complexLowering ? loweredComplex(inputs, attributes, backend, complexLowering) : null;
  if (!lowering) return null;
  const operands: Operands = {};
  for (const name in inputs) if (inputs[name]) operands[name] = backend.operand(inputs[name]);
  const result = lowering(operands, attributes as never, backend.graph);
  if (result === null) return null;
  return Array.isArray(result) ? result.map((value) => resultInfo(value, backend)) : resultInfo(result, backend);
}

function loweredComplex(
  inputs: tf.NamedTensorInfoMap,
  attributes: unknown,
  backend: OnnxBackend,
  lowering: ComplexLowering,
): tf.TensorInfo | tf.TensorInfo[] | null {
  const operands: ComplexOperands = {};
  for (const name in inputs) {
    const info = inputs[name];
    if (!info) continue;
    operands[name] =
      info.dtype === 'complex64' ? complexValueOf(info, backend) : { re: backend.operand(info), im: null };
  }
  const result = lowering(operands, attributes as never, backend.graph);
  if (result === null) return null;
  return Array.isArray(result) ? result.map((value) => resultInfo(value, backend)) : resultInfo(result, backend);
}

function complexValueOf(info: tf.TensorInfo, backend: OnnxBackend): ComplexValue {
  const { real, imag } = backend.entryOf(info.dataId).complex!;
  const part = (of: tf.TensorInfo): Value => backend.operand({ ...of, shape: info.shape });
  return { re: part(real), im: part(imag) };
}

function resultInfo(result: Value | ComplexValue, backend: OnnxBackend): tf.TensorInfo {
  if ('re' in result) return backend.complexTensor(resultInfo(result.re, backend), resultInfo(result.im, backend));
  if (result.size > 0) return backend.tensor(result);
  return backend.tensor(backend.emptyLeaf(result.type, result.shape));
}
