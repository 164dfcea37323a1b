import { argumentMessage, ShapeError } from '../check';

/** Largest |P[k] - P[-k]| relative to the larger of the two: what remains of symmetric powers computed in float32. */
const ASYMMETRY = 1e-5;

/** Host arrays of powers. */
export type PowerArray = Float64Array | Float32Array;

/**
 * Checks that an array is the power P[k] = E|F[k]|^2 / (h w) of real fields: finite, not negative, and P[k] = P[-k].
 *
 * @param power   row-major [height, width] in the order of `fft2`, or several of them one after the other
 * @returns power
 * @throws TypeError when it is no array of floats, ShapeError when its length is not a multiple of height * width,
 *   RangeError for the first power that cannot be
 */
export function checkPower(power: PowerArray, height: number, width: number): PowerArray {
  return checkedPower('tensor-core.checkPower', power, height, width);
}

/** `checkPower` under another name. */
export function checkedPower(where: string, power: PowerArray, height: number, width: number): PowerArray {
  const isArray = power instanceof Float64Array || (power as unknown) instanceof Float32Array;
  if (!isArray) throw new TypeError(argumentMessage(where, 'power', 'be a Float64Array or Float32Array', power));
  const size = height * width;
  if (power.length === 0 || power.length % size !== 0) {
    const fix = `That is one element for each coefficient of fft2 of [${height}, ${width}].`;
    throw new ShapeError(argumentMessage(where, 'power', `have a multiple of ${size} elements`, power, fix));
  }
  for (let start = 0; start < power.length; start += size) {
    for (let i = 0, at = start; i < height; i++) {
      for (let j = 0; j < width; j++, at++) {
        const p = power[at]!;
        const opposite = power[start + ((height - i) % height) * width + ((width - j) % width)]!;
        const name = `power at [${i}, ${j}]`;
        if (!(p >= 0 && p < Infinity)) throw new RangeError(argumentMessage(where, name, 'be finite and >= 0', p));
        if (Math.abs(p - opposite) > ASYMMETRY * Math.max(p, opposite)) {
          const wanted = `equal that of the opposite wavenumber (${opposite})`;
          throw new RangeError(argumentMessage(where, name, wanted, p, 'The powers of real fields are symmetric.'));
        }
      }
    }
  }
  return power;
}
