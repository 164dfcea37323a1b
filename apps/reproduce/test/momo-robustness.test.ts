import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  digitsChecks,
  REFERENCE,
  relativeChecks,
  type RobustnessCurves,
} from '../src/experiments/momo-robustness/checks';
import { mlp } from '../src/experiments/momo-robustness/model';
import { planOf, STEP_RATES } from '../src/experiments/momo-robustness/plan';
import { point } from './points';

const DECADES = [0.001, 0.01, 0.1, 1, 10, 100];
const HALVES = [0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1, 3.16, 10, 31.6, 100];

describe('planOf', () => {
  it('quick takes the four methods at each decade with three seeds', () => {
    const plan = planOf('quick', true);
    expect(Object.keys(plan.optimizers)).toEqual(['SGD-M', 'MoMo', 'Adam', 'MoMo-Adam']);
    expect(plan.learningRates).toEqual({
      'SGD-M': DECADES,
      MoMo: DECADES,
      Adam: [0.0001, ...DECADES],
      'MoMo-Adam': [0.0001, ...DECADES],
    });
    expect(plan.seeds).toBe(3);
  });

  it('full adds half decades, two seeds and the variants with estimated bound', () => {
    const plan = planOf('full', true);
    const adam = [0.0001, 0.000316, ...HALVES];
    expect(plan.learningRates).toEqual({
      'SGD-M': HALVES,
      MoMo: HALVES,
      'MoMo*': HALVES,
      Adam: adam,
      'MoMo-Adam': adam,
      'MoMo-Adam*': adam,
    });
    expect(Object.keys(plan.optimizers).sort()).toEqual(Object.keys(plan.learningRates).sort());
    expect(plan.seeds).toBe(5);
  });

  it.each([
    ['quick', true, { epochs: 20, batchSize: 64, rowLimit: Infinity }],
    ['full', true, { epochs: 20, batchSize: 64, rowLimit: Infinity }],
    ['quick', false, { epochs: 10, batchSize: 128, rowLimit: 6000 }],
    ['full', false, { epochs: 10, batchSize: 128, rowLimit: Infinity }],
  ] as const)('%s, embedded %s: %o', (profile, embedded, sizes) => {
    expect(planOf(profile, embedded)).toMatchObject(sizes);
  });

  it.each(['quick', 'full'] as const)('%s measures all rates that checks and step sizes ask for', (profile) => {
    const { learningRates } = planOf(profile, true);
    for (const [optimizer, rate] of REFERENCE) expect(learningRates[optimizer]).toContain(rate);
    for (const [optimizer, rates] of Object.entries(STEP_RATES)) {
      expect(learningRates[optimizer]).toEqual(expect.arrayContaining([...rates]));
    }
  });

  it('makes optimisers that move a weight against its gradient, MoMo by no more than its rate', () => {
    const { optimizers } = planOf('full', true);
    const moved = Object.entries(optimizers).map(([name, make]) => {
      const w = tf.variable(tf.scalar(3));
      const optimizer = make(0.01);
      optimizer.minimize(() => w.square().mul(0.5), false, [w]);
      const step = 3 - w.dataSync()[0]!;
      optimizer.dispose();
      w.dispose();
      return [name, step];
    });
    // Gradient 3, so a first step of 0.03 for the momentum family and of 0.01 for Adam's, which divides by |g|.
    expect(Object.fromEntries(moved)).toEqual({
      'SGD-M': expect.closeTo(0.03, 6) as number,
      MoMo: expect.closeTo(0.03, 6) as number,
      'MoMo*': expect.closeTo(0.03, 6) as number,
      Adam: expect.closeTo(0.01, 6) as number,
      'MoMo-Adam': expect.closeTo(0.01, 6) as number,
      'MoMo-Adam*': expect.closeTo(0.01, 6) as number,
    });
  });
});

