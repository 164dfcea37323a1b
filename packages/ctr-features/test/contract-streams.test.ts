import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { TensorSketch, type FeatureMap, type FeatureRows, type Rows } from '../src/index';
import { FEATURE_MAPS } from './feature-maps';

const SHAPE = { inputDim: 4, features: 8 };
const piece = (rows: number, seed = 0): Rows => ({
  data: random.fillNormal(random.key(seed), new Float32Array(4 * rows)),
  shape: [rows, 4],
});

async function drain(chunks: AsyncIterable<FeatureRows>): Promise<number> {
  let rows = 0;
  for await (const { shape } of chunks) rows += shape[0];
  return rows;
}

/** What the body leaves behind, when the map is disposed after it. */
async function leftBy(map: FeatureMap, body: () => Promise<unknown>): Promise<number> {
  const { numTensors } = tf.memory();
  await body();
  map.dispose();
  return tf.memory().numTensors - numTensors;
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(FEATURE_MAPS)('$name', ({ make }) => {
    const create = (): FeatureMap => make({ ...SHAPE, key: 1 });

    it('leaves nothing behind when the consumer throws or stops', async () => {
      const map = create();
      const stop = new Error('enough');
      let finished = false;
      function* source(): Generator<Rows> {
        try {
          for (let i = 0; ; i++) yield piece(3, i);
        } finally {
          finished = true;
        }
      }
      const consume = async (): Promise<void> => {
        for await (const { data } of map.transformChunks(source())) {
          expect(data).toHaveLength(24);
          throw stop;
        }
      };
      expect(await leftBy(map, () => expect(consume()).rejects.toBe(stop))).toBe(0);
      expect(finished).toBe(true);
    });

    it('leaves nothing behind when the source throws', async () => {
      const map = create();
      const broken = new Error('connection lost');
      async function* source(): AsyncGenerator<Rows> {
        yield piece(2);
        await Promise.resolve();
        throw broken;
      }
      expect(await leftBy(map, () => expect(drain(map.transformChunks(source()))).rejects.toBe(broken))).toBe(0);
    });

    it('stops at a signal, with its reason, and goes on after it', async () => {
      const map = create();
      const reason = new Error('stopped by the user');
      const rows: number[] = [];
      const body = async (): Promise<void> => {
        const abort = new AbortController();
        const onProgress = (count: number): void => {
          rows.push(count);
          if (count === 4) abort.abort(reason);
        };
        const options = { blockRows: 2, onProgress, signal: abort.signal };
        await expect(map.transformRows(piece(9), options)).rejects.toBe(reason);
        await expect(map.transformRows(piece(9), options)).rejects.toBe(reason);
        await expect(drain(map.transformChunks([piece(9)], options))).rejects.toBe(reason);
        expect(rows).toEqual([2, 4]);
        expect(await drain(map.transformChunks([piece(9)]))).toBe(9);
      };
      expect(await leftBy(map, body)).toBe(0);
    });

    it('leaves nothing behind for a bad row, and names it', async () => {
      const map = create();
      const bad = Float32Array.from({ length: 20 }, (_, i) => (i === 14 ? NaN : 1));
      const where = `ctr-features.${map.kind}`;
      const body = async (): Promise<void> => {
        const message = `${where}.transformChunks: row 8 of x must have finite numbers, got NaN.`;
        const chunks = map.transformChunks([piece(2), piece(3), { data: bad, shape: [5, 4] }], { blockRows: 2 });
        await expect(drain(chunks)).rejects.toThrow(new RangeError(message));
      };
      expect(await leftBy(map, body)).toBe(0);
    });
  });
});

describe('a stream', () => {
  beforeAll(() => useBackend('cpu'));
  const map = new TensorSketch({ inputDim: 4, features: 4, degree: 1, key: 0 });

  it('tells the rows done, counted through the pieces', async () => {
    const rows: number[] = [];
    const options = { blockRows: 2, onProgress: (count: number) => rows.push(count) };
    await drain(map.transformChunks([piece(3), piece(1), piece(4)], options));
    expect(rows).toEqual([2, 3, 4, 6, 8]);
    rows.length = 0;
    await map.transformRows(piece(5), options);
    expect(rows).toEqual([2, 4, 5]);
    map.dispose();
  });

  it('works off one piece before it asks for the next', async () => {
    const log: string[] = [];
    async function* source(): AsyncGenerator<Rows> {
      for (const name of ['a', 'b']) {
        await Promise.resolve();
        log.push(`read ${name}`);
        yield piece(1);
      }
    }
    for await (const { shape } of map.transformChunks(source())) log.push(`got ${shape.join(' x ')}`);
    expect(log).toEqual(['read a', 'got 1 x 4', 'read b', 'got 1 x 4']);
    map.dispose();
  });

  it('lets other code run between blocks', async () => {
    let others = 0;
    const timer = setInterval(() => others++);
    await map.transformRows(piece(40), { blockRows: 1 });
    clearInterval(timer);
    expect(others).toBeGreaterThan(0);
    map.dispose();
  });
});
