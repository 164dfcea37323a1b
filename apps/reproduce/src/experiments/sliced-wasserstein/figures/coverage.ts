import { gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { Coverage } from '../coverage';

/** What certificates say of the distance of the laws, and how often they hold. */
export async function coverageFigure(rows: Coverage[]): Promise<Figure> {
  const [{ delta, repeats }] = rows as [Coverage];
  return {
    caption:
      `Slices learned on n points of each of two uniform laws on squares side by side, ${repeats} times. Left: W₁ of the samples in ` +
      'the learned slices, that of the laws, and what is certified of it. Right: how often the bound is wrong, with ' +
      `all of the slack, a tenth and none of it; ${delta} is allowed.`,
    svg: await gridToSvg([[valuesOf(rows), violationsOf(rows)]]),
  };
}

const SIZE = { width: 420, height: 280 };

function series(rows: Coverage[], of: (row: Coverage) => number, color: string, label: string): Mark[] {
  const n = rows.map((row) => row.n);
  const values = rows.map(of);
  return [line(n, values, { color, label, width: 1.5 }), scatter(n, values, { color, label })];
}

function valuesOf(rows: Coverage[]): Panel {
  return {
    marks: [
      ...series(rows, ({ value }) => value, '#e8710a', 'of the samples'),
      ...series(rows, ({ population }) => population, '#1a66c9', 'of the laws'),
      ...series(rows, ({ lowerBound }) => lowerBound, '#2e8b57', 'certified'),
    ],
    x: { type: 'log', label: 'n' },
    y: { label: 'W₁ in the learned slices' },
    ...SIZE,
  };
}

function violationsOf(rows: Coverage[]): Panel {
  return {
    marks: [
      ...series(rows, ({ violatedWithoutSlack }) => violatedWithoutSlack, '#e8710a', 'no slack'),
      ...series(rows, ({ violatedWithTenth }) => violatedWithTenth, '#888', 'a tenth'),
      ...series(rows, ({ violated }) => violated, '#2e8b57', 'the certificate'),
    ],
    x: { type: 'log', label: 'n' },
    y: { label: 'share of wrong bounds', domain: [0, 1] },
    ...SIZE,
  };
}
