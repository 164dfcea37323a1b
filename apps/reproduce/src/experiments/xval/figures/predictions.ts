import { gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { Training } from '../arithmetic';
import { NAMES, ofFirstSeed, OURS, THEIRS, TRUTH } from '../encodings';
import { CURVE, HOLE } from '../plan';
import { scatterPanel } from './scatter';

/** What was predicted for each true result, by encoding. */
export async function predictionsFigure(trainings: Training[]): Promise<Figure> {
  return {
    caption:
      'Predicted over true results of a op b = c, tasks that were not trained, first seed. Encodings by digits err by powers of ' +
      'ten where a single token is wrong; xVal has no such tokens. Points beyond the frame are left out.',
    svg: await gridToSvg([ofFirstSeed(trainings).map(panelOf)]),
  };
}

function panelOf({ encoding, points, scores }: Training): Panel {
  return scatterPanel(
    { encoding, ...points },
    {
      title: `${NAMES[encoding]}, R² ${scores.r2.toFixed(scores.r2 > 0.99 ? 4 : 2)}`,
      diagonal: [-25, 25],
      limits: [-30, 30],
      x: { label: 'true c' },
      y: { label: 'predicted c' },
    },
  );
}

/** What the models say along a line of operands that goes through the hole of the training tasks. */
export async function holeFigure(trainings: Training[]): Promise<Figure> {
  return {
    caption:
      `Predicted a · ${CURVE.b} while a goes from ${CURVE.from} to ${CURVE.to}; no training task has an a between the upright ` +
      'lines. What xVal says is a continuous function of a; a discrete encoding can only jump between its words.',
    svg: await gridToSvg([ofFirstSeed(trainings).map(curveOf)]),
  };
}

function curveOf({ encoding, curve }: Training): Panel {
  const limits = [CURVE.b * CURVE.from - 1, CURVE.b * CURVE.to + 1] as const;
  const shown = curve.a.flatMap((a, i) => {
    const prediction = curve.prediction[i]!;
    return prediction !== null && prediction >= limits[0] && prediction <= limits[1] ? [[a, prediction] as const] : [];
  });
  const [a, c] = [shown.map(([own]) => own), shown.map(([, prediction]) => prediction)];
  const edges = HOLE.map((edge): Mark => line([edge, edge], [...limits], { color: TRUTH, width: 1 }));
  const ends = [CURVE.from, CURVE.to];
  return {
    marks: [
      ...edges,
      line(
        ends,
        ends.map((end) => end * CURVE.b),
        { color: TRUTH, width: 1 },
      ),
      scatter(a, c, { color: encoding === 'xval' ? OURS : THEIRS, radius: 1.6 }),
    ],
    title: NAMES[encoding],
    width: 200,
    height: 200,
    x: { label: 'a' },
    y: { label: 'predicted c' },
  };
}
