import { pass2, pass3, pass4, pass5, type Lines, type Pass } from './butterflies';
import { primeFactors } from './factors';
import type { LineTransform } from './line';
import { oddPass } from './odd-pass';
import { unitRoots, type UnitRoots } from './roots';

interface Stage {
  radix: number;
  pass: Pass;
  twiddles: Float64Array;
}

const PASSES = new Map<number, Pass>([
  [2, pass2],
  [3, pass3],
  [4, pass4],
  [5, pass5],
]);

/** The fast transform of lengths whose prime factors are small, by passes from an array to another and back. */
export class MixedRadix implements LineTransform {
  private readonly stages: Stage[];
  private scratchRe = new Float64Array(0);
  private scratchIm = new Float64Array(0);

  constructor(readonly length: number) {
    const roots = unitRoots(length);
    let rest = length;
    this.stages = radices(length).map((radix) => {
      const blocks = rest / radix;
      const twiddles = twiddlesOf(roots, radix, blocks, length / rest);
      rest = blocks;
      return { radix, pass: PASSES.get(radix) ?? oddPass(radix), twiddles };
    });
  }

  run(re: Float64Array, im: Float64Array, offset: number, lanes: number): void {
    const size = this.length * lanes;
    if (this.scratchRe.length < size) {
      this.scratchRe = new Float64Array(size);
      this.scratchIm = new Float64Array(size);
    }
    let from: Lines = { re, im, at: offset };
    let to: Lines = { re: this.scratchRe, im: this.scratchIm, at: 0 };
    let blocks = this.length;
    let done = lanes;
    for (const { radix, pass, twiddles } of this.stages) {
      blocks /= radix;
      pass(from, to, blocks, done, twiddles);
      done *= radix;
      [from, to] = [to, from];
    }
    if (from.re === re) return;
    for (let i = 0; i < size; i++) re[offset + i] = this.scratchRe[i]!;
    for (let i = 0; i < size; i++) im[offset + i] = this.scratchIm[i]!;
  }
}

/** Fours first, then the odd primes, large ones before small ones, and a two that is left over. */
function radices(n: number): number[] {
  const primes = primeFactors(n);
  const twos = primes.filter((p) => p === 2).length;
  const fours = new Array<number>(twos >> 1).fill(4);
  const odd = primes.filter((p) => p > 2).reverse();
  return [...fours, ...odd, ...(twos % 2 === 1 ? [2] : [])];
}

/** exp(-2 pi i p k stride / length), k = 1 .. radix - 1 for each p < blocks. */
function twiddlesOf({ cos, sin }: UnitRoots, radix: number, blocks: number, stride: number): Float64Array {
  const out = new Float64Array(2 * (radix - 1) * blocks);
  let t = 0;
  for (let p = 0; p < blocks; p++) {
    for (let k = 1; k < radix; k++) {
      // p k < radix blocks = length / stride, so the root is within the table.
      const root = p * k * stride;
      out[t++] = cos[root]!;
      out[t++] = -sin[root]!;
    }
  }
  return out;
}
