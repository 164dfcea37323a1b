import { describe, expect, it } from 'vitest';
import { SymmetricVonMisesFisher } from '../src/slices/symmetric-von-mises-fisher';
import { VonMisesFisher } from '../src/slices/von-mises-fisher';

/** Sums of 64 terms, and differences of the golden's step. */
const ACCURACY = 1e-11;

/** d, kappa, KL and dKL/dkappa by quadrature in 40-digit arithmetic; the slope by differences of step 1e-10. */
const TABLE: [number, number, number, number][] = [
  [2, 0.001, 1.5624994791668086e-14, 6.2499968750011e-11],
  [2, 1, 0.011542609347095074, 0.039793444967219],
  [2, 30, 1.4178380472282444, 0.016959391250002],
  [2, 1e5, 5.482251585111092, 5.000025000375e-6],
  [3, 2.5, 0.16231989034904756, 0.16429182004355],
  [5, 0.01, 5.714209524806142e-11, 2.2856685722259e-8],
  [5, 2, 0.05889483381030536, 0.095824796102768],
  [5, 10, 1.7237865136525388, 0.17586057691163],
  [5, 1000, 10.718899770630749, 0.001997996995995],
  [20, 5, 0.19263749859711937, 0.1213742708623],
  [20, 15, 2.7417553314762495, 0.30024632580526],
  [100, 10, 0.15660722611454742, 0.052399716086434],
  [100, 40, 5.8884289736850395, 0.274926223693],
  [1000, 0.001, 2.492514968398204e-19, 9.9700598702695e-16],
  [1000, 20, 0.03235192358474066, 0.0059120267890756],
  [1000, 60, 1.1733502141495784, 0.054152163106418],
  [1000, 500, 93.44800674093251, 0.29301461100365],
  [1000, 1e5, 2302.9257834855985, 0.004970099861508],
];

const axis = (d: number): Float64Array => Float64Array.from({ length: d }, (_, j) => (j === 0 ? 1 : 0));

describe('SymmetricVonMisesFisher', () => {
  it.each(TABLE)('d = %d, kappa = %d: has the divergence and slope of 40-digit arithmetic', (d, kappa, kl, slope) => {
    const distribution = new SymmetricVonMisesFisher(axis(d), kappa);
    expect(distribution.klUniform()).toBeAllclose(kl, { rtol: ACCURACY, atol: 0 });
    expect(distribution.klSlope()).toBeAllclose(slope, { rtol: ACCURACY, atol: 0 });
  });

  it('is nearer to uniform than the directed distribution, by log 2 for large kappa', () => {
    for (const [d, kappa] of [
      [2, 0.5],
      [5, 3],
      [50, 20],
      [3, 1e-3],
    ] as const) {
      const saved =
        new VonMisesFisher(axis(d), kappa).klUniform() - new SymmetricVonMisesFisher(axis(d), kappa).klUniform();
      expect(saved).toBeGreaterThan(0);
      expect(saved).toBeLessThan(Math.LN2);
    }
    for (const [d, kappa] of [
      [2, 200],
      [2, 1e9],
      [50, 1e3],
      [1000, 1e4],
    ] as const) {
      const directed = new VonMisesFisher(axis(d), kappa);
      const symmetric = new SymmetricVonMisesFisher(axis(d), kappa);
      expect(symmetric.klUniform()).toBeAllclose(directed.klUniform() - Math.LN2, { rtol: ACCURACY, atol: 0 });
      expect(symmetric.klSlope()).toBeAllclose(directed.klSlope(), { rtol: ACCURACY, atol: 0 });
    }
  });

  it('is the same for mu and -mu', () => {
    const [there, back] = [
      [0.6, 0.8],
      [-0.6, -0.8],
    ].map((mu) => new SymmetricVonMisesFisher(mu, 3));
    const rows = [
      [1, 0],
      [0, -1],
      [0.8, -0.6],
    ];
    expect(there!.logProb(rows)).toBeAllclose(back!.logProb(rows), { rtol: 1e-15 });
    // log cosh(kappa w) - log S, of log cosh(2.4) and log cosh(0) for w = 0.8 and 0.
    const [side, , across] = there!.logProb([
      [0, 1],
      [1, 0],
      [0.8, -0.6],
    ]);
    expect(side! - across!).toBeAllclose(Math.log(Math.cosh(2.4)), { rtol: 1e-13 });
  });

  it('is uniform in one dimension whatever kappa', () => {
    const distribution = new SymmetricVonMisesFisher([2], 7);
    expect([distribution.klUniform(), distribution.klSlope(), distribution.meanCosine()]).toEqual([0, 0, 0]);
    expect(distribution.logProb([[1], [-1]])).toBeAllclose([-Math.LN2, -Math.LN2], { rtol: 1e-14 });
  });
});
