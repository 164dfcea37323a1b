import '@tfsci/backend-onnx';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { fitAdaptiveSlices } from '../src/adaptive/fit-adaptive-slices';
import { SymmetricVonMisesFisher } from '../src/slices/symmetric-von-mises-fisher';
import { PowerSpherical } from '../src/slices/power-spherical';
import { VonMisesFisher } from '../src/slices/von-mises-fisher';

/** What the objective may lack at what is learnt, as a fraction of it. */
const OBJECTIVE = 1e-3;
/** Slices of an iteration, in pairs of mirror images: half as many cosines. */
const SLICES = 64;
const ITERATIONS = 200;
/** The average rests on about the last ninth. */
const AVERAGED = ITERATIONS / 9;
const FIT = { slices: SLICES, iterations: ITERATIONS, finalSlices: 2 };
/** What is left of the way from kappa = 1 in log kappa: weights t^8 keep (1/2)^9 of 7 units at half time. */
const WAY = 0.02;
/** Slices that a standard deviation is taken of, to 3 %. */
const PILOT = 500;

const golden = loadGolden(new URL('golden/closed_forms.safetensors', import.meta.url));
interface Row {
  d: number;
  shift: number;
  lambda: number;
  kappa: number;
  objective: number;
}

const column = (name: string): Float64Array => golden.get(`pacopt.${name}`).data;
const ROWS = Array.from(column('d'), (d, i): Row => ({
  d,
  shift: column('delta_norm')[i]!,
  lambda: column('lambda')[i]!,
  kappa: column('kappa_star')[i]!,
  objective: column('objective_star')[i]!,
}));

/** A cloud of one point and itself shifted by delta: W_2^2(theta) = <theta, delta>^2. */
function shifted(d: number, shift: number): { x: number[][]; y: number[][]; delta: Float64Array } {
  const delta = Float64Array.from({ length: d }, (_, j) => (j === 0 ? 0.6 : j === 1 ? -0.8 : 0) * shift);
  return { x: [Array.from(delta, () => 1)], y: [Array.from(delta, (entry) => 1 + entry)], delta };
}

/** delta' M delta */
function form(delta: Float64Array, { data }: linalg.Matrix64): number {
  const d = delta.length;
  return data.reduce((sum, entry, at) => sum + delta[Math.floor(at / d)]! * entry * delta[at % d]!, 0);
}

/** |delta|^2 E w^2 - KL / lambda */
function objectiveAt(kappa: number, { d, shift, lambda }: Pick<Row, 'd' | 'shift' | 'lambda'>): number {
  const distribution = new VonMisesFisher([1, ...new Array<number>(d - 1).fill(0)], kappa);
  return shift ** 2 * distribution.secondMoment().data[0]! - distribution.klUniform() / lambda;
}

/**
 * Four standard errors of log kappa. An average of the iterates of a stochastic ascent has the error sd / (|J''| sqrt(N))
 * whatever its steps are (Polyak & Juditsky, 1992): sd that of the slope of one slice, N cosines, J'' the curvature.
 */
function logKappaError(row: Row, slices = SLICES): number {
  const { w, slope } = new VonMisesFisher([1, ...new Array<number>(row.d - 1).fill(0)], row.kappa).drawCosines(
    PILOT,
    random.key(0),
  );
  const slopes = w.map((cosine, l) => row.shift ** 2 * 2 * cosine * row.kappa * slope[l]!);
  const mean = slopes.reduce((sum, value) => sum + value, 0) / PILOT;
  const variance = slopes.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (PILOT - 1);
  const step = 0.05;
  const at = (by: number): number => objectiveAt(row.kappa * Math.exp(by), row);
  const curvature = (2 * at(0) - at(-step) - at(step)) / step ** 2;
  // Mirror images have the same cosine.
  return (4 * Math.sqrt(variance / ((AVERAGED * slices) / 2))) / curvature + WAY;
}

