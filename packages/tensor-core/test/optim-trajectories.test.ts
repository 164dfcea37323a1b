import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import {
  AdamW,
  Adan,
  cosine,
  DAdaptAdam,
  DAdaptAdan,
  DAdaptOptimizer,
  Sgd,
  type NamedVariable,
  type OptimizerOptions,
} from '../src/optim';
import { backendsUnderTest, loadGolden } from '../src/testing';

const golden = (name: string) => loadGolden(new URL(`golden/optim/${name}.safetensors`, import.meta.url));
const torch = golden('torch');
const toy = golden('toy');

const NAMES = ['scalar', 'vector', 'matrix', 'kernel'] as const;
const STEPS = torch.get('grad.scalar').shape[0]!;

/** 25 steps, each of which rounds a weight, and its change, by 2^-24 of themselves: weights of about 1 by 25 * 1.2e-7. */
const ROUNDING = { rtol: 3e-6, atol: 3e-6 };
/** Losses feed back into gradients over 60 steps, and d, that starts from 1e-6, is a quotient of float32 sums. */
const FEEDBACK = { rtol: 1e-4, atol: 1e-5 };

type Make = (o: OptimizerOptions) => AdamW | Adan | Sgd;
const named = (variables: readonly NamedVariable[], ...wanted: string[]): NamedVariable[] =>
  variables.filter(([name]) => wanted.includes(name));

/** One row for each optimiser, variant and set of parameters; the names are those of the golden file. */
const CASES: Record<string, (variables: NamedVariable[]) => ReturnType<Make>> = {
  adamw: () => new AdamW({ learningRate: 0.02 }),
  adamw_decay: () => new AdamW({ learningRate: 0.02, weightDecay: 0.5 }),
  adamw_free: () => new AdamW({ learningRate: 0.05, beta1: 0.7, beta2: 0.9, epsilon: 1e-2, weightDecay: 0 }),
  adamw_no_momentum: () => new AdamW({ learningRate: 0.02, beta1: 0, beta2: 0.99 }),
  adamw_amsgrad: () => new AdamW({ learningRate: 0.02, beta2: 0.8, amsgrad: true }),
  adamw_grouped: (variables) =>
    new AdamW({
      learningRate: 0.02,
      weightDecay: 0.2,
      groups: [
        { variables: named(variables, 'scalar', 'vector'), weightDecay: 0 },
        { filter: (name) => name === 'kernel', lrScale: 1 / 3 },
        { filter: (name) => name === 'vector', lrScale: 100 },
      ],
      parameters: variables,
    }),
  adamw_clipped: () => new AdamW({ learningRate: 0.02, weightDecay: 0.1, clipNorm: 2 }),
  adamw_late: () => new AdamW({ learningRate: 0.02 }),
  adamw_scheduled: () =>
    new AdamW({ learningRate: cosine({ base: 0.05, steps: STEPS, final: 0.001 }), weightDecay: 0.3 }),
  adam: () => new AdamW({ learningRate: 0.02, decoupled: false }),
  adam_penalty: () => new AdamW({ learningRate: 0.02, decoupled: false, weightDecay: 0.5 }),
  adam_penalty_amsgrad: () =>
    new AdamW({ learningRate: 0.02, beta2: 0.8, decoupled: false, weightDecay: 0.5, amsgrad: true }),
  sgd: () => new Sgd({ learningRate: 0.01 }),
  sgd_decay: () => new Sgd({ learningRate: 0.01, weightDecay: 0.5 }),
  sgd_momentum: () => new Sgd({ learningRate: 0.01, momentum: 0.9 }),
  sgd_dampening: () => new Sgd({ learningRate: 0.01, momentum: 0.8, dampening: 0.3, weightDecay: 0.1 }),
  sgd_nesterov: () => new Sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  adan_restarted: () =>
    new Adan({
      learningRate: 0.02,
      beta1: 0.9,
      beta2: 0.8,
      beta3: 0.95,
      weightDecay: 0.1,
      restart: ({ step }) => step.mod(7).equal(0),
    }),
};
/** Steps in which a parameter has no gradient yet. */
const ABSENT: Record<string, Record<string, number>> = { adamw_late: { matrix: 4, scalar: 9 } };

const slice = (name: string, step: number): tf.Tensor => {
  const { data, shape } = torch.get(name);
  const size = data.length / shape[0]!;
  return tf.tensor(Float32Array.from(data.slice(step * size, (step + 1) * size)), shape.slice(1));
};

