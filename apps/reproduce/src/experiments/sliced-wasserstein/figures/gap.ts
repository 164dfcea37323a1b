import { gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import { METHODS, type Gap, type Method } from '../gap';

const COLORS: Record<Method, string> = {
  uniform: '#888',
  'PAC-SW': '#1a66c9',
  DSW: '#2e8b57',
  'max-SW': '#e8710a',
};

/** Distances with learned slices where they were learned and on fresh samples, over the shift between the laws. */
export async function gapFigure(rows: Gap[]): Promise<Figure> {
  const shown = rows.filter(({ gamma }) => gamma > 0);
  const dims = [...new Set(shown.map(({ dim }) => dim))];
  return {
    caption:
      'SW₂ with slices learned on 500 points of each of two Gaussian laws whose means differ by γ in every coordinate: on ' +
      'those points (lines) and on 2000 fresh ones (dots); means over the runs.',
    svg: await gridToSvg([dims.map((dim) => panelOf(shown, dim))]),
  };
}

function panelOf(rows: Gap[], dim: number): Panel {
  return {
    marks: METHODS.flatMap((method): Mark[] => {
      const own = rows.filter((row) => row.dim === dim && row.method === method);
      const gamma = own.map((row) => row.gamma);
      const style = { color: COLORS[method], label: method };
      const train = own.map((row) => row.train);
      const test = own.map((row) => row.test);
      return [line(gamma, train, { ...style, width: 1.5 }), scatter(gamma, test, { ...style, radius: 4 })];
    }),
    title: `d = ${dim}`,
    width: 420,
    height: 300,
    x: { label: 'γ' },
    y: { label: 'SW₂' },
    legend: 'top-left',
  };
}
