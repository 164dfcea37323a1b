import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { browserBattery } from '@tfsci/tooling/browser-battery';
import { expect } from 'vitest';
import * as optimizers from '../src';

// Where the device path is the default. In 25 steps of a convex problem rounding does not grow.
const FLOAT32_STEPS = { rtol: 1e-4, atol: 1e-5 };

/** What test/browser/exercise.js gives. */
interface Results {
  losses: Record<string, (number | string | boolean)[]>;
}

browserBattery<Results>({
  folder: new URL('browser/', import.meta.url),
  claim: 'the optimisers take the steps of Node, and refuse a NaN',
  inNode: async () => {
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof random, typeof optimizers]) => Promise<Results>;
    };
    await useBackend('cpu');
    return exercise(tf, random, optimizers);
  },
  compare: ({ losses }, expected) => {
    for (const [optimizer, values] of Object.entries(expected.losses)) {
      expect(losses[optimizer]!.slice(-2), optimizer).toEqual(['NonFiniteError', true]);
      expect(losses[optimizer]!.slice(0, -2), optimizer).toBeAllclose(values.slice(0, -2), FLOAT32_STEPS);
    }
  },
});
