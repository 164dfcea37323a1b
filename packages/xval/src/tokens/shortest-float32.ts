/**
 * The float64 that the shortest decimal text of a float32 means: 0.1 for float32's 0.1, which is 0.10000000149011612, so
 * that texts have no digits that were never measured. Math.fround gives the float32 back.
 *
 * @param value  a float32; what is not finite is given as it is
 */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}
