// Random words, normal and uniform draws of a chunk of up to 1024 elements: the counterparts of threefry.ts, words.ts, inverse-normal.ts and
// elementary.ts in src/random, bit for bit. So no operation may leave its place: what changes here changes there. Addresses are in
// bytes. Loops go by fours or eights: what lies beyond the last element is worked on too, and no one reads it.

/** Words of a chunk: two for each element, one where it begins with the second word of a block, and the rest of the last four blocks. */
export const WORDS: usize = memory.data((2 * 1024 + 16) << 2, 16);
/** Draws of a chunk, float64 [1024] or float32 [1024]. */
export const DRAWS: usize = memory.data(1024 << 3, 16);
/** Probabilities less one half, float64 [1024]. */
const CENTRED: usize = memory.data(1024 << 3, 16);
/** A bit for each of them that lies outside of the centre, and 64 more. */
const MASKS: usize = memory.data((1024 + 128) >> 3, 8);
/** For each of those its offset in CENTRED and DRAWS, u32 [1024], ... */
const TAILS: usize = memory.data(1024 << 2, 16);
/** ... sqrt(-log p) of its tail probability and its |z|, float64 [1024] each. */
const DEPTHS: usize = memory.data(1024 << 3, 16);
const SIZES: usize = memory.data(1024 << 3, 16);

const PARITY: i32 = 0x1bd11bda;
/** Up to this distance from probability 1/2 the central quotient holds. */
const CENTRE: f64 = 0.425;

// Coefficients of Wichura's quotients from degree 7 down to 0, of the polynomial above and the one below by turns.
const CENTRAL: usize = memory.data<f64>([
  2509.0809287301227, 5226.495278852854, 33430.57558358813, 28729.085735721943, 67265.7709270087, 39307.89580009271,
  45921.95393154987, 21213.794301586597, 13731.69376550946, 5394.196021424751, 1971.5909503065513, 687.1870074920579,
  133.14166789178438, 42.31333070160091, 3.3871328727963665, 1,
]);
const NEAR: usize = memory.data<f64>([
  0.0007745450142783414, 1.0507500716444169e-9, 0.022723844989269184, 0.0005475938084995345, 0.2417807251774506,
  0.015198666563616457, 1.2704582524523684, 0.14810397642748008, 3.6478483247632045, 0.6897673349851, 5.769497221460691,
  1.6763848301838038, 4.630337846156546, 2.053191626637759, 1.4234371107496835, 1,
]);
const FAR: usize = memory.data<f64>([
  2.0103343992922881e-7, 2.0442631033899397e-15, 2.7115555687434876e-5, 1.421511758316446e-7, 0.0012426609473880784,
  1.8463183175100548e-5, 0.026532189526576124, 0.0007868691311456133, 0.29656057182850487, 0.014875361290850615,
  1.7848265399172913, 0.1369298809227358, 5.463784911164114, 0.599832206555888, 6.657904643501103, 1,
]);
/** Bytes of one of the three. */
const COEFFICIENTS: usize = 128;
/** The series of the logarithm from the end, odd and even terms by turns. */
const SERIES: usize = memory.data<f64>([2 / 19, 2 / 21, 2 / 15, 2 / 17, 2 / 11, 2 / 13, 2 / 7, 2 / 9, 2 / 3, 2 / 5]);

/** Writes the blocks of the counters (counter + b mod 2^32, 0), b = 0 .. blocks - 1, into WORDS. */
export function threefryBlocks(key0: i32, key1: i32, counter: i32, blocks: usize): void {
  const key2 = key0 ^ key1 ^ PARITY;
  const end = WORDS + (blocks << 3);
  // Between the rounds four blocks lie as four first words and four second words.
  let x0 = i32x4.add(i32x4.splat(counter + key0), i32x4(0, 1, 2, 3));
  const x1 = i32x4.splat(key1);
  for (let at = WORDS; at < end; at += 32) {
    v128.store(at, x0);
    v128.store(at, x1, 16);
    x0 = i32x4.add(x0, i32x4.splat(4));
  }
  evenRounds(end, key1, key2 + 1);
  oddRounds(end, key2, key0 + 2);
  evenRounds(end, key0, key1 + 3);
  oddRounds(end, key1, key2 + 4);
  evenRounds(end, key2, key0 + 5);
  for (let at = WORDS; at < end; at += 32) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    v128.store(at, v128.shuffle<i32>(first, second, 0, 4, 1, 5));
    v128.store(at, v128.shuffle<i32>(first, second, 2, 6, 3, 7), 16);
  }
}

