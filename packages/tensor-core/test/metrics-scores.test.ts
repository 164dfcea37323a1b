import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import { ShapeError } from '../src/check';
import {
  calibration,
  classificationScores,
  matchRanks,
  r2Score,
  regressionScores,
  retrievalScores,
} from '../src/metrics';
import { fillUniform, key, split } from '../src/random';
import { backendsUnderTest, loadGolden } from '../src/testing';
import { numbers } from './values';

const golden = loadGolden(new URL('golden/metrics/downstream.safetensors', import.meta.url));
// The same float64 arithmetic in another order.
const FLOAT64 = { rtol: 1e-12, atol: 1e-12 };

/** Column `j` of a golden matrix. */
function column(name: string, j: number): Float64Array {
  const { data, shape } = golden.get(name);
  return data.filter((_, i) => i % shape[1]! === j);
}

/** The place of the largest value of each row. */
function argmax(name: string): number[] {
  const { data, shape } = golden.get(name);
  const rows = Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);
  return rows.map((row) => row.indexOf(Math.max(...row)));
}

describe('regressionScores', () => {
  it.each([0, 1, 2])("gives scikit-learn's R^2 of column %i", (j) => {
    const [prediction, target] = [column('knn5.pred', j), column('y_query', j)];
    expect(r2Score(prediction, target)).toBeAllclose(golden.get('knn5.r2').data[j]!, FLOAT64);
  });

  it('gives the errors by their definitions', () => {
    const scores = regressionScores([1, 2, 4, 8], [1, 3, 2, 12], { features: 1 });
    // Errors 0, 1, 2, 4; mean 4.5; spread 12.25 + 2.25 + 6.25 + 56.25 = 77.
    expect(scores).toEqual({
      r2: 1 - 21 / 77,
      adjustedR2: 1 - ((21 / 77) * 3) / 2,
      meanSquaredError: 21 / 4,
      meanAbsoluteError: 7 / 4,
      medianAbsoluteError: 1.5,
      maxAbsoluteError: 4,
    });
    expect(regressionScores([5, 1, 2], [1, 1, 1]).medianAbsoluteError).toBe(1);
  });

  it('scores 1 for the truth, 0 for the mean, and 1 or 0 where the target is constant', () => {
    const y = numbers(20, 3);
    const mean = y.reduce((a, b) => a + b) / 20;
    expect(r2Score(y, y)).toBe(1);
    expect(
      r2Score(
        y.map(() => mean),
        y,
      ),
    ).toBeAllclose(0, { atol: 1e-14 });
    expect(r2Score([2, 2], [2, 2])).toBe(1);
    expect(r2Score([2, 3], [2, 2])).toBe(0);
    expect(
      regressionScores(
        y.map((v) => v / 2),
        y,
      ).adjustedR2,
    ).toBe(
      r2Score(
        y.map((v) => v / 2),
        y,
      ),
    );
  });

  it('is unchanged by moving and stretching both', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 2, maxLength: 20 }), (pairs) => {
        const [x, y] = [pairs.map(([a]) => a % 1000), pairs.map(([, b]) => b % 1000)];
        const moved = (values: number[]): number[] => values.map((value) => 4 * value + 256);
        expect(r2Score(moved(x), moved(y))).toBeAllclose(r2Score(x, y), { rtol: 1e-9, atol: 1e-9 });
      }),
    );
  });

  it.each([
    ['r2Score: the number of targets must be a finite number >= 1, got 0', () => r2Score([], [])],
    ['r2Score: prediction must have 2 numbers, got 1', () => r2Score([1], [1, 2])],
    ['r2Score: prediction[1] must be a finite number, got NaN', () => r2Score([1, NaN], [1, 2])],
    ['regressionScores: target[1] must be a finite number', () => regressionScores([1, 2], [1, Infinity])],
    ['must be a finite number <= 0, got 1. Adjusting needs', () => regressionScores([1, 2], [1, 2], { features: 1 })],
    ['features must be an integer >= 0, got -1', () => regressionScores([1, 2], [1, 2], { features: -1 })],
  ])('%s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(message);
  });
});

