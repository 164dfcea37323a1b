/**
 * The gradient of a scalar function by central differences in float64.
 *
 *   g_i = (f(x + h_i e_i) - f(x - h_i e_i)) / (2 h_i),  h_i = step * max(1, |x_i|)
 *
 * @param f     the function; it must not keep or change its argument
 * @param x     the point
 * @param step  default 1e-5, near the cube root of float64's epsilon, where truncation meets rounding;
 *              take about 1e-2 for functions that compute in float32
 */
export function finiteDifferences(f: (x: Float64Array) => number, x: ArrayLike<number>, step = 1e-5): Float64Array {
  const point = Float64Array.from(x);
  return point.map((value, i) => {
    const h = step * Math.max(1, Math.abs(value));
    point[i] = value + h;
    const above = f(point);
    point[i] = value - h;
    const below = f(point);
    point[i] = value;
    return (above - below) / (2 * h);
  });
}