describe('fitAdaptiveSlices of a translation', () => {
  beforeAll(() => useBackend('cpu'));

  // All of the table from kappa = 1, of each dimension one from where fits start by themselves.
  it.each([
    ...ROWS.map((row) => ({ ...row, from: 1 })),
    ...ROWS.filter(({ shift, lambda }) => shift === 3 && lambda === 22.36).map((row) => ({ ...row, from: undefined })),
  ])('finds the optimum of d = $d, |delta| = $shift, lambda = $lambda from kappa = $from', async ({ from, ...row }) => {
    const { x, y, delta } = shifted(row.d, row.shift);
    const start = from === undefined ? {} : { kappa: from };
    // The farthest optima are flat, too: the gradient fades on the way.
    const iterations = row.kappa > 1000 ? 300 : ITERATIONS;
    const options = { ...start, lambda: row.lambda, ...FIT, iterations, key: random.key(1) };
    const { distribution, kl } = await fitAdaptiveSlices(x, y, options);
    // The expectation over slices by its closed form: what is left is the error of what was learnt.
    const objective = form(delta, distribution.secondMoment()) - kl / row.lambda;
    expect(objective).toBeLessThanOrEqual(row.objective * (1 + 1e-6));
    expect(objective).toBeGreaterThan(row.objective * (1 - OBJECTIVE));
    if (row.kappa < 1) {
      // The objective falls with kappa: uniform slices are best, and the table ends at a small kappa.
      expect(distribution.kappa).toBeLessThan(0.3);
      return;
    }
    expect(Math.abs(Math.log(distribution.kappa / row.kappa))).toBeLessThan(logKappaError(row));
  });

  it('finds its way in 784 dimensions', async () => {
    const { x, y, delta } = shifted(784, 3);
    const options = { lambda: 100, ...FIT, iterations: 100, key: random.key(2) };
    const { distribution, history } = await fitAdaptiveSlices(x, y, options);
    expect(history[0]!.kappa).toBeAllclose(784, { rtol: 1e-12 });
    const objective = objectiveAt(distribution.kappa, { d: 784, shift: 3, lambda: 100 });
    expect(form(delta, distribution.secondMoment()) - distribution.klUniform() / 100).toBeAllclose(objective, {
      rtol: 1e-3,
    });
    for (const factor of [0.5, 2]) {
      expect(objective).toBeGreaterThan(objectiveAt(factor * distribution.kappa, { d: 784, shift: 3, lambda: 100 }));
    }
    // 3^2 / 784 = 0.01 with uniform slices.
    expect(objective).toBeGreaterThan(1.5);
  });

  it('does not stop where the gradient through a rejection sampler would', async () => {
    const row = ROWS.find(({ d, shift, lambda }) => d === 5 && shift === 1 && lambda === 5)!;
    expect(stationary(row, 'implicit')).toBeAllclose(row.kappa, { rtol: 1e-3 });
    const biased = stationary(row, 'through rejection');
    expect(biased).toBeAllclose(3.52, { rtol: 1e-2 });
    const { x, y } = shifted(row.d, row.shift);
    const slices = 4 * SLICES;
    const options = { kappa: 1, lambda: row.lambda, ...FIT, slices, key: random.key(2) };
    const { distribution } = await fitAdaptiveSlices(x, y, options);
    const error = logKappaError(row, slices);
    expect(Math.abs(Math.log(distribution.kappa / row.kappa))).toBeLessThan(error);
    expect(Math.log(distribution.kappa / biased)).toBeGreaterThan(error);
  });
});

describe.each(backendsUnderTest())('fitAdaptiveSlices of a translation on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([
    { family: 'vmf', maker: VonMisesFisher },
    { family: 'vmfSymmetric', maker: SymmetricVonMisesFisher },
    { family: 'powerSpherical', maker: PowerSpherical },
  ] as const)('is near the best of $family, from an axis 40 degrees away', async ({ family, maker }) => {
    const [d, lambda] = [5, 20];
    const { x, y, delta } = shifted(d, 1);
    const objective = (kappa: number, mu: ArrayLike<number> = delta): number => {
      const distribution = new maker(mu, kappa);
      return form(delta, distribution.secondMoment()) - distribution.klUniform() / lambda;
    };
    // A grid of kappa with steps of 1 %: the objective is flat at its best.
    const best = Math.max(...Array.from({ length: 900 }, (_, i) => objective(0.01 * 1.01 ** (1.2 * i))));
    const options = { family, lambda, mu: [1, -0.5, 0.5, 0.5, 0], ...FIT, key: random.key(3) };
    const { distribution } = await fitAdaptiveSlices(x, y, options);
    expect(distribution.family).toBe(family);
    const { mu, kappa } = distribution;
    expect(objective(kappa, mu)).toBeGreaterThan(best * (1 - OBJECTIVE));
    // mu and -mu have the same slices.
    const cosine = mu.reduce((sum, entry, j) => sum + entry * delta[j]!, 0);
    expect(Math.abs(cosine)).toBeGreaterThan(0.999);
  });
});

/** The kappa at which the mean gradient in it is 0, by quadrature over w on (-1, 1). */
function stationary({ d, shift, lambda }: Row, slope: 'implicit' | 'through rejection'): number {
  const { nodes, weights } = linalg.sphereQuadrature(d, 200);
  const gradient = (kappa: number): number => {
    const root = Math.hypot(2 * kappa, d - 1);
    const b = (d - 1) / (2 * kappa + root);
    const dB = ((4 * kappa) / root - 2) / (d - 1);
    let [mass, mean, square, cross, through] = [0, 0, 0, 0, 0];
    nodes.forEach((w, i) => {
      const density = weights[i]! * Math.exp(kappa * (w - 1));
      // w = (1 - (1 + b) z) / (1 - (1 - b) z) of an accepted z, differentiated in b.
      const z = (1 - w) / (1 + b - w * (1 - b));
      mass += density;
      mean += density * w;
      square += density * w * w;
      cross += density * w ** 3;
      through += density * 2 * w * ((-2 * z * (1 - z)) / (1 - (1 - b) * z) ** 2) * dB;
    });
    const variance = square / mass - (mean / mass) ** 2;
    // d E w^2 / d kappa = Cov(w^2, w), and d KL / d kappa = kappa Var w.
    const implicit = cross / mass - (square / mass) * (mean / mass);
    const distance = slope === 'implicit' ? implicit : through / mass;
    return shift ** 2 * distance - (kappa * variance) / lambda;
  };
  let [low, high] = [1, 50];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (gradient(middle) > 0) low = middle;
    else high = middle;
  }
  return low;
}
