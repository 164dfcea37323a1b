// N queries, N candidates; the match of query i is candidate i.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';

/** How well matches are found. */
export interface RetrievalScores {
  /** By k: the share of queries whose match is among the k most similar candidates. */
  recall: Record<number, number>;
  /** Median rank of the match; 0 means found first. */
  medianRank: number;
  /** Mean of 1 / (rank + 1), which with one match a query is the mean average precision. */
  meanReciprocalRank: number;
}

/**
 * The rank of each query's match: how many candidates are strictly more similar.
 *
 * @param similarity_NN  [N, N], a row for each query; its diagonal are the matches
 * @returns int32 [N]; 0 means found first. Candidates equal to the match do not count against it
 * @throws ShapeError when the matrix is not square
 */
export function matchRanks(similarity_NN: tf.Tensor): tf.Tensor1D {
  const { shape, rank } = similarity_NN;
  if (rank !== 2 || shape[0] !== shape[1] || shape[0] === 0) {
    const wanted = 'be a square matrix, queries in rows';
    throw new ShapeError(argumentMessage('tensor-core.matchRanks', 'similarity', wanted, similarity_NN));
  }
  return tf.tidy(() => {
    const own_N1 = similarity_NN.mul(tf.eye(shape[0])).sum(1, true);
    return similarity_NN.greater(own_N1).cast('int32').sum(1);
  });
}

/**
 * Recall@k, median rank and mean reciprocal rank of matches.
 *
 * @param similarity_NN  [N, N], finite; similarities of query i (row) to candidate j; the match of i is candidate i
 * @param ks             default [1, 5, 10]
 * @throws ShapeError when the matrix is not square, RangeError when a k is not a positive integer or a similarity is
 *   not finite
 */
export async function retrievalScores(
  similarity_NN: tf.Tensor,
  ks: readonly number[] = [1, 5, 10],
): Promise<RetrievalScores> {
  const where = 'tensor-core.retrievalScores';
  for (const k of ks) checkNumber(where, 'k', k, { min: 1, integer: true });
  const [ranks_N, finite] = tf.tidy(() => [matchRanks(similarity_NN), tf.isFinite(similarity_NN).all()]);
  try {
    const [ranks, ok] = await Promise.all([ranks_N.data(), finite.data()]);
    if (!ok[0]) throw new RangeError(argumentMessage(where, 'similarity', 'be finite', similarity_NN));
    const sorted = Float64Array.from(ranks).sort();
    const n = sorted.length;
    const share = (k: number): number => sorted.filter((rank) => rank < k).length / n;
    return {
      recall: Object.fromEntries(ks.map((k) => [k, share(k)])),
      medianRank: (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2,
      meanReciprocalRank: sorted.reduce((total, rank) => total + 1 / (rank + 1), 0) / n,
    };
  } finally {
    tf.dispose([ranks_N, finite]);
  }
}
