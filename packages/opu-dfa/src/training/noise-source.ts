import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';

const { argumentMessage, ShapeError } = check;

/**
 * Where the noise of a guarantee comes from: 'secure', the random numbers of the system, which nobody can foresee; or a
 * key, for experiments that shall be repeated exactly. Whoever knows the key can take the noise off again.
 */
export type Noise = 'secure' | { key: random.KeyOrSeed };

/** Standard normal numbers of a step: tensors of them, or a key that they are drawn with. */
export type NormalSource = readonly tf.Tensor[] | random.Key;

/** What crypto.getRandomValues gives at most at a time, in bytes. */
const LARGEST_REQUEST = 65536;

/**
 * A tensor of standard normal numbers that nobody can foresee.
 *
 *   sqrt(-2 ln u) cos(2 pi v), sqrt(-2 ln u) sin(2 pi v),  u and v uniform on (0, 1) with 53 random bits from the system
 *
 * in float64, rounded to float32. That the sums to which they are added are floating point numbers too leaks in theory, as
 * not every sum is possible (Mironov, 2012, "On significance of the least significant bits for differential privacy"):
 * against an adversary who sees all bits of the result these numbers are no proof.
 *
 * @throws RangeError for lengths that cannot be, Error where there is no crypto.getRandomValues
 */
export function secureNormal(shape: readonly number[]): tf.Tensor {
  const where = 'opu-dfa.secureNormal';
  const out = new Float32Array(check.checkedSize(where, shape));
  const words = new Uint32Array(Math.min(LARGEST_REQUEST / 4, 4 * Math.ceil(out.length / 2)));
  for (let start = 0; start < out.length; start += words.length / 2) {
    fillSecurely(where, words);
    const end = Math.min(out.length, start + words.length / 2);
    for (let i = start, at = 0; i < end; i += 2, at += 4) {
      const radius = Math.sqrt(-2 * Math.log(uniform(words[at]!, words[at + 1]!)));
      const angle = 2 * Math.PI * uniform(words[at + 2]!, words[at + 3]!);
      out[i] = radius * Math.cos(angle);
      if (i + 1 < end) out[i + 1] = radius * Math.sin(angle);
    }
  }
  return tf.tensor(out, [...shape]);
}

/** A key that nobody can foresee. @throws Error where there is no crypto.getRandomValues */
export function secureKey(): random.Key {
  const [high, low] = fillSecurely('opu-dfa.secureKey', new Uint32Array(2)) as unknown as [number, number];
  return random.key((BigInt(high) << 32n) | BigInt(low));
}

/**
 * The numbers with an index of a source.
 *
 * @throws ShapeError when the source has tensors, but not this one of this shape
 */
export function normalNumbers(where: string, source: NormalSource, index: number, shape: readonly number[]): tf.Tensor {
  if (source instanceof random.Key) return random.normal(random.foldIn(source, index), shape);
  const given = source[index];
  if (given && String(given.shape) === String(shape)) return given;
  throw new ShapeError(argumentMessage(where, `noise[${index}]`, `have the shape [${shape.join(', ')}]`, given));
}

/** The key of a choice of noise, null for 'secure'. @throws TypeError, RangeError when it is neither */
export function checkNoise(where: string, noise: unknown): random.Key | null {
  if (noise === 'secure') return null;
  if (typeof noise === 'object' && noise !== null && 'key' in noise) return random.asKey(where, noise.key);
  throw new TypeError(argumentMessage(where, 'noise', "be 'secure' or { key }", noise));
}

function fillSecurely<A extends Uint32Array>(where: string, words: A): A {
  const { crypto } = globalThis as { crypto?: Crypto };
  if (typeof crypto?.getRandomValues !== 'function') {
    const fix = 'For experiments take noise: { key } and a key of the batches.';
    throw new Error(argumentMessage(where, 'crypto.getRandomValues', 'be there', crypto, fix));
  }
  return crypto.getRandomValues(words);
}

/** On (0, 1): the middles of 2^53 intervals. */
function uniform(high: number, low: number): number {
  return (high * 2097152 + (low >>> 11) + 0.5) * 2 ** -53;
}
