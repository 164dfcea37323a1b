import { argumentMessage, ShapeError } from '../check';

/**
 * The standard errors of the power spectrum of a Gaussian field.
 *
 *   sigma_b = P_b sqrt(2 / n_b)
 *
 * as of the n_b modes of a bin half are independent, each with a relative variance of 1.
 *
 * @param power   of each bin
 * @param counts  n_b of each bin, k and -k both counted
 * @throws ShapeError when they differ in length
 */
export function gaussianPowerError(power: ArrayLike<number>, counts: ArrayLike<number>): Float64Array {
  checkSame('tensor-core.gaussianPowerError', 'counts', counts, power.length);
  return Float64Array.from(power, (p, bin) => p * Math.sqrt(2 / counts[bin]!));
}

/**
 * The standard errors of the cross spectrum of two Gaussian fields.
 *
 *   sigma_b = sqrt( (P_b(a) P_b(b) + C_b^2) / n_b )
 *
 * @throws ShapeError when the arrays differ in length
 */
export function gaussianCrossError(
  cross: ArrayLike<number>,
  powerA: ArrayLike<number>,
  powerB: ArrayLike<number>,
  counts: ArrayLike<number>,
): Float64Array {
  const where = 'tensor-core.gaussianCrossError';
  for (const [name, array] of Object.entries({ powerA, powerB, counts })) checkSame(where, name, array, cross.length);
  return Float64Array.from(cross, (c, bin) => Math.sqrt((powerA[bin]! * powerB[bin]! + c * c) / counts[bin]!));
}

function checkSame(where: string, name: string, array: ArrayLike<number>, length: number): void {
  if (array.length === length) return;
  throw new ShapeError(argumentMessage(where, name, `have ${length} elements`, array));
}
