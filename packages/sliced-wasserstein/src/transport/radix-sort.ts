/** Bits of a digit and counts of digits: three passes over 32 bits; small histograms where few numbers are sorted. */
const WIDE = 11;
const NARROW = 8;
/** Fewer numbers than this do not pay for 2048 counters a pass. */
const FEW = 700;
/** Below, Float32Array's own sort is faster than passes over digits. */
const NATIVE = 900;
const SIGN = -0x80000000;

let counters = new Int32Array(0);
let keys = [new Int32Array(0), new Int32Array(0)] as const;
let places = [new Int32Array(0), new Int32Array(0)] as const;

/**
 * Sorts finite float32 numbers in ascending order, in O(n): radix sort from the lowest digit on their bits.
 *
 * @param values  n numbers, left as they are
 * @param sorted  n numbers, written
 */
export function sortFloats(values: Float32Array, sorted: Float32Array): void {
  const n = values.length;
  if (n < NATIVE) {
    sorted.set(values);
    sorted.sort();
    return;
  }
  makeRoom(n);
  let [from, to] = keys as [Int32Array, Int32Array];
  const starts = toKeys(values, from, WIDE);
  const bits = bitsOf(sorted);
  const passes = Math.ceil(32 / WIDE);
  for (let pass = 0; pass < passes; pass++) {
    const last = pass === passes - 1;
    scatterKeys(from, last ? bits : to, n, starts, pass, WIDE);
    [from, to] = [to, from];
  }
  fromKeys(bits, n);
}

/**
 * `sortFloats` that also tells where each number was; equal numbers keep their order.
 *
 * @param order  n indices, written: sorted[k] = values[order[k]]
 */
export function argsortFloats(values: Float32Array, sorted: Float32Array, order: Int32Array): void {
  const n = values.length;
  makeRoom(n);
  const bits = n < FEW ? NARROW : WIDE;
  const passes = Math.ceil(32 / bits);
  let [from, to] = keys as [Int32Array, Int32Array];
  let [placesFrom, placesTo] = places as [Int32Array, Int32Array];
  const starts = toKeys(values, from, bits);
  for (let i = 0; i < n; i++) placesFrom[i] = i;
  for (let pass = 0; pass < passes; pass++) {
    const last = pass === passes - 1;
    scatterPlaces(from, to, placesFrom, last ? order : placesTo, n, starts, pass, bits);
    [from, to] = [to, from];
    [placesFrom, placesTo] = [placesTo, placesFrom];
  }
  const out = bitsOf(sorted);
  for (let i = 0; i < n; i++) out[i] = from[i]!;
  fromKeys(out, n);
}

function makeRoom(n: number): void {
  if (counters.length === 0) counters = new Int32Array(Math.ceil(32 / WIDE) * 2 ** WIDE);
  if (keys[0].length >= n) return;
  keys = [new Int32Array(n), new Int32Array(n)];
  places = [new Int32Array(n), new Int32Array(n)];
}

/** The bits of floats as integers whose order as unsigned numbers is theirs, and where each digit's numbers begin. */
function toKeys(values: Float32Array, out: Int32Array, bits: number): Int32Array {
  const n = values.length;
  const source = bitsOf(values);
  const starts = counters.fill(0);
  const size = 2 ** bits;
  const mask = size - 1;
  const passes = Math.ceil(32 / bits);
  for (let i = 0; i < n; i++) {
    const word = source[i]!;
    // Negative floats grow downwards as integers: all of their bits turn, of the others the sign alone.
    const key = word ^ ((word >> 31) | SIGN);
    out[i] = key;
    for (let pass = 0, shifted = key; pass < passes; pass++, shifted >>>= bits) {
      starts[pass * size + (shifted & mask)]!++;
    }
  }
  for (let pass = 0; pass < passes; pass++) {
    let before = 0;
    for (let digit = pass * size; digit < (pass + 1) * size; digit++) {
      const count = starts[digit]!;
      starts[digit] = before;
      before += count;
    }
  }
  return starts;
}

function scatterKeys(
  from: Int32Array,
  to: Int32Array,
  n: number,
  starts: Int32Array,
  pass: number,
  bits: number,
): void {
  const [shift, base, mask] = [pass * bits, pass * 2 ** bits, 2 ** bits - 1];
  for (let i = 0; i < n; i++) {
    const key = from[i]!;
    to[starts[base + ((key >>> shift) & mask)]!++] = key;
  }
}

function scatterPlaces(
  from: Int32Array,
  to: Int32Array,
  placesFrom: Int32Array,
  placesTo: Int32Array,
  n: number,
  starts: Int32Array,
  pass: number,
  bits: number,
): void {
  const [shift, base, mask] = [pass * bits, pass * 2 ** bits, 2 ** bits - 1];
  for (let i = 0; i < n; i++) {
    const key = from[i]!;
    const at = starts[base + ((key >>> shift) & mask)]!++;
    to[at] = key;
    placesTo[at] = placesFrom[i]!;
  }
}

function fromKeys(keysOfFloats: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const key = keysOfFloats[i]!;
    keysOfFloats[i] = key ^ ((~key >> 31) | SIGN);
  }
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}
