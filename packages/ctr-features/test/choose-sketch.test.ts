import { check, random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { SKETCH_CANDIDATES, chooseSketch, makeSketch, type SketchGoal } from '../src/errors/choose-sketch';
import { expectedError } from '../src/errors/expected-error';
import { featureMapFromJSON, PolynomialSketch, TensorSketch, type FeatureMap } from '../src/index';
import { measuredError } from '../src/errors/measured-error';
import { sketchCost } from '../src/errors/sketch-cost';
import { checkPlan, type SketchCandidate } from '../src/errors/sketch-plan';
import { someRows } from '../src/errors/some-rows';
import { randomPoints, unitDigits } from './pairs';

/** Sums over pairs, one by one and together. */
const ROUNDING = 1e-9;

const kernel = { degree: 3, gamma: 0.5, coef0: 0.5 };
const rows = Array.from({ length: 40 }, (_, i) => 11 * i);
const data = {
  'non-negative digits': unitDigits('nonneg', rows),
  'centred digits': unitDigits('zero_mean', rows),
  'points with one coordinate': Array.from({ length: 20 }, (_, i) => Float64Array.from({ length: 64 }, (_, j) => Number(j === (7 * i) % 13))), // prettier-ignore
};
type DataName = keyof typeof data;

beforeAll(() => useBackend('cpu'));

/** A map of a candidate. */
function mapOf(candidate: SketchCandidate, degree: number, features: number): FeatureMap {
  const options = { ...kernel, degree, inputDim: 64, features, key: 1 };
  return candidate.kind === 'TensorSketch'
    ? new TensorSketch(options)
    : new PolynomialSketch({ ...options, ...candidate });
}

describe('chooseSketch', () => {
  const cases = (Object.keys(data) as DataName[]).flatMap((name) => [1, 2, 3, 5, 7].map((degree) => [name, degree] as const)); // prettier-ignore

  it.each(cases)('has the lowest predicted error, or nearly and the lowest cost: %s, degree %i', (name, degree) => {
    const x = data[name];
    const choice = chooseSketch(x, { ...kernel, degree }, { features: 256 });
    const errors = SKETCH_CANDIDATES.map(
      (candidate) => expectedError(mapOf(candidate, degree, 256), x).relativeFrobenius,
    );
    const best = Math.max(Math.min(...errors), 1e-6);
    const near = SKETCH_CANDIDATES.filter((_, i) => errors[i]! <= 1.02 * best);
    const cost = (candidate: SketchCandidate): number =>
      sketchCost(checkPlan('test', { ...kernel, degree, ...candidate }), 64, 256);
    const cheapest = near.reduce((least, candidate) => (cost(candidate) < cost(least) ? candidate : least));
    expect(choice.table[0]).toMatchObject(cheapest);
    expect(choice.table[0]!.costPerPoint).toBe(cost(cheapest));
    const chosen = expectedError(makeSketch(choice, 3), x).relativeFrobenius;
    expect([choice.predictedError]).toBeAllclose([chosen], { rtol: ROUNDING, atol: 1e-8 });
  });

  it('has a row for each candidate, in order', () => {
    const { table } = chooseSketch(data['centred digits'], kernel, { features: 200 });
    expect(table).toHaveLength(SKETCH_CANDIDATES.length);
    expect(
      table.map(({ kind, projection, mode, srhtBlocks }) => [kind, projection, mode, srhtBlocks].join()).sort(),
    ).toEqual(
      // prettier-ignore
      SKETCH_CANDIDATES.map(({ kind, projection, mode, srhtBlocks }) => [kind, projection, mode, srhtBlocks].join()).sort(),
    );
    const best = Math.min(...table.map(({ predictedError }) => predictedError));
    const ties = table.filter(({ predictedError }) => predictedError <= 1.02 * best);
    const rest = table.slice(ties.length);
    expect(table.slice(0, ties.length)).toEqual([...ties].sort((a, b) => a.costPerPoint - b.costPerPoint));
    expect(rest).toEqual([...rest].sort((a, b) => a.predictedError - b.predictedError));
    for (const row of table) {
      const { predictedError, features, costPerPoint, ...candidate } = row;
      expect(features).toBe(200);
      const plan = checkPlan('test', { ...kernel, ...candidate });
      expect(costPerPoint).toBe(sketchCost(plan, 64, 200));
      const expected = expectedError(mapOf(candidate, 3, 200), data['centred digits']).relativeFrobenius;
      expect([predictedError]).toBeAllclose([expected], { rtol: ROUNDING, atol: 0 });
    }
  });

  it('knows what suits the data', () => {
    const of = (name: DataName, degree: number, candidates: SketchCandidate[]) =>
      chooseSketch(data[name], { degree }, { features: 64 }, { candidates }).options;
    const modes: SketchCandidate[] = [{ projection: 'rademacher', mode: 'real' }, { projection: 'rademacher', mode: 'ctr' }]; // prettier-ignore
    // s^2 >= S for all pairs
    expect(of('non-negative digits', 3, modes)).toMatchObject({ mode: 'ctr' });
    // Points of one coordinate have no variance with signs, and cost less with real ones.
    const signs: SketchCandidate[] = [{ projection: 'gaussian' }, { projection: 'rademacher' }, { projection: 'srht', mode: 'real' }]; // prettier-ignore
    expect(of('points with one coordinate', 3, signs)).toMatchObject({ projection: 'srht', mode: 'real' });
  });

  it('takes the cheaper one of two that differ by less than 2 %', () => {
    const candidates: SketchCandidate[] = [{ projection: 'rademacher' }, { kind: 'TensorSketch' }];
    const { table } = chooseSketch(data['centred digits'], kernel, { features: 512 }, { candidates });
    expect(table.map(({ kind }) => kind)).toEqual(['TensorSketch', 'PolynomialSketch']);
    expect(table[0]!.predictedError).toBeGreaterThan(table[1]!.predictedError);
    // Fewer features, but not by 2 %.
    const goal = { targetRelativeError: 0.2 };
    const few = chooseSketch(data['non-negative digits'], { ...kernel, degree: 5 }, goal, { candidates });
    expect(few.table.map(({ kind }) => kind)).toEqual(['TensorSketch', 'PolynomialSketch']);
    expect(few.table[0]!.features).toBeGreaterThan(few.table[1]!.features);
  });

  it('takes the cheapest of those that are exact up to rounding', () => {
    const candidates: SketchCandidate[] = [{}, { mode: 'real' }];
    for (const name of ['non-negative digits', 'centred digits'] as const) {
      for (const features of [128, 256, 512, 1024]) {
        const { table } = chooseSketch(data[name], { degree: 1 }, { features }, { candidates });
        expect(table.map(({ mode }) => mode)).toEqual(['real', 'ctr']);
      }
    }
  });

  const targets = (Object.keys(data) as DataName[]).flatMap((name) => [1, 2, 3].map((degree) => [name, degree] as const)); // prettier-ignore
  it.each(targets)('meets a target, also when the sketch is measured: %s, degree %i', async (name, degree) => {
    const x = data[name];
    const target = 0.2;
    const goal = { targetRelativeError: target };
    const choice = chooseSketch(x, { ...kernel, degree }, goal);
    expect(choice.predictedError).toBeLessThanOrEqual(target);
    const fewest = Math.min(...choice.table.map(({ features }) => features));
    expect(choice.options.features).toBeLessThanOrEqual(1.02 * fewest);
    for (const { predictedError, features, costPerPoint: _, ...candidate } of choice.table) {
      expect(predictedError).toBeLessThanOrEqual(target);
      const less = features - (candidate.mode === 'ctr' ? 2 : 1);
      if (less > 0) expect(expectedError(mapOf(candidate, degree, less), x).relativeFrobenius).toBeGreaterThan(target);
    }
    const map = makeSketch(choice, 5);
    const { relativeFrobenius, standardError } = await measuredError(map, x, { key: 6, draws: 40 });
    expect(relativeFrobenius).toBeLessThan(target + 5 * standardError);
    map.dispose();
  });

  it('gives options that make the sketch', () => {
    for (const candidates of [undefined, [{ kind: 'TensorSketch' } as const]]) {
      const choice = chooseSketch(data['centred digits'], { ...kernel, variance: 2 }, { features: 32 }, { ...(candidates && { candidates }) }); // prettier-ignore
      const map = makeSketch(choice, random.key(9));
      expect(map.kind).toBe(choice.kind);
      expect([map.inputDim, map.features]).toEqual([64, 32]);
      expect(map.toJSON().options).toMatchObject({ ...kernel, variance: 2 });
      const again = featureMapFromJSON({ kind: choice.kind, options: { ...choice.options, key: 9 } });
      expect(again.weights()).toEqual(map.weights());
    }
  });

  it('takes the even number below for CtR', () => {
    const { table } = chooseSketch(data['centred digits'], kernel, { features: 33 });
    expect(new Set(table.map(({ kind, mode, features }) => [kind === 'TensorSketch' ? 'real' : mode, features].join()))) // prettier-ignore
      .toEqual(new Set(['ctr,32', 'real,33']));
    const one = chooseSketch(data['centred digits'], kernel, { features: 1 });
    expect(one.table.every(({ mode }) => mode !== 'ctr')).toBe(true);
  });

  it('looks at 500 rows, chosen by the key', () => {
    const many = randomPoints(2, 620, 3);
    const goal = { features: 16 };
    const candidates = [{ kind: 'TensorSketch' }] as const;
    const wanted = 'key must be given for 620 rows, got undefined. It chooses 500 of the rows.';
    expect(() => chooseSketch(many, kernel, goal)).toThrow(new TypeError(`ctr-features.chooseSketch: ${wanted}`));
    const [a, b, c] = [1, random.key(1), 2].map((key) => chooseSketch(many, kernel, goal, { key, candidates }));
    expect(a).toEqual(b);
    expect(a!.predictedError).not.toBe(c!.predictedError);
    expect(chooseSketch(many.slice(0, 500), kernel, goal, { candidates }).table).toHaveLength(1);
  });

  it('refuses goals, candidates and samples that it cannot use', () => {
    const x = data['centred digits'];
    const of = 'ctr-features.chooseSketch: ';
    const failing = (
      goal: unknown,
      message: string,
      candidates?: SketchCandidate[],
      kind: ErrorConstructor = RangeError,
    ): void => {
      // prettier-ignore
      const call = (): unknown => chooseSketch(x, kernel, goal as SketchGoal, { ...(candidates && { candidates }), maxFeatures: 10 }); // prettier-ignore
      expect(call).toThrow(new kind(of + message));
    };
    const both = 'goal must be { features } or { targetRelativeError }, got an object.';
    failing({ features: 4, targetRelativeError: 0.1 }, both, undefined, TypeError);
    failing({}, both, undefined, TypeError);
    failing(undefined, both.replace('an object', 'undefined'), undefined, TypeError);
    failing({ features: 0 }, 'features must be an integer >= 1, got 0.');
    failing({ targetRelativeError: -1 }, 'targetRelativeError must be a finite number > 0, got -1.');
    failing({ targetRelativeError: 1e-3 }, 'targetRelativeError must be met by a candidate, got 0.001. Raise it, or maxFeatures.'); // prettier-ignore
    failing({ features: 1 }, "features must be met by a candidate, got 1. Add a candidate of mode 'real'.", [{}]);
    failing({ features: 4 }, `mode must be 'real' or 'ctr', got "complex".`, [{ mode: 'complex' }]); // prettier-ignore
    failing({ features: 4 }, 'projection must be one of "gaussian", "rademacher", "srht", got "dense".', [{ projection: 'dense' as 'srht' }]); // prettier-ignore
    expect(() => chooseSketch(x, { degree: 0 }, { features: 4 })).toThrow(
      new RangeError(`${of}degree must be an integer >= 1, got 0.`),
    );
    expect(() => chooseSketch(x, kernel, { features: 4 }, { maxFeatures: 0 })).toThrow(
      new RangeError(`${of}maxFeatures must be an integer >= 2, got 0.`),
    );
    expect(() => chooseSketch([], kernel, { features: 4 })).toThrow(
      new check.ShapeError(`${of}x must have at least one row, got [].`),
    );
  });
});

describe('sketchCost', () => {
  const cost = (candidate: SketchCandidate, degree: number, features: number, coef0 = 1): number =>
    sketchCost(checkPlan('test', { degree, coef0, ...candidate }), 99, features);

  it('counts the multiplications of one point', () => {
    expect(cost({ projection: 'gaussian', mode: 'real' }, 3, 40)).toBe(3 * (100 * 40 + 40));
    expect(cost({ projection: 'rademacher', mode: 'ctr' }, 3, 40)).toBe(3 * (2 * 100 * 20 + 4 * 20));
    expect(cost({ projection: 'rademacher', mode: 'complex' }, 3, 20)).toBe(3 * (2 * 100 * 20 + 4 * 20));
    expect(cost({ mode: 'real' }, 2, 600)).toBe(2 * (128 * 7 + 600));
    expect(cost({}, 2, 600)).toBe(2 * (2 * 128 * 7 + 4 * 300));
    expect(cost({ mode: 'real', srhtBlocks: 'independent' }, 2, 600)).toBe(2 * (5 * 128 * 7 + 600));
    expect(cost({ srhtBlocks: 'independent' }, 2, 600)).toBe(2 * (2 * 3 * 128 * 7 + 4 * 300));
    expect(cost({ kind: 'TensorSketch' }, 2, 64)).toBe(2 * (100 + 128) + 3 * 64 * 6);
    expect(cost({ kind: 'TensorSketch' }, 1, 64, 0)).toBe(99);
  });
});

describe('someRows', () => {
  const choice = { where: 'ctr-features.test', columns: 3, count: 4, key: 5 };
  const points = randomPoints(3, 9, 3).map((row) => row.map((value, j) => (j === 1 && value < 0 ? 0 : value)));
  const entries = points.flatMap((row, i) => [...row].flatMap((value, j) => (value === 0 ? [] : [[i, j, value]])));
  const sparse = {
    indptr: Array.from({ length: 10 }, (_, i) => entries.filter(([row]) => row! < i).length),
    indices: entries.map(([, j]) => j!),
    data: entries.map(([, , value]) => value!),
    shape: [9, 3],
  };

  it('are different rows, in their order, the same of dense and of sparse ones', () => {
    const picked = someRows(points, choice) as { data: Float32Array; shape: number[] };
    expect(picked.shape).toEqual([4, 3]);
    const places = [0, 1, 2, 3].map((i) =>
      points.findIndex((row) => String([...row]) === String([...picked.data.subarray(3 * i, 3 * i + 3)])),
    );
    expect(places.every((place, i) => place > (places[i - 1] ?? -1))).toBe(true);
    const few = someRows(sparse, choice) as typeof sparse;
    const dense = new Float32Array(12);
    few.data.forEach((value, k) => {
      const row = few.indptr.findIndex((end) => end > k) - 1;
      dense[3 * row + few.indices[k]!] = value;
    });
    expect(few.shape).toEqual([4, 3]);
    expect(few.indptr).toHaveLength(5);
    expect(dense).toEqual(picked.data);
  });

  it('choose each row as often', () => {
    const counts = new Array<number>(9).fill(0);
    for (let key = 0; key < 900; key++) {
      const { data } = someRows(points, { ...choice, key }) as { data: Float32Array; shape: number[] };
      points.forEach((row, i) => (counts[i]! += Number(data.includes(row[0]!))));
    }
    // Binomial, 900 times 4/9: 4.5 standard deviations of 14.9
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(67);
  });

  it('are all where there are not more', () => {
    expect(someRows(points, { ...choice, count: 9, key: undefined })).toBe(points);
  });

  it('need a key', () => {
    expect(() => someRows(points, { ...choice, key: '1' as unknown as number })).toThrow(
      new TypeError('ctr-features.test: key must be a Key or a number, got "1". For a start take key: 0.'),
    );
  });
});
