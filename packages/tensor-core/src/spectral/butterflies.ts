/** Complex numbers as two arrays, from an offset on. */
export interface Lines {
  re: Float64Array;
  im: Float64Array;
  at: number;
}

/**
 * One pass of Stockham's self-sorting transform, decimation in frequency.
 *
 *   y[q + lanes (radix p + k)] = w^(p k) sum_j x[q + lanes (p + j blocks)] exp(-2 pi i j k / radix)
 *
 * for p < blocks, q < lanes and w = exp(-2 pi i / (radix blocks)). The twiddles w^(p k), k = 1 .. radix - 1, stand
 * in this order for each p, real and imaginary parts in turns.
 *
 * @see Stockham, 1966; Van Loan, 1992, "Computational Frameworks for the Fast Fourier Transform", section 1.7
 */
export type Pass = (x: Lines, y: Lines, blocks: number, lanes: number, twiddles: Float64Array) => void;

const SIN_60 = Math.sqrt(3) / 2;
const COS_72 = (Math.sqrt(5) - 1) / 4;
const COS_144 = -(Math.sqrt(5) + 1) / 4;
const SIN_72 = Math.sqrt(10 + 2 * Math.sqrt(5)) / 4;
const SIN_144 = Math.sqrt(10 - 2 * Math.sqrt(5)) / 4;

export const pass2: Pass = (x, y, blocks, lanes, twiddles) => {
  const { re: xr, im: xi } = x;
  const { re: yr, im: yi } = y;
  const step = lanes * blocks;
  for (let p = 0, t = 0; p < blocks; p++, t += 2) {
    const wr = twiddles[t]!;
    const wi = twiddles[t + 1]!;
    let a = x.at + lanes * p;
    let o = y.at + 2 * lanes * p;
    for (const end = a + lanes; a < end; a++, o++) {
      const b = a + step;
      const dr = xr[a]! - xr[b]!;
      const di = xi[a]! - xi[b]!;
      yr[o] = xr[a]! + xr[b]!;
      yi[o] = xi[a]! + xi[b]!;
      yr[o + lanes] = dr * wr - di * wi;
      yi[o + lanes] = dr * wi + di * wr;
    }
  }
};

export const pass3: Pass = (x, y, blocks, lanes, twiddles) => {
  const { re: xr, im: xi } = x;
  const { re: yr, im: yi } = y;
  const step = lanes * blocks;
  for (let p = 0, t = 0; p < blocks; p++, t += 4) {
    const w1r = twiddles[t]!;
    const w1i = twiddles[t + 1]!;
    const w2r = twiddles[t + 2]!;
    const w2i = twiddles[t + 3]!;
    let a = x.at + lanes * p;
    let o = y.at + 3 * lanes * p;
    for (const end = a + lanes; a < end; a++, o++) {
      const b = a + step;
      const c = b + step;
      const sr = xr[b]! + xr[c]!;
      const si = xi[b]! + xi[c]!;
      // -i sin(60) (x_1 - x_2)
      const dr = SIN_60 * (xi[b]! - xi[c]!);
      const di = -SIN_60 * (xr[b]! - xr[c]!);
      const mr = xr[a]! - 0.5 * sr;
      const mi = xi[a]! - 0.5 * si;
      yr[o] = xr[a]! + sr;
      yi[o] = xi[a]! + si;
      const y1r = mr + dr;
      const y1i = mi + di;
      const y2r = mr - dr;
      const y2i = mi - di;
      const o1 = o + lanes;
      const o2 = o1 + lanes;
      yr[o1] = y1r * w1r - y1i * w1i;
      yi[o1] = y1r * w1i + y1i * w1r;
      yr[o2] = y2r * w2r - y2i * w2i;
      yi[o2] = y2r * w2i + y2i * w2r;
    }
  }
};

