import type { Pass } from './butterflies';
import { unitRoots } from './roots';

/**
 * The pass of any odd radix, by the definition; see `Pass`.
 *
 *   sum_j x_j e^(-2 pi i j k / r) = x_0 + sum_(j <= r / 2) [ (x_j + x_(r-j)) cos - i (x_j - x_(r-j)) sin ]
 *
 * so one sum gives the outputs k and r - k. About 2 r multiplications an element.
 */
export function oddPass(radix: number): Pass {
  const { cos, sin } = unitRoots(radix);
  const half = (radix - 1) / 2;
  // Sums and differences, the pair j = 1 .. half in four numbers.
  const pairs = new Float64Array(4 * half);
  return (x, y, blocks, lanes, twiddles) => {
    const { re: xr, im: xi } = x;
    const { re: yr, im: yi } = y;
    const step = lanes * blocks;
    for (let p = 0; p < blocks; p++) {
      const t = 2 * (radix - 1) * p;
      for (let q = 0; q < lanes; q++) {
        const a = x.at + lanes * p + q;
        const o = y.at + radix * lanes * p + q;
        const x0r = xr[a]!;
        const x0i = xi[a]!;
        let totalR = x0r;
        let totalI = x0i;
        for (let j = 1, s = 0; j <= half; j++, s += 4) {
          const b = a + j * step;
          const c = a + (radix - j) * step;
          pairs[s] = xr[b]! + xr[c]!;
          pairs[s + 1] = xi[b]! + xi[c]!;
          pairs[s + 2] = xr[b]! - xr[c]!;
          pairs[s + 3] = xi[b]! - xi[c]!;
          totalR += pairs[s]!;
          totalI += pairs[s + 1]!;
        }
        yr[o] = totalR;
        yi[o] = totalI;
        for (let k = 1; k <= half; k++) {
          let evenR = x0r;
          let evenI = x0i;
          let oddR = 0;
          let oddI = 0;
          for (let j = 1, s = 0, root = k; j <= half; j++, s += 4) {
            const c = cos[root]!;
            const w = sin[root]!;
            evenR += c * pairs[s]!;
            evenI += c * pairs[s + 1]!;
            oddR += w * pairs[s + 3]!;
            oddI -= w * pairs[s + 2]!;
            root += k;
            if (root >= radix) root -= radix;
          }
          const first = t + 2 * (k - 1);
          const last = t + 2 * (radix - k - 1);
          const o1 = o + k * lanes;
          const o2 = o + (radix - k) * lanes;
          const y1r = evenR + oddR;
          const y1i = evenI + oddI;
          const y2r = evenR - oddR;
          const y2i = evenI - oddI;
          yr[o1] = y1r * twiddles[first]! - y1i * twiddles[first + 1]!;
          yi[o1] = y1r * twiddles[first + 1]! + y1i * twiddles[first]!;
          yr[o2] = y2r * twiddles[last]! - y2i * twiddles[last + 1]!;
          yi[o2] = y2r * twiddles[last + 1]! + y2i * twiddles[last]!;
        }
      }
    }
  };
}
