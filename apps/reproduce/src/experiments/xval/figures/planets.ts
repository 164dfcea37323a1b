import { gridToSvg, line, toSvg, type Panel } from '@tfsci/tensor-core/plot';
import { ENCODINGS } from '@tfsci/xval';
import type { Figure } from '../../../experiment';
import { NAMES, ofFirstSeed, TRUTH } from '../encodings';
import { GAP, type PlanetTraining, type TokenCounts } from '../planets';
import { scatterPanel } from './scatter';

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
  return scatterPanel(
    { encoding, ...points },
    {
      title: `${NAMES[encoding]}, MSE in the gap ${hole.a.meanSquaredError.toPrecision(2)}`,
      diagonal: LIMITS,
      limits: LIMITS,
      below: GAP.map((edge) => line([edge, edge], [...LIMITS], { color: TRUTH, width: 1 })),
      x: { label: 'true a' },
      y: { label: 'predicted a' },
    },
  );
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
