import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxTransform,
  type DensityAt,
  denseMetric,
  diagonalMetric,
  kineticEnergy,
  leapfrog,
  type Metric,
  type PhasePoint,
  startDualAveraging,
  updateDualAveraging,
  type Walls,
} from '../src/inference';
import { warmUpPlan } from '../src/inference/warm-up';
import { identityMatrix, matrixFromRows, multiply } from '../src/linalg';
import { finiteDifferences } from '../src/testing';

/** Rounding of some dozen steps, in positions of order 1. */
const REVERSIBLE = { rtol: 0, atol: 1e-10 };
const ROUNDING = { rtol: 1e-12, atol: 1e-12 };

const dense = denseMetric(
  matrixFromRows([
    [1.5, 0.6, -0.2],
    [0.6, 0.8, 0.1],
    [-0.2, 0.1, 0.5],
  ]),
);
const diagonal = diagonalMetric([1, 0.25, 4]);

/** log p = -sum (x_i^2 / 2 + x_i^4 / 10) + x_0 x_1 / 2: not normal, so that energies do err. */
const quartic = (q: Float64Array): DensityAt => ({
  value: q.reduce((sum, x) => sum - x ** 2 / 2 - x ** 4 / 10, (q[0]! * q[1]!) / 2),
  gradient: q.map((x, i) => -x - 0.4 * x ** 3 + (i < 2 ? q[1 - i]! / 2 : 0)),
});
const flat = (q: Float64Array): DensityAt => ({ value: 0, gradient: new Float64Array(q.length) });

const startOf = (density: (q: Float64Array) => DensityAt, position: number[], momentum: number[]): PhasePoint => ({
  position: Float64Array.from(position),
  momentum: Float64Array.from(momentum),
  ...density(Float64Array.from(position)),
});
const energyOf = (metric: Metric, { value, momentum }: PhasePoint): number => kineticEnergy(metric, momentum) - value;
const turned = (point: PhasePoint): PhasePoint => ({ ...point, momentum: point.momentum.map((p) => -p) });

describe.each([
  { name: 'dense metric', metric: dense, walls: undefined },
  { name: 'diagonal metric', metric: diagonal, walls: undefined },
  {
    name: 'dense metric between walls',
    metric: dense,
    walls: {
      bounds: [
        [-0.7, 0.5],
        [-Infinity, 0.6],
        [-1, 1],
      ],
      rule: 'reflect',
    } satisfies Walls,
  },
])('leapfrog, $name', ({ metric, walls }) => {
  const start = startOf(quartic, [0.3, -0.2, 0.7], [1.1, -0.6, 0.9]);

  it('runs back to where it came from when the momentum is turned', () => {
    for (const steps of [1, 7, 40]) {
      const end = leapfrog(quartic, metric, start, 0.1, steps, walls);
      const back = turned(leapfrog(quartic, metric, turned(end), 0.1, steps, walls));
      expect(back.position).toBeAllclose(start.position, REVERSIBLE);
      expect(back.momentum).toBeAllclose(start.momentum, REVERSIBLE);
    }
  });

  it('leaves its start unchanged, and returns density and gradient of the end', () => {
    const before = structuredClone(start);
    const end = leapfrog(quartic, metric, start, 0.1, 5, walls);
    expect(start).toEqual(before);
    expect({ value: end.value, gradient: end.gradient }).toEqual(quartic(end.position));
  });

  it('keeps volume: the Jacobian of the map has determinant 1', () => {
    const step = (x: Float64Array): Float64Array => {
      const from = startOf(quartic, Array.from(x.subarray(0, 3)), Array.from(x.subarray(3)));
      const { position, momentum } = leapfrog(quartic, metric, from, 0.15, 6, walls);
      return Float64Array.from([...position, ...momentum]);
    };
    const x = Float64Array.from([...start.position, ...start.momentum]);
    const columns = Array.from(x, (_, row) => finiteDifferences((point) => step(point)[row]!, x));
    // Differences of step 1e-5 err by 1e-9 or so in each of 36 entries of order 1.
    expect(Math.abs(determinant(columns))).toBeCloseTo(1, 6);
  });
});

