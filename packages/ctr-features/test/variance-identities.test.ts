import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorSketchBound, tensorSketchVariance } from '../src/errors/tensor-sketch-variance';
import { featureCovariance, sketchVariance, type PairMoments, type SketchShape } from '../src/errors/variance';
import { exactVariance } from './moment-oracle';
import { momentsOf, randomPoints } from './pairs';

/** Some roundings of float64, relative to the largest term. */
const ROUNDING = 1e-12;

const DEGREES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const MODES = ['real', 'complex', 'ctr'] as const;

/** 1000 pairs, half of them of non-negative points, which have s^2 >= S. */
const pairs: PairMoments[] = [5, 12].flatMap((dim) => {
  const points = randomPoints(dim, 1000, dim);
  return Array.from({ length: 500 }, (_, i) => {
    const [x, y] = [points[2 * i]!, points[2 * i + 1]!];
    return i % 2 === 0 ? momentsOf(x, y) : momentsOf(x.map(Math.abs), y.map(Math.abs));
  });
});

const shapeOf = (shape: Partial<SketchShape>): SketchShape => ({
  projection: 'gaussian',
  mode: 'ctr',
  degree: 3,
  features: 24,
  inputDim: 12,
  ...shape,
});

describe('variances by enumeration of all weights', () => {
  const shapes = (['gaussian', 'rademacher', 'srht'] as const).flatMap((projection) =>
    MODES.flatMap((mode) =>
      (projection === 'srht' ? (['shared', 'independent'] as const) : (['shared'] as const)).flatMap((srhtBlocks) =>
        // d' = 4: less than a block, one block, and one and a half; one feature
        (projection === 'srht' ? [1, 3, 4, 6] : [1, 3]).map((count) => ({
          projection,
          mode,
          srhtBlocks,
          features: mode === 'ctr' ? 2 * count : count,
        })),
      ),
    ),
  );

  it.each(shapes)('$projection $mode $srhtBlocks, $features features', (shape) => {
    // Rules for normal weights have 25 nodes a coordinate.
    const inputDim = shape.projection === 'gaussian' ? 2 : 3;
    const [x, y] = randomPoints(3, 2, inputDim) as [Float32Array, Float32Array];
    for (const degree of [1, 2, 3]) {
      for (const [a, b] of [
        [x, y],
        [x, x],
        [x.map(Math.abs), y.map(Math.abs)],
      ] as const) {
        // prettier-ignore
        const sketch = { ...shape, degree, inputDim };
        const pair = momentsOf(a, b);
        const atol = ROUNDING * (3 * pair.norms) ** degree;
        expect([sketchVariance(pair, sketch)]).toBeAllclose([exactVariance(a, b, sketch)], { rtol: 0, atol });
      }
    }
  });

  /** E k_hat^2 - k^2 over all hashes and signs of two coordinates. */
  function enumerated(x: readonly number[], y: readonly number[], degree: number, features: number): number {
    const hashes = Array.from({ length: 4 * features ** 2 }, (_, i) => ({
      signs: [1 - 2 * (i & 1), 1 - (i & 2)],
      buckets: [(i >> 2) % features, Math.floor((i >> 2) / features)],
    }));
    const count = (point: readonly number[], { signs, buckets }: (typeof hashes)[0]): number[] => {
      const out = new Array<number>(features).fill(0);
      point.forEach((value, j) => (out[buckets[j]!]! += signs[j]! * value));
      return out;
    };
    const convolved = (a: number[], b: number[]): number[] => {
      const out = new Array<number>(features).fill(0);
      a.forEach((u, i) => b.forEach((v, j) => (out[(i + j) % features]! += u * v)));
      return out;
    };
    const one = [1, ...new Array<number>(features - 1).fill(0)];
    let [mean, square] = [0, 0];
    const visit = (left: number, phiX: number[], phiY: number[]): void => {
      if (left > 0) {
        for (const hash of hashes) visit(left - 1, convolved(phiX, count(x, hash)), convolved(phiY, count(y, hash)));
        return;
      }
      const estimate = phiX.reduce((sum, value, k) => sum + value * phiY[k]!, 0);
      mean += estimate / hashes.length ** degree;
      square += estimate ** 2 / hashes.length ** degree;
    };
    visit(degree, one, one);
    expect([mean]).toBeAllclose([momentsOf(x, y).s ** degree], { rtol: ROUNDING, atol: ROUNDING });
    return square - mean ** 2;
  }

  it.each([
    [1, 1],
    [1, 2],
    [1, 3],
    [1, 4],
    [2, 1],
    [2, 2],
    [2, 3],
    [2, 4],
    [2, 5],
    [3, 1],
    [3, 2],
    [3, 3], // prettier-ignore
  ])('TensorSketch of degree %i, %i features', (degree, features) => {
    for (const [x, y] of [
      [
        [1, 0.5],
        [-0.7, 2],
      ],
      [
        [1, 0.5],
        [1, 0.5],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    ] as const) {
      // prettier-ignore
      const expected = enumerated(x, y, degree, features);
      const ours = tensorSketchVariance(momentsOf(x, y), { degree, features });
      expect([ours]).toBeAllclose([expected], { rtol: ROUNDING, atol: ROUNDING * 100 });
    }
  });
});

describe('sketchVariance', () => {
  const variance = (pair: PairMoments, shape: Partial<SketchShape>): number => sketchVariance(pair, shapeOf(shape));

  it.each(['gaussian', 'rademacher'] as const)('is the same for CtR and real %s features of degree 1', (projection) => {
    const of = (mode: 'ctr' | 'real'): number[] => pairs.map((pair) => variance(pair, { projection, mode, degree: 1 }));
    // N is about d^2, and what is left of it may be much smaller.
    expect(of('ctr')).toBeAllclose(of('real'), { rtol: ROUNDING, atol: ROUNDING * 12 ** 2 });
  });

  it.each(DEGREES)('is not larger for CtR than for real Gaussian features, degree %i', (degree) => {
    const worse = pairs.filter(
      (pair) => variance(pair, { degree }) > variance(pair, { degree, mode: 'real' }) * (1 + ROUNDING),
    );
    expect(worse).toEqual([]);
  });

  it.each(DEGREES.slice(1))(
    'is smaller for CtR than for real Rademacher features where s^2 > S, and only there, degree %i',
    (degree) => {
      const of = (pair: PairMoments, mode: 'ctr' | 'real'): number =>
        variance(pair, { degree, mode, projection: 'rademacher' });
      const better = pairs.map((pair) => of(pair, 'ctr') < of(pair, 'real'));
      expect(better).toEqual(pairs.map(({ s, squares }) => s * s > squares));
      expect(new Set(better).size).toBe(2);
    },
  );

  it.each(DEGREES)('of a point with itself is (3^p - 1) N^p / D, CtR (2^{p+1} - 2) N^p / D, degree %i', (degree) => {
    const self = randomPoints(1, 20, 6).map((x) => momentsOf(x, x));
    const of = (mode: SketchShape['mode']): number[] => self.map((pair) => variance(pair, { degree, mode }));
    const times = (factor: number): number[] => self.map(({ norms }) => (factor * norms ** degree) / 24);
    // s^2 and N are rounded differently, degree times.
    const close = { rtol: ROUNDING * degree, atol: 0 };
    expect(of('real')).toBeAllclose(times(3 ** degree - 1), close);
    expect(of('ctr')).toBeAllclose(times(2 ** (degree + 1) - 2), close);
    expect(of('complex')).toBeAllclose(times(2 ** degree - 1), close);
  });

  it('of pairs of given norms is the largest for a point with itself', () => {
    for (const mode of MODES) {
      for (const projection of ['gaussian', 'rademacher'] as const) {
        const most = { real: 3 ** 4 - 1, ctr: 2 ** 5 - 2, complex: 2 ** 4 - 1 }[mode] / 24;
        const over = pairs.filter((pair) => variance(pair, { mode, projection, degree: 4 }) > most * pair.norms ** 4);
        expect(over).toEqual([]);
      }
    }
  });

  it.each(MODES)('is 0 where whole Hadamard matrices are used, degree 1, %s', (mode) => {
    const blocks = mode === 'ctr' ? 2 : 1;
    for (const srhtBlocks of ['shared', 'independent'] as const) {
      for (const features of [16, 48].map((count) => count * blocks)) {
        const of = pairs.map((pair) => variance(pair, { projection: 'srht', mode, degree: 1, features, srhtBlocks }));
        expect(of).toBeAllclose(of.map(() => 0), { rtol: 0, atol: ROUNDING * 12 ** 2 }); // prettier-ignore
        const more = { projection: 'srht', mode, degree: 1, features: features + 2, srhtBlocks } as const;
        expect(variance(pairs[1]!, more)).toBeGreaterThan(1e-3);
      }
    }
  });

  it('is exactly 0 for points with one coordinate and signs', () => {
    for (const value of [1, 0.5, 3]) {
      const pair = momentsOf([0, value, 0], [0, value, 0]);
      for (const projection of ['rademacher', 'srht'] as const) {
        for (const mode of MODES) expect(variance(pair, { projection, mode, degree: 5 })).toBe(0);
      }
      expect(tensorSketchVariance(pair, { degree: 5, features: 7 })).toBe(0);
      expect(variance(pair, { projection: 'gaussian' })).toBeGreaterThan(0);
    }
  });

  it('keeps the digits of small differences of large powers', () => {
    // N - S = s^2 - S = 1e-9: of (1 + 1e-9)^3 - 1 a plain difference has 7 digits.
    const pair = { s: 1, squares: 1 - 2 ** -30, norms: 1 };
    const once = 2 ** -30;
    const gain = 3 * once + 3 * once ** 2 + once ** 3;
    const ours = variance(pair, { projection: 'rademacher', mode: 'complex', features: 1 });
    expect([ours]).toBeAllclose([gain], { rtol: ROUNDING, atol: 0 });
  });

  it('of one Hadamard row in a matrix of one is that of signs', () => {
    const pair = momentsOf([2], [3]);
    for (const srhtBlocks of ['shared', 'independent'] as const) {
      expect(variance(pair, { projection: 'srht', inputDim: 1, features: 2, srhtBlocks })).toBe(0);
      expect(variance(pair, { projection: 'srht', inputDim: 1, features: 6, srhtBlocks })).toBe(0);
    }
  });

  it('is not negative, and grows as the 2p-th power of a factor of x, for any points', () => {
    const coordinate = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    const point = fc.array(coordinate, { minLength: 1, maxLength: 6 });
    const shape = fc.record({
      projection: fc.constantFrom('gaussian', 'rademacher', 'srht'),
      mode: fc.constantFrom(...MODES),
      degree: fc.integer({ min: 1, max: 6 }),
      features: fc.integer({ min: 1, max: 40 }).map((half) => 2 * half),
      srhtBlocks: fc.constantFrom('shared', 'independent'),
    });
    fc.assert(
      fc.property(point, shape, fc.integer({ min: -3, max: 3 }), (x, kind, exponent) => {
        const y = x.map((value, i) => (i % 2 === 0 ? value : 1 - value));
        const sketch = { ...kind, inputDim: x.length } as SketchShape;
        const once = sketchVariance(momentsOf(x, y), sketch);
        expect(once).toBeGreaterThanOrEqual(0);
        // Powers of two scale without rounding.
        const scaled = x.map((value) => value * 2 ** exponent);
        const again = sketchVariance(momentsOf(scaled, y), sketch);
        const rounding = ROUNDING * (3 * momentsOf(x, y).norms) ** kind.degree;
        expect(Math.abs(again / 4 ** (exponent * kind.degree) - once)).toBeLessThanOrEqual(rounding);
      }),
      { seed: 1 },
    );
  });

  it('refuses shapes outside their ranges', () => {
    const where = 'ctr-features.sketchVariance: ';
    const wrong: [Record<string, unknown>, string][] = [
      [{ projection: 'sparse' }, 'projection must be one of "gaussian", "rademacher", "srht", got "sparse".'],
      [{ mode: 'half' }, 'mode must be one of "real", "complex", "ctr", got "half".'],
      [{ srhtBlocks: 'none' }, 'srhtBlocks must be one of "shared", "independent", got "none".'],
      [{ degree: 0 }, 'degree must be an integer >= 1, got 0.'],
      [{ features: 1.5 }, 'features must be an integer >= 1, got 1.5.'],
      [{ inputDim: 0 }, 'inputDim must be an integer >= 1, got 0.'],
    ];
    for (const [shape, message] of wrong) {
      expect(() => variance(pairs[0]!, shape)).toThrow(new RangeError(where + message));
    }
  });
});

describe('featureCovariance', () => {
  const covariances = (degree: number, mode: SketchShape['mode']): number[] =>
    pairs.map((pair) => featureCovariance(pair, shapeOf({ degree, mode }), 1 / 15));

  it.each([1, 3, 5, 7, 9])('is not positive for real and complex features of odd degree %i', (degree) => {
    for (const mode of ['real', 'complex'] as const) {
      expect(covariances(degree, mode).filter((covariance) => covariance > 0)).toEqual([]);
    }
  });

  it('may be positive for even degrees', () => {
    for (const mode of MODES) expect(Math.max(...covariances(2, mode))).toBeGreaterThan(0);
  });

  it('of CtR features of odd degree may be positive where s^2 < S', () => {
    // N + s^2 = 2 S: the two brackets are s^2 - 8 beta and s^2 + 8 beta.
    const pair = momentsOf([2, 1], [2, -1]);
    const covariance = featureCovariance(pair, shapeOf({ degree: 3 }), 1 / 15);
    expect([covariance]).toBeAllclose([3 * 9 * (8 / 15) ** 2], { rtol: ROUNDING, atol: 0 });
  });

  it('of CtR features of odd degree is not positive where s^2 >= S', () => {
    const covariance = covariances(3, 'ctr');
    expect(pairs.filter(({ s, squares }, i) => s * s >= squares && covariance[i]! > 0)).toEqual([]);
  });
});

describe('tensorSketchVariance', () => {
  it('is (N + s^2 - 2 S) / D for degree 1', () => {
    const expected = pairs.map(({ s, squares, norms }) => (norms + s * s - 2 * squares) / 10);
    const ours = pairs.map((pair) => tensorSketchVariance(pair, { degree: 1, features: 10 }));
    expect(ours).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING * 12 ** 2 });
  });

  it.each([1, 2, 3, 6])('is within the bound for any hashes, degree %i', (degree) => {
    for (const features of [1, 2, 3, 64]) {
      const shape = { degree, features };
      expect(pairs.filter((pair) => tensorSketchVariance(pair, shape) > tensorSketchBound(pair, shape))).toEqual([]);
    }
  });

  it('refuses shapes outside their ranges', () => {
    for (const [name, of] of Object.entries({ tensorSketchVariance, tensorSketchBound })) {
      const where = `ctr-features.${name}: `;
      expect(() => of(pairs[0]!, { degree: 0, features: 1 })).toThrow(
        new RangeError(`${where}degree must be an integer >= 1, got 0.`),
      );
      expect(() => of(pairs[0]!, { degree: 1, features: 0 })).toThrow(
        new RangeError(`${where}features must be an integer >= 1, got 0.`),
      );
    }
  });
});

describe('tensorSketchBound', () => {
  it('is (2 + 3^p) N^p / D', () => {
    expect(tensorSketchBound({ norms: 2 }, { degree: 3, features: 4 })).toBe(((2 + 27) * 8) / 4);
  });
});
