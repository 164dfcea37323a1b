import { describe, expect, it } from 'vitest';
import { contourLevels, cornerData, type CornerOptions, traceData } from '../src/inference';
import { matrix, matrixFromRows, type Matrix64 } from '../src/linalg';
import { fillNormal, key } from '../src/random';

/** Two chains of correlated normal draws: y = 0.6 x + 0.8 z. */
const N = 4000;
const draws: Matrix64[] = [1, 2].map((seed) => {
  const z = fillNormal(key(seed), new Float64Array(2 * N));
  return matrix(
    N,
    2,
    z.map((value, at) => (at % 2 === 0 ? value : 0.6 * z[at - 1]! + 0.8 * value)),
  );
});
const normal = (x: number, std = 1): number => Math.exp(-0.5 * (x / std) ** 2) / (std * Math.sqrt(2 * Math.PI));
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

describe('traceData', () => {
  it('has the values of each chain and their running means', () => {
    const traces = traceData(
      [
        matrixFromRows([
          [1, 10],
          [3, 20],
        ]),
        matrixFromRows([
          [5, 30],
          [6, 50],
        ]),
      ],
      ['a', 'b'],
    );
    expect(traces).toEqual([
      {
        name: 'a',
        iteration: Int32Array.of(0, 1),
        chains: [Float64Array.of(1, 3), Float64Array.of(5, 6)],
        runningMeans: [Float64Array.of(1, 2), Float64Array.of(5, 5.5)],
      },
      {
        name: 'b',
        iteration: Int32Array.of(0, 1),
        chains: [Float64Array.of(10, 20), Float64Array.of(30, 50)],
        runningMeans: [Float64Array.of(10, 15), Float64Array.of(30, 40)],
      },
    ]);
    expect(traceData(draws).map(({ name }) => name)).toEqual(['q0', 'q1']);
  });
});

