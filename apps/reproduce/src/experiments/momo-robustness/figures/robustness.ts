import type { SweepPoint } from '@tfsci/momo';
import { band, gridToSvg, line, scatter, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';

const FAMILIES: [string, (optimizer: string) => boolean][] = [
  ['momentum', (optimizer) => !optimizer.includes('Adam')],
  ['Adam', (optimizer) => optimizer.includes('Adam')],
];
/** Base methods, the paper's, and its variants with estimated bound. */
const COLORS: Record<string, string> = {
  'SGD-M': '#e8710a',
  Adam: '#e8710a',
  MoMo: '#1a66c9',
  'MoMo-Adam': '#1a66c9',
  'MoMo*': '#2e8b57',
  'MoMo-Adam*': '#2e8b57',
};
const LOSS_CEILING = 10;
/** Below it a float32 loss of order 1 is rounding. */
const LEAST_LOSS = 1e-8;

/** The scale of a panel's scores. */
interface Scale {
  label: string;
  type: 'linear' | 'log';
  domain: [number, number];
  /** Where the crosses of diverged runs stand, near the upper edge. */
  top: number;
}

/** The robustness plot of the paper: final scores over the learning rate, mean and range over the seeds. */
export async function robustnessFigure(trainLoss: SweepPoint[], testAccuracy: SweepPoint[]): Promise<Figure> {
  const loss: Scale = {
    label: 'train loss after training',
    type: 'log',
    domain: [lossFloor(trainLoss), LOSS_CEILING],
    top: 0.7 * LOSS_CEILING,
  };
  const accuracy: Scale = { label: 'test accuracy', type: 'linear', domain: [0, 1], top: 0.97 };
  return {
    caption:
      'Final train loss (log scale, cut at 10) and test accuracy over the learning rate: mean over the seeds, band from ' +
      'the worst to the best. ✕ marks rates at which a seed ended with a loss that is not finite.',
    svg: await gridToSvg([panels(trainLoss, loss), panels(testAccuracy, accuracy)]),
  };
}

/** A panel for each family of methods. */
function panels(points: SweepPoint[], { label, type, domain, top }: Scale): Panel[] {
  const [least, most] = domain;
  const inside = (value: number | null): number => Math.min(most, Math.max(least, value ?? NaN));
  const marksOf = (optimizer: string, rows: SweepPoint[]): Mark[] => {
    const style = { color: COLORS[optimizer] ?? 'gray', label: optimizer };
    const rates = rows.map(({ learningRate }) => learningRate);
    const mean = rows.map((row) => inside(row.mean));
    const lost = rows.filter((row) => row.mean === null).map(({ learningRate }) => learningRate);
    return [
      band(
        rates,
        rows.map((row) => inside(row.min)),
        rows.map((row) => inside(row.max)),
        { ...style, opacity: 0.15 },
      ),
      line(rates, mean, style),
      scatter(rates, mean, { ...style, radius: 3 }),
      ...(lost.length > 0
        ? [
            scatter(
              lost,
              lost.map(() => top),
              { ...style, symbol: '✕' },
            ),
          ]
        : []),
    ];
  };
  return FAMILIES.map(([family, belongs]) => {
    const rows = points.filter(({ optimizer }) => belongs(optimizer));
    const names = [...new Set(rows.map(({ optimizer }) => optimizer))];
    return {
      marks: names.flatMap((name) =>
        marksOf(
          name,
          rows.filter(({ optimizer }) => optimizer === name),
        ),
      ),
      title: family,
      width: 400,
      height: 260,
      x: { type: 'log', label: 'learning rate' },
      y: { type, label, domain },
      legend: 'bottom-left',
    };
  });
}

/** The power of ten below the least loss that a log scale can show; losses of 0 are drawn there. */
function lossFloor(points: SweepPoint[]): number {
  const positive = points.map((point) => point.min ?? 0).filter((value) => value > 0);
  const least = Math.max(LEAST_LOSS, Math.min(LOSS_CEILING / 10, ...positive));
  return 10 ** Math.floor(Math.log10(least));
}
