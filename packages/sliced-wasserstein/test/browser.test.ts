import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { browserBattery } from '@tfsci/tooling/browser-battery';
import { expect } from 'vitest';
import * as sliced from '../src';

/**
 * Sums of 40 float32 numbers that were sorted after products in another order: numbers that change places differ by their
 * rounding alone, and so do the gradients of distances with p > 1. What is learned adds up a few such errors.
 */
const FLOAT32 = { rtol: 2e-3, atol: 2e-4 };

/** What test/browser/exercise.js gives. */
interface Results {
  results: Record<string, Record<string, number[]>>;
}

browserBattery<Results>({
  folder: new URL('browser/', import.meta.url),
  claim: 'distances, gradients and learned slices are those of Node',
  inNode: async () => {
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof random, typeof sliced]) => Promise<Results>;
    };
    await useBackend('cpu');
    return exercise(tf, random, sliced);
  },
  compare: ({ results }, expected) => {
    expect(Object.keys(results)).toEqual(Object.keys(expected.results));
    for (const [name, values] of Object.entries(expected.results)) {
      for (const [what, numbers] of Object.entries(values)) {
        expect(results[name]![what], `${name}: ${what}`).toBeAllclose(numbers, FLOAT32);
      }
    }
  },
});