describe.each(backendsUnderTest())('retrieval on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it('finds the ranks and recalls of the golden similarities, both ways', async () => {
    const { data, shape } = golden.get('retr.cosine');
    const similarity = tf.tensor(Float32Array.from(data), shape);
    expect(matchRanks(similarity)).toBeAllclose(golden.get('retr.rank_of_match').data);
    const [forth, back] = [await retrievalScores(similarity), await retrievalScores(similarity.transpose())];
    const recall = (name: string): number[] => [...golden.get(name).data];
    expect(Object.values(forth.recall)).toBeAllclose(recall('retr.recall_at_1_5_10'), FLOAT64);
    expect(Object.values(back.recall)).toBeAllclose(recall('retr.recall_b_to_a_1_5_10'), FLOAT64);
    expect(forth.medianRank + 1).toBe(golden.get('retr.median_rank_1based').data[0]);
    const ranks = [...golden.get('retr.rank_of_match').data];
    expect(forth.meanReciprocalRank).toBeAllclose(ranks.reduce((sum, r) => sum + 1 / (r + 1), 0) / 40, FLOAT64);
  });

  it('does not count ties against the match, and finds everything among all', async () => {
    const similarity = tf.tensor2d([
      [1, 1, 0],
      [2, 1, 3],
      [0, 0, 0],
    ]);
    expect(matchRanks(similarity)).toBeAllclose([0, 2, 0]);
    const { recall, medianRank, meanReciprocalRank } = await retrievalScores(similarity, [1, 2, 3]);
    expect(recall).toEqual({ 1: 2 / 3, 2: 2 / 3, 3: 1 });
    expect(medianRank).toBe(0);
    expect(meanReciprocalRank).toBeAllclose(7 / 9, FLOAT64);
  });

  it('leaves nothing behind and refuses what is not a square of finite numbers', async () => {
    const similarity = tf.tensor2d([
      [1, 0],
      [0, NaN],
    ]);
    expect(() => matchRanks(similarity)).toLeakNothing();
    await expect(async () => {
      await expect(retrievalScores(similarity)).rejects.toThrow(RangeError);
    }).toLeakNothing();
    await expect(retrievalScores(similarity)).rejects.toThrow('similarity must be finite, got a float32 tensor');
    await expect(retrievalScores(tf.zeros([2, 3]))).rejects.toThrow(ShapeError);
    await expect(retrievalScores(tf.zeros([2, 3]))).rejects.toThrow('must be a square matrix, queries in rows');
    await expect(retrievalScores(tf.eye(2), [0])).rejects.toThrow('k must be an integer >= 1, got 0');
  });
});

describe('classificationScores', () => {
  it("gives scikit-learn's accuracy and weighted F1", () => {
    const scores = classificationScores(argmax('cls.pred'), argmax('cls.true'));
    expect(scores.accuracy).toBeAllclose(golden.get('cls.accuracy').data[0]!, FLOAT64);
    expect(scores.weightedF1).toBeAllclose(golden.get('cls.weighted_f1').data[0]!, FLOAT64);
  });

  it('counts confusions, and scores 0 for a class that does not occur', () => {
    const { confusion, f1, accuracy, weightedF1 } = classificationScores([0, 1, 1, 0], [0, 1, 0, 0], 3);
    expect(confusion).toEqual([
      [2, 1, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    expect(f1).toEqual([4 / 5, 2 / 3, 0]);
    expect(accuracy).toBe(3 / 4);
    expect(weightedF1).toBeAllclose((3 * 0.8 + 2 / 3) / 4, FLOAT64);
  });

  it.each([
    ['the number of values must be a finite number >= 1', () => classificationScores([], [])],
    ['the first list must have 2 values, got 1', () => classificationScores([1], [1, 2])],
    ['prediction[0] must be an integer >= 0 and <= 2, got 3', () => classificationScores([3], [1], 3)],
    ['target[0] must be an integer >= 0 and <= 1, got -1', () => classificationScores([1], [-1])],
    ['classes must be an integer >= 1, got 0', () => classificationScores([1], [1], 0)],
  ])('%s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(message);
  });
});

describe('calibration', () => {
  it('gives the errors by their definitions, empty bins as null', () => {
    const { bins, expectedError, maxError, brier } = calibration([0.1, 0.2, 0.5, 1], [0, 1, true, false], 4);
    expect(bins.map(({ count }) => count)).toEqual([2, 0, 1, 1]);
    expect(bins[0]!.confidence).toBeAllclose(0.15, FLOAT64);
    expect(bins[0]!.accuracy).toBe(0.5);
    expect(bins[1]).toEqual({ confidence: null, accuracy: null, count: 0 });
    expect(expectedError).toBeAllclose((0.7 + 0.5 + 1) / 4, FLOAT64);
    expect(maxError).toBe(1);
    expect(brier).toBeAllclose((0.01 + 0.64 + 0.25 + 1) / 4, FLOAT64);
  });

  it('vanishes as 1/sqrt(n) for probabilities that hold, and is the bias for those that do not', () => {
    const n = 40_000;
    const [forP, forHappened] = split(key(3)) as [ReturnType<typeof key>, ReturnType<typeof key>];
    const p = new Float64Array(n);
    fillUniform(forP, p);
    const uniform = new Float64Array(n);
    fillUniform(forHappened, uniform);
    const happened = p.map((value, i) => Number(uniform[i]! < value));
    // A bin of n/10: its mean error has std <= 1/2 sqrt(10/n) = 0.008; 4 of them.
    expect(calibration(p, happened, 10).expectedError).toBeLessThan(0.032);
    expect(
      calibration(
        p.map((value) => value / 2),
        happened,
        10,
      ).expectedError,
    ).toBeAllclose(0.25, { atol: 0.02 });
  });

  it.each([
    ['probability[0] must be a finite number >= 0 and <= 1, got 1.1', () => calibration([1.1], [1])],
    ['happened[0] must be an integer >= 0 and <= 1, got 2', () => calibration([0.5], [2])],
    ['bins must be an integer >= 1, got 0', () => calibration([0.5], [1], 0)],
    ['the number of values must be a finite number >= 1, got 0', () => calibration([0.5], [])],
  ])('%s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(message);
  });
});