describe('mlp', () => {
  const sizes = [5, 4, 3, 2];
  beforeAll(() => useBackend('cpu'));

  it('computes the layers one after the other, with ReLU between them and none at the end', () => {
    const model = mlp(1, sizes);
    const x = [0.5, -1, 2, 0, 1.5];
    let h = x;
    for (let layer = 0; layer < 3; layer++) {
      const weights = model.variables[2 * layer]!.arraySync() as number[][];
      const biases = model.variables[2 * layer + 1]!.arraySync() as number[];
      h = biases.map((bias, unit) => h.reduce((sum, value, i) => sum + value * weights[i]![unit]!, bias));
      if (layer < 2) h = h.map((value) => Math.max(value, 0));
    }
    const y = tf.tidy(() => model.forward(tf.tensor2d([x]), true).squeeze());
    // Float32 sums of at most five terms of order 1.
    expect(y).toBeAllclose(h, { rtol: 1e-5, atol: 1e-6 });
    y.dispose();
    model.dispose();
  });

  it('draws weights and biases from U(-1/sqrt(fanIn), 1/sqrt(fanIn)), by the seed alone', () => {
    const [one, again, other] = [mlp(4, [100, 100, 10]), mlp(4, [100, 100, 10]), mlp(5, [100, 100, 10])];
    expect(one.variables.map(({ shape }) => shape)).toEqual([[100, 100], [100], [100, 10], [10]]);
    for (const [i, variable] of one.variables.entries()) {
      const values = variable.dataSync();
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.1));
      expect(again.variables[i]!.dataSync()).toEqual(values);
      expect(other.variables[i]!.dataSync()).not.toEqual(values);
    }
    // 10^4 draws of variance 0.2^2 / 12: the mean has standard deviation 0.000577; five of them are allowed. The
    // mean square, 0.01/3, has standard deviation 0.01 sqrt(1/5 - 1/9) / 100 = 2.98e-5.
    const weights = Array.from(one.variables[0]!.dataSync());
    const mean = (f: (value: number) => number): number =>
      weights.reduce((sum, value) => sum + f(value), 0) / weights.length;
    expect(Math.abs(mean((value) => value))).toBeLessThan(5 * 0.000577);
    expect(Math.abs(mean((value) => value ** 2) - 0.01 / 3)).toBeLessThan(5 * 2.98e-5);
    [one, again, other].forEach((model) => model.dispose());
  });

  it('leaves nothing behind', () => {
    expect(() => {
      const model = mlp(1, sizes);
      tf.tidy(() => void model.forward(tf.zeros([2, 5]), false));
      model.dispose();
    }).toLeakNothing();
  });
});

/** The reference itself as measurement, with single points changed: [loss, accuracy] by `optimizer rate`. */
function curves(changes: Record<string, [loss: number | null, accuracy: number | null]> = {}): RobustnessCurves {
  const rows = REFERENCE.map(([optimizer, rate, loss, accuracy]) => {
    const [changedLoss, changedAccuracy] = changes[`${optimizer} ${rate}`] ?? [loss, accuracy];
    return { optimizer, rate, loss: changedLoss, accuracy: changedAccuracy };
  });
  return {
    trainLoss: rows.map(({ optimizer, rate, loss }) => point(optimizer, rate, loss)),
    testAccuracy: rows.map(({ optimizer, rate, accuracy }) => point(optimizer, rate, accuracy)),
  };
}

function failing(changes: Record<string, [loss: number | null, accuracy: number | null]>): string[] {
  return digitsChecks(curves(changes)).flatMap(({ holds, claim }) => (holds ? [] : [claim]));
}

describe('digitsChecks', () => {
  it('all hold for the numbers of the reference', () => {
    const checks = digitsChecks(curves());
    expect(checks).toHaveLength(REFERENCE.length + 1);
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(checks[2]).toEqual({
      claim: 'MoMo, learning rate 1: still trains',
      expected: 'accuracy ≥ 0.89 (theirs 0.913), train loss ≤ 0.02 (0.0098)',
      source: 'the authors’ PyTorch code on the same protocol, 3 seeds',
      measured: 'accuracy 0.913, train loss 0.0098',
      holds: true,
    });
  });

  it.each<[loss: number | null, accuracy: number | null, holds: boolean]>([
    [0.02, 0.89, true],
    [0, 1, true],
    [0.0200001, 0.89, false],
    [0.02, 0.8899999, false],
    [null, 0.95, false],
    [0.001, null, false],
    [null, null, false],
  ])('an adaptive method with loss %s and accuracy %s trains: %s', (loss, accuracy, holds) => {
    expect(failing({ 'MoMo 10': [loss, accuracy] })).toEqual(holds ? [] : ['MoMo, learning rate 10: still trains']);
  });

  it.each<[loss: number | null, accuracy: number | null, holds: boolean]>([
    [2.3, 0.1499999, true],
    [2.3, 0, true],
    [null, 0.1, true],
    [null, null, true],
    [2.3, 0.15, false],
    [0.01, 0.9, false],
  ])('a base method with loss %s and accuracy %s is at chance: %s', (loss, accuracy, holds) => {
    expect(failing({ 'Adam 10': [loss, accuracy] })).toEqual(holds ? [] : ['Adam, learning rate 10: at chance']);
  });

  it('wants MoMo-Adam to give the same numbers at 1, 10 and 100 to the last digit', () => {
    const cap = 'MoMo-Adam, learning rates 1, 10 and 100: the cap never binds';
    const last = (value: number): number => value * (1 + Number.EPSILON);
    expect(failing({ 'MoMo-Adam 100': [last(0.0044), 0.91] })).toEqual([cap]);
    expect(failing({ 'MoMo-Adam 10': [0.0044, last(0.91)] })).toEqual([cap]);
    expect(failing({ 'MoMo-Adam 0.1': [0.004, 0.92] })).toEqual([]);
  });

  it('does not take three runs that all diverged for the same numbers', () => {
    const diverged: [null, null] = [null, null];
    const checks = digitsChecks(
      curves({ 'MoMo-Adam 1': diverged, 'MoMo-Adam 10': diverged, 'MoMo-Adam 100': diverged }),
    );
    expect(checks.at(-1)).toMatchObject({ measured: 'not finite', holds: false });
    expect(checks.filter(({ holds }) => !holds)).toHaveLength(4);
  });

  it('says that a value was not finite', () => {
    const [first] = digitsChecks(curves({ 'SGD-M 10': [null, 0.1] }));
    expect(first!.measured).toBe('accuracy 0.100, train loss not finite');
  });
});

