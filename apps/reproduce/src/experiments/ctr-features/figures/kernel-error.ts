import { band, gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { KernelError } from '../kernel-error';
import type { Figure } from '../../../experiment';

/** Methods of a panel, in one colour each. */
const PANELS: [title: string, methods: string[]][] = [
  ['Gaussian', ['Gaussian, real', 'Gaussian, CtR', 'TensorSketch']],
  ['Rademacher', ['Rademacher, real', 'Rademacher, CtR', 'TensorSketch']],
  ['SRHT', ['SRHT, real', 'SRHT, CtR', 'TensorSketch']],
];
const COLORS = ['#e8710a', '#1a66c9', '#2e8b57'];

/** The error of the kernel matrix against the degree, with the closed form. */
export async function kernelErrorFigure(rows: KernelError[]): Promise<Figure> {
  const preparations = [...new Set(rows.map(({ preparation }) => preparation))];
  return {
    caption:
      'Relative error of the kernel matrix, |K̂ − K| / |K|, over the degree: dots are means over the draws, bands ± one ' +
      'standard deviation of a draw, lines the root mean square error that the closed-form variances predict. Errors have ' +
      'heavy tails at high degrees: most draws lie below the line there, a few far above.',
    svg: await gridToSvg(preparations.map((preparation) => PANELS.map((panel) => panelOf(rows, preparation, panel)))),
  };
}

function panelOf(rows: KernelError[], preparation: string, [title, methods]: [string, string[]]): Panel {
  return {
    marks: methods.flatMap((method, i): Mark[] => {
      const shown = rows.filter((row) => row.preparation === preparation && row.method === method);
      const degrees = shown.map(({ degree }) => degree);
      const style = { color: COLORS[i]!, label: method };
      return [
        band(
          degrees,
          shown.map(({ mean, std }) => Math.max(mean - std, mean / 10)),
          shown.map(({ mean, std }) => mean + std),
          { ...style, opacity: 0.12 },
        ),
        line(
          degrees,
          shown.map(({ predicted }) => predicted),
          { ...style, width: 1.5 },
        ),
        scatter(
          degrees,
          shown.map(({ mean }) => mean),
          { ...style, radius: 3 },
        ),
      ];
    }),
    title: `${title}, ${preparation}`,
    width: 310,
    height: 260,
    x: { label: 'degree p' },
    y: { type: 'log', label: 'relative error', domain: [0.02, 10] },
    legend: 'top-left',
  };
}
