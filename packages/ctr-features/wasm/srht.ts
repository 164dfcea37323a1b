// Features of Hadamard projections, of four points at a time: lane r of every v128 belongs to point r.
// p degrees, B blocks, d' padded length, F features of a projection padded to a multiple of four, w parts of a number.
// All addresses and offsets are in bytes.

/**
 * Products of projections, for groups of four points:
 *
 *   out[l] = prod_{i<p} lines_i[rows_i[l]],  lines_i = the B lines H (signs_{i,b} * point)
 *
 * @param groups    number of groups
 * @param degree    p
 * @param blocks    B
 * @param length    d', a power of two
 * @param features  F
 * @param parts     w: 1 for real numbers, 2 for complex ones, re before im
 * @param columns   coordinates of a point, a multiple of four, at most d' rounded up to one
 * @param points    floats [4 groups, columns]
 * @param signs     floats [p, B, d', w]
 * @param rows      u32 [p, F], the offset of each feature's number in the lines of its degree
 * @param work      room for v128 [max(d', columns) + p B d' w]
 * @param out       floats [4 groups, w F and as many more as `stride` has room for]; re, then im
 * @param stride    from one point's features to the next's
 */
export function transform(
  groups: usize,
  degree: usize,
  blocks: usize,
  length: usize,
  features: usize,
  parts: usize,
  columns: usize,
  points: usize,
  signs: usize,
  rows: usize,
  work: usize,
  out: usize,
  stride: usize,
): void {
  const filled = columns << 4;
  const lines = work + (max(length, columns) << 4);
  const line = (length << 4) * parts;
  memory.fill(work + filled, 0, lines - work - filled);
  for (let group: usize = 0; group < groups; group++) {
    interleave(points, filled >> 2, work);
    let sign = signs;
    let at = lines;
    for (let i: usize = 0; i < degree * blocks; i++) {
      if (parts === 2) signedPairs(work, sign, at, length);
      else signed(work, sign, at, length);
      hadamard(at, line, parts << 4);
      sign += line >> 2;
      at += line;
    }
    if (parts === 2) gatherPairs(lines, line * blocks, degree, rows, features, out, stride);
    else gather(lines, line * blocks, degree, rows, features, out, stride);
    points += filled;
    out += stride << 2;
  }
}

/** The coordinates of four points that lie `stride` apart, side by side. */
function interleave(points: usize, stride: usize, lanes: usize): void {
  for (const end = points + stride; points < end; points += 16, lanes += 64) {
    const a = v128.load(points);
    const b = v128.load(points + stride);
    const c = v128.load(points + stride * 2);
    const d = v128.load(points + stride * 3);
    storeTransposed(a, b, c, d, lanes, 16);
  }
}

function signed(lanes: usize, signs: usize, line: usize, length: usize): void {
  for (const end = line + (length << 4); line < end; lanes += 16, signs += 4, line += 16) {
    v128.store(line, f32x4.mul(v128.load(lanes), v128.load32_splat(signs)));
  }
}

function signedPairs(lanes: usize, signs: usize, line: usize, length: usize): void {
  for (const end = line + (length << 5); line < end; lanes += 16, signs += 8, line += 32) {
    const x = v128.load(lanes);
    v128.store(line, f32x4.mul(x, v128.load32_splat(signs)));
    v128.store(line, f32x4.mul(x, v128.load32_splat(signs, 4)), 16);
  }
}

/** H of a line in place, of numbers of `unit` bytes. */
function hadamard(line: usize, bytes: usize, unit: usize): void {
  const end = line + bytes;
  let size = bytes;
  // Two steps at once: half as many ways through memory.
  for (; size >= unit << 2; size >>= 2) {
    const step = size >> 2;
    for (let block = line; block < end; block += size) {
      for (let a = block, stop = block + step; a < stop; a += 16) {
        const b = a + step;
        const c = b + step;
        const d = c + step;
        const sumAb = f32x4.add(v128.load(a), v128.load(b));
        const difAb = f32x4.sub(v128.load(a), v128.load(b));
        const sumCd = f32x4.add(v128.load(c), v128.load(d));
        const difCd = f32x4.sub(v128.load(c), v128.load(d));
        v128.store(a, f32x4.add(sumAb, sumCd));
        v128.store(b, f32x4.add(difAb, difCd));
        v128.store(c, f32x4.sub(sumAb, sumCd));
        v128.store(d, f32x4.sub(difAb, difCd));
      }
    }
  }
  if (size < unit << 1) return;
  for (; line < end; line += size) {
    for (let a = line, stop = line + unit; a < stop; a += 16) {
      const sum = f32x4.add(v128.load(a), v128.load(a + unit));
      const dif = f32x4.sub(v128.load(a), v128.load(a + unit));
      v128.store(a, sum);
      v128.store(a + unit, dif);
    }
  }
}

