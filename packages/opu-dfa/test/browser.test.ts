import * as tf from '@tensorflow/tfjs';
import * as core from '@tfsci/tensor-core';
import { browserBattery } from '@tfsci/tooling/browser-battery';
import { expect } from 'vitest';
import * as opuDfa from '../src';

/** The GPU's tanh and exp have relative errors of about 1e-5; a few steps add them up. */
const FLOAT32 = { rtol: 1e-3, atol: 1e-4 };
/** Accountants are float64 on the host. */
const FLOAT64 = { rtol: 1e-9 };

/** What test/browser/exercise.js gives. */
interface Results {
  results: Record<string, number[]>;
}

browserBattery<Results>({
  folder: new URL('browser/', import.meta.url),
  claim: 'gradients, training by light and private training are those of Node, at the same epsilon',
  inNode: async () => {
    const { exercise } = (await import(new URL('browser/exercise.js', import.meta.url).href)) as {
      exercise: (...modules: [typeof tf, typeof core, typeof opuDfa]) => Promise<Results>;
    };
    await core.useBackend('cpu');
    return exercise(tf, core, opuDfa);
  },
  compare: ({ results }, expected) => {
    expect(Object.keys(results)).toEqual(Object.keys(expected.results));
    for (const [name, numbers] of Object.entries(expected.results)) {
      expect(results[name], name).toBeAllclose(numbers, name === 'privacy' ? FLOAT64 : FLOAT32);
    }
  },
});
