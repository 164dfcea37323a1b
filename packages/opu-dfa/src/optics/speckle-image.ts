// H height, W width
import * as tf from '@tensorflow/tfjs';
import { check, spectral } from '@tfsci/tensor-core';
import type { Field } from './transmission-matrix';

const { checkNumber, checkShape } = check;

/**
 * The picture of a field on a camera behind a lens with a circular aperture: speckle grains of a given size.
 *
 *   |L y|^2 / p,  L keeps the frequencies |f| <= 1 / (2 grain) cycles per pixel, p the part of them that is kept
 *
 * For a field of independent pixels, such as random draws or the outputs of an `OpuSimulator` in rows, the mean intensity stays
 * what it is and its law stays exponential; intensities at a distance r are correlated by (2 J_1(u) / u)^2, u = pi r / grain.
 *
 * @param field  y, { re, im } [H, W]
 * @param grain  diameter of a grain, in pixels, >= 1, default 4
 * @returns intensities, float32 [H, W]
 * @throws ShapeError for parts that are no images of one size, RangeError for a grain below 1
 * @see Goodman, 2007, "Speckle phenomena in optics", section 4.4
 */
export function speckleImage({ re, im }: Field, { grain = 4 }: { grain?: number } = {}): tf.Tensor2D {
  const where = 'opu-dfa.speckleImage';
  checkShape(where, 're', re, [null, null]);
  checkShape(where, 'im', im, re.shape);
  checkNumber(where, 'grain', grain, { min: 1 });
  const [height, width] = re.shape;
  const [fy, fx] = [frequencies(height), frequencies(width)];
  const aperture = Float32Array.from({ length: height * width }, (_, i) => {
    const radius = Math.hypot(fy[Math.floor(i / width)]!, fx[i % width]!);
    return radius <= 0.5 / grain ? 1 : 0;
  });
  const kept = aperture.reduce((sum, open) => sum + open, 0) / aperture.length;
  return tf.tidy(() => {
    const open = tf.tensor2d(aperture, [height, width]);
    const spectrum = spectral.fft2({ re, im });
    const image = spectral.ifft2({ re: spectrum.re.mul(open), im: spectrum.im.mul(open) });
    return spectral.squaredModulus(image).div(kept);
  });
}

/** Cycles per pixel of the frequencies of a line, in the order of the transform. */
function frequencies(length: number): number[] {
  return Array.from({ length }, (_, k) => (k <= length / 2 ? k : k - length) / length);
}
