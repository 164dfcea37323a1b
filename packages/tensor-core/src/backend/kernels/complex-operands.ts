import * as tf from '@tensorflow/tfjs';
import { BackendError } from '../../check';
import { checkComplex, joinParts, partOf } from './complex';
import { bringToHeap, callKernel, floatsOf, invoke, release, type KernelCall, type WasmBackend } from './wasm-backend';

// The kernels of the wasm backend know nothing of complex64: one that gets such a tensor may read the
// pairs as numbers of another dtype. So each of them is wrapped: calls without complex64 pass
// unchanged, the kernels below have a meaning for complex64, and all others throw.

type ComplexKernel = (call: KernelCall, original: tf.KernelFunc, name: string) => tf.TensorInfo | tf.TensorInfo[];

/** Inputs that hold complex values, by name; 'all' for kernels that take an array. */
type Values = readonly string[] | 'all';

const COMPLEX_KERNELS: Record<string, ComplexKernel> = {
  // These only rename the shape of the same memory.
  Reshape: (call, original) => invoke(original, call),
  ExpandDims: (call, original) => invoke(original, call),
  Identity: ({ inputs, backend }) => copy(backend, theX(inputs)),
  // These move elements or add them up, so they act on real and imaginary parts apart.
  Add: partByPart(['a', 'b']),
  AddN: partByPart('all'),
  Concat: partByPart('all'),
  GatherNd: partByPart(['params']),
  GatherV2: partByPart(['x']),
  Neg: partByPart(['x']),
  Pack: partByPart('all'),
  PadV2: partByPart(['x'], { constantValue: 0 }),
  Reverse: partByPart(['x']),
  Select: partByPart(['t', 'e']),
  Slice: partByPart(['x']),
  SplitV: partByPart(['x']),
  StridedSlice: partByPart(['x']),
  Sub: partByPart(['a', 'b']),
  Sum: partByPart(['x']),
  Tile: partByPart(['x']),
  Transpose: partByPart(['x']),
  Unpack: partByPart(['value']),
  Multiply: multiply,
  Cast: cast,
  OnesLike: ({ inputs, backend }) => filled(backend, theX(inputs).shape, 1),
  ZerosLike: ({ inputs, backend }) => filled(backend, theX(inputs).shape, 0),
};

// Kernels that are about complex64 and look at the dtypes themselves.
const COMPLEX_BY_NATURE = new Set(['Complex', 'ComplexAbs', 'FFT', 'IFFT', 'Imag', 'Real']);

const wrapped = new WeakSet<tf.KernelFunc>();

/** Whether a kernel function has been wrapped here. */
export function isGuarded(kernelFunc: tf.KernelFunc): boolean {
  return wrapped.has(kernelFunc);
}

/** Gives all kernels that the wasm backend has by now a meaning, or an error, for complex64. Repeatable. */
export function guardComplexOperands(): void {
  for (const config of tf.getKernelsForBackend('wasm')) {
    if (wrapped.has(config.kernelFunc) || COMPLEX_BY_NATURE.has(config.kernelName)) continue;
    const { kernelName, kernelFunc: original } = config;
    const forComplex = COMPLEX_KERNELS[kernelName] ?? unsupported;
    const kernelFunc: tf.KernelFunc = (call) => {
      const isComplex = hasComplex(call.inputs) || call.attrs?.['dtype'] === 'complex64';
      return isComplex ? forComplex(call as unknown as KernelCall, original, kernelName) : original(call);
    };
    wrapped.add(kernelFunc);
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({ ...config, kernelFunc });
  }
}

function hasComplex(inputs: tf.NamedTensorInfoMap): boolean {
  for (const name in inputs) if (inputs[name]?.dtype === 'complex64') return true;
  return false;
}

function unsupported(_call: KernelCall, _original: tf.KernelFunc, name: string): never {
  throw new BackendError(
    `tensor-core.registerTrainingKernels: operands of ${name} must not be complex64 on the wasm backend, ` +
      'got complex64. Work on tf.real and tf.imag apart.',
  );
}

/**
 * A kernel that treats the real and imaginary parts of its values apart.
 *
 * @param values     the inputs with complex values; all of them must be complex64
 * @param imagAttrs  attributes that are different for the imaginary parts
 */
