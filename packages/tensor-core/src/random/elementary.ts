/**
 * log and exp from exactly specified operations only. Math.log and Math.exp may differ in the last bit
 * between engines, and one differing bit in an acceptance test would give another sample.
 * `log` is in wasm/draws.ts too: the order of operations here is that of there.
 */

const float64 = new Float64Array(1);
const halves = new Int32Array(float64.buffer);
/** Which of the two halves holds sign and exponent: 1 on little-endian machines. */
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** POWERS[k + ZERO] = 2^k, -1074 <= k <= 1023. Writing exponent bits instead costs a stall in each call. */
const ZERO = 1074;
const POWERS = new Float64Array(2098);
for (let k = 0, power = 5e-324; k < POWERS.length; k++, power *= 2) POWERS[k] = power;

/** log 2 as a sum; the first part has 21 trailing zero bits, so k LN2_HIGH is exact for every exponent k. */
const LN2_HIGH = 6.93147180369123816e-1;
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;
const TWO_POW_54 = 18014398509481984;
/** The upper half of sqrt(1/2). */
const SQRT_HALF_HIGH = 0x3fe6a09e;

/**
 * The natural logarithm, within 1 ulp.
 *
 *   x = 2^k (1 + f),  sqrt(1/2) <= 1 + f < sqrt(2),  s = f / (2 + f)
 *   log x = k log 2 + 2 atanh s,  2 atanh s = f - s (f - 2 (s^2/3 + s^4/5 + ...))
 *
 * The series ends at s^20 / 21: as s^2 < 0.0295, what is left out is below 2^-60 of the sum.
 */
export function log(x: number): number {
  let k = 0;
  if (!(x >= 2.2250738585072014e-308 && x < Infinity)) {
    if (!(x > 0)) return x === 0 ? -Infinity : NaN;
    if (x === Infinity) return x;
    x *= TWO_POW_54;
    k = -54;
  }
  float64[0] = x;
  // Counting exponents from sqrt(1/2) instead of from 1 puts the mantissa into [sqrt(1/2), sqrt(2)).
  const shift = (halves[HIGH]! - SQRT_HALF_HIGH) >> 20;
  k += shift;
  const f = x * POWERS[ZERO - shift]! - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const odd = z * (2 / 3 + w * (2 / 7 + w * (2 / 11 + w * (2 / 15 + w * (2 / 19)))));
  const even = w * (2 / 5 + w * (2 / 9 + w * (2 / 13 + w * (2 / 17 + w * (2 / 21)))));
  return k * LN2_HIGH + (f - (s * (f - (odd + even)) - k * LN2_LOW));
}

/**
 * The exponential function, within 1 ulp.
 *
 *   exp x = 2^k exp r,  k = round(x / log 2),  |r| <= log(2) / 2
 *
 * exp r by its series to r^13 / 13!: what is left out is below 2^-57.
 */
export function exp(x: number): number {
  if (!(x <= 709.782712893384)) return x > 0 ? Infinity : x;
  if (x < -745.1332191019412) return 0;
  const k = Math.floor(x * LOG2_E + 0.5);
  const most = x - k * LN2_HIGH;
  const r = most - k * LN2_LOW;
  const lost = most - r - k * LN2_LOW;
  const w = r * r;
  const odd = 1 / 6 + w * (1 / 120 + w * (1 / 5040 + w * (1 / 362880 + w * (1 / 39916800 + w * (1 / 6227020800)))));
  const even = 1 / 2 + w * (1 / 24 + w * (1 / 720 + w * (1 / 40320 + w * (1 / 3628800 + w * (1 / 479001600)))));
  const mantissa = 1 + (r + (lost + w * (even + r * odd)));
  if (k > 1023) return mantissa * 2 * POWERS[ZERO + k - 1]!;
  // A result below the normal range is rounded once, in the division.
  return k < -1021 ? (mantissa * POWERS[ZERO + k + 54]!) / TWO_POW_54 : mantissa * POWERS[ZERO + k]!;
}
