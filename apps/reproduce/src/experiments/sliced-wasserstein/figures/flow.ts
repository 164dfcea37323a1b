import { gridToSvg, scatter, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { Flow } from '../flow';

/** Particles on their way, a row a target. */
export async function flowFigure(flows: Flow[]): Promise<Figure> {
  return {
    caption: 'Particles (blue) that follow the gradient of SW₂² to a target (orange): their distance in the titles.',
    svg: await gridToSvg(flows.map(panelsOf)),
  };
}

function panelsOf({ points, frames }: Flow): Panel[] {
  const column = (values: number[], axis: 0 | 1): number[] => values.filter((_, i) => i % 2 === axis);
  return frames.map(({ step, particles, distance }) => ({
    marks: [
      scatter(column(points, 0), column(points, 1), { color: '#f2b37c', radius: 1.5 }),
      scatter(column(particles, 0), column(particles, 1), { color: '#1a66c9', radius: 1.5 }),
    ],
    title: `step ${step}: SW₂ = ${distance.toFixed(3)}`,
    width: 230,
    height: 230,
    x: { domain: [-1.2, 1.2], show: false },
    y: { domain: [-1.2, 1.2], show: false },
    margins: { left: 8, right: 8, bottom: 8 },
  }));
}
