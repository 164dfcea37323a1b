import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein } from '../src';
import { type FlowStep, slicedWassersteinFlow } from '../src/flow/sliced-wasserstein-flow';

const key = random.key(7);

/** The same float32 operations in another order, on values of size 5. */
const ROUNDING = 5e-6;

function normals(seed: number, shape: [number, number], mean = 0): tf.Tensor2D {
  return random.normal(random.key(seed), shape, { mean }) as tf.Tensor2D;
}

function circle(points: number): tf.Tensor2D {
  const angles = Array.from({ length: points }, (_, k) => (2 * Math.PI * k) / points);
  return tf.tensor2d(angles.map((angle) => [3 * Math.cos(angle), 3 * Math.sin(angle)]));
}

describe.each(backendsUnderTest())('slicedWassersteinFlow on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([1, 2, 3])('moves particles along n times the gradient of SW_p^p, p = %i', async (p) => {
    const [x, y] = [normals(1, [12, 3]), normals(2, [7, 3], 1)];
    const { particles, values } = await slicedWassersteinFlow(x, y, { steps: 1, rate: 0.3, p, slices: 20, key });
    const options = { p, slices: 20, key: random.foldIn(key, 0) };
    tf.tidy(() => {
      const gradient = tf.grad((points) => slicedWasserstein(points as tf.Tensor2D, y, { ...options, root: false }))(x);
      expect(particles).toBeAllclose(x.sub(gradient.mul(0.3 * 12)), { rtol: 0, atol: ROUNDING });
      expect(values).toBeAllclose(slicedWasserstein(x, y, options).dataSync(), { rtol: ROUNDING, atol: 0 });
    });
    expect(values).toHaveLength(1);
    tf.dispose([x, y, particles]);
  });

  it('takes the whole way in orthogonal slices by default: projections are those of the target', async () => {
    const dim = 4;
    const [x, y] = [normals(3, [15, dim]), normals(4, [15, dim], 2)];
    const slices = tf.eye(dim);
    const { particles } = await slicedWassersteinFlow(x, y, { steps: 1, slices });
    const columns = (cloud: tf.Tensor2D): number[][] =>
      (cloud.transpose().arraySync() as number[][]).map((column) => column.sort((a, b) => a - b));
    expect(columns(particles).flat()).toBeAllclose(columns(y).flat(), { rtol: 0, atol: ROUNDING });
    tf.dispose([x, y, slices, particles]);
  });

  it('carries a cloud to a translated and shuffled one', async () => {
    const x = normals(5, [40, 3]);
    const order = random.permutation(random.key(6), 40);
    const target = tf.tidy(() => tf.gather(x, tf.tensor1d(order, 'int32')).add<tf.Tensor2D>(tf.tensor1d([2, -1, 4])));
    const { particles, values } = await slicedWassersteinFlow(x, target, { steps: 25, slices: 60, key });
    // In every slice the order is kept: the difference shrinks by I - (d / L) sum theta theta', of norm about sqrt(3 d / L).
    expect(tf.gather(particles, tf.tensor1d(order, 'int32'))).toBeAllclose(target, { rtol: 0, atol: 10 * ROUNDING });
    expect(values.at(-1)!).toBeLessThan(1e-5 * values[0]!);
    tf.dispose([x, target, particles]);
  });

  it('goes on where it was stopped, exactly', async () => {
    const [x, y] = [normals(8, [10, 2]), normals(9, [14, 2], 1)];
    const options = { slices: 8, key };
    const whole = await slicedWassersteinFlow(x, y, { ...options, steps: 5 });
    const first = await slicedWassersteinFlow(x, y, { ...options, steps: 2 });
    const rest = await slicedWassersteinFlow(first.particles, y, { ...options, steps: 3, firstStep: 2 });
    expect(rest.particles.dataSync()).toEqual(whole.particles.dataSync());
    expect([...first.values, ...rest.values]).toEqual([...whole.values]);
    tf.dispose([x, y, whole.particles, first.particles, rest.particles]);
  });

  it('leaves nothing behind', async () => {
    const [x, y] = [normals(10, [6, 2]), normals(11, [5, 2])];
    await expect(() => slicedWassersteinFlow(x, y, { steps: 3, slices: 4, key })).toLeakNothing();
    await expect(() => slicedWassersteinFlow([[1, 2]], [[3, 4]], { steps: 0 })).toLeakNothing();
    const broken = (): Promise<unknown> =>
      slicedWassersteinFlow(x, y, { steps: 3, key, onStep: () => Promise.reject(new Error('full')) });
    let failure = '';
    await expect(() => broken().catch((error) => void (failure = String(error)))).toLeakNothing();
    expect(failure).toBe('Error: full');
    expect(x.isDisposed || y.isDisposed).toBe(false);
    const held: number[] = [];
    const onStep = (): void => void held.push(tf.memory().numTensors);
    const { particles } = await slicedWassersteinFlow(x, y, { steps: 4, slices: 4, key, onStep });
    expect(held).toEqual(held.map(() => held[0]));
    tf.dispose([x, y, particles]);
  });
});

