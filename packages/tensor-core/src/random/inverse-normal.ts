import { log } from './elementary';

// wasm/draws.ts does the same for chunks, bit for bit: the order of operations here is that of there.

/** Up to this distance from probability 1/2 the central quotient holds. */
const CENTRE = 0.425;

/**
 * The quantile function of the standard normal distribution, z with Phi(z) = 1/2 + q; relative error below 1e-15.
 *
 * Quotients of polynomials of degree 7: in q^2 near the centre, in sqrt(-log p) of the tail probability p outside.
 *
 * @param q  the probability less one half, in (-1/2, 1/2): centred, so that both tails are equally exact
 *   and normalQuantile(-q) = -normalQuantile(q)
 * @see Wichura, 1988, "Algorithm AS 241: the percentage points of the normal distribution", routine PPND16
 */
export function normalQuantile(q: number): number {
  if (q > CENTRE) return tailQuantile(0.5 - q);
  if (q < -CENTRE) return -tailQuantile(0.5 + q);
  return centreQuantile(q);
}

/**
 * Writes `normalQuantile` of the first `count` elements of `q` into `z`.
 *
 * Takes all of them for central ones first, then goes over the tails alone: a processor that mispredicts the
 * branch of every seventh element would lose more time than the superfluous quotients take.
 *
 * @param tails  working space for `count` indices
 */
export function normalQuantiles(q: Float64Array, z: Float64Array, tails: Uint16Array, count: number): void {
  let numTails = 0;
  for (let j = 0; j < count; j++) {
    const distance = q[j]!;
    z[j] = centreQuantile(distance);
    tails[numTails] = j;
    numTails += distance > CENTRE || distance < -CENTRE ? 1 : 0;
  }
  for (let k = 0; k < numTails; k++) {
    const j = tails[k]!;
    const distance = q[j]!;
    const size = tailQuantile(0.5 - Math.abs(distance));
    z[j] = distance < 0 ? -size : size;
  }
}

/** z for |q| <= 0.425. */
function centreQuantile(q: number): number {
  const r = 0.180625 - q * q;
  let above = 2509.0809287301227 * r + 33430.57558358813;
  above = above * r + 67265.7709270087;
  above = above * r + 45921.95393154987;
  above = above * r + 13731.69376550946;
  above = above * r + 1971.5909503065513;
  above = above * r + 133.14166789178438;
  above = above * r + 3.3871328727963665;
  let below = 5226.495278852854 * r + 28729.085735721943;
  below = below * r + 39307.89580009271;
  below = below * r + 21213.794301586597;
  below = below * r + 5394.196021424751;
  below = below * r + 687.1870074920579;
  below = below * r + 42.31333070160091;
  below = below * r + 1;
  return (q * above) / below;
}

/** z with upper tail probability 1 - Phi(z) = p, for 0 < p <= 0.075. */
function tailQuantile(p: number): number {
  const t = Math.sqrt(-log(p));
  if (t <= 5) {
    const r = t - 1.6;
    let above = 0.0007745450142783414 * r + 0.022723844989269184;
    above = above * r + 0.2417807251774506;
    above = above * r + 1.2704582524523684;
    above = above * r + 3.6478483247632045;
    above = above * r + 5.769497221460691;
    above = above * r + 4.630337846156546;
    above = above * r + 1.4234371107496835;
    let below = 1.0507500716444169e-9 * r + 0.0005475938084995345;
    below = below * r + 0.015198666563616457;
    below = below * r + 0.14810397642748008;
    below = below * r + 0.6897673349851;
    below = below * r + 1.6763848301838038;
    below = below * r + 2.053191626637759;
    below = below * r + 1;
    return above / below;
  }
  const r = t - 5;
  let above = 2.0103343992922881e-7 * r + 2.7115555687434876e-5;
  above = above * r + 0.0012426609473880784;
  above = above * r + 0.026532189526576124;
  above = above * r + 0.29656057182850487;
  above = above * r + 1.7848265399172913;
  above = above * r + 5.463784911164114;
  above = above * r + 6.657904643501103;
  let below = 2.0442631033899397e-15 * r + 1.421511758316446e-7;
  below = below * r + 1.8463183175100548e-5;
  below = below * r + 0.0007868691311456133;
  below = below * r + 0.014875361290850615;
  below = below * r + 0.1369298809227358;
  below = below * r + 0.599832206555888;
  below = below * r + 1;
  return above / below;
}
