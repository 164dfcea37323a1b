import * as tf from '@tensorflow/tfjs';

/** A backend whose tensors lie in host memory that can be looked at, as tfjs's wasm backend is. */
interface HeapBackend extends tf.KernelBackend {
  typedArrayFromHeap(info: tf.TensorInfo): tf.TypedArray;
  readonly dataIdMap: { get(dataId: object): unknown };
}

/**
 * The values of tensors for host arithmetic between kernels, without a copy where the backend allows it.
 *
 * The arrays are for reading, and only until the next tensor is made: they may be the backend's own
 * memory, which moves when it grows. For values to keep or to change use `dataSync`.
 *
 * @param tensors  numeric or bool; any shapes
 * @returns one typed array a tensor, in order
 */
export function hostValues(tensors: readonly tf.Tensor[]): tf.TypedArray[] {
  const backend = tf.backend();
  if (!isHeapBackend(backend)) return tensors.map((tensor) => tensor.dataSync());
  // A tensor that another backend holds is brought over first, as that may move the heap under earlier views.
  for (const { dataId } of tensors) backend.dataIdMap.get(dataId);
  return tensors.map((tensor) => backend.typedArrayFromHeap(tensor));
}

function isHeapBackend(backend: tf.KernelBackend): backend is HeapBackend {
  return 'typedArrayFromHeap' in backend && 'dataIdMap' in backend;
}
