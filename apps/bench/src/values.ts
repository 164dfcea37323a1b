/** Numbers that follow from a name alone, so that every side of a comparison starts from the same; peers/values.py is its twin. */

/** Uniform on [-bound, bound) in float32. */
export function uniform(name: string, size: number, bound: number): Float32Array<ArrayBuffer> {
  const seed = seedOf(name);
  const values = new Float32Array(size);
  // 24 bits: what a float32 holds exactly.
  for (let i = 0; i < size; i++) values[i] = ((scrambled(i, seed) >>> 8) * 2 ** -23 - 1) * bound;
  return values;
}

/** Integers 0 .. limit - 1. */
export function integers(name: string, size: number, limit: number): Int32Array<ArrayBuffer> {
  const seed = seedOf(name);
  return Int32Array.from({ length: size }, (_, i) => scrambled(i, seed) % limit);
}

/** The 32-bit FNV-1a hash of the name. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}

/** A counter and a seed as 32 bits without a visible pattern: Wellons's integer hash "lowbias32". */
function scrambled(counter: number, seed: number): number {
  let x = (seed + counter) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