/** Writes mean + std z for `count` elements, of the words from number `at` on, into DRAWS: float32, a word each. */
export function normals32(at: usize, count: usize, mean: f64, std: f64): void {
  const end = CENTRED + (count << 3);
  for (let word = WORDS + (at << 2), to = CENTRED; to < end; word += 16, to += 32) {
    const signed = v128.xor(v128.load(word), i32x4.splat(0x80000000));
    v128.store(to, centred32(signed));
    v128.store(to, centred32(v128.shuffle<i32>(signed, signed, 2, 3, 2, 3)), 16);
  }
  normalQuantiles(count);
  const means = f64x2.splat(mean);
  const stds = f64x2.splat(std);
  for (let z = DRAWS, to = DRAWS, end = DRAWS + (count << 2); to < end; z += 32, to += 16) {
    const low = f32x4.demote_f64x2_zero(f64x2.add(means, f64x2.mul(stds, v128.load(z))));
    const high = f32x4.demote_f64x2_zero(f64x2.add(means, f64x2.mul(stds, v128.load(z, 16))));
    v128.store(to, v128.shuffle<i32>(low, high, 0, 1, 4, 5));
  }
}

/** The same in float64, of two words each. */
export function normals64(at: usize, count: usize, mean: f64, std: f64): void {
  const end = CENTRED + (count << 3);
  for (let word = WORDS + (at << 2), to = CENTRED; to < end; word += 16, to += 16) {
    v128.store(to, centred53(v128.load(word)));
  }
  normalQuantiles(count);
  const means = f64x2.splat(mean);
  const stds = f64x2.splat(std);
  for (let z = DRAWS, end = DRAWS + (count << 3); z < end; z += 16) {
    v128.store(z, f64x2.add(means, f64x2.mul(stds, v128.load(z))));
  }
}

/** Writes low + scale n, moved into [least, greatest], n the upper 24 bits of words from number `at` on, into DRAWS as float32. */
export function uniforms32(at: usize, count: usize, low: f64, scale: f64, least: f64, greatest: f64): void {
  for (let word = WORDS + (at << 2), to = DRAWS, end = DRAWS + (count << 2); to < end; word += 16, to += 16) {
    const n = i32x4.shr_u(v128.load(word), 8);
    const a = scaled(f64x2.convert_low_i32x4_s(n), low, scale, least, greatest);
    const b = scaled(f64x2.convert_low_i32x4_s(v128.shuffle<i32>(n, n, 2, 3, 2, 3)), low, scale, least, greatest);
    v128.store(to, v128.shuffle<i32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5));
  }
}

/** The same in float64, n 2^-53 of the upper 53 bits n of two words each. */
export function uniforms64(at: usize, count: usize, low: f64, scale: f64, least: f64, greatest: f64): void {
  for (let word = WORDS + (at << 2), to = DRAWS, end = DRAWS + (count << 3); to < end; word += 16, to += 16) {
    const words = v128.load(word);
    const upper = f64x2.convert_low_i32x4_u(v128.shuffle<i32>(words, words, 0, 2, 0, 2));
    const n = f64x2.add(f64x2.mul(upper, f64x2.splat(2097152)), lower21(words));
    v128.store(to, scaled(f64x2.mul(n, f64x2.splat(1.1102230246251565e-16)), low, scale, least, greatest));
  }
}

function scaled(n: v128, low: f64, scale: f64, least: f64, greatest: f64): v128 {
  const x = f64x2.add(f64x2.splat(low), f64x2.mul(f64x2.splat(scale), n));
  return f64x2.pmin(f64x2.pmax(x, f64x2.splat(least)), f64x2.splat(greatest));
}

function evenRounds(end: usize, key0: i32, key1: i32): void {
  const keys0 = i32x4.splat(key0);
  const keys1 = i32x4.splat(key1);
  for (let at = WORDS; at < end; at += 32) fourRounds(at, 13, 15, 26, 6, keys0, keys1);
}

function oddRounds(end: usize, key0: i32, key1: i32): void {
  const keys0 = i32x4.splat(key0);
  const keys1 = i32x4.splat(key1);
  for (let at = WORDS; at < end; at += 32) fourRounds(at, 17, 29, 16, 24, keys0, keys1);
}

