import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../../check';

/** What the wasm backend notes about a tensor; `memoryOffset` counts bytes from the start of the heap. */
export interface HeapEntry {
  id: number;
  memoryOffset: number;
  shape: number[];
  dtype: tf.DataType;
}

/** The part of the wasm backend of TensorFlow.js 4.22 that the training kernels use. */
export interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array<ArrayBuffer>; readonly tfjs: { disposeData(id: number): void } };
  /** `get` brings a tensor of another backend onto this heap, which may grow it and so end older views. */
  readonly dataIdMap: { get(dataId: object): HeapEntry; delete(dataId: object): boolean };
  makeOutput(
    shape: number[],
    dtype: tf.DataType,
    memoryOffset?: number,
    values?: tf.backend_util.BackendValues,
  ): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): tf.backend_util.TypedArray;
  readSync(dataId: object, start?: number, end?: number): tf.backend_util.BackendValues;
  disposeData(dataId: object, force?: boolean): boolean;
}

/** Inputs of a kernel: tfjs names them or numbers them. */
export type KernelInputs = Record<string, tf.TensorInfo | undefined> | tf.TensorInfo[];

/** What a kernel function is called with. */
export interface KernelCall<Inputs = KernelInputs, Attributes = object> {
  inputs: Inputs;
  attrs: Attributes;
  backend: WasmBackend;
}

/** The registration record of a kernel of the wasm backend, its inputs and attributes typed. */
export function wasmKernel<Inputs, Attributes = object>(
  kernelName: string,
  run: (call: KernelCall<Inputs, Attributes>) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return {
    kernelName,
    backendName: 'wasm',
    kernelFunc: (call) => run(call as unknown as KernelCall<Inputs, Attributes>),
  };
}

/** Calls a kernel function with loosely typed inputs, below the engine: its results are not tracked. */
export function invoke(kernelFunc: tf.KernelFunc, call: KernelCall): tf.TensorInfo | tf.TensorInfo[] {
  return kernelFunc(call as unknown as Parameters<tf.KernelFunc>[0]);
}

/** Runs a one-output kernel of the wasm backend below the engine; give the result back with `release`. */
export function callKernel(backend: WasmBackend, name: string, inputs: KernelInputs, attrs: object = {}) {
  const kernel = tf.getKernel(name, 'wasm') as tf.KernelConfig | undefined;
  if (kernel === undefined) {
    throw new BackendError(
      `tensor-core.registerTrainingKernels: the wasm backend must have the kernel ${name}, got none. ` +
        "Import '@tensorflow/tfjs-backend-wasm' first.",
    );
  }
  return invoke(kernel.kernelFunc, { inputs, attrs, backend }) as tf.TensorInfo;
}

/** Frees results that the engine does not know. */
export function release(backend: WasmBackend, ...infos: tf.TensorInfo[]): void {
  for (const info of infos) backend.disposeData(info.dataId);
}

/** Brings inputs onto the heap. To be done before any view is taken, as this and each allocation may grow the heap. */
export function bringToHeap(backend: WasmBackend, ...infos: tf.TensorInfo[]): void {
  for (const info of infos) backend.dataIdMap.get(info.dataId);
}

/** The floats of a float32 tensor, or the interleaved parts of a complex64 one; valid until the next allocation. */
export function floatsOf(backend: WasmBackend, info: tf.TensorInfo): Float32Array<ArrayBuffer> {
  const { memoryOffset } = backend.dataIdMap.get(info.dataId);
  const length = tf.util.sizeFromShape(info.shape) * (info.dtype === 'complex64' ? 2 : 1);
  return new Float32Array(backend.wasm.HEAPU8.buffer, memoryOffset, length);
}

/** A float32 tensor over a part of another one's memory, `start` elements in; give it back with `releaseView`. */
export function viewOf(backend: WasmBackend, info: tf.TensorInfo, start: number, shape: number[]): tf.TensorInfo {
  return backend.makeOutput(shape, 'float32', backend.dataIdMap.get(info.dataId).memoryOffset + 4 * start);
}

/** Forgets views without freeing the memory, which belongs to the tensors they look at. */
export function releaseView(backend: WasmBackend, ...views: tf.TensorInfo[]): void {
  for (const view of views) {
    backend.wasm.tfjs.disposeData(backend.dataIdMap.get(view.dataId).id);
    backend.dataIdMap.delete(view.dataId);
  }
}
