// Sorts rows of n float32 numbers, and finds the cost of the transport between two of them. Addresses are in bytes.
// T is u32, the bits of a number, or u64, a pair: the bits, and above them the place in the row that the number comes from.

/** 2^23: a float of [2^23, 2^24) has a whole number in its low bits. */
const WHOLE: f32 = 8388608;
/** How many places for each number insertion may move: sorting by bits is faster beyond. */
const MOVES: usize = 4;
/** Fewer numbers than this do not pay for 2048 counters a digit. */
const FEW: usize = 700;

/**
 * Sorts a row; equal numbers keep their order.
 *
 * @param row     n floats, n >= 1
 * @param bits    b of 1 .. 11; numbers are told apart by which of 2^(2 b) equal parts of their range they are in, first of all
 * @param counts  room for u32 [3, 2^11]
 * @param spare   room for n floats
 * @param sorted  n floats, written
 */
export function sortFloats(row: usize, n: usize, bits: u32, counts: usize, spare: usize, sorted: usize): void {
  sort<u32>(row, n, bits, counts, spare, sorted);
}

/** The same with the places: `spare` has room for n pairs, `sorted` gets them. */
export function sortPairs(row: usize, n: usize, bits: u32, counts: usize, spare: usize, sorted: usize): void {
  sort<u64>(row, n, bits, counts, spare, sorted);
}

/** The numbers and the places of pairs, apart. */
export function splitPairs(pairs: usize, n: usize, floats: usize, places: usize): void {
  for (const end = pairs + (n << 3); pairs < end; pairs += 8, floats += 4, places += 4) {
    store<u32>(floats, load<u32>(pairs));
    store<u32>(places, load<u32>(pairs, 4));
  }
}

/** sum_i |x_i - y_i|^p of sorted floats in float64, p = 1 or 2. */
export function cost(x: usize, y: usize, n: usize, p: u32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = x + (n << 2);
  for (; x + 16 <= end; x += 16, y += 16) {
    const ofX = v128.load(x);
    const ofY = v128.load(y);
    const a = f64x2.sub(f64x2.promote_low_f32x4(ofX), f64x2.promote_low_f32x4(ofY));
    const b = f64x2.sub(f64x2.promote_low_f32x4(upper(ofX)), f64x2.promote_low_f32x4(upper(ofY)));
    low = f64x2.add(low, p === 2 ? f64x2.mul(a, a) : f64x2.abs(a));
    high = f64x2.add(high, p === 2 ? f64x2.mul(b, b) : f64x2.abs(b));
  }
  const both = f64x2.add(low, high);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; x < end; x += 4, y += 4) {
    const difference = f64(load<f32>(x)) - f64(load<f32>(y));
    sum += p === 2 ? difference * difference : abs(difference);
  }
  return sum;
}

/** `cost` of sorted pairs over n, and its derivatives at the places that the numbers come from, floats [n] each. */
export function costAndSlopes(x: usize, y: usize, n: usize, p: u32, slopesX: usize, slopesY: usize): f64 {
  const count = f64(n);
  let sum: f64 = 0;
  for (const end = x + (n << 3); x < end; x += 8, y += 8) {
    const difference = f64(load<f32>(x)) - f64(load<f32>(y));
    let slope: f64;
    if (p === 2) {
      sum += difference * difference;
      slope = 2 * difference;
    } else {
      sum += abs(difference);
      slope = difference > 0 ? 1 : difference < 0 ? -1 : 0;
    }
    slope /= count;
    store<f32>(slopesX + (usize(load<u32>(x, 4)) << 2), f32(slope));
    store<f32>(slopesY + (usize(load<u32>(y, 4)) << 2), f32(-slope));
  }
  return sum / count;
}

function upper(four: v128): v128 {
  return v128.shuffle<f32>(four, four, 2, 3, 2, 3);
}

function sort<T>(row: usize, n: usize, bits: u32, counts: usize, spare: usize, sorted: usize): void {
  const least = leastOf(row, n);
  // The largest number has a cell before the last, however its cell is rounded.
  const scale = f32((1 << (2 * bits)) - 2) / (mostOf(row, n) - least);
  if (countCells(row, n, least, scale, bits, counts)) {
    scatterCells<T>(row, n, least, scale, bits, counts, spare, sorted);
    if (insert<T>(sorted, n)) return;
  }
  if (n < FEW) sortByBits<T>(row, n, 8, counts, spare, sorted);
  else sortByBits<T>(row, n, 11, counts, spare, sorted);
}

/** The part of the range that a number is in. It never falls from one number to a larger one, and so sorts them. */
function cellOf(x: f32, least: f32, scale: f32): u32 {
  return reinterpret<u32>((x - least) * scale + WHOLE);
}

function leastOf(row: usize, n: usize): f32 {
  const end = row + (n << 2);
  let least = load<f32>(row);
  if (n >= 4) {
    let four = v128.load(end - 16);
    for (; row + 16 <= end; row += 16) four = f32x4.pmin(four, v128.load(row));
    const a = min(f32x4.extract_lane(four, 0), f32x4.extract_lane(four, 1));
    return min(a, min(f32x4.extract_lane(four, 2), f32x4.extract_lane(four, 3)));
  }
  for (; row < end; row += 4) least = min(least, load<f32>(row));
  return least;
}