function fourRounds(at: usize, a: i32, b: i32, c: i32, d: i32, keys0: v128, keys1: v128): void {
  let x0 = v128.load(at);
  let x1 = v128.load(at, 16);
  x0 = i32x4.add(x0, x1);
  x1 = v128.xor(turned(x1, a), x0);
  x0 = i32x4.add(x0, x1);
  x1 = v128.xor(turned(x1, b), x0);
  x0 = i32x4.add(x0, x1);
  x1 = v128.xor(turned(x1, c), x0);
  x0 = i32x4.add(x0, x1);
  x1 = v128.xor(turned(x1, d), x0);
  v128.store(at, i32x4.add(x0, keys0));
  v128.store(at, i32x4.add(x1, keys1), 16);
}

function turned(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

/** (w + 1/2) 2^-32 - 1/2 for the words w = 2^31 + s, of the lower two s. All of it is exact, and here in fewer steps. */
function centred32(signed: v128): v128 {
  const s = f64x2.convert_low_i32x4_s(signed);
  return f64x2.mul(f64x2.add(s, f64x2.splat(0.5)), f64x2.splat(2.3283064365386963e-10));
}

/** (n + 1/2) 2^-53 - 1/2 for the upper 53 bits n of two words each, as exactly. */
function centred53(words: v128): v128 {
  const signed = v128.xor(words, i32x4.splat(0x80000000));
  const upper = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(signed, signed, 0, 2, 0, 2));
  const s = f64x2.add(f64x2.mul(upper, f64x2.splat(2097152)), lower21(words));
  return f64x2.mul(f64x2.add(s, f64x2.splat(0.5)), f64x2.splat(1.1102230246251565e-16));
}

/** The upper 21 bits of the second words. */
function lower21(words: v128): v128 {
  const rest = i32x4.shr_u(words, 11);
  return f64x2.convert_low_i32x4_s(v128.shuffle<i32>(rest, rest, 1, 3, 1, 3));
}

/** The quantiles z of CENTRED, into DRAWS: all of them as central ones, then the tails again. */
function normalQuantiles(count: usize): void {
  const end = count << 3;
  for (let at: usize = 0; at < end; at += 64) {
    const q = CENTRED + at;
    const a = v128.load(q);
    const b = v128.load(q, 16);
    const c = v128.load(q, 32);
    const d = v128.load(q, 48);
    store<u8>(MASKS + (at >> 6), outside(a, b) | (outside(c, d) << 4));
    quotients(CENTRAL, q, DRAWS + at, fromCentre(a), fromCentre(b), fromCentre(c), fromCentre(d));
  }
  const tails = listTails(count);
  let depth = DEPTHS;
  for (let tail = TAILS; tail < tails; tail += 8, depth += 16) {
    const q = v128.load_lane<f64>(CENTRED + load<u32>(tail, 4), v128.load_zero<f64>(CENTRED + load<u32>(tail)), 1);
    const p = f64x2.sub(f64x2.splat(0.5), f64x2.abs(q));
    v128.store(depth, f64x2.sqrt(f64x2.neg(log(p))));
  }
  const shift = f64x2.splat(1.6);
  for (let at: usize = 0; DEPTHS + at < depth; at += 64) {
    const t = DEPTHS + at;
    const a = f64x2.sub(v128.load(t), shift);
    const b = f64x2.sub(v128.load(t, 16), shift);
    const c = f64x2.sub(v128.load(t, 32), shift);
    const d = f64x2.sub(v128.load(t, 48), shift);
    quotients(NEAR, 0, SIZES + at, a, b, c, d);
  }
  for (let tail = TAILS, at: usize = 0; tail < tails; tail += 4, at += 8) {
    const t = load<f64>(DEPTHS + at);
    const size = t <= 5 ? load<f64>(SIZES + at) : farQuotient(t - 5);
    const place = load<u32>(tail);
    store<f64>(DRAWS + place, copysign(size, load<f64>(CENTRED + place)));
  }
}

/** A bit for each of four probabilities that lie outside of the centre. */
function outside(a: v128, b: v128): i32 {
  const centre = f64x2.splat(CENTRE);
  const ofA = f64x2.gt(f64x2.abs(a), centre);
  const ofB = f64x2.gt(f64x2.abs(b), centre);
  return i32x4.bitmask(v128.shuffle<i32>(ofA, ofB, 1, 3, 5, 7));
}

