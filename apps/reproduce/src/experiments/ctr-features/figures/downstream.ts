import { gridToSvg, line, rule, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { DigitsError } from '../digits';
import type { Figure } from '../../../experiment';

const COLORS: Record<string, string> = {
  'Gaussian, real': '#f2b37c',
  'Gaussian, CtR': '#8db8ea',
  'Rademacher, real': '#e8710a',
  'Rademacher, CtR': '#1a66c9',
  'SRHT, real': '#9c4a00',
  'SRHT, CtR': '#0b3a75',
  TensorSketch: '#2e8b57',
};

/** Test errors of ridge regression over the number of features, a panel a degree. */
export async function downstreamFigure(rows: DigitsError[]): Promise<Figure> {
  const degrees = [...new Set(rows.map(({ degree }) => degree))];
  return {
    caption:
      'Test error of ridge regression on features, means over the draws, against their number; the grey line is kernel ' +
      'ridge regression with the exact kernel.',
    svg: await gridToSvg([degrees.map((degree) => panelOf(rows, degree))]),
  };
}

function panelOf(rows: DigitsError[], degree: number): Panel {
  const exact = rows.find((row) => row.degree === degree && row.features === 0)!;
  return {
    marks: [
      rule({ y: exact.mean }, { color: '#888', label: 'exact kernel' }),
      ...Object.entries(COLORS).flatMap(([method, color]): Mark[] => {
        const shown = rows.filter((row) => row.degree === degree && row.method === method);
        const x = shown.map(({ features }) => features);
        const y = shown.map(({ mean }) => mean);
        return [line(x, y, { color, label: method, width: 1.5 }), scatter(x, y, { color, label: method, radius: 3 })];
      }),
    ],
    title: `degree ${degree}`,
    width: 420,
    height: 300,
    x: { type: 'log', label: 'features D' },
    y: { type: 'log', label: 'test error' },
    legend: 'top-right',
  };
}
