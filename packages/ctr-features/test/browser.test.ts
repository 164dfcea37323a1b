import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { browserBattery } from '@tfsci/tooling/browser-battery';
import { expect } from 'vitest';
import * as maps from '../src';

/** Products of three sums of at most ten float32 numbers, squared for the gradient, in another order on each device. */
const FLOAT32 = { rtol: 1e-3, atol: 2e-4 };

/** What test/browser/exercise.js gives. */
interface Results {
  results: Record<string, Record<'phi' | 'gradient' | 'rows', number[]>>;
}

browserBattery<Results>({
  folder: new URL('browser/', import.meta.url),
  claim: 'feature maps give the features and gradients of Node',
  inNode: async () => {
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof random, typeof maps]) => Promise<Results>;
    };
    await useBackend('cpu');
    return exercise(tf, random, maps);
  },
  compare: ({ results }, expected) => {
    expect(Object.keys(results)).toEqual(Object.keys(expected.results));
    for (const [map, values] of Object.entries(expected.results)) {
      for (const what of ['phi', 'gradient', 'rows'] as const) {
        expect(results[map]![what], `${map}: ${what}`).toBeAllclose(values[what], FLOAT32);
      }
    }
  },
});
