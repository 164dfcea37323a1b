/** A text as tokens, all arrays of the same length L but `offsets`. */
export interface TokenizedText {
  /** Ids of the tokens, [L]. */
  ids: Int32Array;
  /** Values at number tokens as the text writes them, 1 at every other token, [L]; all 1 but for xVal. */
  numbers: Float64Array;
  /** Start and end of each token in the source text, in UTF-16 units, [2 L]. */
  offsets: Uint32Array;
}
