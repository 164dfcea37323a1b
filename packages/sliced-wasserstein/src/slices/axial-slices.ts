// L slices, d coordinates

/**
 * Unit vectors with given cosines to mu: theta = H (w, sqrt(1 - w^2) v / |v|) with the reflection H that takes e_1 to mu.
 *
 *   H y = y - 2 (y.u) u,  u = (e_1 - mu) / |e_1 - mu|
 *
 * @param mu         unit vector, [d]
 * @param oneMinusW  1 - w of cosines w, [L]
 * @param v          directions across mu, of any lengths, [L, d - 1]; normal draws make theta uniform given w
 * @returns [L, d]
 */
export function axialSlices(mu: Float64Array, oneMinusW: Float64Array, v: ArrayLike<number>): Float64Array {
  const d = mu.length;
  const u = mirror(mu);
  const theta = new Float64Array(oneMinusW.length * d);
  oneMinusW.forEach((rest, l) => {
    const row = theta.subarray(l * d, (l + 1) * d);
    const first = l * (d - 1);
    let square = 0;
    for (let j = 0; j < d - 1; j++) square += v[first + j]! ** 2;
    const scale = square > 0 ? Math.sqrt((rest * (2 - rest)) / square) : 0;
    row[0] = 1 - rest;
    for (let j = 1; j < d; j++) row[j] = scale * v[first + j - 1]!;
    // Normal draws are all 0 with probability 2^-53 or less, but a slice must have norm 1 then too.
    if (square === 0 && d > 1) row[1] = Math.sqrt(rest * (2 - rest));
    if (u === null) return;
    let along = 0;
    for (let j = 0; j < d; j++) along += row[j]! * u[j]!;
    for (let j = 0; j < d; j++) row[j] = row[j]! - 2 * along * u[j]!;
  });
  return theta;
}

/** (e_1 - mu) / |e_1 - mu|; null where mu is e_1. */
function mirror(mu: Float64Array): Float64Array | null {
  const u = mu.map((entry) => -entry);
  let across = 0;
  for (let j = 1; j < mu.length; j++) across += mu[j]! ** 2;
  // 1 - mu_1 would keep few digits near e_1, where it is |mu's other entries|^2 / (1 + mu_1).
  u[0] = mu[0]! > 0 ? across / (1 + mu[0]!) : 1 - mu[0]!;
  const norm = Math.sqrt(u[0] ** 2 + across);
  return norm > 0 ? u.map((entry) => entry / norm) : null;
}
