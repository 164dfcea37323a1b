import * as Plot from '@observablehq/plot';
import type { SweepPoint } from '@tfsci/momo';
import type { Figure } from '../experiment';
import { plainNumber, plotDocument, svgOf } from './document';

const FAMILIES = ['momentum', 'Adam'];
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

interface Row extends SweepPoint {
  family: string;
}

/** The robustness plot of the paper: final scores over the learning rate, mean and range over the seeds. */
export function robustnessFigure(trainLoss: SweepPoint[], testAccuracy: SweepPoint[]): Figure {
  const panels = [
    panel(trainLoss, 'train loss after training', {
      type: 'log',
      domain: [lossFloor(trainLoss), LOSS_CEILING],
      clamp: true,
    }),
    panel(testAccuracy, 'test accuracy', { domain: [0, 1] }),
  ];
  return {
    caption:
      'Final train loss (log scale, cut at 10) and test accuracy over the learning rate: mean over the seeds, band from ' +
      'the worst to the best. ✕ marks rates at which a seed ended with a loss that is not finite.',
    svg: panels.map(svgOf).join('\n'),
  };
}

function panel(points: SweepPoint[], label: string, y: Plot.ScaleOptions): Element {
  const rows = points.map((point): Row => ({
    ...point,
    family: point.optimizer.includes('Adam') ? 'Adam' : 'momentum',
  }));
  const finite = rows.filter((row) => row.mean !== null);
  const ends = [...new Set(rows.map((row) => row.optimizer))].map((name) =>
    finite.filter((row) => row.optimizer === name).at(-1)!,
  );
  const color = (row: Row): string => COLORS[row.optimizer] ?? 'gray';
  const common = { x: 'learningRate', fx: 'family' };
  return Plot.plot({
    document: plotDocument,
    width: 760,
    height: 260,
    marginLeft: 56,
    marginRight: 75,
    x: { type: 'log', label: 'learning rate', grid: true, tickFormat: plainNumber },
    y: { ...y, label, grid: true, nice: false, tickFormat: plainNumber },
    fx: { domain: FAMILIES, label: null, axis: null, padding: 0.25 },
    marks: [
      Plot.frame({ stroke: '#8884' }),
      Plot.areaY(finite, { ...common, y1: 'min', y2: 'max', fill: color, z: 'optimizer', fillOpacity: 0.15 }),
      Plot.lineY(finite, { ...common, y: 'mean', stroke: color, z: 'optimizer', strokeWidth: 2 }),
      Plot.dot(finite, { ...common, y: 'mean', fill: color, r: 3 }),
      Plot.text(ends.filter(Boolean), {
        ...common,
        y: 'mean',
        text: 'optimizer',
        fill: color,
        textAnchor: 'start',
        dx: 8,
      }),
      Plot.text(
        rows.filter((row) => row.mean === null),
        { ...common, frameAnchor: 'top', text: () => '✕', fill: color, dy: 4 },
      ),
    ],
  });
}

/** The power of ten below the least loss that a log scale can show; losses of 0 are drawn there, by the clamp. */
function lossFloor(points: SweepPoint[]): number {
  const positive = points.map((point) => point.min ?? 0).filter((value) => value > 0);
  const least = Math.max(LEAST_LOSS, Math.min(LOSS_CEILING / 10, ...positive));
  return 10 ** Math.floor(Math.log10(least));
}
