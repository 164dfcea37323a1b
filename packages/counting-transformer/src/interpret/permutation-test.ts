import { random } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { TOKENS } from '../task/tokens';
import { capture, type TokenRows } from './capture';

/**
 * How much the order of the tokens matters to a model: the largest change of a logit when all tokens but a start are
 * shuffled, over the largest logit.
 *
 * 0, up to rounding, for an encoder that is neither causal nor told of places: it sees a set, and cannot tell regions apart.
 *
 * @throws TypeError, RangeError as `capture`
 * @see Golkar et al., 2024, proposition 3, arXiv:2406.02585
 */
export async function permutationTest(
  model: CountingTransformer,
  rows: TokenRows,
  key: random.KeyOrSeed = 0,
): Promise<number> {
  const { batch, length } = rows;
  const own = random.asKey('counting-transformer.permutationTest', key);
  const shuffled = Int32Array.from(rows.tokens);
  for (let b = 0; b < batch; b++) {
    const first = b * length + Number(shuffled[b * length] === TOKENS.start);
    const end = (b + 1) * length;
    random.permutation(random.foldIn(own, b), end - first).forEach((from, t) => {
      shuffled[first + t] = rows.tokens[first + from]!;
    });
  }
  const logitsOf = async (tokens: ArrayLike<number>): Promise<Float32Array> =>
    (await capture(model, { tokens, batch, length }, { names: ['logits'] })).logits.data;
  const [before, after] = [await logitsOf(rows.tokens), await logitsOf(shuffled)];
  const size = before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return before.reduce((most, value, i) => Math.max(most, Math.abs(value - after[i]!)), 0) / size;
}
