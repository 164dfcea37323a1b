/** A forward transform of fixed length, unnormalised, in place. */
export interface LineTransform {
  readonly length: number;
  /**
   * Transforms `lanes` interleaved lines of complex numbers.
   *
   * Element j of line q is at offset + j lanes + q. With the arrays exchanged, run(im, re, ...), it is the
   * unnormalised inverse.
   */
  run(re: Float64Array, im: Float64Array, offset: number, lanes: number): void;
}
