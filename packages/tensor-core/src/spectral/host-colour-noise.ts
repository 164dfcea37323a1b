import { argumentMessage, ShapeError } from '../check';
import { fillNormal, type Key } from '../random';
import { checkLineLength, halfLength } from './fft-plan';
import { fftPlan2 } from './fft-plan-2d';
import { checkedPower, type PowerArray } from './power-array';

/**
 * Gaussian fields of given power from white noise, in float64; see `colourNoise`.
 *
 *   e = Re ifft2( sqrt(P) fft2(w) )
 *
 * @param white  one or more fields of independent standard normals, row-major, one after the other; not changed
 * @param power  P, [height, width] for all fields, or one for each field
 * @returns a new array of the length of white
 * @throws TypeError, ShapeError for arrays of other kinds and lengths, RangeError for powers that are negative, not
 *   finite or asymmetric
 */
export function hostColourNoise(white: Float64Array, power: PowerArray, height: number, width: number): Float64Array {
  const copy = (white as unknown) instanceof Float64Array ? white.slice() : white;
  return coloured('tensor-core.hostColourNoise', copy, power, height, width);
}

/**
 * Gaussian fields of given power in float64: `hostColourNoise` of normals by `fillNormal`.
 *
 * @param key            used for this draw only
 * @param options.count  number of fields, default 1
 * @returns the fields one after the other, row-major
 * @throws as `hostColourNoise`, and TypeError when `key` is not a key
 */
export function hostGaussianField(
  key: Key,
  power: PowerArray,
  height: number,
  width: number,
  { count = 1 }: { count?: number } = {},
): Float64Array {
  const where = 'tensor-core.hostGaussianField';
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  checkLineLength(where, 'count', count);
  return coloured(where, fillNormal(key, new Float64Array(count * height * width)), power, height, width);
}

/** Colours in place. */
function coloured(where: string, fields: Float64Array, power: PowerArray, height: number, width: number): Float64Array {
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  const size = height * width;
  if (!(fields instanceof Float64Array)) {
    throw new TypeError(argumentMessage(where, 'white', 'be a Float64Array', fields));
  }
  if (fields.length === 0 || fields.length % size !== 0) {
    throw new ShapeError(argumentMessage(where, 'white', `have a multiple of ${size} elements`, fields));
  }
  checkedPower(where, power, height, width);
  if (power.length !== size && power.length !== fields.length) {
    throw new ShapeError(argumentMessage(where, 'power', `have ${size} or ${fields.length} elements`, power));
  }
  const m = halfLength(width);
  const plan = fftPlan2(height, width);
  const [re, im] = [new Float64Array(height * m), new Float64Array(height * m)];
  for (let start = 0; start < fields.length; start += size) {
    const field = fields.subarray(start, start + size);
    const first = power.length === size ? 0 : start;
    plan.forwardReal(field, re, im);
    for (let i = 0, at = 0; i < height; i++) {
      for (let j = 0; j < m; j++, at++) {
        const amplitude = Math.sqrt(power[first + i * width + j]!);
        re[at]! *= amplitude;
        im[at]! *= amplitude;
      }
    }
    plan.inverseReal(re, im, field);
  }
  return fields;
}