function fromCentre(q: v128): v128 {
  return f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q));
}

/** Writes TAILS from MASKS and returns its end. */
function listTails(count: usize): usize {
  let tails = TAILS;
  // What an earlier chunk left there would cost time, no more.
  store<u64>(MASKS + ((count + 7) >> 3), 0);
  for (let first: usize = 0; first < count; first += 64) {
    for (let mask = load<u64>(MASKS + (first >> 3)); mask !== 0; mask &= mask - 1, tails += 4) {
      store<u32>(tails, u32((first + usize(ctz(mask))) << 3));
    }
  }
  return tails;
}

/** Writes (factor * above(r)) / below(r) for the eight r; all factors are 1 where they have no address. */
function quotients(coefficients: usize, factors: usize, to: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  let a0 = v128.load_splat<f64>(coefficients);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = v128.load_splat<f64>(coefficients, 8);
  let b1 = b0;
  let b2 = b0;
  let b3 = b0;
  for (let at = coefficients + 16; at < coefficients + COEFFICIENTS; at += 16) {
    const a = v128.load_splat<f64>(at);
    const b = v128.load_splat<f64>(at, 8);
    a0 = f64x2.add(f64x2.mul(a0, r0), a);
    a1 = f64x2.add(f64x2.mul(a1, r1), a);
    a2 = f64x2.add(f64x2.mul(a2, r2), a);
    a3 = f64x2.add(f64x2.mul(a3, r3), a);
    b0 = f64x2.add(f64x2.mul(b0, r0), b);
    b1 = f64x2.add(f64x2.mul(b1, r1), b);
    b2 = f64x2.add(f64x2.mul(b2, r2), b);
    b3 = f64x2.add(f64x2.mul(b3, r3), b);
  }
  if (factors !== 0) {
    a0 = f64x2.mul(v128.load(factors), a0);
    a1 = f64x2.mul(v128.load(factors, 16), a1);
    a2 = f64x2.mul(v128.load(factors, 32), a2);
    a3 = f64x2.mul(v128.load(factors, 48), a3);
  }
  v128.store(to, f64x2.div(a0, b0));
  v128.store(to, f64x2.div(a1, b1), 16);
  v128.store(to, f64x2.div(a2, b2), 32);
  v128.store(to, f64x2.div(a3, b3), 48);
}

/** Tail probabilities below e^-25, which words of 32 bits never have and those of 53 seldom. */
function farQuotient(r: f64): f64 {
  let above = load<f64>(FAR);
  let below = load<f64>(FAR, 8);
  for (let at = FAR + 16; at < FAR + COEFFICIENTS; at += 16) {
    above = above * r + load<f64>(at);
    below = below * r + load<f64>(at, 8);
  }
  return above / below;
}

/** The logarithms of two positive numbers that are not denormal. */
function log(x: v128): v128 {
  // Lanes 1 and 3 hold sign and exponent.
  const shift = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3fe6a09e)), 20);
  const power = i32x4.shl(i32x4.sub(i32x4.splat(1023), shift), 20);
  const k = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(shift, shift, 1, 3, 1, 3));
  const f = f64x2.sub(f64x2.mul(x, v128.and(power, i32x4(0, -1, 0, -1))), f64x2.splat(1));
  const s = f64x2.div(f, f64x2.add(f64x2.splat(2), f));
  const z = f64x2.mul(s, s);
  const w = f64x2.mul(z, z);
  const odd = f64x2.mul(z, series(SERIES, w));
  const even = f64x2.mul(w, series(SERIES + 8, w));
  const low = f64x2.mul(k, f64x2.splat(1.9082149292705877e-10));
  const rest = f64x2.sub(f64x2.mul(s, f64x2.sub(f, f64x2.add(odd, even))), low);
  return f64x2.add(f64x2.mul(k, f64x2.splat(6.93147180369123816e-1)), f64x2.sub(f, rest));
}

function series(at: usize, w: v128): v128 {
  let sum = f64x2.add(f64x2.mul(w, v128.load_splat<f64>(at)), v128.load_splat<f64>(at, 16));
  sum = f64x2.add(f64x2.mul(w, sum), v128.load_splat<f64>(at, 32));
  sum = f64x2.add(f64x2.mul(w, sum), v128.load_splat<f64>(at, 48));
  return f64x2.add(f64x2.mul(w, sum), v128.load_splat<f64>(at, 64));
}
