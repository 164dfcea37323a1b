// H heads, L tokens, W width of a head, M = W / 2 planes.
import { check } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { capture, type TokenRows } from './capture';

/** A plane of rotary positions in a head of the encoder. */
export interface RopePlane {
  head: number;
  plane: number;
  /** Radians by which it turns from a token to the next. */
  frequency: number;
  /** Its part of the variance of the head's scores; those of a head sum to 1. */
  share: number;
}

/**
 * In which planes of rotary positions the scores of the encoder live: slow ones ignore where tokens stand, fast ones look at
 * distances.
 *
 *   share_m = Cov(s_m, s) / Var(s),  s = sum_m s_m over queries i and keys j <= i,  s_m the product in plane m
 *
 * @throws TypeError for a model without rotary positions, else as `capture`
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export async function ropeSpectrum(model: CountingTransformer, samples: TokenRows): Promise<RopePlane[]> {
  const where = 'counting-transformer.ropeSpectrum';
  const names = ['enc.attn.q', 'enc.attn.k'] as const;
  const { 'enc.attn.q': q, 'enc.attn.k': k } = await capture(model, samples, { names });
  const { positions, causal } = model.config;
  if (positions.kind !== 'rope') {
    throw new TypeError(check.argumentMessage(where, 'positions', "be { kind: 'rope' }", positions));
  }
  const [B, H, L, W] = q.shape as [number, number, number, number];
  const M = W / 2;
  const { base = 10000, layout = 'half' } = positions;
  const pairOf = (m: number): [number, number] => (layout === 'half' ? [m, m + M] : [2 * m, 2 * m + 1]);
  return Array.from({ length: H }, (_, head) => head).flatMap((head) => {
    const moments = new Moments(M);
    const parts = new Float64Array(M);
    for (let b = 0; b < B; b++) {
      const start = (b * H + head) * L * W;
      for (let i = 0; i < L; i++) {
        for (let j = 0; j < (causal ? i + 1 : L); j++) {
          for (let m = 0; m < M; m++) {
            const [one, two] = pairOf(m);
            const [u, v] = [start + i * W, start + j * W];
            parts[m] = q.data[u + one]! * k.data[v + one]! + q.data[u + two]! * k.data[v + two]!;
          }
          moments.add(parts);
        }
      }
    }
    return Array.from(moments.shares(), (share, plane) => {
      return { head, plane, frequency: base ** (-plane / M), share };
    });
  });
}

/** Running covariances of parts with their sum. */
class Moments {
  private count = 0;
  private readonly means: Float64Array;
  private readonly products: Float64Array;
  private meanOfSum = 0;

  constructor(size: number) {
    this.means = new Float64Array(size);
    this.products = new Float64Array(size);
  }

  add(parts: Float64Array): void {
    this.count++;
    const sum = parts.reduce((total, part) => total + part, 0);
    const before = sum - this.meanOfSum;
    this.meanOfSum += before / this.count;
    parts.forEach((part, m) => {
      this.means[m]! += (part - this.means[m]!) / this.count;
      this.products[m]! += before * (part - this.means[m]!);
    });
  }

  shares(): Float64Array {
    const total = this.products.reduce((sum, value) => sum + value, 0);
    return this.products.map((value) => (total === 0 ? 0 : value / total));
  }
}
