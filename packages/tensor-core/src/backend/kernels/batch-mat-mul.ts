import * as tf from '@tensorflow/tfjs';
import {
  bringToHeap,
  callKernel,
  floatsOf,
  invoke,
  release,
  releaseView,
  viewOf,
  wasmKernel,
  type WasmBackend,
} from './wasm-backend';

// Below this many multiplications a matrix (about 20^3) one call of the packed product costs more than
// the plain loops that tfjs takes for batches and transposed operands.
const MIN_PACKED_PRODUCT = 8192;

interface Inputs {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
}
interface Attributes {
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * The batched matrix product of the wasm backend, without its slow path.
 *
 * tfjs 4.22 takes the packed (XNNPACK) product for one pair of matrices that are not transposed, and
 * otherwise plain loops, 5 to 16 times slower; every gradient of a dense layer falls there. This
 * kernel transposes first and calls the packed product pair by pair, over views of the same memory.
 * Batch dimensions that broadcast both ways ([2, 1] and [1, 3]) come out right too.
 *
 * @param original  tfjs's kernel function, which does the products
 */
export function batchMatMul(original: tf.KernelFunc): tf.KernelConfig {
  return wasmKernel<Inputs, Attributes>('BatchMatMul', ({ inputs: { a, b }, attrs, backend }) => {
    const { transposeA, transposeB } = attrs;
    const [batchA, aRows, aColumns] = asMatrices(a.shape);
    const [batchB, bRows, bColumns] = asMatrices(b.shape);
    const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
    const columns = transposeB ? bRows : bColumns;
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    const batch = tf.util.sizeFromShape(outer);
    const isFloat = a.dtype === 'float32' && b.dtype === 'float32';
    const isSinglePair = batch === 1 && !transposeA && !transposeB;
    const isSmall = rows * inner * columns < MIN_PACKED_PRODUCT && batch === Math.max(batchA, batchB);
    // What the original does well, and what it refuses.
    if (isSinglePair || isSmall || !isFloat || inner !== (transposeB ? bColumns : bRows)) {
      return invoke(original, { inputs: { a, b }, attrs, backend });
    }
    bringToHeap(backend, a, b);
    const left = transposeA ? transposed(backend, a) : a;
    const right = transposeB ? transposed(backend, b) : b;
    const out = backend.makeOutput([...outer, rows, columns], 'float32');
    // A single right-hand matrix makes one tall product of the whole batch.
    const isTall = batchB === 1 && batchA === batch;
    const pairs = isTall ? 1 : batch;
    const height = isTall ? batch * rows : rows;
    const leftIndex = matrixIndices(a.shape.slice(0, -2), outer);
    const rightIndex = matrixIndices(b.shape.slice(0, -2), outer);
    for (let i = 0; i < pairs; i++) {
      const x = viewOf(backend, left, leftIndex[i]! * rows * inner, [1, height, inner]);
      const y = viewOf(backend, right, rightIndex[i]! * inner * columns, [1, inner, columns]);
      const call = { inputs: { a: x, b: y }, attrs: { transposeA: false, transposeB: false }, backend };
      const product = invoke(original, call) as tf.TensorInfo;
      floatsOf(backend, out).set(floatsOf(backend, product), i * height * columns);
      releaseView(backend, x, y);
      release(backend, product);
    }
    if (transposeA) release(backend, left);
    if (transposeB) release(backend, right);
    return out;
  });
}

function asMatrices(shape: number[]): [batch: number, rows: number, columns: number] {
  return [tf.util.sizeFromShape(shape.slice(0, -2)), shape.at(-2)!, shape.at(-1)!];
}

/** Exchanges the last two axes. */
function transposed(backend: WasmBackend, x: tf.TensorInfo): tf.TensorInfo {
  const rank = x.shape.length;
  return callKernel(backend, 'Transpose', { x }, { perm: [...Array(rank - 2).keys(), rank - 1, rank - 2] });
}

/** For each matrix of the broadcast batch `outer`, in row-major order, its index in the batch `dims`. */
function matrixIndices(dims: number[], outer: number[]): number[] {
  let indices = [0];
  const padded = [...Array<number>(outer.length - dims.length).fill(1), ...dims];
  outer.forEach((length, axis) => {
    const own = padded[axis]!;
    indices = indices.flatMap((index) => Array.from({ length }, (_, i) => index * own + (own === 1 ? 0 : i)));
  });
  return indices;
}
