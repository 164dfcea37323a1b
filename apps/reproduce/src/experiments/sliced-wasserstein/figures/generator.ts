import { gridToSvg, image, line, rule, scatter, type Mark } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { Generated, Training } from '../generator';

const COLORS: Record<Training, string> = { uniform: '#e8710a', adaptive: '#1a66c9' };
const COLUMNS = 12;

/** The test distance over training, and pictures at its end. */
export async function generatorFigure(rows: Generated[]): Promise<Figure> {
  return {
    caption:
      'Generators of pictures trained by SW₂², with uniform slices alone and with slices fitted to each batch besides: ' +
      'SW₂ to test pictures by uniform slices (grey: of the training pictures), and pictures of the trained generators.',
    svg: await gridToSvg([
      [
        {
          marks: [
            rule({ y: rows[0]!.floor }, { label: 'training pictures' }),
            ...rows.flatMap(({ training, steps, distance }): Mark[] => {
              const style = { color: COLORS[training], label: training };
              return [line(steps, distance, { ...style, width: 1.5 }), scatter(steps, distance, style)];
            }),
          ],
          width: 340,
          height: 240,
          x: { label: 'step' },
          y: { type: 'log', label: 'SW₂ to test pictures' },
        },
        ...rows.map((row) => ({
          marks: [image(mosaic(row), mosaicShape(row), { scheme: 'greys', range: [0, 1] as const })],
          title: row.training,
          width: 310,
          height: 240,
          x: { show: false },
          y: { show: false },
          margins: { left: 8, right: 8, bottom: 8 },
        })),
      ],
    ]),
  };
}

function mosaicShape({ samples, height, width }: Generated): [number, number] {
  return [(samples.length / (height * width) / COLUMNS) * height, COLUMNS * width];
}

/** Pictures side by side in rows. */
function mosaic(row: Generated): Float64Array {
  const { samples, height, width } = row;
  const [rows, columns] = mosaicShape(row);
  return Float64Array.from({ length: rows * columns }, (_, at) => {
    const [y, x] = [Math.floor(at / columns), at % columns];
    const picture = Math.floor(y / height) * COLUMNS + Math.floor(x / width);
    return samples[picture * height * width + (y % height) * width + (x % width)]!;
  });
}
