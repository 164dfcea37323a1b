import * as tf from '@tensorflow/tfjs';

/** What of tfjs's webgpu backend is needed here. */
interface WebgpuBackend extends tf.KernelBackend {
  readonly device: { limits: { maxStorageBuffersPerShaderStage: number } };
}

const completed = new WeakSet<tf.KernelFunc>();

/**
 * Lets the webgpu backend add any number of tensors: tfjs hands them all to one shader, and the sum of more than a shader
 * may read, 7 by default, is rubbish without an error.
 */
export function completeWebgpuAddN(): void {
  const existing = tf.getKernel('AddN', 'webgpu') as tf.KernelConfig | undefined;
  if (existing === undefined || completed.has(existing.kernelFunc)) return;
  const kernelFunc = inGroups(existing.kernelFunc);
  completed.add(kernelFunc);
  // tfjs warns when a kernel is registered over another.
  tf.unregisterKernel('AddN', 'webgpu');
  tf.registerKernel({ ...existing, kernelFunc });
}

/** The sum of sums of as many tensors as a shader may read. */
function inGroups(addN: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, backend }) => {
    const { limits } = (backend as WebgpuBackend).device;
    // One of them is the result.
    const most = limits.maxStorageBuffersPerShaderStage - 1;
    const sumOf = (tensors: tf.TensorInfo[]): tf.TensorInfo =>
      addN({ inputs: tensors as unknown as tf.NamedTensorInfoMap, backend }) as tf.TensorInfo;
    const sumOfAny = (tensors: tf.TensorInfo[]): tf.TensorInfo => {
      if (tensors.length <= most) return sumOf(tensors);
      const groups = Array.from({ length: Math.ceil(tensors.length / most) }, (_, i) =>
        tensors.slice(i * most, (i + 1) * most),
      );
      const sums = groups.map(sumOf);
      const result = sumOfAny(sums);
      for (const { dataId } of sums) (backend as WebgpuBackend).disposeData(dataId);
      return result;
    };
    return sumOfAny(inputs as unknown as tf.TensorInfo[]);
  };
}
