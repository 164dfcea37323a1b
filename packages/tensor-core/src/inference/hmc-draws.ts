import { argumentMessage, checkNumber, ShapeError } from '../check';
import { fillIntegers, fillNormal, fillUniform, foldIn, type Key, split } from '../random';

/** Random numbers given instead of a key, for the replay of a run. */
export interface HmcDraws {
  /** Standard normals [iteration][chain][coordinate], before the factor M^(1/2). */
  momenta: ArrayLike<ArrayLike<ArrayLike<number>>>;
  /** Numbers of leapfrog steps [iteration], shared by the chains. */
  lengths: ArrayLike<number>;
  /** Uniforms of the acceptance test [iteration][chain]. */
  uniforms: ArrayLike<ArrayLike<number>>;
}

/** Where a run takes its random numbers from. Each depends on key, iteration and chain alone, so a run can resume anywhere. */
export interface DrawSource {
  normals: (iteration: number, chain: number) => Float64Array;
  uniform: (iteration: number, chain: number) => number;
  steps: (iteration: number, chain: number) => number;
}

/** The source of a key. @param shared  whether all chains of an iteration take the same number of steps */
export function keyedDraws(
  key: Key,
  dimension: number,
  [least, most]: readonly [number, number],
  shared: boolean,
): DrawSource {
  const [momenta, uniforms, lengths] = split(key, 3) as [Key, Key, Key];
  const at = (parent: Key, iteration: number, chain: number): Key => foldIn(foldIn(parent, iteration), chain);
  return {
    normals: (iteration, chain) => fillNormal(at(momenta, iteration, chain), new Float64Array(dimension)),
    uniform: (iteration, chain) => fillUniform(at(uniforms, iteration, chain), new Float64Array(1))[0]!,
    steps: (iteration, chain) =>
      fillIntegers(at(lengths, iteration, shared ? 0 : chain), new Int32Array(1), { low: least, high: most + 1 })[0]!,
  };
}

/** The source of given numbers. @throws ShapeError, RangeError in the iteration whose numbers are missing or broken */
export function givenDraws(where: string, draws: HmcDraws, dimension: number): DrawSource {
  return {
    normals(iteration, chain) {
      const normals = draws.momenta[iteration]?.[chain];
      if (normals?.length !== dimension) {
        const name = `draws.momenta[${iteration}][${chain}]`;
        throw new ShapeError(argumentMessage(where, name, `have ${dimension} entries`, normals?.length));
      }
      return Float64Array.from(normals);
    },
    uniform: (iteration, chain) =>
      checkNumber(where, `draws.uniforms[${iteration}][${chain}]`, draws.uniforms[iteration]?.[chain], {
        min: 0,
        max: 1,
      }),
    steps: (iteration) =>
      checkNumber(where, `draws.lengths[${iteration}]`, draws.lengths[iteration], { min: 1, integer: true }),
  };
}
