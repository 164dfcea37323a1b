import type * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import { sizeOf } from '../graph/value';
import { runOnHost } from './host';
import type { TensorKernelTable } from './registry';

type NumericType = 'float32' | 'int32' | 'bool';

/** Kernels that make tensors from numbers, or from another tensor's shape. */
export const creation: TensorKernelTable = {
  Fill(_, attributes: tf.FillAttrs, backend) {
    const { shape, value, dtype = typeof value === 'string' ? 'string' : 'float32' } = attributes;
    if (dtype === 'string') return runOnHost('Fill', {}, { ...attributes, dtype }, backend);
    return filled(shape, dtype as NumericType, Number(value), backend);
  },

  OnesLike: ({ x }, _, backend) => like('OnesLike', x!, 1, backend),
  ZerosLike: ({ x }, _, backend) => like('ZerosLike', x!, 0, backend),

  Range(_, attributes: tf.RangeAttrs, backend) {
    const { start, stop, step, dtype } = attributes;
    // Of integers, each is the one before plus the step, cut off; the same as here if both are whole.
    if (dtype !== 'float32' && !(Number.isInteger(start) && Number.isInteger(step))) {
      return runOnHost('Range', {}, { ...attributes }, backend);
    }
    const isEmpty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
    const length = isEmpty ? 0 : Math.abs(Math.ceil((stop - start) / step));
    // A step of 1, which is the default, also counts downwards.
    return sequence(length, start, stop < start && step === 1 ? -1 : step, dtype, backend);
  },

  LinSpace: (_, { start, stop, num }: tf.LinSpaceAttrs, backend) =>
    sequence(num, start, num > 1 ? (stop - start) / (num - 1) : 0, 'float32', backend),
};

function like(kernelName: string, x: tf.TensorInfo, value: number, backend: OnnxBackend): tf.TensorInfo {
  if (x.dtype === 'string') return runOnHost(kernelName, { x }, {}, backend) as tf.TensorInfo;
  const part = (element: number, dtype: NumericType): tf.TensorInfo => filled(x.shape, dtype, element, backend);
  if (x.dtype === 'complex64') return backend.complexTensor(part(value, 'float32'), part(0, 'float32'));
  return part(value, x.dtype);
}

function filled(shape: number[], dtype: NumericType, value: number, backend: OnnxBackend): tf.TensorInfo {
  const { graph } = backend;
  if (sizeOf(shape) === 0) return backend.tensor(backend.emptyLeaf(dtype, shape));
  if (value === 0 || value === 1) return backend.tensor(graph.fill(dtype, shape, value));
  // An input of the graph, so that another value needs no compilation.
  const ones = shape.map(() => 1);
  const one = { dataId: backend.write(new ARRAYS[dtype]([value]), ones, dtype), shape: ones, dtype };
  const result = backend.tensor(graph.expand(backend.operand(one), shape));
  backend.disposeData(one.dataId);
  return result;
}

/** start + i step, each rounded once; TensorFlow.js adds up, and its rounding errors with it. */
function sequence(
  length: number,
  start: number,
  step: number,
  dtype: NumericType,
  backend: OnnxBackend,
): tf.TensorInfo {
  const values = new ARRAYS[dtype](length).map((_: number, i: number) => start + i * step);
  return { dataId: backend.write(values, [length], dtype), shape: [length], dtype };
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;
