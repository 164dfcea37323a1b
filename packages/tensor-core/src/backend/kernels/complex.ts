import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, BackendError } from '../../check';
import { bringToHeap, floatsOf, wasmKernel, type WasmBackend } from './wasm-backend';

// A complex64 tensor lies on the wasm heap as interleaved float32 pairs (re, im), 8 bytes an element,
// which is also how tfjs hands complex values from backend to backend.

interface OneInput {
  input: tf.TensorInfo;
}

/** tf.complex */
export const complex = wasmKernel<{ real: tf.TensorInfo; imag: tf.TensorInfo }>('Complex', ({ inputs, backend }) =>
  joinParts(backend, inputs.real, inputs.imag),
);

/** tf.real */
export const real = wasmKernel<OneInput>('Real', ({ inputs, backend }) => partOf(backend, inputs.input, 're'));

/** tf.imag */
export const imag = wasmKernel<OneInput>('Imag', ({ inputs, backend }) => partOf(backend, inputs.input, 'im'));

/** tf.abs of complex64: |z|, whose squares cannot overflow. */
export const complexAbs = wasmKernel<{ x: tf.TensorInfo }>('ComplexAbs', ({ inputs: { x }, backend }) => {
  checkComplex('ComplexAbs', x);
  bringToHeap(backend, x);
  const out = backend.makeOutput(x.shape, 'float32');
  const pairs = floatsOf(backend, x);
  const values = floatsOf(backend, out);
  for (let i = 0; i < values.length; i++) values[i] = Math.hypot(pairs[2 * i]!, pairs[2 * i + 1]!);
  return out;
});

/** A new complex64 tensor of two real ones of the same shape, of any numeric dtype; without `im` it is zero. */
export function joinParts(backend: WasmBackend, re: tf.TensorInfo, im?: tf.TensorInfo): tf.TensorInfo {
  bringToHeap(backend, re, ...(im ? [im] : []));
  const out = backend.makeOutput(re.shape, 'complex64');
  const pairs = floatsOf(backend, out).fill(0);
  const [res, ims] = [backend.typedArrayFromHeap(re), im && backend.typedArrayFromHeap(im)];
  for (let i = 0; i < res.length; i++) pairs[2 * i] = res[i]!;
  if (ims) for (let i = 0; i < ims.length; i++) pairs[2 * i + 1] = ims[i]!;
  return out;
}

/** A new float32 tensor of the real or the imaginary parts. @throws BackendError when z is not complex64 */
export function partOf(backend: WasmBackend, z: tf.TensorInfo, which: 're' | 'im'): tf.TensorInfo {
  checkComplex(which === 're' ? 'Real' : 'Imag', z);
  bringToHeap(backend, z);
  const out = backend.makeOutput(z.shape, 'float32');
  const pairs = floatsOf(backend, z);
  const values = floatsOf(backend, out);
  const offset = which === 're' ? 0 : 1;
  for (let i = 0; i < values.length; i++) values[i] = pairs[2 * i + offset]!;
  return out;
}

/** @throws BackendError when the input of a kernel is not complex64 */
export function checkComplex(kernelName: string, z: tf.TensorInfo, name = 'input'): void {
  if (z.dtype === 'complex64') return;
  const where = `tensor-core.registerTrainingKernels (${kernelName})`;
  throw new BackendError(argumentMessage(where, name, 'be complex64', z, 'Make one with tf.complex.'));
}

const readable = new WeakSet<WasmBackend>();

/** Lets data(), dataSync() and moves to other backends read complex64 tensors of this backend. */
export function makeComplexReadable(backend: WasmBackend): void {
  if (readable.has(backend)) return;
  readable.add(backend);
  const readSync = backend.readSync.bind(backend);
  backend.readSync = (dataId, start, end) => {
    const { dtype, shape } = backend.dataIdMap.get(dataId);
    if (dtype !== 'complex64') return readSync(dataId, start, end);
    return floatsOf(backend, { dataId, shape, dtype }).slice(2 * (start ?? 0), end === undefined ? end : 2 * end);
  };
}
