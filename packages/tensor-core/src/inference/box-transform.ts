import type { Interval, LogDensity } from './density';

/** How an interval is stretched to the real line. */
export type Stretch = 'logit' | 'tangent';

/** A smooth bijection from free coordinates z, in all of R^D, to coordinates x inside bounds. */
export interface BoxTransform {
  /** x of z. */
  toBox(z: Float64Array): Float64Array;
  /** z of x. */
  toFree(x: Float64Array): Float64Array;
  /** log |det dx/dz|. */
  logJacobian(z: Float64Array): number;
  /** The density of z, with gradient, of a density of x: log p(x(z)) + log |det dx/dz|. */
  pullBack(logDensity: LogDensity): LogDensity;
}

/** One coordinate: x, dx/dz, log |dx/dz| and its derivative at z, and z of x. */
interface Coordinate {
  at(z: number): { x: number; slope: number; log: number; logSlope: number };
  inverse(x: number): number;
}

/**
 * The transform of a box, coordinate by coordinate.
 *
 *   logit    x = low + (high - low) / (1 + exp(-z))
 *   tangent  x = low + (high - low) (atan(z) / pi + 1/2): a uniform x gives a Cauchy z
 *   a single bound: x = low + exp(z) or x = high - exp(z);  none: x = z
 *
 * @param bounds   -Infinity and Infinity where there is none
 * @param stretch  of intervals with two bounds, default 'logit'
 */
export function boxTransform(bounds: readonly Interval[], stretch: Stretch = 'logit'): BoxTransform {
  const coordinates = bounds.map((interval) => coordinateOf(interval, stretch));
  const toBox = (z: Float64Array): Float64Array => z.map((value, i) => coordinates[i]!.at(value).x);
  return {
    toBox,
    toFree: (x) => x.map((value, i) => coordinates[i]!.inverse(value)),
    logJacobian: (z) => z.reduce((sum, value, i) => sum + coordinates[i]!.at(value).log, 0),
    pullBack: (logDensity) => (z, chain) => {
      const x = new Float64Array(z.length);
      const slopes = new Float64Array(z.length);
      const logSlopes = new Float64Array(z.length);
      let logJacobian = 0;
      for (let i = 0; i < z.length; i++) {
        const part = coordinates[i]!.at(z[i]!);
        [x[i], slopes[i], logSlopes[i]] = [part.x, part.slope, part.logSlope];
        logJacobian += part.log;
      }
      const { value, gradient } = logDensity(x, chain);
      return {
        value: value + logJacobian,
        gradient: slopes.map((slope, i) => gradient[i]! * slope + logSlopes[i]!),
      };
    },
  };
}

function coordinateOf([low, high]: Interval, stretch: Stretch): Coordinate {
  if (low === -Infinity && high === Infinity) {
    return { at: (z) => ({ x: z, slope: 1, log: 0, logSlope: 0 }), inverse: (x) => x };
  }
  if (high === Infinity) return exponential(low, 1);
  if (low === -Infinity) return exponential(high, -1);
  return stretch === 'logit' ? logistic(low, high) : arcTangent(low, high);
}

function exponential(bound: number, sign: 1 | -1): Coordinate {
  return {
    at: (z) => ({ x: bound + sign * Math.exp(z), slope: sign * Math.exp(z), log: z, logSlope: 1 }),
    inverse: (x) => Math.log(sign * (x - bound)),
  };
}

function logistic(low: number, high: number): Coordinate {
  const width = high - low;
  return {
    at(z) {
      const tail = Math.exp(-Math.abs(z));
      const smaller = tail / (1 + tail);
      // Counted from the nearer bound, so that both ends are equally exact.
      const x = z < 0 ? low + width * smaller : high - width * smaller;
      const slope = (width * smaller) / (1 + tail);
      const log = Math.log(width) - Math.abs(z) - 2 * Math.log1p(tail);
      return { x, slope, log, logSlope: (z < 0 ? 1 : -1) * (1 - 2 * smaller) };
    },
    inverse: (x) => Math.log((x - low) / (high - x)),
  };
}

function arcTangent(low: number, high: number): Coordinate {
  const width = high - low;
  return {
    at(z) {
      const square = 1 + z * z;
      return {
        x: low + width * (Math.atan(z) / Math.PI + 0.5),
        slope: width / (Math.PI * square),
        log: Math.log(width / Math.PI) - Math.log(square),
        logSlope: (-2 * z) / square,
      };
    },
    inverse: (x) => Math.tan(Math.PI * ((x - low) / width - 0.5)),
  };
}
