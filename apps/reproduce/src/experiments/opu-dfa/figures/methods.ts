import { band, gridToSvg, line, type Mark, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import { BP, DFA, LAST, photonic, TERNARY } from '../plan';
import type { Training } from '../training';

const COLORS: Record<string, string> = {
  [BP]: '#444444',
  [DFA]: '#1a66c9',
  [TERNARY]: '#2e8b57',
  [photonic(0.5)]: '#e8a13a',
  [photonic(1)]: '#e8710a',
  [photonic(2)]: '#b03a2e',
  [LAST]: '#aaaaaa',
};

/** How the ways to train learn, and how well they point along the gradient. */
export async function methodsFigure(trainings: Training[]): Promise<Figure> {
  const layers = Math.max(...trainings.map(({ alignment }) => alignment[0]?.length ?? 0));
  return {
    caption:
      'Left: test accuracy after each epoch, means over the seeds with their range. Right: cosine between the update of a hidden ' +
      'layer by feedback and its gradient; 0 is a right angle. The network turns its weights until what comes back at random ' +
      'points along the gradient, and optical noise turns it away again.',
    svg: await gridToSvg([
      [
        panelOf(trainings, 'test accuracy', ({ accuracy }) => accuracy),
        ...Array.from({ length: layers }, (_, layer) =>
          panelOf(
            trainings.filter(({ method }) => method !== BP && method !== LAST),
            `alignment, hidden layer ${layer + 1}`,
            ({ alignment }) => alignment.map((cosines) => cosines[layer]!),
          ),
        ),
      ],
    ]),
  };
}

function panelOf(trainings: Training[], label: string, curveOf: (training: Training) => number[]): Panel {
  return {
    marks: Object.entries(COLORS).flatMap(([method, color]): Mark[] => {
      const curves = trainings.filter((training) => training.method === method).map(curveOf);
      if (curves.length === 0) return [];
      const epochs = curves[0]!.map((_, epoch) => epoch + 1);
      const at = (pick: (values: number[]) => number): number[] =>
        epochs.map((epoch) => pick(curves.map((curve) => curve[epoch - 1]!)));
      return [
        band(
          epochs,
          at((values) => Math.min(...values)),
          at((values) => Math.max(...values)),
          { color, opacity: 0.15 },
        ),
        line(
          epochs,
          at((values) => values.reduce((sum, value) => sum + value / values.length, 0)),
          { color, label: method, width: 2 },
        ),
      ];
    }),
    width: 400,
    height: 300,
    x: { label: 'epoch' },
    y: { label },
    legend: 'bottom-right',
  };
}