/** The parameters after each step with the gradients of the golden file, [steps, ...] each. */
function run(name: string, compile: boolean): Record<string, number[]> {
  const variables = NAMES.map((parameter): NamedVariable => {
    const { data, shape } = torch.get(`start.${parameter}`);
    return [parameter, tf.tidy(() => tf.variable(tf.tensor(Float32Array.from(data), shape)))];
  });
  const optimizer = CASES[name]!(variables);
  const apply = (gradients: (tf.Tensor | null)[]): void =>
    optimizer.applyGradients(variables.map(([, { name }], i) => ({ name, tensor: gradients[i]! })));
  const step = compile ? jit(apply) : apply;
  const path: Record<string, number[]> = Object.fromEntries(NAMES.map((parameter) => [parameter, []]));
  for (let k = 0; k < STEPS; k++) {
    const gradients = NAMES.map((parameter) =>
      k < (ABSENT[name]?.[parameter] ?? 0) ? null : slice(`grad.${parameter}`, k),
    );
    step(gradients);
    gradients.forEach((gradient) => gradient?.dispose());
    for (const [parameter, variable] of variables) path[parameter]!.push(...variable.dataSync());
  }
  optimizer.dispose();
  return path;
}

/** x'Ax/2 - b'x + sum log(1 + (w - [x])^2), on which the authors' code was run. */
function toyProblem() {
  const tensor = (name: string): tf.Tensor => {
    const { data, shape } = toy.get(name);
    return tf.tensor(Float32Array.from(data), shape);
  };
  const [a, b] = [tensor('A'), tensor('b')];
  const x = tf.variable(tensor('x0'));
  const w = tf.variable(tensor('w0'));
  const loss = (): tf.Scalar =>
    tf.tidy(() => {
      const quadratic = x
        .mul(a.matMul(x.reshape([6, 1])).reshape([6]))
        .sum()
        .mul(0.5);
      return quadratic.sub(b.mul(x).sum()).add(
        w
          .sub(x.reshape([3, 2]))
          .square()
          .add(1)
          .log()
          .sum(),
      );
    });
  return { x, w, loss };
}

type ToyOptimizer = Adan | AdamW | DAdaptAdam | DAdaptAdan;
/** Decay on w alone, as the golden trajectories have it. */
const onlyW = (w: tf.Variable, weightDecay: number): OptimizerOptions => ({
  weightDecay: 0,
  groups: [{ variables: [w], weightDecay }],
});
const TOY: Record<string, (w: tf.Variable) => ToyOptimizer> = {
  adan_lucid: () => new Adan({ learningRate: 0.02, variant: 'lucidrains' }),
  adan_lucid_wd: (w) =>
    new Adan({ learningRate: 0.02, variant: 'lucidrains', beta1: 0.95, beta2: 0.9, beta3: 0.98, ...onlyW(w, 0.1) }),
  adan_paper: () => new Adan({ learningRate: 0.02 }),
  adamw: (w) => new AdamW({ learningRate: 0.05, ...onlyW(w, 0.1) }),
  dadapt_adan: (w) => new DAdaptAdan({ growthRate: 1.05, ...onlyW(w, 1e-3) }),
  dadapt_adan_free: (w) =>
    new DAdaptAdan({ initialD: 1e-4, learningRate: cosine({ base: 1, steps: 60 }), ...onlyW(w, 1e-3) }),
  dadapt_adam: (w) => new DAdaptAdam({ growthRate: 1.05, ...onlyW(w, 1e-3) }),
};

/**
 * There d overshoots (to 20), and from then on the path is chaotic: in float64 a change of 6e-8 in the first d moves the
 * weights by 0.01. Up to step 8 d has grown by four powers of ten.
 */
const COMPARED: Record<string, number> = { dadapt_adan_free: 8 };

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  describe.each([
    ['step by step', false],
    ['compiled', true],
  ])('%s', (_, compile) => {
    it.each(Object.keys(CASES))('%s follows PyTorch over given gradients', (name) => {
      const path = run(name, compile);
      for (const parameter of NAMES) {
        const { data } = torch.get(`${name}.${parameter}`);
        expect(path[parameter]).toBeAllclose([...data], ROUNDING);
      }
    });

    it.each(Object.keys(TOY))('%s follows the authors’ code while it minimises a function', async (name) => {
      const { x, w, loss } = toyProblem();
      const optimizer = TOY[name]!(w);
      const step = (): tf.Scalar => optimizer.minimize(loss, true, [x, w])!;
      const minimize = compile ? jit(step) : step;
      const [xs, ws, losses, ds] = [[], [], [], []] as number[][] as [number[], number[], number[], number[]];
      const steps = COMPARED[name] ?? toy.get(`${name}.x`).shape[0]!;
      for (let k = 0; k < steps; k++) {
        losses.push(minimize().dataSync()[0]!);
        xs.push(...x.dataSync());
        ws.push(...w.dataSync());
        if (optimizer instanceof DAdaptOptimizer) ds.push(await optimizer.distance());
      }
      const expected = (quantity: string, width: number) => [
        ...toy.get(`${name}.${quantity}`).data.slice(0, steps * width),
      ];
      expect(xs).toBeAllclose(expected('x', 6), FEEDBACK);
      expect(ws).toBeAllclose(expected('w', 6), FEEDBACK);
      if (name !== 'adan_paper') expect(losses).toBeAllclose(expected('loss', 1), FEEDBACK);
      if (ds.length > 0) expect(ds).toBeAllclose(expected('d', 1), FEEDBACK);
    });
  });
});
