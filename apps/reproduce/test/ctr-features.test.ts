import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  DIGITS_REFERENCE,
  digitsChecks,
  KERNEL_REFERENCE,
  orderingChecks,
  type SketchData,
} from '../src/experiments/ctr-features/checks';
import { digitsError, exactError, splitOf } from '../src/experiments/ctr-features/digits';
import { closedForm, growthOf } from '../src/experiments/ctr-features/growth';
import { kernelError } from '../src/experiments/ctr-features/kernel-error';
import { METHODS, PROJECTIONS } from '../src/experiments/ctr-features/methods';
import { planOf } from '../src/experiments/ctr-features/plan';
import { pointsOf, someOf, take } from '../src/experiments/ctr-features/points';
import { embeddedDigits } from '../src/image-data';

beforeAll(() => useBackend('onnx'));
const images = await embeddedDigits();
const key = random.key(3);

describe('planOf', () => {
  it.each(['quick', 'full'] as const)('%s measures what the checks ask for', (profile) => {
    const { kernel, digits } = planOf(profile);
    expect(kernel.degrees).toEqual(expect.arrayContaining([...new Set(KERNEL_REFERENCE.map(([, , p]) => p)), 5, 7]));
    expect(digits.degrees).toEqual([...new Set(DIGITS_REFERENCE.map(([, p]) => p))]);
    const features = DIGITS_REFERENCE.map(([, , count]) => count).filter((count) => count > 0);
    expect(digits.sizes.map((size) => size.features)).toEqual(expect.arrayContaining([...new Set(features)]));
    expect(digits.train + digits.test).toBe(images.train.count + images.test.count);
    expect(Object.keys(METHODS)).toEqual(
      expect.arrayContaining([...new Set(KERNEL_REFERENCE.map(([, name]) => name))]),
    );
  });

  it('full has more draws, degrees and sizes', () => {
    const [quick, full] = [planOf('quick'), planOf('full')];
    expect(full.kernel.draws).toBeGreaterThan(quick.kernel.draws);
    expect(full.kernel.degrees.length).toBeGreaterThan(quick.kernel.degrees.length);
    expect(full.digits.sizes.length).toBeGreaterThan(quick.digits.sizes.length);
    const draws = quick.digits.sizes.map((size) => size.draws);
    for (const size of full.digits.sizes) expect(size.draws).toBeGreaterThan(Math.max(...draws));
    expect(full.growth.features).toBeGreaterThan(quick.growth.features);
  });
});

describe('pointsOf', () => {
  /** Rows are divided in float64 and rounded to float32 then: 64 coordinates below 1. */
  const ROUNDING = 1e-6;

  it.each(['non-negative', 'zero-mean'] as const)(
    '%s: unit vectors of all pictures, in order, with their labels',
    (how) => {
      const { data, count, dim, labels } = pointsOf(images, how, 2000, key);
      expect([count, dim]).toEqual([1797, 64]);
      for (let i = 0; i < count; i++) {
        expect(Math.abs(Math.hypot(...data.subarray(i * dim, (i + 1) * dim)) - 1)).toBeLessThan(ROUNDING);
      }
      expect([...labels.slice(0, 3), labels[1796]]).toEqual([
        ...images.train.labels.slice(0, 3),
        images.test.labels[359],
      ]);
      expect(data.some((value) => value < 0)).toBe(how === 'zero-mean');
    },
  );

  it('standardises by the mean and the (n - 1)-variance of each column before', () => {
    const { data, dim } = pointsOf(images, 'zero-mean', 2000, key);
    const pixels = [images.train, images.test].flatMap(({ pixels, size }) =>
      Array.from({ length: pixels.length / size }, (_, i) => [...pixels.subarray(i * size, (i + 1) * size)]),
    );
    const columns = Array.from({ length: dim }, (_, j) => pixels.map((row) => row[j]!));
    const standard = columns.map((column) => {
      const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
      const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (column.length - 1);
      return (column[1000]! - mean) / (variance > 0 ? Math.sqrt(variance) : 1);
    });
    const norm = Math.hypot(...standard);
    expect(data.subarray(1000 * dim, 1001 * dim)).toBeAllclose(
      standard.map((value) => value / norm),
      { rtol: ROUNDING, atol: ROUNDING },
    );
  });
});

