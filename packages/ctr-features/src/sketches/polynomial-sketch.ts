import type * as tf from '@tensorflow/tfjs';
import type { HostTransform } from '../feature-map';
import { srhtTransform } from './host/srht-kernel';
import { pairProduct, pairScale, type Pair } from './pair';
import { ProjectedSketch, type ProjectedSketchOptions } from './projected-sketch';
import { SrhtProjection } from './srht-projection';

/** Options of `PolynomialSketch`. */
export type PolynomialSketchOptions = ProjectedSketchOptions;

/**
 * The product sketch of the polynomial kernel, real, complex or complex-to-real (CtR).
 *
 *   phi_l(x) = D_f^{-1/2} prod_{i=1..p} w_{i,l}.x,   CtR: [Re phi_C(x), Im phi_C(x)] with D_f = D / 2
 *
 * With projection 'srht' the cost of a point is O(p (d log d + D)), else O(p d D). CtR has a variance of the order of 2^p / D,
 * real features of 3^p / D.
 *
 * @throws TypeError, RangeError for options outside their ranges, an odd number of CtR features, or neither key nor
 *   weights
 * @see Wacker, Ohana & Filippone, 2023, "Complex-to-Real Sketches for Tensor Products with Applications to the
 *   Polynomial Kernel", arXiv:2202.02031; Wacker, Kanagawa & Filippone, 2022, arXiv:2201.08712, for the variances
 */
export class PolynomialSketch extends ProjectedSketch {
  constructor(options: PolynomialSketchOptions) {
    super('PolynomialSketch', options, (shape, degree) =>
      Array.from({ length: degree }, (_, index) => ({ shape, prefix: '', index })),
    );
  }

  protected sketch(z_ND: tf.Tensor2D): Pair {
    const z = { re: z_ND, im: null };
    const product = this.projections.map((projection) => projection.project(z)).reduce(pairProduct);
    return pairScale(product, 1 / Math.sqrt(this.projectedFeatures));
  }

  protected override makeHostTransform(): HostTransform | null {
    const { projections, kernelOptions, inputDim } = this;
    const hadamard = projections.every((projection) => projection instanceof SrhtProjection);
    return hadamard ? srhtTransform(projections, { ...kernelOptions, inputDim }) : null;
  }
}
