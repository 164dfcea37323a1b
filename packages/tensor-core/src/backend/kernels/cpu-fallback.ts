import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../../check';
import { wasmKernel } from './wasm-backend';

/** The part of the cpu backend that a borrowed kernel needs. */
interface CpuBackend {
  write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object;
  readSync(dataId: object): tf.backend_util.BackendValues;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** Inputs of these kernels may be lists of tensors. */
type RaggedInputs = Record<string, tf.TensorInfo | tf.TensorInfo[]>;

/** A wasm kernel that copies its inputs to the cpu backend, runs that backend's kernel and copies the results back. */
export function borrowedFromCpu(kernelName: string): tf.KernelConfig {
  return wasmKernel<RaggedInputs>(kernelName, ({ inputs, attrs, backend }) => {
    const cpu = tf.findBackend('cpu') as unknown as CpuBackend | null;
    const kernel = tf.getKernel(kernelName, 'cpu') as tf.KernelConfig | undefined;
    if (!cpu || !kernel) {
      throw new BackendError(
        `tensor-core.registerTrainingKernels: the cpu backend must be there for ${kernelName}, got none. ` +
          "Import '@tensorflow/tfjs'.",
      );
    }
    const onCpu: object[] = [];
    const toCpu = ({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo => {
      const copy = cpu.write(backend.readSync(dataId), shape, dtype);
      onCpu.push(copy);
      return { shape, dtype, dataId: copy };
    };
    const fromCpu = ({ dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo => {
      onCpu.push(dataId);
      return backend.makeOutput(shape, dtype, undefined, cpu.readSync(dataId));
    };
    try {
      const copies = Object.fromEntries(
        Object.entries(inputs).map(([name, info]) => [name, Array.isArray(info) ? info.map(toCpu) : toCpu(info)]),
      );
      const call = { inputs: copies, attrs, backend: cpu } as unknown as Parameters<tf.KernelFunc>[0];
      const results = kernel.kernelFunc(call);
      return Array.isArray(results) ? results.map(fromCpu) : fromCpu(results);
    } finally {
      for (const dataId of onCpu) cpu.disposeData(dataId, true);
    }
  });
}
