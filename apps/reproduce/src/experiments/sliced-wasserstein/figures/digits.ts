import { gridToSvg, image, type Panel } from '@tfsci/tensor-core/plot';
import type { Figure } from '../../../experiment';
import type { DigitsSlices } from '../digits';

/** The learned axis as a picture, beside the difference of the means. */
export async function digitsFigure({
  classes,
  height,
  width,
  mu,
  meanDifference,
  kappa,
}: DigitsSlices): Promise<Figure> {
  const [one, other] = classes;
  const map = (values: number[], title: string): Panel => {
    const most = Math.max(...values.map(Math.abs));
    return {
      marks: [image(values, [height, width], { scheme: 'rdbu', range: [-most, most] })],
      title,
      width: 240,
      height: 240,
      x: { show: false },
      y: { show: false },
      margins: { left: 12, right: 12, bottom: 12 },
    };
  };
  return {
    caption:
      `Which pixels tell ${one} from ${other}: the axis that slices learn on the training pictures (κ = ${kappa.toFixed(0)}), and the ` +
      'difference of the mean pictures. Blue and red push apart; white does not matter.',
    svg: await gridToSvg([[map(mu, 'learned axis μ'), map(meanDifference, 'difference of means')]]),
  };
}
