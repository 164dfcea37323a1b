import { linalg, random } from '@tfsci/tensor-core';

/**
 * Frequencies with the normal distribution, d at a time orthogonal to each other.
 *
 *   W = [Q_1 S_1, Q_2 S_2, ...],  Q_b Haar orthogonal [d, d], S_b diagonal with independent norms of chi_d
 *
 * O(F d^2): a QR decomposition for every d frequencies.
 *
 * @param dim    d
 * @param count  F
 * @returns [d, F], row after row
 * @see Yu et al., 2016, "Orthogonal random features", arXiv:1610.09072
 */
export function orthogonalFrequencies(key: random.Key, dim: number, count: number): Float32Array {
  const frequencies = new Float32Array(dim * count);
  const [directions, norms] = random.split(key) as [random.Key, random.Key];
  const chi = random.fillGamma(norms, new Float64Array(count), { alpha: dim / 2, rate: 1 / 2 }).map(Math.sqrt);
  for (let first = 0, b = 0; first < count; first += dim, b++) {
    const { data } = haarOrthogonal(random.foldIn(directions, b), dim);
    for (let j = 0; j < Math.min(dim, count - first); j++) {
      for (let i = 0; i < dim; i++) frequencies[i * count + first + j] = data[i * dim + j]! * chi[first + j]!;
    }
  }
  return frequencies;
}

/**
 * An orthogonal matrix of the Haar distribution: Q of a normal matrix, R with a positive diagonal.
 *
 * @see Mezzadri, 2007, "How to generate random matrices from the classical compact groups", arXiv:math-ph/0609050
 */
function haarOrthogonal(key: random.Key, dim: number): linalg.Matrix64 {
  const normal = random.fillNormal(key, new Float64Array(dim * dim));
  const { q, r } = linalg.qr(linalg.matrix(dim, dim, normal));
  return { ...q, data: q.data.map((value, at) => value * Math.sign(r.data[(at % dim) * (dim + 1)]!)) };
}