describe('cornerData', () => {
  it('as histograms counts draws in bins, the last one closed', () => {
    const few = [
      matrixFromRows([
        [0, 0],
        [1, 4],
        [4, 4],
        [4, 0],
      ]),
    ];
    const { diagonal, pairs } = cornerData(few, { bins: 2, method: 'histogram', names: ['a', 'b'] });
    expect(diagonal[0]).toEqual({
      name: 'a',
      edges: Float64Array.of(0, 2, 4),
      centres: Float64Array.of(1, 3),
      density: Float64Array.of(0.25, 0.25),
    });
    // Rows are bins of b: (0, 0) and (4, 0) below, (1, 4) and (4, 4) above, in cells of area 4.
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({
      x: 0,
      y: 1,
      density: { rows: 2, cols: 2, data: Float64Array.of(1, 1, 1, 1).map((c) => c / 16) },
    });
    const skew = cornerData(
      [
        matrixFromRows([
          [0, 0],
          [3, 1],
          [4, 4],
        ]),
      ],
      { bins: 2, method: 'histogram' },
    );
    expect(Array.from(skew.pairs[0]!.density.data, (value) => value * 12)).toBeAllclose([1, 1, 0, 1]);
  });

  it.each(['histogram', 'kernel'] as const)('has the densities of the draws, by %s', (method) => {
    const ranges = [
      [-4, 4],
      [-4, 4],
    ] as const;
    const { diagonal, pairs } = cornerData(draws, { method, ranges, bins: 32 });
    const width = 0.25;
    for (const { density, centres } of diagonal) {
      // A share of 1e-4 of normal draws is outside of the range.
      expect(sum(density) * width).toBeAllclose(1, { rtol: 1e-3 });
      // Bins of 800 draws at the mode: standard error 3.5 %; kernels widen the density by 3 %.
      centres.forEach((x, b) => expect(Math.abs(density[b]! - normal(x))).toBeLessThan(0.06));
    }
    const { density } = pairs[0]!;
    expect(sum(density.data) * width ** 2).toBeAllclose(1, { rtol: 2e-3 });
    const { centres } = diagonal[0]!;
    let worst = 0;
    for (let row = 0; row < 32; row++) {
      for (let col = 0; col < 32; col++) {
        const exact = normal(centres[col]!) * normal(centres[row]! - 0.6 * centres[col]!, 0.8);
        worst = Math.max(worst, Math.abs(density.data[row * 32 + col]! - exact));
      }
    }
    // At the mode 0.2, where a cell has 100 draws: 10 %, and 1000 cells to be the worst of.
    expect(worst).toBeLessThan(method === 'histogram' ? 0.09 : 0.04);
  });

  it('has contours that hold the probabilities of a normal plane', () => {
    const { pairs, levels } = cornerData(draws, { bins: 60 });
    expect(levels).toBeAllclose([1 - Math.exp(-0.5), 1 - Math.exp(-2)], { rtol: 1e-12 });
    // Of a normal plane the superlevel set of mass 1 - exp(-r^2 / 2) begins at the density exp(-r^2 / 2) / (2 pi 0.8);
    // kernels of width 0.22 widen it by 5 % in each direction, by more across the correlation.
    const [one, two] = pairs[0]!.contours as unknown as [number, number];
    const peak = 1 / (2 * Math.PI * 0.8);
    expect(one).toBeAllclose(peak * Math.exp(-0.5), { rtol: 0.2 });
    expect(two).toBeAllclose(peak * Math.exp(-2), { rtol: 0.2 });
  });

  it('shows a range, and leaves out what is outside', () => {
    const { diagonal, pairs } = cornerData(draws, {
      bins: 10,
      ranges: [
        [0, 1],
        [-9, 9],
      ],
      method: 'histogram',
    });
    const inside = draws
      .flatMap(({ data }) => Array.from(data))
      .filter((x, at) => at % 2 === 0 && x >= 0 && x <= 1).length;
    expect(sum(diagonal[0]!.density) * 0.1).toBeCloseTo(inside / (2 * N), 12);
    expect(sum(pairs[0]!.density.data) * 0.1 * 1.8).toBeCloseTo(inside / (2 * N), 12);
    expect(diagonal[0]!.edges).toBeAllclose(Array.from({ length: 11 }, (_, b) => b / 10));
  });

  it('keeps the mass of kernels at the ends of the range inside', () => {
    const uniform = [
      matrix(
        1000,
        1,
        Float64Array.from({ length: 1000 }, (_, n) => (n + 0.5) / 1000),
      ),
    ];
    const { density } = cornerData(uniform, { bins: 20, ranges: [[0, 1]] }).diagonal[0]!;
    expect(sum(density) / 20).toBeCloseTo(1, 12);
    // Without it the ends would have half of the density.
    density.forEach((value) => expect(Math.abs(value - 1)).toBeLessThan(0.35));
  });

  it('takes kernels of Silverman width, of the smaller measure of spread', () => {
    // Interquartile range 2 within a standard deviation of 10: outliers do not widen the kernels.
    const values = Float64Array.from({ length: 400 }, (_, n) => (n < 4 ? 100 : -2 + (4 * n) / 400));
    const { density, centres } = cornerData([matrix(400, 1, values)], { bins: 2000 }).diagonal[0]!;
    const tail = centres.reduce((total, x, b) => total + (x > 90 ? density[b]! * (centres[1]! - centres[0]!) : 0), 0);
    expect(tail).toBeCloseTo(0.01, 10);
    const spread = 2 / 1.34;
    const bandwidth = spread * (4 / (3 * 400)) ** 0.2;
    const peak = Math.max(...centres.map((x, b) => (x > 90 ? density[b]! : 0)));
    // Four draws at one place, half of their kernel cut off by the range and given back to the rest.
    expect(peak).toBeAllclose((0.01 * 2) / (bandwidth * Math.sqrt(2 * Math.PI)), { rtol: 0.05 });
  });

  it.each<[Matrix64[], CornerOptions, string]>([
    [[], {}, 'draws must hold at least one draw, got [].'],
    [draws, { bins: 1 }, 'bins must be an integer >= 2, got 1.'],
    [draws, { method: 'x' as 'kernel' }, 'method must be one of "histogram", "kernel", got "x".'],
    [draws, { levels: [1] }, 'levels must be a finite number > 0 and < 1, got 1.'],
    [draws, { names: ['a'] }, 'names must have 2 entries, one a coordinate, got 1.'],
    [draws, { ranges: [[0, 1]] }, 'ranges must have 2 entries, one a coordinate, got 1.'],
    [
      draws,
      {
        ranges: [
          [0, 1],
          [1, 1],
        ],
      },
      'the range of q1 must be [low, high], low < high, got [1, 1].',
    ],
    [[matrix(9, 1)], {}, 'the range of q0 must be [low, high], low < high, got [0, 0].'],
  ])('refuses what does not fit', (given, options, message) => {
    expect(() => cornerData(given, options)).toThrow(`tensor-core.cornerData: ${message}`);
  });
});

describe('contourLevels', () => {
  it('are the densities down to which the mass is held', () => {
    expect(contourLevels([1, 5, 3, 1], [0.4, 0.5, 0.51, 0.8, 0.95])).toEqual(Float64Array.of(5, 5, 3, 3, 1));
    expect(() => contourLevels([0, 0], [0.5])).toThrow(
      'tensor-core.contourLevels: density must be > 0 somewhere, got 0.',
    );
  });
});
