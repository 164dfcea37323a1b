import { attentionStrip, balancePanel } from '@tfsci/counting-transformer/plot';
import { gridToSvg, toSvg } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { Training } from '../training';

/** What the decoders of causal models attend in one sequence. */
export async function attentionFigure(trainings: readonly Training[]): Promise<Figure> {
  const shown = trainings.filter(({ causal, seed }) => causal && seed === trainings[0]!.seed).slice(0, 3);
  const strips = shown.map(({ code, shown: { tokens, weights }, bias }) => [
    attentionStrip(tokens, weights, {
      title: `causal ${code}: ${bias.map(({ token }, k) => `region ${k} against ${NAMES[token]}`).join(', ')}`,
      width: 900,
    }),
  ]);
  return {
    caption:
      'Attention of the decoder’s queries to a sequence of four ones in region 0 and two in region 1. Each spends it on the ones ' +
      'of its region, and on tokens that serve as the unit.',
    svg: await gridToSvg(strips),
  };
}

const NAMES = {
  start: 'the start',
  open: '[',
  close: ']',
  zero: 'zeros',
  otherOnes: 'ones elsewhere',
  ownOnes: 'its ones',
} as const;

/** The curves by which the best causal model counts. */
export async function balanceFigure(trainings: readonly Training[]): Promise<Figure> {
  const best = trainings
    .filter(({ causal }) => causal)
    .reduce((most, own) => (firstRegion(own) > firstRegion(most) ? own : most));
  const { one, other, effective, constant } = best.balance;
  const sums = [2, 6, 12].map((ones) => ({
    ones,
    logits: one.map((value, j) => constant[j]! + (ones * value + effective * other[j]!) / (ones + effective)),
  }));
  const size = { title: `causal ${best.code}, against ${NAMES[best.bias[0]!.token]}`, width: 560 };
  const { marks, ...options } = balancePanel({ one, bias: other, sums }, size);
  return {
    caption:
      'What a one of region 0, and what its query attends besides, say to the logits of the counts. Attention weighs the first ' +
      'by the number of ones: the grey sums, for 2, 6 and 12 ones, are largest near the upright lines.',
    svg: await toSvg(marks, options),
  };
}

function firstRegion({ laws }: Training): number {
  return laws[0]!.regions[0]!.accuracy;
}
