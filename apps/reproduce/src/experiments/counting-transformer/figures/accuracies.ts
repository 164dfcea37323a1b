import { slopesPanel } from '@tfsci/counting-transformer/plot';
import { gridToSvg, rule, scatter, text, toSvg, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import { slopesOf } from '../checks';
import type { Training } from '../training';

const [CAUSAL, FULL] = ['#1a66c9', '#e8710a'];

/** Accuracy of each region and seed, by positional code. */
export async function accuraciesFigure(trainings: readonly Training[]): Promise<Figure> {
  const laws = ['in distribution', 'shorter', 'fewer regions'].filter((law) =>
    trainings[0]!.laws.some(({ name }) => name === law),
  );
  return {
    caption:
      'Accuracy of each region of each model, by positional code; blue the causal encoders, orange the others, a dashed line ' +
      'what always naming the most frequent count has. On laws that were not trained the same models do well or fail.',
    svg: await gridToSvg([laws.map((law) => panelOf(trainings, law))]),
  };
}

function panelOf(trainings: readonly Training[], law: string): Panel {
  const codes = [...new Set(trainings.map(({ code }) => code))];
  const points = trainings.flatMap((training) => {
    const { regions } = training.laws.find(({ name }) => name === law)!;
    return regions.map(({ accuracy, chance }) => ({
      x: codes.indexOf(training.code) + (training.causal ? -0.15 : 0.15),
      accuracy,
      chance,
      causal: training.causal,
    }));
  });
  const of = (causal: boolean): typeof points => points.filter((point) => point.causal === causal);
  const dots = (own: typeof points, color: string, label: string) =>
    scatter(
      own.map(({ x }) => x),
      own.map(({ accuracy }) => accuracy),
      { color, label, radius: 3 },
    );
  const chance = points.reduce((sum, point) => sum + point.chance / points.length, 0);
  return {
    title: law,
    width: Math.max(300, 60 + 70 * codes.length),
    height: 260,
    marks: [
      rule({ y: chance }),
      dots(of(true), CAUSAL, 'causal'),
      dots(of(false), FULL, 'not causal'),
      ...codes.map((code, i) => text(i, -0.08, code)),
    ],
    x: { show: false, grid: false, domain: [-0.6, codes.length - 0.4] },
    y: { label: 'accuracy', domain: [-0.12, 1.05] },
    legend: null,
  };
}

/** Slopes on other laws, over what attention foretells. */
export async function slopesFigure(trainings: readonly Training[]): Promise<Figure> {
  const { marks, ...options } = slopesPanel(slopesOf(trainings));
  return {
    caption:
      'How much models over- or undercount on shorter sequences and with a region less, over what the tokens against which ' +
      'they count foretell; regions that were learned.',
    svg: await toSvg(marks, options),
  };
}
