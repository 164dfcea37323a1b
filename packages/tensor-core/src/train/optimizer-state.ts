import * as tf from '@tensorflow/tfjs';
import { toTensor } from '../io';
import type { Entries } from './weights';

/** What an optimiser weighs with, ready for a file. */
export interface OptimizerTensors {
  className: string;
  /** getWeights, in its order; names of variables are replaced by those of the model. */
  weights: { name: string; tensor: tf.Tensor }[];
  /** Variables that the optimiser holds and getWeights leaves out, by their path; they stay the optimiser's. */
  others: Record<string, tf.Variable>;
  /** Disposes what getWeights made. */
  dispose(): void;
}

/**
 * The whole state of an optimiser, so that it goes on bit for bit. getWeights alone is not that for TensorFlow.js's Adam,
 * which computes its powers of beta anew in setWeights, with other rounding.
 *
 * @param trained  the model's variables with their names
 */
export async function optimizerTensors(
  optimizer: tf.Optimizer,
  trained: readonly [string, tf.Variable][],
): Promise<OptimizerTensors> {
  const weights = await optimizer.getWeights();
  const known = new Set([...weights.map(({ tensor }) => tensor), ...trained.map(([, variable]) => variable)]);
  const others = Object.fromEntries([...variablesIn(optimizer)].filter(([, variable]) => !known.has(variable)));
  return {
    className: optimizer.getClassName(),
    weights: weights.map(({ name, tensor }) => ({ name: renamed(name, namesOf(trained)), tensor })),
    others,
    dispose: () => {
      // TensorFlow.js's optimisers hand out the variables themselves.
      for (const { tensor } of weights) if (!(tensor instanceof tf.Variable)) tensor.dispose();
    },
  };
}

/**
 * Sets an optimiser to what was saved.
 *
 * @param weights  in the order of getWeights
 * @param others   by path; those that the optimiser has not made yet are passed over
 */
export async function restoreOptimizer(
  optimizer: tf.Optimizer,
  trained: readonly [string, tf.Variable][],
  weights: readonly { name: string; entry: Entries[string] }[],
  others: Entries,
): Promise<void> {
  const before = variablesIn(optimizer);
  const back = new Map([...namesOf(trained)].map(([own, name]) => [name, own]));
  const tensors = weights.map(({ name, entry }) => ({ name: renamed(name, back), tensor: toTensor(entry) }));
  try {
    await optimizer.setWeights(tensors);
  } finally {
    tf.dispose(tensors);
  }
  const after = variablesIn(optimizer);
  const inUse = new Set([...after.values(), ...trained.map(([, variable]) => variable)]);
  for (const variable of before.values()) if (!inUse.has(variable) && !variable.isDisposed) variable.dispose();
  for (const [path, entry] of Object.entries(others)) {
    tf.tidy(() => after.get(path)?.assign(toTensor(entry)));
  }
}

/** 'name/rest' with the name looked up; other names stay as they are. */
function renamed(name: string, names: ReadonlyMap<string, string>): string {
  // The names of modules have dots, those of variables may have slashes.
  for (let end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
    const other = names.get(name.slice(0, end));
    if (other !== undefined) return other + name.slice(end);
  }
  return name;
}

function namesOf(trained: readonly [string, tf.Variable][]): Map<string, string> {
  return new Map(trained.map(([name, variable]) => [variable.name, name]));
}

/** The variables in an optimiser's fields, in arrays and plain objects there too, by their path. */
function variablesIn(optimizer: tf.Optimizer): Map<string, tf.Variable> {
  const found = new Map<string, tf.Variable>();
  const visit = (value: unknown, path: string): void => {
    if (value instanceof tf.Variable) found.set(path, value as tf.Variable);
    else if (Array.isArray(value)) value.forEach((item, i) => visit(item, `${path}.${i}`));
    else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      for (const [name, item] of Object.entries(value)) visit(item, `${path}.${name}`);
    }
  };
  for (const [name, value] of Object.entries(optimizer)) visit(value, name);
  return found;
}
