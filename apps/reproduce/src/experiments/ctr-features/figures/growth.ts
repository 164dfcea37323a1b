import { gridToSvg, line, scatter } from '@tfsci/tensor-core/plot';
import { closedForm, type Growth } from '../growth';
import type { Figure } from '../../../experiment';

const DEGREES = Array.from({ length: 10 }, (_, i) => i + 1);
/** Relative standard deviation that the features shall have. */
const PRECISION = 0.1;
const STYLES = {
  real: { color: '#e8710a', label: 'real: (3^p − 1) / ε²' },
  ctr: { color: '#1a66c9', label: 'complex-to-real: (2^(p+1) − 2) / ε²' },
} as const;

/** How many features a given precision takes, in the worst case x = y: 3^p against 2^p. */
export async function growthFigure(rows: Growth[]): Promise<Figure> {
  const needed = (variance: number): number => variance / PRECISION ** 2;
  const modes = ['real', 'ctr'] as const;
  return {
    caption:
      'Features that estimate k(x, x) with a relative standard deviation of ε = 0.1, over the degree; no other points of ' +
      'these norms need more. Lines: closed form; dots: measured. At p = 10 real weights need 29 times as many.',
    svg: await gridToSvg([
      [
        {
          marks: modes.flatMap((mode) => {
            const measured = rows.filter((row) => row.mode === mode);
            return [
              line(
                DEGREES,
                DEGREES.map((degree) => needed(closedForm(degree, mode))),
                STYLES[mode],
              ),
              scatter(
                measured.map(({ degree }) => degree),
                measured.map(({ variance }) => needed(variance)),
                { ...STYLES[mode], radius: 4 },
              ),
            ];
          }),
          width: 480,
          height: 300,
          x: { label: 'degree p' },
          y: { type: 'log', label: 'features needed' },
          legend: 'top-left',
        },
      ],
    ]),
  };
}
