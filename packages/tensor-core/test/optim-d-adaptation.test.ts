import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import { DAdaptAdam, DAdaptAdan } from '../src/optim';
import { backendsUnderTest, loadGolden } from '../src/testing';

const torch = loadGolden(new URL('golden/optim/torch.safetensors', import.meta.url));
const NAMES = ['vector', 'matrix'];
const STEPS = 15;

/** d is a quotient whose numerator is the difference of two float32 sums of like size: four digits are left. */
const DISTANCE = { rtol: 1e-4, atol: 0 };
/** Weights of about 1, moved by as much of d. */
const WEIGHTS = { rtol: 1e-4, atol: 1e-4 };

const INITIAL_D = 1e-2;
const EPSILON = 1e-8;
/** Zero at first, where d must wait; then it falls. */
const rate = (step: number): number => (step < 2 ? 0 : 1 / (1 + 0.05 * step));

type Rule = (
  g: Float64Array,
  past: Float64Array,
  state: Record<'m' | 'v' | 'n', Float64Array>,
  size: number,
) => { root: Float64Array; direction: Float64Array };

/** Adam with beta1 = 0.8 and beta2 = 0.9; the squares are n here. */
const adam: Rule = (g, _, { m, n }, size) => {
  g.forEach((value, i) => {
    m[i] = 0.8 * m[i]! + size * 0.2 * value;
    n[i] = 0.9 * n[i]! + 0.1 * value ** 2;
  });
  const root = n.map((value) => Math.sqrt(value) + EPSILON);
  return { root, direction: m.map((value, i) => value / root[i]!) };
};

/** Adan with beta1 = 0.8, beta2 = 0.7 and beta3 = 0.9. */
const adan: Rule = (g, past, { m, v, n }, size) => {
  g.forEach((value, i) => {
    const difference = value - past[i]!;
    m[i] = 0.8 * m[i]! + size * 0.2 * value;
    v[i] = 0.7 * v[i]! + size * 0.3 * difference;
    n[i] = 0.9 * n[i]! + 0.1 * (value + 0.7 * difference) ** 2;
  });
  const root = n.map((value) => Math.sqrt(value) + EPSILON);
  return { root, direction: m.map((value, i) => (value + 0.7 * v[i]!) / root[i]!) };
};

const gradientAt = (name: string, step: number): Float64Array => {
  const { data, shape } = torch.get(`grad.${name}`);
  const size = data.length / shape[0]!;
  return data.slice(step * size, (step + 1) * size);
};

/** D-Adaptation by its equations in float64, without weight decay: d and all weights after each step. */
function reference(rule: Rule, growthRate: number): { d: number; weights: number[] }[] {
  const rows = NAMES.map((name) => {
    const { data } = torch.get(`start.${name}`);
    const zeros = (): Float64Array => data.map(() => 0);
    return {
      name,
      x: data.slice(),
      s: zeros(),
      past: gradientAt(name, 0),
      state: { m: zeros(), v: zeros(), n: zeros() },
    };
  });
  let [d, numerator] = [INITIAL_D, 0];
  return Array.from({ length: STEPS }, (_, step) => {
    const size = d * rate(step);
    let [a, q, absolute] = [0, 0, 0];
    for (const row of rows) {
      const g = gradientAt(row.name, step);
      const { root, direction } = rule(g, row.past, row.state, size);
      g.forEach((value, i) => {
        a += value ** 2 / root[i]!;
        row.s[i] = 0.9 * row.s[i]! + size * 0.1 * value;
        q += row.s[i] ** 2 / root[i]!;
        absolute += Math.abs(row.s[i]);
        row.x[i] = row.x[i]! - direction[i]!;
      });
      row.past = g;
    }
    numerator = 0.9 * numerator + 0.1 * a * size ** 2;
    if (rate(step) > 0 && absolute > 0) d = Math.max(d, Math.min((q / 0.1 - numerator) / absolute, growthRate * d));
    return { d, weights: rows.flatMap(({ x }) => [...x]) };
  });
}

describe.each(backendsUnderTest())('D-Adaptation on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  const rules = {
    DAdaptAdam: [adam, (growthRate: number) => new DAdaptAdam({ ...shared, growthRate, beta2: 0.9 })],
    DAdaptAdan: [adan, (growthRate: number) => new DAdaptAdan({ ...shared, growthRate, beta2: 0.7, beta3: 0.9 })],
  } as const;
  const shared = { initialD: INITIAL_D, learningRate: rate, beta1: 0.8 };

  it.each(Object.entries(rules))('%s follows its equations where they decide on d', async (_name, [rule, create]) => {
    for (const growthRate of [Infinity, 1.3]) {
      const optimizer = create(growthRate);
      const variables = NAMES.map((name) => {
        const { data, shape } = torch.get(`start.${name}`);
        return tf.tidy(() => tf.tensor(Float32Array.from(data), shape).variable());
      });
      const expected = reference(rule, growthRate);
      // While the rate is 0 nothing may move; then the estimate must grow, or it would not be tested.
      expect(expected[1]!.d).toBe(INITIAL_D);
      expect(expected.at(-1)!.d).toBeGreaterThan(3 * INITIAL_D);
      for (let step = 0; step < STEPS; step++) {
        const gradients = variables.map(({ name, shape }, i) => ({
          name,
          tensor: tf.tensor(Float32Array.from(gradientAt(NAMES[i]!, step)), shape),
        }));
        optimizer.applyGradients(gradients);
        tf.dispose(gradients.map(({ tensor }) => tensor));
        expect(await optimizer.distance()).toBeAllclose(expected[step]!.d, DISTANCE);
        expect(variables.flatMap((variable) => [...variable.dataSync()])).toBeAllclose(
          expected[step]!.weights,
          WEIGHTS,
        );
      }
    }
  });

  it('d stands while the rate is 0, also where the estimate is far above it', async () => {
    const x = tf.tidy(() => tf.tensor1d([1, 2]).variable());
    const optimizer = new DAdaptAdam({ initialD: 1e-3, growthRate: 1.01, learningRate: (step) => (step < 20 ? 1 : 0) });
    const gradient = tf.ones([2]);
    const distances: number[] = [];
    for (let k = 0; k < 22; k++) {
      optimizer.applyGradients({ [x.name]: gradient });
      distances.push(await optimizer.distance());
    }
    expect(distances[19]).toBeAllclose(1.01 * distances[18]!, { rtol: 1e-6 });
    expect(distances.slice(20)).toEqual([distances[19], distances[19]]);
  });

  it('starts from initialD, and keeps it while all gradients are 0', async () => {
    const x = tf.tidy(() => tf.tensor1d([1, 2]).variable());
    const optimizer = new DAdaptAdan({ initialD: 0.5 });
    expect(await optimizer.distance()).toBe(0.5);
    const zero = tf.zeros([2]);
    for (let k = 0; k < 3; k++) optimizer.applyGradients({ [x.name]: zero });
    expect(await optimizer.distance()).toBe(0.5);
    expect([...x.dataSync()]).toEqual([1, 2]);
  });
});