describe('leapfrog', () => {
  it('has an error of the energy of second order in the step', () => {
    const start = startOf(quartic, [0.3, -0.2, 0.7], [1.1, -0.6, 0.9]);
    const errors = [20, 40, 80, 160].map((steps) => {
      const end = leapfrog(quartic, dense, start, 2 / steps, steps);
      return Math.abs(energyOf(dense, end) - energyOf(dense, start));
    });
    // Halving the step divides the error by 4; the next term, of fourth order, is 1e-3 of it at the first step.
    for (let i = 1; i < errors.length; i++) expect(Math.log2(errors[i - 1]! / errors[i]!)).toBeCloseTo(2, 1);
  });

  it('is exact for a free particle', () => {
    const end = leapfrog(flat, diagonal, startOf(flat, [0, 0, 0], [1, 2, 3]), 0.5, 4);
    expect(end.position).toBeAllclose([2, 1, 24], ROUNDING);
  });

  it('ends where something is not finite, with a density that is not a number', () => {
    const broken = (q: Float64Array): DensityAt => ({ value: 0, gradient: q.map(() => NaN) });
    expect(leapfrog(broken, diagonal, startOf(broken, [0, 0, 0], [1, 1, 1]), 0.1, 9).value).toBeNaN();
  });
});

describe('a billiard', () => {
  const walls: Walls = {
    bounds: [
      [-1, 1],
      [-1, 1],
      [-1, 1],
    ],
    rule: 'reflect',
  };

  it('is a triangle wave in each coordinate when the metric is diagonal', () => {
    const end = leapfrog(flat, diagonalMetric([1, 1, 1]), startOf(flat, [0, 0.5, 0], [2.25, -1, 0]), 2, 1, walls);
    // 0 + 4.5 is mirrored at 1 and at -1 and at 1; 0.5 - 2 at -1.
    expect(end.position).toBeAllclose([0.5, -0.5, 0], ROUNDING);
    expect(end.momentum).toEqual(Float64Array.of(2.25, 1, 0));
  });

  it('stays inside and keeps the kinetic energy for every metric', () => {
    const coordinate = fc.double({ min: -0.99, max: 0.99, noNaN: true });
    const momentum = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(coordinate, coordinate, coordinate), fc.tuple(momentum, momentum, momentum), (q, p) => {
        const start = startOf(flat, q, p);
        const end = leapfrog(flat, dense, start, 1.3, 3, walls);
        expect(end.position.every((x) => x >= -1 && x <= 1)).toBe(true);
        expect(kineticEnergy(dense, end.momentum)).toBeAllclose(kineticEnergy(dense, start.momentum), {
          rtol: 1e-9,
          atol: 1e-9,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('gives up on a step that crosses the box a thousand times', () => {
    expect(
      leapfrog(flat, diagonalMetric([1, 1, 1]), startOf(flat, [0, 0, 0], [1, 0, 0]), 1e4, 1, walls).value,
    ).toBeNaN();
  });
});

describe('the collision rule', () => {
  it('turns the momentum of a coordinate outside in place of the kick, but not at the last step', () => {
    const walls: Walls = { bounds: [[-1, 1]], rule: 'collision' };
    const pull = (q: Float64Array): DensityAt => ({ value: -q[0]!, gradient: [-1] });
    const start = startOf(pull, [0.9], [2]);
    const unit = diagonalMetric([1]);
    // Half a kick: 1.9; drift to 2.8, outside: -1.9; drift back to 0.9; half a kick.
    const end = leapfrog(pull, unit, { ...start, momentum: Float64Array.of(2.05) }, 0.1, 1, walls);
    expect([end.position[0], end.momentum[0]]).toBeAllclose([1.1, 1.95], ROUNDING);
    const two = leapfrog(pull, unit, { ...start, momentum: Float64Array.of(2.05) }, 0.1, 2, walls);
    expect([two.position[0], two.momentum[0]]).toBeAllclose([0.9, -2.05], ROUNDING);
  });
});

describe('metrics', () => {
  it('draw momenta by M^(1/2), whose square is the inverse of M^-1', () => {
    for (const metric of [dense, diagonal]) {
      const columns = Array.from({ length: 3 }, (_, i) => {
        const unit = new Float64Array(3);
        unit[i] = 1;
        return metric.momentum(metric.momentum(unit));
      });
      expect(multiply(matrixFromRows(columns), metric.inverseMass).data).toBeAllclose(identityMatrix(3).data, ROUNDING);
      const velocities = columns.map((column) => metric.velocity(column));
      expect(matrixFromRows(velocities).data).toBeAllclose(identityMatrix(3).data, ROUNDING);
    }
  });

  it('refuse what is not positive definite', () => {
    expect(() =>
      denseMetric(
        matrixFromRows([
          [1, 2],
          [2, 1],
        ]),
      ),
    ).toThrow(/tensor-core\.cholesky: pivot 1 of a/);
    expect(() => diagonalMetric([1, 0])).toThrow(
      new RangeError('tensor-core.diagonalMetric: variances[1] must be finite and > 0, got 0.'),
    );
    expect(() => diagonalMetric([Infinity])).toThrow(RangeError);
  });
});

describe('dual averaging', () => {
  it('follows its recursion', () => {
    const options = { target: 0.7, gamma: 0.05, t0: 10, kappa: 0.75, muFactor: 10 };
    let state = startDualAveraging(0.3, options);
    expect(Math.exp(state.logStep)).toBeCloseTo(0.3, 15);
    let mean = 0;
    let logAverage = 0;
    for (const [i, a] of [0.9, 0.2, 1.4, NaN, 0.65].entries()) {
      const m = i + 1;
      const accepted = Number.isNaN(a) ? 0 : Math.min(1, a);
      mean = (1 - 1 / (m + 10)) * mean + (0.7 - accepted) / (m + 10);
      const logStep = Math.log(3) - (Math.sqrt(m) / 0.05) * mean;
      logAverage = m ** -0.75 * logStep + (1 - m ** -0.75) * logAverage;
      state = updateDualAveraging(state, a, options);
      expect([state.logStep, state.logAverage]).toBeAllclose([logStep, logAverage], ROUNDING);
    }
  });

  it.each(['mean', 'sum'] as const)('finds the step whose acceptance is the target, form %s', (form) => {
    const options = { form, target: 0.65 };
    let state = startDualAveraging(1e-3, options);
    for (let i = 0; i < 2000; i++) state = updateDualAveraging(state, Math.exp(-2 * Math.exp(state.logStep)), options);
    // exp(-2 s) = 0.65; the averages converge like a power of 2000, to some percent at least.
    expect(Math.exp(state.logAverage)).toBeAllclose(-Math.log(0.65) / 2, { rtol: 0.03 });
  });

  it.each([
    [{ target: 1 }, 'target must be a finite number > 0 and < 1, got 1.'],
    [{ gamma: 0 }, 'gamma must be a finite number > 0, got 0.'],
    [{ t0: 0 }, 't0 must be a finite number > 0, got 0.'],
    [
      { kappa: 0.5 },
      'kappa must be a finite number > 0.5 and <= 1, got 0.5.'.replace('> 0.5 and <= 1', '> 0.5 and <= 1'),
    ],
    [{ muFactor: -1 }, 'muFactor must be a finite number > 0, got -1.'],
    [{ form: 'x' as 'sum' }, 'form must be one of "mean", "sum", got "x".'],
  ])('refuses %o', (options, message) => {
    expect(() => startDualAveraging(1, options)).toThrow(new RangeError(`tensor-core.startDualAveraging: ${message}`));
  });

  it('refuses a step that is not positive', () => {
    expect(() => startDualAveraging(0)).toThrow(/initialStep must be a finite number > 0, got 0\./);
  });
});

describe('warmUpPlan', () => {
  const updatesOf = (n: number, schedule: 'windows' | 'three-quarters' | 'none'): number[] => {
    const plan = warmUpPlan(n, schedule);
    return Array.from({ length: n }, (_, i) => i).filter((i) => plan(i).updates);
  };
  const collectedBy = (n: number, schedule: 'windows' | 'three-quarters' | 'none'): number[] => {
    const plan = warmUpPlan(n, schedule);
    return Array.from({ length: n }, (_, i) => i).filter((i) => plan(i).collects);
  };

  it('has windows that double, the last one stretched to 50 iterations before the end', () => {
    expect(updatesOf(1000, 'windows')).toEqual([99, 149, 249, 449, 949]);
    expect(updatesOf(280, 'windows')).toEqual([99, 229]);
    expect(updatesOf(300, 'windows')).toEqual([99, 149, 249]);
    expect([collectedBy(1000, 'windows')[0], collectedBy(1000, 'windows').at(-1)]).toEqual([75, 949]);
  });

  it('has one window of three quarters in a short warm-up, and none in a tiny one', () => {
    expect(updatesOf(100, 'windows')).toEqual([89]);
    expect(collectedBy(100, 'windows')).toEqual(Array.from({ length: 75 }, (_, i) => 15 + i));
    expect([updatesOf(19, 'windows'), collectedBy(19, 'windows')]).toEqual([[], []]);
  });

  it('takes the positions from one quarter to three quarters where asked to', () => {
    expect(updatesOf(300, 'three-quarters')).toEqual([225]);
    expect([collectedBy(300, 'three-quarters').length, collectedBy(300, 'three-quarters')[0]]).toEqual([151, 75]);
    expect([updatesOf(300, 'none'), collectedBy(300, 'none')]).toEqual([[], []]);
  });
});

describe.each(['logit', 'tangent'] as const)('boxTransform, %s', (stretch) => {
  const bounds = [
    [-2, 5],
    [3, Infinity],
    [-Infinity, -1],
    [-Infinity, Infinity],
    [0, 1],
  ] as const;
  const transform = boxTransform(bounds, stretch);
  const points = [
    [-1.9, 3.001, -40, 12, 0.999],
    [4.9, 300, -1.01, -3, 1e-3],
    [1.5, 4, -2, 0, 0.5],
  ].map((point) => Float64Array.from(point));

  it('comes back from free coordinates, and stays inside', () => {
    for (const x of points) expect(transform.toBox(transform.toFree(x))).toBeAllclose(x, { rtol: 1e-11, atol: 1e-11 });
    for (const z of [-700, -40, 0, 40, 700]) {
      transform.toBox(new Float64Array(5).fill(z)).forEach((x, i) => {
        expect(x >= bounds[i]![0] && x <= bounds[i]![1]).toBe(true);
      });
    }
  });

  it('has the Jacobian of the map', () => {
    for (const x of points) {
      const z = transform.toFree(x);
      const slopes = Array.from(z, (_, i) => finiteDifferences((free) => transform.toBox(free)[i]!, z)[i]!);
      const expected = slopes.reduce((sum, slope) => sum + Math.log(Math.abs(slope)), 0);
      // Differences of numbers up to 300 with step 1e-5 and more.
      expect(transform.logJacobian(z)).toBeAllclose(expected, { rtol: 0, atol: 1e-6 });
    }
  });

  it('pulls a density back, with its gradient', () => {
    const density = (x: Float64Array): DensityAt => ({
      value: x.reduce((sum, value, i) => sum - (value - i) ** 2 / 20, 0),
      gradient: x.map((value, i) => -(value - i) / 10),
    });
    const free = transform.pullBack(density);
    for (const x of points.slice(1)) {
      const z = transform.toFree(x);
      expect(free(z, 0).value).toBeAllclose(density(transform.toBox(z)).value + transform.logJacobian(z), ROUNDING);
      const expected = finiteDifferences((point) => free(point, 0).value, z);
      expect(free(z, 0).gradient).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-4 });
    }
  });
});

it('boxTransform turns a uniform density into a Cauchy density by the tangent, a logistic one by the logit', () => {
  const uniform = (): DensityAt => ({ value: 0, gradient: [0] });
  const at = (stretch: 'logit' | 'tangent', z: number): number =>
    Math.exp(boxTransform([[0, 1]], stretch).pullBack(uniform)(Float64Array.of(z), 0).value);
  for (const z of [-3, 0, 0.7]) {
    expect(at('tangent', z)).toBeCloseTo(1 / (Math.PI * (1 + z * z)), 14);
    expect(at('logit', z)).toBeCloseTo(1 / (4 * Math.cosh(z / 2) ** 2), 14);
  }
});

/** By elimination. */
function determinant(rows: ArrayLike<number>[]): number {
  const a = rows.map((row) => Array.from(row));
  let product = 1;
  a.forEach((_, i) => {
    const pivot = a.findIndex(
      (row, k) => k >= i && Math.abs(row[i]!) === Math.max(...a.slice(i).map((r) => Math.abs(r[i]!))),
    );
    [a[i], a[pivot]] = [a[pivot]!, a[i]!];
    product *= a[i][i]!;
    for (let k = i + 1; k < a.length; k++) {
      const factor = a[k]![i]! / a[i][i]!;
      a[k] = a[k]!.map((entry, j) => entry - factor * a[i]![j]!);
    }
  });
  return product;
}
