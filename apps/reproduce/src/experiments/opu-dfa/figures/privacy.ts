import { gridToSvg, line, scatter, type Mark } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import { privateAccuracyOf } from '../checks';
import { BP, DFA, TERNARY } from '../plan';
import type { PrivateTraining } from '../private-training';

const COLORS: Record<string, string> = { [BP]: '#444444', [DFA]: '#1a66c9', [TERNARY]: '#2e8b57' };

/** What privacy costs: accuracy against epsilon, and epsilon along a training. */
export async function privacyFigure(runs: PrivateTraining[]): Promise<Figure> {
  const multipliers = [...new Set(runs.map(({ z }) => z))].filter((z) => z > 0);
  const ofMultiplier = (z: number): PrivateTraining => runs.find((run) => run.z === z)!;
  return {
    caption:
      'Left: test accuracy of training with differential privacy (Poisson sampling, clipped updates, Gaussian noise) against its ε, ' +
      'by PLD; dots are seeds, lines means. Right: what it has cost after each step, by the accountant of RDP (dashed) and of PLD.',
    svg: await gridToSvg([
      [
        {
          marks: Object.entries(COLORS).flatMap(([method, color]): Mark[] => {
            const own = runs.filter((run) => run.method === method && run.z > 0);
            return [
              scatter(
                own.map(({ epsilonPld }) => epsilonPld!),
                own.map(({ accuracy }) => accuracy),
                { color, radius: 3 },
              ),
              line(
                multipliers.map((z) => ofMultiplier(z).epsilonPld!),
                multipliers.map((z) => privateAccuracyOf(runs, method, z)),
                { color, label: method, width: 2 },
              ),
            ];
          }),
          width: 420,
          height: 300,
          x: { type: 'log', label: 'ε at the end' },
          y: { label: 'test accuracy' },
          legend: 'bottom-right',
        },
        {
          marks: multipliers.flatMap((z, i): Mark[] => {
            const { costs } = ofMultiplier(z);
            const color = ['#b03a2e', '#e8a13a', '#2e8b57'][i % 3]!;
            const steps = costs.map(({ step }) => step);
            return [
              line(
                steps,
                costs.map(({ rdp }) => rdp),
                { color, width: 1.5, dash: '5,4' },
              ),
              line(
                steps,
                costs.map(({ pld }) => pld),
                { color, label: `z = ${z}`, width: 2 },
              ),
            ];
          }),
          width: 420,
          height: 300,
          x: { label: 'step' },
          y: { type: 'log', label: 'ε so far' },
          legend: 'bottom-right',
        },
      ],
    ]),
  };
}
