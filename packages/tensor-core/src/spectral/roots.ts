/** Cosines and sines of 2 pi r / n, r = 0 .. n - 1. */
export interface UnitRoots {
  cos: Float64Array;
  sin: Float64Array;
}

/**
 * The n-th roots of unity, each within an ulp.
 *
 * Angles are reduced to the first octant as integers, so that sin(pi) is 0, cos(pi / 4) equals sin(pi / 4) and all other
 * symmetries of the circle hold exactly.
 */
export function unitRoots(n: number): UnitRoots {
  const cos = new Float64Array(n);
  const sin = new Float64Array(n);
  for (let r = 0; r < n; r++) {
    const quadrant = Math.floor((4 * r) / n);
    // The angle is (quadrant + rest / n) pi / 2.
    const rest = 4 * r - quadrant * n;
    const beyond = 2 * rest > n;
    const angle = (Math.PI / 2) * ((beyond ? n - rest : rest) / n);
    const [small, large] = 2 * rest === n ? [Math.SQRT1_2, Math.SQRT1_2] : [Math.sin(angle), Math.cos(angle)];
    const [c, s] = beyond ? [small, large] : [large, small];
    // 0 - x, as -x would make negative zeros.
    cos[r] = quadrant === 0 ? c : quadrant === 1 ? 0 - s : quadrant === 2 ? 0 - c : s;
    sin[r] = quadrant === 0 ? s : quadrant === 1 ? c : quadrant === 2 ? 0 - s : 0 - c;
  }
  return { cos, sin };
}