function partByPart(values: Values, imagAttrs: object = {}): ComplexKernel {
  return ({ inputs, attrs, backend }, original, kernelName) => {
    const entries = Object.entries<tf.TensorInfo | undefined>(inputs as Record<string, tf.TensorInfo>);
    const isValue = (name: string) => values === 'all' || values.includes(name);
    for (const [name, info] of entries) if (isValue(name) && info) checkComplex(kernelName, info, name);
    const run = (which: 're' | 'im', partAttrs: object): tf.TensorInfo | tf.TensorInfo[] => {
      const parts = entries.map(([name, info]) => (isValue(name) && info ? partOf(backend, info, which) : info));
      const named = Object.fromEntries(entries.map(([name], i) => [name, parts[i]]));
      const replaced = Array.isArray(inputs) ? (parts as tf.TensorInfo[]) : named;
      const result = invoke(original, { inputs: replaced, attrs: partAttrs, backend });
      entries.forEach(([name], i) => isValue(name) && parts[i] && release(backend, parts[i]));
      return result;
    };
    const join = (re: tf.TensorInfo, im: tf.TensorInfo): tf.TensorInfo => {
      const joined = joinParts(backend, re, im);
      release(backend, re, im);
      return joined;
    };
    const re = run('re', attrs);
    const im = run('im', { ...attrs, ...imagAttrs });
    return Array.isArray(re)
      ? re.map((info, i) => join(info, (im as tf.TensorInfo[])[i]!))
      : join(re, im as tf.TensorInfo);
  };
}

/** (a + ib)(c + id) = (ac - bd) + i (ad + bc), broadcasting. */
function multiply({ inputs, backend }: KernelCall, original: tf.KernelFunc): tf.TensorInfo {
  const { a, b } = inputs as Record<'a' | 'b', tf.TensorInfo>;
  for (const [name, info] of Object.entries({ a, b })) checkComplex('Multiply', info, name);
  const parts = [
    partOf(backend, a, 're'),
    partOf(backend, a, 'im'),
    partOf(backend, b, 're'),
    partOf(backend, b, 'im'),
  ];
  const [aRe, aIm, bRe, bIm] = parts as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const times = (x: tf.TensorInfo, y: tf.TensorInfo) =>
    invoke(original, { inputs: { a: x, b: y }, attrs: {}, backend }) as tf.TensorInfo;
  const products = [times(aRe, bRe), times(aIm, bIm), times(aRe, bIm), times(aIm, bRe)] as const;
  const re = callKernel(backend, 'Sub', { a: products[0], b: products[1] });
  const im = callKernel(backend, 'Add', { a: products[2], b: products[3] });
  const result = joinParts(backend, re, im);
  release(backend, ...parts, ...products, re, im);
  return result;
}

/** To complex64 with zero imaginary part, or from it by dropping the imaginary part, as the cpu backend does. */
function cast({ inputs, attrs, backend }: KernelCall, original: tf.KernelFunc): tf.TensorInfo {
  const x = theX(inputs);
  const { dtype } = attrs as { dtype: tf.DataType };
  if (dtype === 'complex64') return x.dtype === 'complex64' ? copy(backend, x) : joinParts(backend, x);
  const re = partOf(backend, x, 're');
  const result = invoke(original, { inputs: { x: re }, attrs, backend }) as tf.TensorInfo;
  release(backend, re);
  return result;
}

function theX(inputs: KernelCall['inputs']): tf.TensorInfo {
  return (inputs as { x: tf.TensorInfo }).x;
}

function copy(backend: WasmBackend, x: tf.TensorInfo): tf.TensorInfo {
  bringToHeap(backend, x);
  const out = backend.makeOutput(x.shape, 'complex64');
  floatsOf(backend, out).set(floatsOf(backend, x));
  return out;
}

function filled(backend: WasmBackend, shape: number[], re: number): tf.TensorInfo {
  const out = backend.makeOutput(shape, 'complex64');
  const pairs = floatsOf(backend, out).fill(0);
  for (let i = 0; i < pairs.length; i += 2) pairs[i] = re;
  return out;
}
