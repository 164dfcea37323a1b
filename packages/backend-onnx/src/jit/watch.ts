import * as tf from '@tensorflow/tfjs';

/** Optimizers that a function uses, with the settings that were recorded. */
export type Watched = Map<tf.Optimizer, string>;

const OPTIMIZERS = [
  tf.SGDOptimizer,
  tf.MomentumOptimizer,
  tf.RMSPropOptimizer,
  tf.AdagradOptimizer,
  tf.AdadeltaOptimizer,
  tf.AdamOptimizer,
  tf.AdamaxOptimizer,
];

/**
 * Calls `record` and notes whose settings it depends on. Learning rates of TensorFlow.js's optimizers are plain
 * numbers that become constants of the recording; so they are compared before each later run.
 *
 * Meanwhile Math.random throws: what it draws would be the same at each later run.
 */
export function watching<R>(record: () => R): { result: R; watched: Watched } {
  const watched: Watched = new Map();
  const restore = [
    patch(tf.Optimizer.prototype, 'computeGradients', note),
    ...OPTIMIZERS.map(({ prototype }) => patch(prototype as tf.Optimizer, 'applyGradients', note)),
  ];
  function note(optimizer: tf.Optimizer): void {
    if (!watched.has(optimizer)) watched.set(optimizer, settingsOf(optimizer));
  }
  const source: { random: () => number } = Math;
  const { random } = source;
  source.random = () => {
    throw new Error(
      'backend-onnx.jit: random numbers inside a compiled function must be drawn with a key by ' +
        '@tfsci/tensor-core, got a call of Math.random (tf.randomNormal, tf.dropout and the like make one): it would be ' +
        'the same draw at each call. Draw with a key, or outside of the compiled function.',
    );
  };
  try {
    return { result: record(), watched };
  } finally {
    source.random = random;
    restore.forEach((undo) => undo());
  }
}

/** Whether the settings are still those that were recorded. */
export function unchanged(watched: Watched): boolean {
  for (const [optimizer, settings] of watched) if (settingsOf(optimizer) !== settings) return false;
  return true;
}

const settingsOf = (optimizer: tf.Optimizer): string => JSON.stringify(optimizer.getConfig());

function patch(
  prototype: tf.Optimizer,
  name: 'computeGradients' | 'applyGradients',
  before: (optimizer: tf.Optimizer) => void,
): () => void {
  const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
  const replacement = function (this: tf.Optimizer, ...args: unknown[]): unknown {
    before(this);
    return original.apply(this, args);
  };
  Object.assign(prototype, { [name]: replacement });
  return () => Object.assign(prototype, { [name]: original });
}
