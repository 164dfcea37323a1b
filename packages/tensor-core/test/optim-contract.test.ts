import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canCompile, jit, useBackend } from '../src/backend';
import { AdamW, Adan, constant, cosine, DAdaptAdam, DAdaptAdan, NonFiniteError, piecewise, Sgd } from '../src/optim';
import { backendsUnderTest } from '../src/testing';
import { bits, FAMILY, regression, type AnyOptimizer } from './optim-problems';

const family = Object.entries(FAMILY);
type Problem = ReturnType<typeof regression>;

/** A step of the optimiser on the problem, compiled or not; gives the loss before it. */
function stepOf(optimizer: AnyOptimizer, { loss, variables }: Problem, compile: boolean): () => number {
  const minimize = (): tf.Scalar => optimizer.minimize(loss, true, variables)!;
  const step = compile ? jit(minimize) : minimize;
  return () => {
    const value = step();
    const number = value.dataSync()[0]!;
    value.dispose();
    return number;
  };
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  describe.each([
    ['step by step', false],
    ['compiled', true],
  ])('%s', (_, compile) => {
    describe.each(family)('%s', (_name, create) => {
      it('lowers the loss, and leaves nothing behind', () => {
        const before = tf.memory();
        const problem = regression();
        const optimizer = create();
        const step = stepOf(optimizer, problem, compile);
        const first = step();
        step();
        const started = tf.memory();
        for (let k = 0; k < 30; k++) step();
        expect(tf.memory()).toMatchObject({ numTensors: started.numTensors, numDataBuffers: started.numDataBuffers });
        expect(step()).toBeLessThan(0.9 * first);
        expect(optimizer.iterations).toBe(33);
        optimizer.dispose();
        problem.dispose();
        expect(tf.memory().numTensors).toBe(before.numTensors);
      });

      it('goes on bit for bit from its saved state, its schedule included', async () => {
        const problem = regression();
        const optimizer = create();
        const step = stepOf(optimizer, problem, compile);
        for (let k = 0; k < 7; k++) step();
        const saved = await optimizer.getWeights();
        const weights = problem.variables.map((variable) => variable.clone());
        const uninterrupted = Array.from({ length: 8 }, () => [step(), ...bits(problem.variables)]);

        problem.variables.forEach((variable, i) => variable.assign(weights[i]!));
        const restored = create();
        await restored.setWeights(saved);
        expect(restored.iterations).toBe(7);
        // A state that was restored but not yet used must not be lost by saving it again.
        const again = await restored.getWeights();
        const values = (state: typeof saved) => state.map(({ name, tensor }) => [name, ...bits([tensor])]);
        expect(values(again)).toEqual(values(saved));
        tf.dispose([...saved, ...again].map(({ tensor }) => tensor));
        const next = stepOf(restored, problem, compile);
        expect(Array.from({ length: 8 }, () => [next(), ...bits(problem.variables)])).toEqual(uninterrupted);
        const used = await restored.getWeights();
        expect(used.map(({ name }) => name)).toEqual(saved.map(({ name }) => name));
      });
    });
  });

  describe.each(family)('%s', (_name, create) => {
    it('frees its state, restored or used, and starts anew', async () => {
      const problem = regression();
      const before = tf.memory().numTensors;
      const optimizer = create();
      const start = problem.variables.map((variable) => variable.clone());
      const step = stepOf(optimizer, problem, false);
      step();
      const once = bits(problem.variables);
      const saved = await optimizer.getWeights();
      await optimizer.setWeights(saved);
      tf.dispose(saved.map(({ tensor }) => tensor));
      optimizer.dispose();
      problem.variables.forEach((variable, i) => variable.assign(start[i]!));
      step();
      expect(bits(problem.variables)).toEqual(once);
      optimizer.dispose();
      tf.dispose(start);
      expect(tf.memory().numTensors).toBe(before);
    });

    it("leaves a batch out under 'skip' as if it had not been", async () => {
      const rates = { learningRate: 0.05 };
      const [clean, skipping] = [regression(), regression()];
      const reference = create(rates);
      const skip = create({ ...rates, nonFinite: 'skip' });
      const poison = (factor: number): void =>
        void skip.minimize(() => skipping.loss().mul(factor), false, skipping.variables);
      poison(NaN);
      for (let k = 0; k < 4; k++) {
        reference.minimize(clean.loss, false, clean.variables);
        skip.minimize(skipping.loss, false, skipping.variables);
        if (k === 1) poison(Infinity);
      }
      expect(bits(skipping.variables)).toEqual(bits(clean.variables));
      expect(await skip.refusedSteps()).toBe(2);
      expect(skip.iterations).toBe(6);
      const states = await Promise.all([reference, skip].map((optimizer) => optimizer.getWeights()));
      const kept = states.map((state) =>
        state.filter(({ name }) => name !== 'iter' && !name.endsWith('refused')).map(({ tensor }) => bits([tensor])),
      );
      expect(kept[1]).toEqual(kept[0]);
    });
  });

  describe('a compiled step', () => {
    it('is recorded at its first two runs alone, whatever its schedule does', () => {
      if (!canCompile(tf.backend())) return;
      for (const [, create] of family) {
        const problem = regression();
        const optimizer = create({ weightDecay: cosine({ base: 0.1, final: 0.2, steps: 9 }) });
        let recorded = 0;
        const step = jit(() => {
          recorded++;
          optimizer.minimize(problem.loss, false, problem.variables);
        });
        for (let k = 0; k < 6; k++) step();
        expect(recorded).toBe(2);
      }
    });

    it('may hold two steps, each with the numbers of its own', () => {
      const learningRate = piecewise({ boundaries: [1, 2, 3, 4, 5], values: [1, 2, 3, 4, 5, 6] });
      const w = tf.variable(tf.scalar(0));
      const optimizer = new Sgd({ learningRate });
      const gradient = tf.scalar(-1);
      const twice = jit(() => {
        optimizer.applyGradients({ [w.name]: gradient });
        optimizer.applyGradients({ [w.name]: gradient });
      });
      const path = [0, 1, 2].map(() => (twice(), w.dataSync()[0]));
      expect(path).toEqual([3, 10, 21]);
      expect(optimizer.iterations).toBe(6);
    });

    it('follows setLearningRate', () => {
      const w = tf.variable(tf.scalar(0));
      const optimizer = new Sgd({ learningRate: 1 });
      const step = jit(() => void optimizer.minimize(() => w.mul(-1).asScalar(), false, [w]));
      const moved = (): number => {
        const before = w.dataSync()[0]!;
        step();
        return w.dataSync()[0]! - before;
      };
      expect([moved(), moved()]).toEqual([1, 1]);
      optimizer.setLearningRate(0.5);
      expect([moved(), moved()]).toEqual([0.5, 0.5]);
      optimizer.setLearningRate((step) => step);
      expect([moved(), moved()]).toEqual([4, 5]);
      expect(optimizer.learningRate).toBe(6);
    });

    it('that fails while it is recorded leaves an optimiser that works', () => {
      const problem = regression();
      const plain = regression();
      const [optimizer, other] = [new AdamW(), new AdamW()];
      let fails = true;
      const step = jit(() => {
        optimizer.minimize(problem.loss, false, problem.variables);
        if (fails) throw new Error('later in the step');
      });
      if (canCompile(tf.backend())) expect(step).toThrow('later in the step');
      fails = false;
      for (let k = 0; k < 3; k++) {
        step();
        other.minimize(plain.loss, false, plain.variables);
      }
      // Compiled and not, the sums are rounded alike but for fused products.
      expect(bits(problem.variables)).toBeAllclose(bits(plain.variables), { rtol: 1e-6 });
      expect(optimizer.iterations).toBe(3);
    });
  });

  describe('steps that are not finite', () => {
    it.each([false, true])("throw under 'throw', and change nothing (compiled: %s)", (compile) => {
      const problem = regression();
      const optimizer = new AdamW({ nonFinite: 'throw' });
      const factor = tf.variable(tf.scalar(1), false);
      const minimize = (): void => void optimizer.minimize(() => problem.loss().mul(factor), false, problem.variables);
      const step = compile ? jit(minimize) : minimize;
      step();
      step();
      const weights = bits(problem.variables);
      const before = tf.memory().numTensors;
      factor.assign(tf.scalar(NaN));
      expect(step).toThrow(NonFiniteError);
      expect(step).toThrow(
        'tensor-core.AdamW: gradients must be finite, got a NaN or infinite value at step 3. The weights are as before ' +
          "the step; look at the batch, or set nonFinite: 'skip'.",
      );
      factor.assign(tf.scalar(1));
      // The two scalars that the test has given to the factor.
      expect(tf.memory().numTensors).toBe(before + 2);
      expect(bits(problem.variables)).toEqual(weights);
      step();
      expect(bits(problem.variables)).not.toEqual(weights);
    });

    it("enter under 'propagate'", () => {
      const problem = regression();
      const optimizer = new AdamW();
      optimizer.minimize(() => problem.loss().mul(NaN), false, problem.variables);
      expect(bits(problem.variables).every(Number.isNaN)).toBe(true);
    });
  });

  describe('numbers of groups', () => {
    it('are schedules too: a group may wait, and weight decay may rise', () => {
      const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(1))];
      const optimizer = new Sgd({
        learningRate: 0.5,
        decoupled: true,
        weightDecay: (step) => 0.1 * (step + 1),
        groups: [
          { variables: [b], lrScale: piecewise({ boundaries: [2], values: [0, 2] }), weightDecay: constant(0.25) },
        ],
      });
      const zero = tf.scalar(0);
      let [x, y] = [1, 1];
      for (let k = 0; k < 4; k++) {
        optimizer.applyGradients([
          { name: a.name, tensor: zero },
          { name: b.name, tensor: zero },
        ]);
        x *= 1 - 0.5 * 0.1 * (k + 1);
        y *= 1 - (k < 2 ? 0 : 1) * 0.25;
        // A few roundings of float32.
        expect(bits([a, b])).toBeAllclose([x, y], { rtol: 1e-6 });
      }
    });
  });

  describe('weight decay as a penalty', () => {
    const rules = {
      AdamW: (weightDecay: number) => new AdamW({ learningRate: 0.05, decoupled: false, weightDecay }),
      Sgd: (weightDecay: number) => new Sgd({ learningRate: 0.05, momentum: 0.9, weightDecay }),
      DAdaptAdam: (weightDecay: number) => new DAdaptAdam({ initialD: 0.1, decoupled: false, weightDecay }),
    };
    it.each(Object.entries(rules))('is lambda/2 ||x||^2 in the loss for %s', (_name, create) => {
      const [own, penalised] = [regression(), regression()];
      const [optimizer, plain] = [create(0.3), create(0)];
      const loss = (): tf.Scalar =>
        tf.tidy(() => penalised.loss().add(penalised.w.square().sum().add(penalised.b.square()).mul(0.15)).asScalar());
      for (let k = 0; k < 6; k++) {
        optimizer.minimize(own.loss, false, own.variables);
        plain.minimize(loss, false, penalised.variables);
      }
      // The same gradients, summed in another order.
      expect(bits(own.variables)).toBeAllclose(bits(penalised.variables), { rtol: 1e-5 });
    });
  });

  it('Sgd with decoupled decay shrinks the weights by 1 - alpha lambda, then moves them', () => {
    const w = tf.variable(tf.scalar(2));
    const optimizer = new Sgd({ learningRate: 0.1, momentum: 0.5, weightDecay: 0.4, decoupled: true });
    const gradient = tf.scalar(1);
    for (let k = 0; k < 2; k++) optimizer.applyGradients({ [w.name]: gradient });
    expect(w.dataSync()[0]).toBeAllclose((2 * 0.96 - 0.1) * 0.96 - 0.1 * 1.5, { rtol: 1e-6 });
  });

  it('restored state finds its variables by their names, in any order', async () => {
    const state = async (order: number[], saved?: Awaited<ReturnType<AdamW['getWeights']>>) => {
      const { variables, loss, w, b } = regression();
      const optimizer = new AdamW({
        parameters: [
          ['w', w],
          ['b', b],
        ],
      });
      if (saved) await optimizer.setWeights(saved);
      optimizer.minimize(
        loss,
        false,
        order.map((i) => variables[i]!),
      );
      return { saved: await optimizer.getWeights(), weights: bits(variables) };
    };
    const first = await state([0, 1]);
    expect(first.saved.map(({ name }) => name)).toEqual([
      'iter',
      'AdamW/refused',
      ...['w', 'b'].flatMap((name) => ['steps', 'm', 'v'].map((slot) => `AdamW/${slot}/${name}`)),
    ]);
    const straight = await state([0, 1], first.saved);
    const reversed = await state([1, 0], first.saved);
    expect(reversed.weights).toEqual(straight.weights);
  });

  it('refuses a state that is not its own, and keeps what it has', async () => {
    const problem = regression();
    const optimizer = new AdamW();
    optimizer.minimize(problem.loss, false, problem.variables);
    const saved = await optimizer.getWeights();
    const wrong = (weights: typeof saved) => expect(optimizer.setWeights(weights)).rejects;
    await wrong([]).toThrow('tensor-core.AdamW.setWeights: iter must be an integer >= 0, got undefined. Hand over');
    await wrong(saved.slice(1)).toThrow('iter must be');
    const message = 'tensor-core.AdamW: weights must be what getWeights of the same class gave, got ';
    await wrong(saved.slice(0, -1)).toThrow(`${message}steps, m for 1.`);
    await wrong([...saved, { name: 'Sgd/b/0', tensor: saved[1]!.tensor }]).toThrow(`${message}a tensor named Sgd/b/0.`);
    await wrong([...saved, { name: 'AdamW/d', tensor: saved[1]!.tensor }]).toThrow(`${message}a tensor named AdamW/d.`);
    const adapted = new DAdaptAdan();
    adapted.minimize(problem.loss, false, problem.variables);
    const incomplete = (await adapted.getWeights()).filter(({ name }) => name !== 'DAdaptAdan/d');
    await expect(adapted.setWeights(incomplete)).rejects.toThrow('got only refused, numerator.');
    const broken = saved.map(({ name, tensor }) => ({
      name,
      tensor: name.includes('steps') ? tf.scalar(0.5) : tensor,
    }));
    await wrong(broken).toThrow(`${message}0.5 steps for 0.`);
    const after = await optimizer.getWeights();
    expect(bits(after.map(({ tensor }) => tensor))).toEqual(bits(saved.map(({ tensor }) => tensor)));

    const other = new AdamW();
    await other.setWeights(saved);
    const z = tf.variable(tf.ones([3]));
    expect(() => other.minimize(() => z.square().mean(), false, [z])).toThrow(
      /^tensor-core\.AdamW: the restored state 0 must have the shape of its variable .* \(\[3\]\), got a float32 tensor of shape \[2, 1\]\. Restore the state of the same model\.$/,
    );
    expect(bits([z])).toEqual([1, 1, 1]);
  });

  it('refuses gradients that do not fit, and leaks nothing then', () => {
    const problem = regression();
    const optimizer = new AdamW();
    const bad = tf.tensor1d([1, 2, 3]);
    const apply = (gradients: Parameters<AdamW['applyGradients']>[0]) => () => {
      expect(() => optimizer.applyGradients(gradients)).toThrow(/^tensor-core\.AdamW: (the )?gradient/);
    };
    expect(apply({ [problem.w.name]: bad })).toLeakNothing();
    expect(() => optimizer.applyGradients({ [problem.w.name]: bad })).toThrow('must have its shape [2, 1], got');
    expect(() => optimizer.applyGradients({ nobody: bad })).toThrow(
      'tensor-core.AdamW: gradients must be named after registered variables, got "nobody".',
    );
    expect(() => optimizer.applyGradients({ [problem.w.name]: null })).toThrow('at least one variable, got none.');
    expect(() => {
      const failing = new AdamW({ learningRate: () => -1 });
      expect(() => failing.minimize(problem.loss, false, problem.variables)).toThrow(
        'tensor-core.AdamW: learningRate at step 0 must be a finite number >= 0, got -1.',
      );
      failing.dispose();
    }).toLeakNothing();
  });

  it('Adan restarts only the variables that the condition names', () => {
    const [a, b] = [tf.variable(tf.tensor1d([1, 2])), tf.variable(tf.tensor1d([1, 2]))];
    const options = { learningRate: 0.1, weightDecay: 0 };
    const optimizer = new Adan({
      ...options,
      restart: ({ gradient, m }) => gradient.sum().greater(m.sum().mul(0).add(5)),
    });
    const plain = new Adan(options);
    const c = tf.variable(tf.tensor1d([1, 2]));
    const [large, small] = [tf.tensor1d([3, 4]), tf.tensor1d([0.5, 0.25])];
    for (let k = 0; k < 3; k++) {
      optimizer.applyGradients([
        { name: a.name, tensor: large },
        { name: b.name, tensor: small },
      ]);
      plain.applyGradients({ [c.name]: small });
    }
    expect(bits([b])).toEqual(bits([c]));
    // Each step is taken twice, and the first of them has no history: alpha sign(g), and then alpha g / |g| corrected.
    expect(bits([a])[0]).toBeLessThan(1 - 3 * 0.1 * 1.5);
  });
});
