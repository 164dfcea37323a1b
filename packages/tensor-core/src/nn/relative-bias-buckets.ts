import { argumentMessage, checkNumber } from '../check';

/** How distances are put into buckets. */
export interface BucketOptions {
  /** Default 32; for both directions together. */
  numBuckets?: number;
  /** From where on all distances share the last bucket of their direction, default 128. */
  maxDistance?: number;
  /** Whether keys after the query have buckets of their own (default), or all share bucket 0. */
  bidirectional?: boolean;
}

/**
 * The bucket of each relative position: one bucket a distance for near keys, logarithmically wider ones for far keys.
 *
 *   a < E:  a,   else  min(N - 1, E + floor((N - E) ln(a/E) / ln(maxDistance/E))),   E = floor(N/2)
 *
 * for the distance a of a key before the query, of N buckets a direction; in both directions N is half of `numBuckets`,
 * and keys after the query have N added. The steps are found in integers, so no logarithm is rounded next to one.
 *
 * @param distances  j - i of key j and query i, integers
 * @returns one bucket each, 0 .. numBuckets - 1; equals the code of the authors and of Hugging Face
 * @throws RangeError when the buckets are too few or odd in both directions, or maxDistance is not beyond E
 * @see Raffel et al., 2020, sec. 2.1, arXiv:1910.10683
 */
export function t5Buckets(distances: readonly number[], options: BucketOptions = {}): number[] {
  const where = 'tensor-core.t5Buckets';
  const { bidirectional = true } = options;
  const { N, starts } = bucketStarts(where, options);
  return distances.map((distance, i) => {
    checkNumber(where, `distances[${i}]`, distance, { integer: true });
    if (!bidirectional && distance > 0) return 0;
    const a = Math.abs(distance);
    const beyond = starts.findIndex((start) => a < start);
    const bucket = beyond === -1 ? N - 1 : beyond - 1;
    return distance > 0 ? N + bucket : bucket;
  });
}

/** The smallest distance in each bucket of one direction. */
function bucketStarts(
  where: string,
  { numBuckets = 32, maxDistance = 128, bidirectional = true }: BucketOptions,
): { N: number; starts: number[] } {
  checkNumber(where, 'numBuckets', numBuckets, { min: bidirectional ? 4 : 2, integer: true });
  if (bidirectional && numBuckets % 2 !== 0) {
    throw new RangeError(argumentMessage(where, 'numBuckets', 'be even in both directions', numBuckets));
  }
  const N = bidirectional ? numBuckets / 2 : numBuckets;
  const E = Math.floor(N / 2);
  checkNumber(where, 'maxDistance', maxDistance, { above: E, integer: true });
  const wide = N - E;
  const starts = Array.from({ length: N }, (_, bucket) => {
    if (bucket <= E) return bucket;
    // The smallest a with (a/E)^wide >= (maxDistance/E)^k.
    const k = bucket - E;
    const bound = BigInt(E) ** BigInt(wide - k) * BigInt(maxDistance) ** BigInt(k);
    let a = Math.max(E, Math.floor(E * (maxDistance / E) ** (k / wide)) - 1);
    while (BigInt(a) ** BigInt(wide) < bound) a++;
    return a;
  });
  return { N, starts };
}
