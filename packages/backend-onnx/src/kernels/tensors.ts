import * as tf from '@tensorflow/tfjs';
import type { OnnxBackend } from '../backend';
import { sizeOf } from '../graph/value';
import { runOnHost } from './host';
import type { TensorKernelTable } from './registry';

/** Kernels that rename data or take it apart, and need no node for that. */
export const tensorKernels: TensorKernelTable = {
  Identity: ({ x }, _, backend) => alias(x!, x!.shape, backend),

  Reshape({ x }, { shape }: tf.ReshapeAttrs, backend) {
    const size = sizeOf(x!.shape);
    const wanted = tf.util.inferFromImplicitShape(shape, size);
    if (sizeOf(wanted) !== size) {
      throw new Error(
        `The new shape (${wanted.join()}) has ${sizeOf(wanted)} elements and the old shape (${x!.shape.join()}) has ` +
          `${size} elements. The new shape and old shape must have the same number of elements.`,
      );
    }
    return alias(x!, wanted, backend);
  },

  ExpandDims({ input }, { dim }: tf.ExpandDimsAttrs, backend) {
    const { shape } = input!;
    tf.util.assert(
      -(shape.length + 1) <= dim,
      () => `Axis must be in the interval [${-(shape.length + 1)}, ${shape.length}]`,
    );
    const axis = dim < 0 ? dim + shape.length + 1 : dim;
    return alias(input!, [...shape.slice(0, axis), 1, ...shape.slice(axis)], backend);
  },

  Complex: ({ real, imag }, _, backend) =>
    backend.complexTensor(backend.tensor(backend.operand(real!)), backend.tensor(backend.operand(imag!))),

  Real: ({ input }, _, backend) => partOf(input!, 'real', backend),
  Imag: ({ input }, _, backend) => partOf(input!, 'imag', backend),

  Cast({ x }, { dtype }: tf.CastAttrs, backend) {
    if (x!.dtype === dtype) return alias(x!, x!.shape, backend);
    if (x!.dtype === 'complex64') {
      const real = partOf(x!, 'real', backend);
      const result = backend.castTensor(real, dtype);
      backend.disposeData(real.dataId);
      return result;
    }
    if (dtype === 'complex64') {
      const real = backend.castTensor(x!, 'float32');
      return backend.complexTensor(real, backend.zeros(x!.shape));
    }
    if (x!.dtype === 'string' || dtype === 'string') return runOnHost('Cast', { x: x! }, { dtype }, backend);
    return backend.castTensor(x!, dtype);
  },
};

/** The same data in another shape. */
function alias(x: tf.TensorInfo, shape: readonly number[], backend: OnnxBackend): tf.TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: [...shape], dtype: x.dtype };
}

function partOf(x: tf.TensorInfo, part: 'real' | 'imag', backend: OnnxBackend): tf.TensorInfo {
  const { complex } = backend.entryOf(x.dataId);
  // Under an id of its own: TensorFlow.js counts ids, and does not know those of the parts.
  if (complex) return backend.tensor(backend.operand({ ...complex[part], shape: x.shape }));
  return part === 'real' ? alias(x, x.shape, backend) : backend.zeros(x.shape);
}
