import * as tf from '@tensorflow/tfjs';
import * as core from '@tfsci/tensor-core';
import { browserBattery } from '@tfsci/tooling/browser-battery';
import { expect } from 'vitest';
import * as counting from '../src';

/** The GPU's exp and erf have relative errors of about 1e-5; layers and steps add them up. */
const FLOAT32 = { rtol: 2e-3, atol: 2e-4 };

/** What test/browser/exercise.js gives. */
interface Results {
  results: Record<string, number[]>;
}

browserBattery<Results>({
  folder: new URL('browser/', import.meta.url),
  claim: 'outputs, gradients, training and interpretation are those of Node',
  inNode: async () => {
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof core, typeof counting]) => Promise<Results>;
    };
    await core.useBackend('cpu');
    return exercise(tf, core, counting);
  },
  compare: ({ results }, expected) => {
    expect(Object.keys(results)).toEqual(Object.keys(expected.results));
    for (const [name, numbers] of Object.entries(expected.results)) {
      expect(results[name], name).toBeAllclose(numbers, FLOAT32);
    }
  },
});
