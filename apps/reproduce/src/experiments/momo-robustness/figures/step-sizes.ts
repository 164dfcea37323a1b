import type { SweepRun } from '@tfsci/momo';
import { gridToSvg, line, scatter, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';

/** Step sizes of one run. */
export interface StepSeries {
  optimizer: string;
  learningRate: number;
  steps: NonNullable<SweepRun['steps']>;
}

/** Points of a panel; more would only make the page heavy. */
const POINTS = 240;

/** The step size plot of the paper: adaptive term and step taken over the iterations, with the cap as a line. */
export async function stepSizeFigure(series: StepSeries[]): Promise<Figure> {
  const optimizers = [...new Set(series.map(({ optimizer }) => optimizer))];
  const rows = optimizers.map((name) => series.filter(({ optimizer }) => optimizer === name).map(panel));
  return {
    caption:
      'Step sizes of single runs, first seed: adaptive term (grey), step taken (blue) and the cap given by the learning ' +
      'rate (orange line). Where the cap is far too large the adaptive term decides alone.',
    svg: rows.length === 0 ? '' : await gridToSvg(rows),
  };
}

function panel({ optimizer, learningRate, steps }: StepSeries): Panel {
  const stride = Math.max(1, Math.ceil(steps.length / POINTS));
  const shown = steps
    .map((step, i) => ({ ...step, iteration: i + 1 }))
    .filter((step, i) => i % stride === 0 && step.adaptiveStep > 0);
  const x = shown.map(({ iteration }) => iteration);
  return {
    marks: [
      scatter(
        x,
        shown.map((step) => step.adaptiveStep),
        { color: '#888', radius: 1.3 },
      ),
      scatter(
        x,
        shown.map((step) => step.stepSize),
        { color: '#1a66c9', radius: 1.3 },
      ),
      line(
        x,
        shown.map((step) => step.userStep),
        { color: '#e8710a', width: 1.5 },
      ),
    ],
    title: `lr ${learningRate}`,
    width: 260,
    height: 230,
    x: { label: 'iteration' },
    y: { type: 'log', label: `${optimizer}: step size` },
  };
}
