import * as Plot from '@observablehq/plot';
import type { SweepRun } from '@tfsci/momo';
import type { Figure } from '../experiment';
import { plainNumber, plotDocument, svgOf } from './document';

/** Step sizes of one run. */
export interface StepSeries {
  optimizer: string;
  learningRate: number;
  steps: NonNullable<SweepRun['steps']>;
}

/** Points of a panel; more would only make the page heavy. */
const POINTS = 240;

/** The step size plot of the paper: adaptive term and step taken over the iterations, with the cap as a line. */
export function stepSizeFigure(series: StepSeries[]): Figure {
  const optimizers = [...new Set(series.map(({ optimizer }) => optimizer))];
  return {
    caption:
      'Step sizes of single runs, first seed: adaptive term (grey), step taken (blue) and the cap given by the learning ' +
      'rate (orange line). Where the cap is far too large the adaptive term decides alone.',
    svg: optimizers.map((name) => svgOf(panel(series.filter(({ optimizer }) => optimizer === name)))).join('\n'),
  };
}

function panel(series: StepSeries[]): Element {
  const dots = series.flatMap(({ learningRate, steps }) => {
    const stride = Math.max(1, Math.ceil(steps.length / POINTS));
    return steps
      .map((step, i) => ({ ...step, iteration: i + 1, rate: `lr ${learningRate}` }))
      .filter((row, i) => i % stride === 0 && row.adaptiveStep > 0);
  });
  const common = { x: 'iteration', fx: 'rate' };
  return Plot.plot({
    document: plotDocument,
    width: 760,
    height: 230,
    x: { label: 'iteration' },
    marginLeft: 56,
    y: { type: 'log', label: `${series[0]!.optimizer}: step size`, grid: true, tickFormat: plainNumber },
    fx: { domain: series.map(({ learningRate }) => `lr ${learningRate}`), label: null },
    marks: [
      Plot.frame({ stroke: '#8884' }),
      Plot.dot(dots, { ...common, y: 'adaptiveStep', fill: '#888', fillOpacity: 0.6, r: 1.3 }),
      Plot.dot(dots, { ...common, y: 'stepSize', fill: '#1a66c9', r: 1.3 }),
      Plot.line(dots, { ...common, y: 'userStep', stroke: '#e8710a', strokeWidth: 1.5, z: null }),
    ],
  });
}