export const pass4: Pass = (x, y, blocks, lanes, twiddles) => {
  const { re: xr, im: xi } = x;
  const { re: yr, im: yi } = y;
  const step = lanes * blocks;
  for (let p = 0, t = 0; p < blocks; p++, t += 6) {
    const w1r = twiddles[t]!;
    const w1i = twiddles[t + 1]!;
    const w2r = twiddles[t + 2]!;
    const w2i = twiddles[t + 3]!;
    const w3r = twiddles[t + 4]!;
    const w3i = twiddles[t + 5]!;
    let a = x.at + lanes * p;
    let o = y.at + 4 * lanes * p;
    for (const end = a + lanes; a < end; a++, o++) {
      const b = a + step;
      const c = b + step;
      const d = c + step;
      const sumAcR = xr[a]! + xr[c]!;
      const sumAcI = xi[a]! + xi[c]!;
      const sumBdR = xr[b]! + xr[d]!;
      const sumBdI = xi[b]! + xi[d]!;
      const difAcR = xr[a]! - xr[c]!;
      const difAcI = xi[a]! - xi[c]!;
      // -i (x_1 - x_3)
      const difBdR = xi[b]! - xi[d]!;
      const difBdI = xr[d]! - xr[b]!;
      yr[o] = sumAcR + sumBdR;
      yi[o] = sumAcI + sumBdI;
      const y1r = difAcR + difBdR;
      const y1i = difAcI + difBdI;
      const y2r = sumAcR - sumBdR;
      const y2i = sumAcI - sumBdI;
      const y3r = difAcR - difBdR;
      const y3i = difAcI - difBdI;
      const o1 = o + lanes;
      const o2 = o1 + lanes;
      const o3 = o2 + lanes;
      yr[o1] = y1r * w1r - y1i * w1i;
      yi[o1] = y1r * w1i + y1i * w1r;
      yr[o2] = y2r * w2r - y2i * w2i;
      yi[o2] = y2r * w2i + y2i * w2r;
      yr[o3] = y3r * w3r - y3i * w3i;
      yi[o3] = y3r * w3i + y3i * w3r;
    }
  }
};

export const pass5: Pass = (x, y, blocks, lanes, twiddles) => {
  const { re: xr, im: xi } = x;
  const { re: yr, im: yi } = y;
  const step = lanes * blocks;
  for (let p = 0; p < blocks; p++) {
    let a = x.at + lanes * p;
    let o = y.at + 5 * lanes * p;
    for (const end = a + lanes; a < end; a++, o++) {
      const b = a + step;
      const c = b + step;
      const d = c + step;
      const e = d + step;
      const sumBeR = xr[b]! + xr[e]!;
      const sumBeI = xi[b]! + xi[e]!;
      const sumCdR = xr[c]! + xr[d]!;
      const sumCdI = xi[c]! + xi[d]!;
      // -i times the differences
      const difBeR = xi[b]! - xi[e]!;
      const difBeI = xr[e]! - xr[b]!;
      const difCdR = xi[c]! - xi[d]!;
      const difCdI = xr[d]! - xr[c]!;
      yr[o] = xr[a]! + sumBeR + sumCdR;
      yi[o] = xi[a]! + sumBeI + sumCdI;
      const m1r = xr[a]! + COS_72 * sumBeR + COS_144 * sumCdR;
      const m1i = xi[a]! + COS_72 * sumBeI + COS_144 * sumCdI;
      const m2r = xr[a]! + COS_144 * sumBeR + COS_72 * sumCdR;
      const m2i = xi[a]! + COS_144 * sumBeI + COS_72 * sumCdI;
      const d1r = SIN_72 * difBeR + SIN_144 * difCdR;
      const d1i = SIN_72 * difBeI + SIN_144 * difCdI;
      const d2r = SIN_144 * difBeR - SIN_72 * difCdR;
      const d2i = SIN_144 * difBeI - SIN_72 * difCdI;
      turned(m1r + d1r, m1i + d1i, yr, yi, o + lanes, twiddles, 8 * p);
      turned(m2r + d2r, m2i + d2i, yr, yi, o + 2 * lanes, twiddles, 8 * p + 2);
      turned(m2r - d2r, m2i - d2i, yr, yi, o + 3 * lanes, twiddles, 8 * p + 4);
      turned(m1r - d1r, m1i - d1i, yr, yi, o + 4 * lanes, twiddles, 8 * p + 6);
    }
  }
};

/** Writes a complex number times a twiddle. */
function turned(
  re: number,
  im: number,
  yr: Float64Array,
  yi: Float64Array,
  o: number,
  twiddles: Float64Array,
  t: number,
): void {
  const wr = twiddles[t]!;
  const wi = twiddles[t + 1]!;
  yr[o] = re * wr - im * wi;
  yi[o] = re * wi + im * wr;
}
