import * as tf from '@tensorflow/tfjs';

/** Tolerances: an element passes when |actual - expected| <= atol + rtol |expected|. */
export interface CloseOptions {
  /** Relative tolerance, default 1e-5. */
  rtol?: number;
  /** Absolute tolerance, default 1e-7. */
  atol?: number;
}

/** Values that can be compared: tensors, typed arrays, nested arrays, numbers, `{ data, shape }`. */
export interface Values {
  shape: number[];
  data: ArrayLike<number>;
}

/**
 * Flattens tensors, typed arrays, nested arrays, numbers and `{ data, shape }` records to values with a shape;
 * complex tensors get a last axis of 2, real and imaginary part.
 *
 * @throws TypeError for anything else, for ragged arrays and for data that do not fit their shape
 */
export function valuesOf(source: unknown): Values {
  if (source instanceof tf.Tensor) {
    const tensor = source as tf.Tensor;
    // The parts of complex numbers are interleaved.
    const shape = tensor.dtype === 'complex64' ? [...tensor.shape, 2] : tensor.shape;
    return { shape, data: tensor.dataSync() };
  }
  if (typeof source === 'number') return { shape: [], data: [source] };
  if (ArrayBuffer.isView(source) && 'length' in source) {
    const data = source as unknown as ArrayLike<number>;
    return { shape: [data.length], data: Array.from(data, Number) };
  }
  if (Array.isArray(source)) {
    const parts = source.map(valuesOf);
    const inner = parts[0]?.shape ?? [];
    if (parts.some((part) => String(part.shape) !== String(inner))) throw new TypeError('ragged nested array');
    return { shape: [source.length, ...inner], data: parts.flatMap((part) => Array.from(part.data)) };
  }
  if (typeof source === 'object' && source !== null && 'data' in source && 'shape' in source) {
    const { data, shape } = source as { data: ArrayLike<number | bigint>; shape: number[] };
    const size = shape.reduce((product, length) => product * length, 1);
    if (data.length !== size) throw new TypeError(`${data.length} values cannot have the shape [${shape.join(', ')}]`);
    return { shape: [...shape], data: Array.from(data, Number) };
  }
  throw new TypeError(`cannot compare values of type ${typeof source}`);
}

/** The worst element of a comparison, or null when all are within tolerance. NaN equals only NaN. */
export function firstDifference(actual: Values, expected: Values, options: CloseOptions = {}): string | null {
  const { rtol = 1e-5, atol = 1e-7 } = options;
  if (String(actual.shape) !== String(expected.shape)) {
    return `shapes differ: got [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`;
  }
  let worst = -1;
  let worstExcess = 0;
  let wrong = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const a = actual.data[i]!;
    const e = expected.data[i]!;
    if (Object.is(a, e) || a === e) continue;
    const excess = Math.abs(a - e) / (atol + rtol * Math.abs(e));
    if (excess <= 1) continue;
    wrong++;
    const size = Number.isFinite(excess) ? excess : Infinity;
    if (worst < 0 || size > worstExcess) [worst, worstExcess] = [i, size];
  }
  if (worst < 0) return null;
  const at = `[${indexOf(worst, expected.shape).join(', ')}]`;
  const values = `got ${actual.data[worst]}, expected ${expected.data[worst]}`;
  return `${wrong} of ${expected.data.length} elements outside rtol ${rtol}, atol ${atol}; the worst at ${at}: ${values}`;
}

function indexOf(flat: number, shape: number[]): number[] {
  const index: number[] = [];
  for (const length of [...shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return index;
}
