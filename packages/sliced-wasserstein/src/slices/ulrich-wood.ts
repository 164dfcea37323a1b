import { random } from '@tfsci/tensor-core';

/** The law that candidates are drawn from, and what it depends on; see `woodEnvelope`. */
export interface WoodEnvelope {
  b: number;
  x0: number;
  /** 1 - x0, not by the difference. */
  oneMinusX0: number;
  /** kappa x0 + (d - 1) log(1 - x0^2) */
  c: number;
}

/**
 * Wood's envelope of the cosine's law, in a form that loses no digits for large kappa.
 *
 *   b = (d - 1) / (2 kappa + r),  x0 = (1 - b) / (1 + b) = 2 kappa / (d - 1 + r),  r = sqrt(4 kappa^2 + (d - 1)^2)
 *
 * @param d  >= 2
 * @see Wood, 1994, "Simulation of the von Mises Fisher distribution"; Ulrich, 1984, "Computer generation of distributions
 *   on the m-sphere"
 */
export function woodEnvelope(d: number, kappa: number): WoodEnvelope {
  const r = Math.hypot(2 * kappa, d - 1);
  const b = (d - 1) / (2 * kappa + r);
  const x0 = (2 * kappa) / (d - 1 + r);
  const c = kappa * x0 + (d - 1) * Math.log((4 * b) / (1 + b) ** 2);
  return { b, x0, oneMinusX0: (2 * b) / (1 + b), c };
}

/** 1 - w of the candidate w = (1 - (1 + b) z) / (1 - (1 - b) z), z ~ Beta((d - 1) / 2, (d - 1) / 2). */
export function woodCandidate({ b }: WoodEnvelope, z: number): number {
  return (2 * b * z) / (1 - (1 - b) * z);
}

/** kappa w + (d - 1) log(1 - x0 w) - c, of 1 - w: a candidate is accepted with the exponential of it as probability. */
export function woodLogRatio(d: number, kappa: number, envelope: WoodEnvelope, oneMinusW: number): number {
  const { b, x0, oneMinusX0 } = envelope;
  const above = oneMinusX0 - oneMinusW;
  // Of 1 - x0 w = (1 - x0^2) - x0 (w - x0).
  return kappa * above + (d - 1) * Math.log1p(((-x0 * above) / (4 * b)) * (1 + b) ** 2);
}

/**
 * 1 - w of cosines w = mu.theta of independent von Mises-Fisher slices.
 *
 * By rejection; in three dimensions by the inverse of the distribution function, in one by a choice of two.
 *
 * @param d      >= 1
 * @param kappa  >= 0
 * @returns [count], in [0, 2]
 */
export function vonMisesFisherCosines(d: number, kappa: number, count: number, key: random.Key): Float64Array {
  if (d === 1 || d === 3) {
    const uniforms = random.fillUniform(key, new Float64Array(count));
    const oppositeOdds = Math.exp(-2 * kappa);
    if (d === 1) return uniforms.map((u) => (u * (1 + oppositeOdds) < 1 ? 0 : 2));
    return uniforms.map((u) => Math.min(kappa === 0 ? 2 * u : -Math.log1p(u * Math.expm1(-2 * kappa)) / kappa, 2));
  }
  const envelope = woodEnvelope(d, kappa);
  const accepted = new Float64Array(count);
  for (let found = 0, batch = 0; found < count; batch++) {
    // At worst 65 of 100 candidates are accepted.
    const size = Math.ceil(1.6 * (count - found)) + 16;
    const [zKey, uKey] = random.split(random.foldIn(key, batch)) as [random.Key, random.Key];
    const z = symmetricBeta((d - 1) / 2, size, zKey);
    const u = random.fillUniform(uKey, new Float64Array(size));
    for (let i = 0; i < size && found < count; i++) {
      const oneMinusW = woodCandidate(envelope, z[i]!);
      if (woodLogRatio(d, kappa, envelope, oneMinusW) >= Math.log(u[i]!)) accepted[found++] = oneMinusW;
    }
  }
  return accepted;
}

/** Draws of Beta(a, a). */
function symmetricBeta(a: number, count: number, key: random.Key): Float64Array {
  if (a === 0.5) return random.fillUniform(key, new Float64Array(count)).map((u) => Math.sin((Math.PI * u) / 2) ** 2);
  const [first, second] = random.split(key) as [random.Key, random.Key];
  const others = random.fillGamma(second, new Float64Array(count), { alpha: a });
  return random.fillGamma(first, new Float64Array(count), { alpha: a }).map((x, i) => x / (x + others[i]!));
}
