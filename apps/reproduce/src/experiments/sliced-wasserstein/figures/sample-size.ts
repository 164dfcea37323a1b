import { band, gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { SampleSize } from '../sample-size';

const COLORS = ['#440154', '#31688e', '#35b779', '#e8710a'];

/** The distance between samples of one law over their size, a panel a dimension. */
export async function sampleSizeFigure(rows: SampleSize[]): Promise<Figure> {
  const dims = [...new Set(rows.map(({ dim }) => dim))];
  return {
    caption:
      'SW₂² between two samples of one Gaussian law over their size n, with slices of a von Mises-Fisher law of ' +
      'concentration κ: means over the runs, bands ± one standard deviation of a run. It falls towards the distance of ' +
      'the laws, 0, at nearly 1 / n for every dimension d and concentration.',
    svg: await gridToSvg([dims.map((dim) => panelOf(rows, dim))]),
  };
}

function panelOf(rows: SampleSize[], dim: number): Panel {
  return {
    marks: rows
      .filter((row) => row.dim === dim)
      .flatMap(({ kappa, n, mean, std }, i): Mark[] => {
        const style = { color: COLORS[i % COLORS.length]!, label: `κ = ${kappa}` };
        const low = mean.map((value, j) => Math.max(value - std[j]!, value / 5));
        const high = mean.map((value, j) => value + std[j]!);
        return [
          band(n, low, high, { ...style, opacity: 0.12 }),
          line(n, mean, { ...style, width: 1.5 }),
          scatter(n, mean, style),
        ];
      }),
    title: `d = ${dim}`,
    width: 380,
    height: 300,
    x: { type: 'log', label: 'n' },
    y: { type: 'log', label: 'SW₂² of the samples' },
    legend: 'bottom-left',
  };
}
