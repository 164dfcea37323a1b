// R lines, N elements of a line
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';
import { BoundedCache } from './bounded-cache';
import { floatOf } from './complex';

/** Largest Kronecker factor: a product with H of 64 is near the speed of the hardware, and few factors are few passes. */
const LARGEST_FACTOR = 64;

const matrices = new BoundedCache<Float32Array>(2 ** 15);

/** Options of Walsh-Hadamard transforms. */
export interface WalshHadamardOptions {
  /** Whether to divide by sqrt(n), which makes the transform orthogonal and its own inverse. Default false. */
  normalise?: boolean;
}

/**
 * The Walsh-Hadamard transform of the last axis, in Sylvester's order.
 *
 *   y = H_n x,  H_1 = (1),  H_2n = ((H_n, H_n), (H_n, -H_n));  H_n H_n = n 1
 *
 * As H_ab is the Kronecker product of H_a and H_b, a few products with matrices of at most 64 rows: differentiable,
 * inside `jit`, O(n sum of factors) instead of O(n^2).
 *
 * @param x  [..., n], n a power of two; any dtype of numbers
 * @returns float32, of x's shape
 * @throws TypeError when x is no tensor of real numbers, ShapeError when it is empty or a scalar, or n is no power of two
 */
export function walshHadamard(x: tf.Tensor, { normalise = false }: WalshHadamardOptions = {}): tf.Tensor {
  const where = 'tensor-core.walshHadamard';
  return tf.tidy(() => {
    const float = floatOf(where, 'x', x);
    const n = checkPowerOfTwo(where, float.shape.at(-1) ?? 0, x);
    const scale = normalise ? 1 / Math.sqrt(n) : 1;
    const [last, ...others] = kroneckerFactors(n) as [number, ...number[]];
    let y = float.reshape([float.size / last, last]).matMul(hadamardMatrix(last, scale));
    let after = last;
    for (const factor of others) {
      const lines = y.reshape<tf.Tensor3D>([float.size / (factor * after), factor, after]);
      y = hadamardMatrix(factor, 1).reshape<tf.Tensor3D>([1, factor, factor]).matMul(lines);
      after *= factor;
    }
    return y.reshape(float.shape);
  });
}

/**
 * The Walsh-Hadamard transform of lines on the host, in place; see `walshHadamard`.
 *
 * @param x               one line, or several of `options.length` one after the other
 * @param options.length  of a line, a power of two; default x.length
 * @returns x
 * @throws TypeError when x is no array of floats, ShapeError when the length is no power of two or does not divide
 *   x.length
 */
export function hostWalshHadamard<A extends Float64Array | Float32Array>(
  x: A,
  { normalise = false, length = x.length }: WalshHadamardOptions & { length?: number } = {},
): A {
  const where = 'tensor-core.hostWalshHadamard';
  if (!(x instanceof Float64Array) && !((x as unknown) instanceof Float32Array)) {
    throw new TypeError(argumentMessage(where, 'x', 'be a Float64Array or Float32Array', x));
  }
  const n = checkPowerOfTwo(where, length, length);
  if (x.length % n !== 0) {
    throw new ShapeError(argumentMessage(where, 'x', `consist of lines of ${n}`, x));
  }
  let h = 1;
  // Two steps at once halve the passes over memory.
  for (; 4 * h <= n; h *= 4) {
    for (let block = 0; block < x.length; block += 4 * h) {
      for (let a = block, end = block + h; a < end; a++) {
        const [b, c, d] = [a + h, a + 2 * h, a + 3 * h];
        const sumAb = x[a]! + x[b]!;
        const difAb = x[a]! - x[b]!;
        const sumCd = x[c]! + x[d]!;
        const difCd = x[c]! - x[d]!;
        x[a] = sumAb + sumCd;
        x[b] = difAb + difCd;
        x[c] = sumAb - sumCd;
        x[d] = difAb - difCd;
      }
    }
  }
  if (h < n) {
    for (let block = 0; block < x.length; block += 2 * h) {
      for (let a = block, b = block + h, end = b; a < end; a++, b++) {
        const dif = x[a]! - x[b]!;
        x[a]! += x[b]!;
        x[b] = dif;
      }
    }
  }
  if (normalise) {
    const factor = 1 / Math.sqrt(n);
    for (let i = 0; i < x.length; i++) x[i]! *= factor;
  }
  return x;
}

/** Powers of two of at most LARGEST_FACTOR and about one size, with product n. */
function kroneckerFactors(n: number): number[] {
  const bits = Math.log2(n);
  const count = Math.max(1, Math.ceil(bits / Math.log2(LARGEST_FACTOR)));
  return Array.from({ length: count }, (_, i) => 2 ** Math.floor((bits + i) / count));
}

/** scale * H_n; the sign of element (i, j) is the parity of the bits that i and j have in common. */
function hadamardMatrix(n: number, scale: number): tf.Tensor2D {
  const elements = matrices.get(`${n} ${scale}`, n * n, () => {
    const h = new Float32Array(n * n).fill(scale);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (isOdd(i & j)) h[i * n + j] = -scale;
    return h;
  });
  return tf.tensor2d(elements, [n, n]);
}

function isOdd(bits: number): boolean {
  let odd = false;
  for (; bits !== 0; bits &= bits - 1) odd = !odd;
  return odd;
}

function checkPowerOfTwo(where: string, n: number, value: unknown): number {
  if (Number.isInteger(n) && n >= 1 && 2 ** Math.round(Math.log2(n)) === n) return n;
  const fix = 'Pad with zeros.';
  throw new ShapeError(argumentMessage(where, 'the length of a line', 'be a power of two', value, fix));
}