describe('pointsOf with a limit', () => {
  it('takes so many pictures at random, each at most once', () => {
    const all = pointsOf(images, 'non-negative', 1797, key);
    const some = pointsOf(images, 'non-negative', 100, key);
    const rowsOf = ({ data, count, dim }: typeof all): string[] =>
      Array.from({ length: count }, (_, i) => String(data.subarray(i * dim, (i + 1) * dim)));
    const known = rowsOf(all);
    const rows = rowsOf(some);
    expect([some.count, new Set(rows).size]).toEqual([100, 100]);
    rows.forEach((row, i) => expect(some.labels[i]).toBe(all.labels[known.indexOf(row)]));
    expect(rowsOf(pointsOf(images, 'non-negative', 100, random.key(9)))).not.toEqual(rows);
  });
});

describe('someOf and splitOf', () => {
  it('take each point at most once, by the key', () => {
    const points = pointsOf(images, 'non-negative', 2000, key);
    const numbered = { ...points, labels: Int32Array.from({ length: points.count }, (_, i) => i) };
    const chosen = someOf(numbered, 50, key);
    expect(new Set(chosen.labels).size).toBe(50);
    expect(chosen.data.subarray(64, 128)).toEqual(take(numbered, Int32Array.of(chosen.labels[1]!)).data);
    expect(someOf(numbered, 50, key).labels).toEqual(chosen.labels);
    expect(someOf(numbered, 50, random.key(4)).labels).not.toEqual(chosen.labels);
    const { train, test } = splitOf(numbered, 1000, 797, key);
    expect(new Set([...train.labels, ...test.labels]).size).toBe(1797);
    expect([train.count, test.count]).toEqual([1000, 797]);
    const few = splitOf(someOf(numbered, 90, key), 1000, 797, key);
    expect([few.train.count, few.test.count]).toEqual([50, 40]);
  });
});

describe('growthOf', () => {
  it.each(['real', 'ctr'] as const)('%s: the closed form within its standard errors', async (mode) => {
    for (const degree of planOf('quick').growth.degrees) {
      const { variance, standardError } = await growthOf(degree, mode, 2 ** 14, random.foldIn(key, degree));
      expect(Math.abs(variance - closedForm(degree, mode))).toBeLessThan(4.5 * standardError);
    }
  });

  it.each(['real', 'ctr'] as const)('%s: the standard error that repeated measurements have', async (mode) => {
    const repeats = 60;
    const runs = [];
    for (let i = 0; i < repeats; i++) runs.push(await growthOf(1, mode, 2 ** 12, random.foldIn(key, i)));
    const errors = runs.map(({ variance }) => variance - closedForm(1, mode));
    const measured = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / repeats);
    // The root mean square of 60 nearly normal numbers spreads by 1 / sqrt(120) = 9 %; 4.5 times that.
    expect(Math.abs(measured / runs[0]!.standardError - 1)).toBeLessThan(0.41);
  });
});

describe('kernelError', () => {
  it('is what the closed form says, and smaller with complex-to-real features', async () => {
    const points = someOf(pointsOf(images, 'non-negative', 2000, key), 40, key);
    const measured = { preparation: 'non-negative', degree: 3, features: 256, draws: 20, key, signal: new AbortController().signal } as const; // prettier-ignore
    const [real, ctr] = await Promise.all(
      ['SRHT, real', 'SRHT, CtR'].map((method) => kernelError(points, { ...measured, method })),
    );
    for (const { rms, predicted, mean, std } of [real!, ctr!]) {
      // 20 draws whose squares spread by about their mean.
      expect(Math.abs(rms / predicted - 1)).toBeLessThan(0.5);
      expect(rms ** 2).toBeCloseTo(mean ** 2 + (std ** 2 * 19) / 20, 8);
    }
    expect(ctr!.predicted).toBeLessThan(real!.predicted);
  });
});

describe('digitsError', () => {
  it('comes near the exact kernel with many features, and is far from chance', async () => {
    const split = splitOf(pointsOf(images, 'zero-mean', 2000, key), 300, 200, key);
    const exact = await exactError(split, 3);
    const sketched = await digitsError(split, { method: 'SRHT, CtR', degree: 3, features: 2048, keys: [key] });
    expect(exact.mean).toBeLessThan(0.1);
    // 200 points: four of them are 0.02.
    expect(Math.abs(sketched.mean - exact.mean)).toBeLessThanOrEqual(0.04);
  });
});