describe('slicedWassersteinFlow', () => {
  beforeAll(() => useBackend('cpu'));

  it('comes near to a shape of another number of points', async () => {
    const [x, target] = [normals(12, [100, 2]), circle(80)];
    const { particles, values } = await slicedWassersteinFlow(x, target, { steps: 40, slices: 32, key });
    expect(values.at(-1)!).toBeLessThan(0.05 * values[0]!);
    const radii = Float32Array.from(particles.norm('euclidean', 1).dataSync());
    // On average: the few particles between others may still be under way.
    expect(radii.reduce((sum, radius) => sum + Math.abs(radius - 3), 0) / 100).toBeLessThan(0.15);
    // With one set of slices it is descent on one function: it never rises.
    const slices = tf.tidy(() => circle(9).div<tf.Tensor2D>(3));
    const fixed = await slicedWassersteinFlow(x, target, { steps: 30, slices, rate: 0.5 });
    expect(fixed.values.every((value, i) => i === 0 || value <= fixed.values[i - 1]! * (1 + 1e-6))).toBe(true);
  });

  it('moves a particle the same way however many stand at its place', async () => {
    const [x, y] = [normals(13, [9, 3]), normals(14, [9, 3], 1)];
    const twice = (cloud: tf.Tensor2D): tf.Tensor2D => tf.concat2d([cloud, cloud], 0);
    const options = { steps: 1, slices: 5, key };
    const one = await slicedWassersteinFlow(x, y, options);
    const two = await slicedWassersteinFlow(twice(x), twice(y), options);
    expect(two.particles).toBeAllclose(twice(one.particles), { rtol: 0, atol: ROUNDING });
    expect(two.values[0]).toBeAllclose(one.values[0]!, { rtol: 1e-6, atol: 0 });
  });

  it('moves by rate / d in each of d orthogonal slices for p = 1', async () => {
    const x = [[0, 0, 0]];
    const { particles } = await slicedWassersteinFlow(x, [[9, 9, 9]], {
      steps: 1,
      p: 1,
      rate: 3 * 0.5,
      slices: tf.eye(3),
    });
    expect(particles).toBeAllclose([[0.5, 0.5, 0.5]], { rtol: 0, atol: ROUNDING });
  });

  it('has other slices in each step, by the sampler that is asked for', async () => {
    const [x, y] = [normals(15, [20, 2]), normals(16, [20, 2], 3)];
    const orthogonal = await slicedWassersteinFlow(x, y, { steps: 2, sampler: 'orthogonal', slices: 2, key });
    const options = { sampler: 'orthogonal', slices: 2, key: random.foldIn(key, 0) } as const;
    expect(orthogonal.values[0]).toBeAllclose(slicedWasserstein(x, y, options), { rtol: 1e-6, atol: 0 });
    const between = await slicedWassersteinFlow(x, y, { steps: 1, sampler: 'orthogonal', slices: 2, key });
    const next = { ...options, key: random.foldIn(key, 1) };
    expect(orthogonal.values[1]).toBeAllclose(slicedWasserstein(between.particles, y, next), { rtol: 1e-5, atol: 0 });
    // Evenly spread slices need no key.
    const even = await slicedWassersteinFlow(x, y, { steps: 3, sampler: 'qmc', slices: 16 });
    expect(even.values.at(-1)!).toBeLessThan(0.5 * even.values[0]!);
  });

  it('shows each step, and waits for who looks', async () => {
    const [x, y] = [normals(17, [6, 2]), normals(18, [6, 2], 1)];
    const seen: (Omit<FlowStep, 'particles'> & { particles: number[][] })[] = [];
    let waiting = 0;
    const onStep = async ({ step, value, particles }: FlowStep): Promise<void> => {
      expect(++waiting).toBe(1);
      seen.push({ step, value, particles: await particles.array() });
      await new Promise((resolve) => setTimeout(resolve, 1));
      waiting--;
    };
    const { particles, values } = await slicedWassersteinFlow(x, y, { steps: 3, firstStep: 4, slices: 4, key, onStep });
    expect(seen.map(({ step }) => step)).toEqual([5, 6, 7]);
    expect(seen.map(({ value }) => value)).toEqual([...values]);
    expect(seen.at(-1)!.particles).toEqual(await particles.array());
    expect(seen[0]!.particles).not.toEqual(seen[1]!.particles);
  });

  it('stops at a signal', async () => {
    const [x, y] = [normals(19, [6, 2]), normals(20, [6, 2], 1)];
    const controller = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (++steps === 2) controller.abort(new Error('enough'));
    };
    const options = { steps: 100, slices: 4, key, onStep, signal: controller.signal };
    await expect(slicedWassersteinFlow(x, y, options)).rejects.toThrow('enough');
    expect(steps).toBe(2);
    const aborted = AbortSignal.abort(new Error('no'));
    await expect(slicedWassersteinFlow(x, y, { steps: 0, signal: aborted })).rejects.toThrow('no');
  });

  it('gives back the particles where no step is to be taken', async () => {
    const x = normals(21, [4, 2]);
    const { particles, values } = await slicedWassersteinFlow(x, x, { steps: 0, key });
    expect(particles.dataSync()).toEqual(x.dataSync());
    expect(values).toHaveLength(0);
    particles.dispose();
    expect(x.isDisposed).toBe(false);
  });

  it('refuses bad arguments', async () => {
    const where = 'sliced-wasserstein.slicedWassersteinFlow';
    const cases: [object, Error][] = [
      [{ steps: 1.5 }, new RangeError(`${where}: steps must be an integer >= 0, got 1.5.`)],
      [{ p: 0 }, new RangeError(`${where}: p must be a finite number >= 1, got 0.`)],
      [{ firstStep: -1 }, new RangeError(`${where}: firstStep must be an integer >= 0, got -1.`)],
      [{ rate: 0 }, new RangeError(`${where}: rate must be a finite number > 0, got 0.`)],
      [{ p: 3 }, new TypeError(`${where}: rate must be a finite number > 0, got undefined.`)],
      [{ slices: 0 }, new RangeError(`${where}: slices must be an integer >= 1, got 0.`)],
      [{ key: 0.5 }, new RangeError(`${where}: key must be an integer >= 0, got 0.5.`)],
      [
        { key: undefined },
        new TypeError(`${where}: key must be a Key or a number, got undefined. For a start take key: 0.`),
      ],
      [
        { rate: 1e30, steps: 3 },
        new RangeError(
          `${where}: x and y must have finite projections whose p-th powers are within float32, got Infinity. ` +
            'Scale both clouds alike.',
        ),
      ],
    ];
    for (const [options, error] of cases) {
      await expect(slicedWassersteinFlow([[1, 2]], [[3, 4]], { steps: 1, key, ...options })).rejects.toThrow(error);
    }
    await expect(slicedWassersteinFlow([[1, 2]], [[3]], { steps: 1, key })).rejects.toThrow(
      `${where}: y must have the same last dimension as x (2), got [1, 1]. Transpose or slice y first.`,
    );
  });
});
