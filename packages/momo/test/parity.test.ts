import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  MomoAdamOptimizer,
  MomoOptimizer,
  momoReference,
  SpsOptimizer,
  type PolyakOptimizer,
  type PolyakOptions,
  type ReferenceOptions,
  type StepLog,
} from '../src';
import { loadProblem, optionsOf, splitRow, type GoldenProblem } from './problems';

// Trajectories of the authors' PyTorch in float64; see golden/README.md.
const problems = (['quadratic', 'quadratic_shifted', 'logistic', 'mlp'] as const).map(loadProblem);
const METHODS = { momo: 'momo', adam: 'momo-adam', sps: 'sps' } as const;

/** Variants whose wrong bound and huge rate make the iteration chaotic: rounding decides soon after stableSteps. */
const STEPS_AFTER_STABLE = 3;
const FLOAT64 = 1e-9;
/** The golden files' own tolerances for float32: weights relative to the largest of their row, step sizes relative. */
const FLOAT32_WEIGHTS = 1e-4;
const FLOAT32_STEPS = 1e-3;

function rowsOf({ golden }: GoldenProblem, variant: string) {
  const steps = golden.get(`${variant}/loss`).shape[0]!;
  return { steps, stable: golden.get(`${variant}/stableSteps`).data[0]! };
}

/** Largest |weight| of a row, at least a thousandth of that of the first row. */
function scaleOf(problem: GoldenProblem, variant: string, row: number): number {
  const { data, shape } = problem.golden.get(`${variant}/params`);
  const largest = (k: number): number => Math.max(...data.slice(k * shape[1]!, (k + 1) * shape[1]!).map(Math.abs));
  return Math.max(largest(row), 1e-3 * largest(0));
}

function expectSteps(problem: GoldenProblem, variant: string, logs: StepLog[], upTo: number, rtol: number): void {
  const series = { t1: 'adaptiveStep', tau: 'stepSize', lb: 'lowerBound', lossAvg: 'lossAvg' } as const;
  for (const [name, field] of Object.entries(series)) {
    // For SPS the golden file has the step sizes alone.
    if (!problem.golden.names.includes(`${variant}/${name}`)) continue;
    const expected = problem.golden.get(`${variant}/${name}`).data.slice(0, upTo);
    const actual = Float64Array.from(logs.slice(0, upTo), (log) => log[field]);
    // t1 is a difference of nearly equal sums over a norm: near the bound only its absolute size is defined.
    expect(actual, name).toBeAllclose(expected, { rtol, atol: rtol * Math.max(...expected.map(Math.abs)) });
  }
}

describe.each(problems)('momoReference on $name', (problem) => {
  it.each(Object.keys(problem.variants))('equals the float64 run of the authors: %s', (variant) => {
    const [method, settings] = problem.variants[variant]!;
    const { steps, stable } = rowsOf(problem, variant);
    const options = { ...optionsOf(settings), method: METHODS[method], steps } as ReferenceOptions;
    const run = momoReference(problem.host(variant), options);
    const upTo = stable < steps ? Math.min(steps, stable + STEPS_AFTER_STABLE) : steps;
    const expected = problem.golden.get(`${variant}/params`).data;
    for (let k = 1; k <= upTo; k++) {
      const atol = FLOAT64 * scaleOf(problem, variant, k);
      run.weights[k]!.forEach((part, i) => {
        expect(part).toBeAllclose(splitRow(expected, k, problem.shapes)[i], { rtol: 0, atol });
      });
    }
    expectSteps(problem, variant, run.steps, stable, 10 * FLOAT64);
  });
});

describe.each(backendsUnderTest())('the optimisers on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  describe.each(['exact', 'device'] as const)('with %s scalars', (scalars) => {
    describe.each(problems)('on $name', (problem) => {
      it.each(Object.keys(problem.variants))('follow the authors while float32 can: %s', async (variant) => {
        const { stable } = rowsOf(problem, variant);
        const logs: StepLog[] = [];
        const optimizer = optimizerOf(problem, variant, { scalars, onStep: (log) => logs.push(log) });
        const golden = problem.golden.get(`${variant}/params`).data;
        const variables = splitRow(golden, 0, problem.shapes).map((values, i) =>
          tf.tidy(() => tf.tensor(Float32Array.from(values), problem.shapes[i]).variable()),
        );
        for (let k = 1; k <= stable; k++) {
          optimizer.minimize(() => tf.tidy(() => problem.loss(variables, k)), false, variables);
          const expected = splitRow(golden, k, problem.shapes);
          const atol = FLOAT32_WEIGHTS * scaleOf(problem, variant, k);
          variables.forEach((value, i) => {
            expect(value.flatten()).toBeAllclose(expected[i], { rtol: 0, atol });
          });
        }
        await optimizer.readLastStep();
        expect(logs).toHaveLength(stable);
        expectSteps(problem, variant, logs, stable, FLOAT32_STEPS);
        optimizer.dispose();
      });
    });
  });
});

describe('optax convention', () => {
  const golden = loadGolden(new URL('./golden/optax_convention.safetensors', import.meta.url));
  const problem = problems[0]!;

  it('equals optax without weight decay, and differs with it as the weight update says', () => {
    const initial = splitRow(golden.get('x0').data, 0, problem.shapes);
    const source = { ...problem.host('momo_default'), initial };
    const paramsOf = (name: string): Float64Array => golden.get(`${name}/params`).data;
    const flat = (run: ReturnType<typeof momoReference>): number[] =>
      run.weights.flatMap((row) => row.flatMap((p) => [...p]));

    const plain = momoReference(source, { steps: 40 });
    expect(flat(plain)).toBeAllclose([...paramsOf('optax_default')], { rtol: FLOAT64, atol: FLOAT64 });

    // One step apart: ours divides the gradient term by w = 1 + alpha lambda, optax does not.
    const decayed = momoReference(source, { steps: 1, weightDecay: 0.1 });
    const [before, after] = [0, 1].map((k) => splitRow(paramsOf('optax_wd'), k, [[5]])[0]!);
    const tau = decayed.steps[0]!.stepSize;
    expect(tau).toBeCloseTo(golden.get('optax_wd/tau').data[0]!, 12);
    const d = problem
      .host('momo_default')
      .lossAndGradient(initial, 1)
      .gradient.flatMap((p) => Array.from(p));
    expect(after).toBeAllclose(
      d.map((value, i) => before![i]! / 1.1 - tau * value),
      { rtol: FLOAT64 },
    );
    expect(decayed.weights[1]!.flatMap((p) => [...p])).toBeAllclose(
      d.map((value, i) => (before![i]! - tau * value) / 1.1),
      { rtol: FLOAT64 },
    );
  });
});

function optimizerOf(problem: GoldenProblem, variant: string, extra: PolyakOptions): PolyakOptimizer {
  const [method, settings] = problem.variants[variant]!;
  const options = { ...optionsOf(settings), ...extra };
  if (method === 'adam') return new MomoAdamOptimizer(options);
  return method === 'sps' ? new SpsOptimizer(options) : new MomoOptimizer(options);
}
