/** The two float formats that a draw can have. */
export type FloatKind = 'float32' | 'float64';

/** The largest finite number of each format. */
export const LARGEST = { float32: 3.4028234663852886e38, float64: 1.7976931348623157e308 } as const;

const float32 = new Float32Array(1);
const bits32 = new Int32Array(float32.buffer);
const float64 = new Float64Array(1);
const bits64 = new BigInt64Array(float64.buffer);

/** The smallest number of the format that is >= x. */
export function leastFloat(kind: FloatKind, x: number): number {
  if (kind === 'float64') return x;
  const rounded = Math.fround(x);
  return rounded < x ? neighbour(kind, rounded, 1) : rounded;
}

/** The largest number of the format that is <= x. */
export function greatestFloat(kind: FloatKind, x: number): number {
  return -leastFloat(kind, -x);
}

/** The largest number of the format that is < x. */
export function greatestFloatBelow(kind: FloatKind, x: number): number {
  const greatest = greatestFloat(kind, x);
  return greatest < x ? greatest : neighbour(kind, greatest, -1);
}

/** x moved into [least, greatest]. */
export function clip(x: number, least: number, greatest: number): number {
  return x < least ? least : x > greatest ? greatest : x;
}

/** The next number of the format above (step 1) or below (step -1) the given one. */
function neighbour(kind: FloatKind, x: number, step: 1 | -1): number {
  if (x === 0) return step * (kind === 'float32' ? 1.401298464324817e-45 : 5e-324);
  // Numbers of one sign are ordered as their bit patterns are.
  const away = x > 0 === step > 0;
  if (kind === 'float32') {
    float32[0] = x;
    bits32[0]! += away ? 1 : -1;
    return float32[0];
  }
  float64[0] = x;
  bits64[0]! += away ? 1n : -1n;
  return float64[0];
}