/** Data that agree with the reference and the closed forms in all that the checks look at. */
function agreeing(): SketchData {
  const kernel = (['non-negative', 'zero-mean'] as const).flatMap((preparation) =>
    Object.keys(METHODS).flatMap((method) =>
      [2, 3, 5, 7].map((degree) => {
        const known = KERNEL_REFERENCE.find((row) => row[0] === preparation && row[1] === method && row[2] === degree);
        const mean = known?.[3] ?? (method.includes('CtR') ? 0.06 : 0.2);
        return { preparation, method, degree, mean, std: 0.01, rms: mean, predicted: mean };
      }),
    ),
  );
  const digits = [3, 7].flatMap((degree) => [
    ...[...Object.keys(METHODS), 'exact'].flatMap((method) =>
      [0, 256, 1024].map((features) => {
        const known = DIGITS_REFERENCE.find((row) => row[0] === method && row[1] === degree && row[2] === features);
        return { method, degree, features, mean: known?.[3] ?? (method.includes('CtR') ? 0.1 : 0.2), std: 0.01 };
      }),
    ),
  ]);
  const growth = (['real', 'ctr'] as const).flatMap((mode) =>
    [1, 2, 3].map((degree) => ({ mode, degree, variance: closedForm(degree, mode), standardError: 0.1 })),
  );
  return { kernel, digits, growth };
}

const failing = (data: SketchData): string[] =>
  digitsChecks(data).flatMap(({ holds, claim }) => (holds ? [] : [claim]));

describe('digitsChecks', () => {
  it('hold for the reference', () => {
    expect(failing(agreeing())).toEqual([]);
    expect(digitsChecks(agreeing()).length).toBeGreaterThan(orderingChecks(agreeing()).length);
  });

  it.each(KERNEL_REFERENCE)('miss %s, %s at degree %d when it is far off', (preparation, method, degree, mean) => {
    for (const factor of [0.6, 1.4]) {
      const data = agreeing();
      const row = data.kernel.find((r) => r.preparation === preparation && r.method === method && r.degree === degree)!;
      row.mean = factor * mean;
      expect(failing(data)).toContain(`${method}, ${preparation} digits, degree ${degree}: error of the kernel matrix`);
    }
  });

  it.each(DIGITS_REFERENCE)(
    'miss %s of degree %d on %d features when it is far off',
    (method, degree, features, mean) => {
      const data = agreeing();
      data.digits.find((r) => r.method === method && r.degree === degree && r.features === features)!.mean =
        mean + 0.05;
      expect(failing(data).some((claim) => claim.endsWith(`degree ${degree}: test error`))).toBe(true);
    },
  );
});

describe('orderingChecks', () => {
  it.each(PROJECTIONS)('want the smaller error of CtR at each degree for %s', (projection) => {
    const data = agreeing();
    const row = data.kernel.find(
      (r) => r.preparation === 'zero-mean' && r.method === `${projection}, CtR` && r.degree === 5,
    )!;
    row.mean = 0.21;
    expect(failing(data)).toEqual([
      `${projection}, zero-mean: complex-to-real features have the smaller error from degree 3 to 7`,
    ]);
  });

  it('want the closed form up to degree 3, and not beyond', () => {
    const [low, high] = [agreeing(), agreeing()];
    low.kernel.find((row) => row.degree === 3 && row.method === 'SRHT, CtR')!.rms *= 1.6;
    high.kernel.find((row) => row.degree === 5 && row.method === 'SRHT, CtR')!.rms *= 1.6;
    expect(failing(low)).toEqual([
      'Up to degree 3 the closed-form variances predict the errors of all product sketches',
    ]);
    expect(failing(high)).toEqual([]);
  });

  it.each(['real', 'ctr'] as const)('want the variances of %s features within their standard errors', (mode) => {
    const data = agreeing();
    data.growth.find((row) => row.mode === mode && row.degree === 2)!.variance += 0.46;
    expect(failing(data)).toHaveLength(1);
    expect(failing(data)[0]).toContain('The variance at x = y grows');
  });

  it.each(PROJECTIONS)('want the better classifier with CtR for %s', (projection) => {
    const data = agreeing();
    const [real, ctr] = ['real', 'CtR'].map((mode) =>
      data.digits.find((r) => r.method === `${projection}, ${mode}` && r.degree === 7 && r.features === 256)!,
    );
    real!.mean = ctr!.mean + 0.019;
    expect(failing(data)).toContain(
      'Ridge regression of degree 7 on 256 features errs less with complex-to-real features',
    );
  });
});