/** Accuracies of the four methods: the best below `from`, and what is given from there up. */
function accuracies(momo: (number | null)[], sgd: (number | null)[], best = 0.9): RobustnessCurves['testAccuracy'] {
  const rates = [1, 10, 100];
  return [
    point('SGD-M', 0.1, best),
    ...sgd.map((value, i) => point('SGD-M', rates[i]!, value)),
    point('MoMo', 0.1, 0),
    ...momo.map((value, i) => point('MoMo', rates[i]!, value)),
    point('Adam', 0.001, 0.9),
    ...DECADES.slice(2).map((rate) => point('Adam', rate, 0.1)),
    point('MoMo-Adam', 0.01, 0),
    ...DECADES.slice(2).map((rate) => point('MoMo-Adam', rate, 0.9)),
  ];
}

describe('relativeChecks', () => {
  const held = (momo: (number | null)[], sgd: (number | null)[], best?: number): boolean[] =>
    relativeChecks({ testAccuracy: accuracies(momo, sgd, best) }).map(({ holds }) => holds);

  it('hold where the adaptive methods stay near the best and the others fall below half of it', () => {
    const checks = relativeChecks({ testAccuracy: accuracies([0.9, 0.88, 0.87], [0.9, 0.5, 0.1]) });
    expect(checks.map(({ holds }) => holds)).toEqual([true, true]);
    expect(checks[0]).toMatchObject({
      claim: 'MoMo at learning rates from 1 up stays near the best SGD-M of all rates; SGD-M does not',
      expected: 'MoMo ≥ 0.850, SGD-M below half of its best',
      measured: 'least accuracy: MoMo 0.870, SGD-M 0.100; best SGD-M 0.900',
    });
  });

  it.each<[momo: (number | null)[], sgd: (number | null)[], holds: boolean]>([
    [[0.9, 0.85, 0.9], [0.1, 0.1, 0.1], true], // 0.9 - 0.05 in float64 is 0.85 exactly as written
    [[0.9, 0.8499, 0.9], [0.1, 0.1, 0.1], false],
    [[0.9, null, 0.9], [0.1, 0.1, 0.1], false],
    [[0.9, 0.9, 0.9], [0.9, 0.9, 0.4499], true],
    [[0.9, 0.9, 0.9], [0.9, 0.9, 0.45], false],
    [[0.9, 0.9, 0.9], [0.9, null, 0.9], true],
  ])('MoMo %j against SGD-M %j: %s', (momo, sgd, holds) => {
    expect(held(momo, sgd)).toEqual([holds, true]);
  });

  it('takes the best over all rates, also those above the bound', () => {
    expect(held([0.9, 0.9, 0.9], [0.99, 0.1, 0.1])).toEqual([false, true]);
  });

  it('does not hold where nothing was finite', () => {
    expect(held([null, null, null], [null, null, null], 0)).toEqual([false, true]);
  });

  it('asks MoMo-Adam from 0.1 up', () => {
    const low = accuracies([0.9, 0.9, 0.9], [0.1, 0.1, 0.1]).map((row) =>
      row.optimizer === 'MoMo-Adam' && row.learningRate === 0.1 ? point('MoMo-Adam', 0.1, 0.5) : row,
    );
    expect(relativeChecks({ testAccuracy: low }).map(({ holds }) => holds)).toEqual([true, false]);
  });
});
