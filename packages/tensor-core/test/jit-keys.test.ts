import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jit, type Jittable } from '../src/backend';
import { foldIn, key, normal, split, uniform, type FillHost, type HostArrays, type Key } from '../src/random';

type CpuBackend = new () => tf.KernelBackend;
type Fill = { shape: number[]; dtype: keyof HostArrays; fill: FillHost<never> };

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

/** Calls a function once and from then on makes its draws again: what a compiling backend does with them. */
function registerReplayer(name: string): void {
  const Cpu = tf.findBackend('cpu').constructor as CpuBackend;
  let recording: Fill[] | undefined;
  class Replayer extends Cpu {
    hostInput(shape: number[], dtype: keyof HostArrays, fill: FillHost<never>): tf.Tensor {
      recording?.push({ shape, dtype, fill });
      const out = new ARRAYS[dtype](tf.util.sizeFromShape(shape));
      fill(out as never);
      return tf.tensor(out, shape, dtype);
    }

    compile(fn: Jittable): Jittable {
      // Functions within functions are called as they are.
      if (recording) return fn;
      let fills: Fill[] | undefined;
      let result: unknown;
      return (...args: never[]) => {
        if (fills) {
          return {
            draws: fills.map(({ shape, dtype, fill }) => {
              const out = new ARRAYS[dtype](tf.util.sizeFromShape(shape));
              fill(out as never);
              return [...out];
            }),
            result,
          };
        }
        recording = [];
        result = fn(...args);
        fills = recording;
        recording = undefined;
        return { draws: [], result };
      };
    }
  }
  tf.registerBackend(name, () => new Replayer(), 0);
  tf.copyRegisteredKernels('cpu', name);
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerReplayer('replayer');
});

afterAll(async () => {
  await tf.setBackend('cpu');
  tf.removeBackend('replayer');
});

/** What the second call of the compiled function draws, and gives. */
async function replay<A extends unknown[]>(fn: (...args: A) => unknown, first: A, second: A) {
  await tf.setBackend('replayer');
  const compiled = jit(fn as Jittable) as (...args: A) => unknown;
  compiled(...first);
  return compiled(...second) as { draws: number[][]; result: unknown };
}

const draw = (k: Key): number[] => [...normal(k, [5]).dataSync()];

describe('a key as argument of a compiled function', () => {
  it('is that of the call, in draws with it and with keys derived from it', async () => {
    const fn = (k: Key, rest: { seeds: Key[] }): void => {
      const [a, b] = split(k) as [Key, Key];
      normal(k, [5]);
      normal(a, [5]);
      normal(foldIn(b, 7), [5]);
      normal(rest.seeds[1]!, [5]);
      uniform(split(a, 3)[2]!, [4]);
    };
    const [k, other] = [key(2), key(3)];
    const { draws } = await replay(fn, [key(1), { seeds: [key(0), key(9)] }], [k, { seeds: [key(0), other] }]);
    const [a, b] = split(k) as [Key, Key];
    const uniformDraw = [...uniform(split(a, 3)[2]!, [4]).dataSync()];
    expect(draws).toEqual([draw(k), draw(a), draw(foldIn(b, 7)), draw(other), uniformDraw]);
  });

  it('stays the same when it comes from outside', async () => {
    const outside = key(4);
    const { draws } = await replay(() => void normal(outside, [5]), [], []);
    expect(draws).toEqual([draw(outside)]);
  });

  it('is the outer one in a function within', async () => {
    await tf.setBackend('replayer');
    const inner = jit((k: Key) => void normal(split(k)[1]!, [5])) as (k: Key) => void;
    const { draws } = await replay((k: Key) => inner(foldIn(k, 1)), [key(1)], [key(2)]);
    expect(draws).toEqual([draw(split(foldIn(key(2), 1))[1]!)]);
  });

  it('can be given back, as an ordinary key', async () => {
    const fn = (k: Key): { next: Key[] } => ({ next: split(k) });
    await tf.setBackend('replayer');
    const compiled = jit(fn as Jittable) as (k: Key) => { result: { next: Key[] } };
    compiled(key(1));
    const { next } = compiled(key(2)).result;
    expect(next.map((k) => k.toJSON())).toEqual(split(key(2)).map((k) => k.toJSON()));
    compiled(key(3));
    expect(next[0]!.toJSON()).toEqual(split(key(2))[0]!.toJSON());
  });
});