function mostOf(row: usize, n: usize): f32 {
  const end = row + (n << 2);
  let most = load<f32>(row);
  if (n >= 4) {
    let four = v128.load(end - 16);
    for (; row + 16 <= end; row += 16) four = f32x4.pmax(four, v128.load(row));
    const a = max(f32x4.extract_lane(four, 0), f32x4.extract_lane(four, 1));
    return max(a, max(f32x4.extract_lane(four, 2), f32x4.extract_lane(four, 3)));
  }
  for (; row < end; row += 4) most = max(most, load<f32>(row));
  return most;
}

/** Where the numbers of each low and each high digit of the cells begin. False where insertion would have to move too much. */
function countCells(row: usize, n: usize, least: f32, scale: f32, bits: u32, counts: usize): bool {
  const mask: u32 = (1 << bits) - 1;
  const size: usize = 4 << bits;
  const high = counts + size;
  memory.fill(counts, 0, size << 1);
  for (const end = row + (n << 2); row < end; row += 4) {
    const cell = cellOf(load<f32>(row), least, scale);
    increase(counts + ((cell & mask) << 2));
    increase(high + (((cell >> bits) & mask) << 2));
  }
  let beforeLow: u32 = 0;
  let beforeHigh: u32 = 0;
  let squares: u64 = 0;
  for (const end = high; counts < end; counts += 4) {
    const low = load<u32>(counts);
    store<u32>(counts, beforeLow);
    beforeLow += low;
    const count = load<u32>(counts + size);
    store<u32>(counts + size, beforeHigh);
    beforeHigh += count;
    squares += u64(count) * u64(count);
  }
  // c numbers of one high digit, evenly over its cells, have c^2 / 2^(b + 1) pairs in a cell, half of them in disorder.
  return squares >> (bits + 2) <= MOVES * n;
}

function scatterCells<T>(
  row: usize,
  n: usize,
  least: f32,
  scale: f32,
  bits: u32,
  counts: usize,
  spare: usize,
  sorted: usize,
): void {
  const mask: u32 = (1 << bits) - 1;
  for (let i: usize = 0; i < n; i++) {
    const x = load<f32>(row + (i << 2));
    const to = next(counts + ((cellOf(x, least, scale) & mask) << 2));
    store<T>(spare + to * sizeof<T>(), itemOf<T>(reinterpret<u32>(x), i));
  }
  const high = counts + (4 << bits);
  for (const end = spare + n * sizeof<T>(); spare < end; spare += sizeof<T>()) {
    const to = next(high + (((cellOf(load<f32>(spare), least, scale) >> bits) & mask) << 2));
    store<T>(sorted + to * sizeof<T>(), load<T>(spare));
  }
}

/** Sorts what is almost sorted. False where it would have to move too much: then `sorted` is of no use. */
function insert<T>(sorted: usize, n: usize): bool {
  let left = MOVES * n;
  let last = load<f32>(sorted);
  const end = sorted + n * sizeof<T>();
  for (let at = sorted + sizeof<T>(); at < end; at += sizeof<T>()) {
    const x = load<f32>(at);
    if (!(x < last)) {
      last = x;
      continue;
    }
    const item = load<T>(at);
    let to = at;
    for (; to > sorted && load<f32>(to - sizeof<T>()) > x; to -= sizeof<T>()) {
      if (left-- === 0) return false;
      store<T>(to, load<T>(to - sizeof<T>()));
    }
    store<T>(to, item);
  }
  return true;
}

/** Radix sort from the lowest digit on: 3 digits of 11 bits or 4 of 8. */
function sortByBits<T>(row: usize, n: usize, bits: u32, counts: usize, spare: usize, sorted: usize): void {
  const passes: u32 = bits === 11 ? 3 : 4;
  const mask: u32 = (1 << bits) - 1;
  const size: usize = 4 << bits;
  memory.fill(counts, 0, size * passes);
  for (let at = row, end = row + (n << 2); at < end; at += 4) {
    let key = keyOf(load<u32>(at));
    for (let pass: u32 = 0, start = counts; pass < passes; pass++, start += size, key >>= bits) {
      increase(start + ((key & mask) << 2));
    }
  }
  for (let pass: u32 = 0, at = counts; pass < passes; pass++) {
    let before: u32 = 0;
    for (const end = at + size; at < end; at += 4) {
      const count = load<u32>(at);
      store<u32>(at, before);
      before += count;
    }
  }
  // The last pass ends in `sorted`.
  let from = spare;
  let to = sorted;
  if (passes === 4) {
    from = sorted;
    to = spare;
  }
  for (let i: usize = 0; i < n; i++) {
    const word = load<u32>(row + (i << 2));
    const place = next(counts + ((keyOf(word) & mask) << 2));
    store<T>(to + place * sizeof<T>(), itemOf<T>(word, i));
  }
  for (let pass: u32 = 1; pass < passes; pass++) {
    counts += size;
    const other = from;
    from = to;
    to = other;
    for (let at = from, end = from + n * sizeof<T>(); at < end; at += sizeof<T>()) {
      const place = next(counts + (((keyOf(load<u32>(at)) >> (pass * bits)) & mask) << 2));
      store<T>(to + place * sizeof<T>(), load<T>(at));
    }
  }
}

/** Bits of a float as a number whose order is the float's: of negative ones all bits turn, of others the sign alone. */
function keyOf(word: u32): u32 {
  return word ^ (u32(i32(word) >> 31) | 0x80000000);
}

function itemOf<T>(word: u32, place: usize): T {
  if (sizeof<T>() === 8) return ((u64(place) << 32) | u64(word)) as T;
  return word as T;
}

function increase(counter: usize): void {
  store<u32>(counter, load<u32>(counter) + 1);
}

function next(counter: usize): usize {
  const place = load<u32>(counter);
  store<u32>(counter, place + 1);
  return usize(place);
}