/** Products over the degrees of the numbers that the features take from the lines. */
function gather(
  lines: usize,
  ofDegree: usize,
  degree: usize,
  rows: usize,
  features: usize,
  out: usize,
  stride: usize,
): void {
  const rowsOfDegree = features << 2;
  for (const end = rows + rowsOfDegree; rows < end; rows += 16, out += 16) {
    let row = rows;
    let from = lines;
    let a = v128.load(from + load<u32>(row));
    let b = v128.load(from + load<u32>(row, 4));
    let c = v128.load(from + load<u32>(row, 8));
    let d = v128.load(from + load<u32>(row, 12));
    for (let i: usize = 1; i < degree; i++) {
      row += rowsOfDegree;
      from += ofDegree;
      a = f32x4.mul(a, v128.load(from + load<u32>(row)));
      b = f32x4.mul(b, v128.load(from + load<u32>(row, 4)));
      c = f32x4.mul(c, v128.load(from + load<u32>(row, 8)));
      d = f32x4.mul(d, v128.load(from + load<u32>(row, 12)));
    }
    storeTransposed(a, b, c, d, out, stride);
  }
}

/** The same of complex numbers. */
function gatherPairs(
  lines: usize,
  ofDegree: usize,
  degree: usize,
  rows: usize,
  features: usize,
  out: usize,
  stride: usize,
): void {
  const rowsOfDegree = features << 2;
  for (const end = rows + rowsOfDegree; rows < end; rows += 16, out += 16) {
    let row = rows;
    let from = lines;
    let at = from + load<u32>(row);
    let a = v128.load(at);
    let aIm = v128.load(at, 16);
    at = from + load<u32>(row, 4);
    let b = v128.load(at);
    let bIm = v128.load(at, 16);
    at = from + load<u32>(row, 8);
    let c = v128.load(at);
    let cIm = v128.load(at, 16);
    at = from + load<u32>(row, 12);
    let d = v128.load(at);
    let dIm = v128.load(at, 16);
    for (let i: usize = 1; i < degree; i++) {
      row += rowsOfDegree;
      from += ofDegree;
      at = from + load<u32>(row);
      let re = v128.load(at);
      let im = v128.load(at, 16);
      let product = f32x4.sub(f32x4.mul(a, re), f32x4.mul(aIm, im));
      aIm = f32x4.add(f32x4.mul(a, im), f32x4.mul(aIm, re));
      a = product;
      at = from + load<u32>(row, 4);
      re = v128.load(at);
      im = v128.load(at, 16);
      product = f32x4.sub(f32x4.mul(b, re), f32x4.mul(bIm, im));
      bIm = f32x4.add(f32x4.mul(b, im), f32x4.mul(bIm, re));
      b = product;
      at = from + load<u32>(row, 8);
      re = v128.load(at);
      im = v128.load(at, 16);
      product = f32x4.sub(f32x4.mul(c, re), f32x4.mul(cIm, im));
      cIm = f32x4.add(f32x4.mul(c, im), f32x4.mul(cIm, re));
      c = product;
      at = from + load<u32>(row, 12);
      re = v128.load(at);
      im = v128.load(at, 16);
      product = f32x4.sub(f32x4.mul(d, re), f32x4.mul(dIm, im));
      dIm = f32x4.add(f32x4.mul(d, im), f32x4.mul(dIm, re));
      d = product;
    }
    storeTransposed(a, b, c, d, out, stride);
    storeTransposed(aIm, bIm, cIm, dIm, out + rowsOfDegree, stride);
  }
}

/** Stores what a, b, c, d have in lane 0 at `to`, what they have in lane 1 `stride` after it, and so on. */
function storeTransposed(a: v128, b: v128, c: v128, d: v128, to: usize, stride: usize): void {
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
  v128.store(to + stride, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
  v128.store(to + stride * 2, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(to + stride * 3, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}
