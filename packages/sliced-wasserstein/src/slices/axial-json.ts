import { check } from '@tfsci/tensor-core';
import { AXIAL_CLASSES, type AxialDistribution, type AxialFamily, type AxialJson } from './axial-distribution';
import { PowerSpherical } from './power-spherical';
import { SymmetricVonMisesFisher } from './symmetric-von-mises-fisher';
import { VonMisesFisher } from './von-mises-fisher';

const { argumentMessage, FormatError } = check;

/** The distribution of a family. @throws as its constructor, RangeError for another family */
export function makeAxial(where: string, family: AxialFamily, mu: ArrayLike<number>, kappa: number): AxialDistribution {
  check.checkOneOf(where, 'family', family, Object.keys(AXIAL_CLASSES));
  if (family === 'powerSpherical') return new PowerSpherical(mu, kappa);
  return family === 'vmf' ? new VonMisesFisher(mu, kappa) : new SymmetricVonMisesFisher(mu, kappa);
}

/** The distribution that `toJSON` wrote, number for number. @throws FormatError when the value is anything else */
export function axialFromJSON(json: unknown): AxialDistribution {
  const { family, mu, kappa } = (json ?? {}) as Partial<AxialJson>;
  try {
    if (!Array.isArray(mu)) throw new TypeError();
    return makeAxial('sliced-wasserstein.axialFromJSON', family as AxialFamily, mu, kappa as number);
  } catch (cause) {
    const wanted =
      "be { family: 'vmf', 'vmfSymmetric' or 'powerSpherical', mu: numbers not all 0, kappa: a number >= 0 }";
    throw new FormatError(argumentMessage('sliced-wasserstein.axialFromJSON', 'json', wanted, json), { cause });
  }
}
