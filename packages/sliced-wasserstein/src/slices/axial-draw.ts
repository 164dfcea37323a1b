// L slices, d coordinates
import { check } from '@tfsci/tensor-core';

const { argumentMessage, ShapeError } = check;

/** Cosines of slices to the axis, one a slice. */
export interface CosineDraw {
  /** w = mu.theta, [L] */
  w: Float64Array;
  /** 1 - w, with the digits that w has not where it is near 1. */
  oneMinusW: Float64Array;
  /** dw / dkappa at fixed quantile, by implicit reparametrisation; computed when it is first asked for. */
  readonly slope: Float64Array;
}

/** Slices on the host, and their cosines. */
export interface AxialDraw extends CosineDraw {
  /** [L, d], row after row */
  theta: Float64Array;
}

/** A gradient in the parameters of a distribution. */
export interface AxialGradient {
  /** In mu as a unit vector: orthogonal to it. */
  mu: Float64Array;
  logKappa: number;
}

/**
 * The gradient in mu and log kappa of a function of slices, from its gradient in them.
 *
 *   dJ/dmu = sum_l (w_l g_l - (mu.g_l) theta_l), orthogonal to mu as w_l = mu.theta_l
 *   dJ/dkappa = sum_l dw_l/dkappa (g_l.mu - w_l g_l.theta_l) / (1 - w_l^2)
 *
 * @throws ShapeError when there are not as many numbers as in `draw.theta`
 */
export function pulledBack(
  where: string,
  { mu, kappa }: { mu: Float64Array; kappa: number },
  { theta, w, oneMinusW, slope }: AxialDraw,
  gradient: ArrayLike<number>,
): AxialGradient {
  if (gradient.length !== theta.length) {
    const wanted = `have ${theta.length} numbers, as draw.theta has`;
    throw new ShapeError(argumentMessage(where, 'gradient', wanted, gradient.length));
  }
  const d = mu.length;
  const byMu = new Float64Array(d);
  let byKappa = 0;
  for (let l = 0; l < w.length; l++) {
    let [gMu, gTheta] = [0, 0];
    for (let j = 0; j < d; j++) {
      const g = gradient[l * d + j]!;
      gMu += g * mu[j]!;
      gTheta += g * theta[l * d + j]!;
    }
    for (let j = 0; j < d; j++) byMu[j]! += w[l]! * gradient[l * d + j]! - gMu * theta[l * d + j]!;
    // At w = 1 and -1 the slope is 0, as 1 - w^2 is.
    if (slope[l] !== 0) byKappa += (slope[l]! * (gMu - w[l]! * gTheta)) / (oneMinusW[l]! * (2 - oneMinusW[l]!));
  }
  return { mu: byMu, logKappa: kappa * byKappa };
}
