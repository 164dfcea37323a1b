import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../../check';
import { bringToHeap, wasmKernel } from './wasm-backend';

/**
 * out[s] = sum of x[i] over the i with segmentIds[i] = s; ids below 0 or past the end are dropped.
 *
 * segmentIds' shape is a prefix of x's; the result is [numSegments, ...rest of x's shape] with x's
 * dtype (tfjs cpu returns float32 for int32 too, and sums only the first axis when ids have rank 2).
 */
export const unsortedSegmentSum = wasmKernel<{ x: tf.TensorInfo; segmentIds: tf.TensorInfo }, { numSegments: number }>(
  'UnsortedSegmentSum',
  ({ inputs: { x, segmentIds }, attrs, backend }) => {
    const where = 'tensor-core.unsortedSegmentSum';
    const numSegments = checkNumber(where, 'numSegments', attrs.numSegments, { min: 0, integer: true });
    const rank = segmentIds.shape.length;
    if (!tf.util.arraysEqual(segmentIds.shape, x.shape.slice(0, rank))) {
      throw new ShapeError(
        argumentMessage(where, 'segmentIds', `have a prefix of x's shape [${x.shape.join(', ')}]`, segmentIds),
      );
    }
    bringToHeap(backend, x, segmentIds);
    const dtype = x.dtype === 'bool' ? 'int32' : x.dtype;
    const out = backend.makeOutput([numSegments, ...x.shape.slice(rank)], dtype);
    const values = backend.typedArrayFromHeap(x);
    const ids = backend.typedArrayFromHeap(segmentIds);
    const sums = backend.typedArrayFromHeap(out).fill(0);
    const width = tf.util.sizeFromShape(x.shape.slice(rank));
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (id < 0 || id >= numSegments) continue;
      const to = id * width;
      const from = i * width;
      for (let j = 0; j < width; j++) sums[to + j]! += values[from + j]!;
    }
    return out;
  },
);
