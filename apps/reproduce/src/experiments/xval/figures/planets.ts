import { gridToSvg, line, scatter, toSvg, type Panel } from '@tfsci/tensor-core/plot';
import { ENCODINGS } from '@tfsci/xval';
import type { Figure } from '../../../experiment';
import { NAMES, ofFirstSeed, OURS, THEIRS, TRUTH } from '../encodings';
import type { PlanetTraining, TokenCounts } from '../planets';

/** The hole of the training: no semi-major axis lies in here. */
const HOLE = [1, 1.5] as const;
const LIMITS = [0.8, 3.1] as const;

/** Semi-major axes as they were read off motions, inside and outside the hole. */
export async function planetsFigure(planets: PlanetTraining[]): Promise<Figure> {
  return {
    caption:
      'Semi-major axes as predicted from ten places of two planets, first seed. No trained system has an axis between the ' +
      'upright lines: there xVal goes on as a curve, while encodings by digits keep to words that they were taught.',
    svg: await gridToSvg([ofFirstSeed(planets).map(panelOf)]),
  };
}

function panelOf({ encoding, points, hole }: PlanetTraining): Panel {
  const pairs = points.truth.flatMap((truth, i) => {
    const prediction = points.prediction[i]!;
    const isShown = prediction !== null && prediction >= LIMITS[0] && prediction <= LIMITS[1];
    return isShown ? [[truth, prediction] as const] : [];
  });
  return {
    marks: [
      ...HOLE.map((edge) => line([edge, edge], [...LIMITS], { color: TRUTH, width: 1 })),
      line([...LIMITS], [...LIMITS], { color: TRUTH, width: 1 }),
      scatter(
        pairs.map(([truth]) => truth),
        pairs.map(([, prediction]) => prediction),
        { color: encoding === 'xval' ? OURS : THEIRS, radius: 1.6 },
      ),
    ],
    title: `${NAMES[encoding]}, MSE in the gap ${hole.a.meanSquaredError.toPrecision(2)}`,
    width: 240,
    height: 240,
    x: { label: 'true a' },
    y: { label: 'predicted a' },
  };
}

/** How long samples become. */
export async function tokensFigure({ numbers, tokens }: TokenCounts): Promise<Figure> {
  return {
    caption:
      'Tokens of samples of the planetary data set, of 2 to 5 planets at 45 times. Attention costs the square of that. FP15 has ' +
      'as few as xVal, and 27,000 words.',
    svg: await toSvg(
      ENCODINGS.filter((encoding) => encoding !== 'fp15').map((encoding) =>
        line(numbers, tokens[encoding], { label: encoding === 'xval' ? 'xVal, FP15' : NAMES[encoding] }),
      ),
      { width: 420, height: 280, x: { label: 'numbers' }, y: { label: 'tokens' } },
    ),
  };
}
