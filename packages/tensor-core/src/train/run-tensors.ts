import * as tf from '@tensorflow/tfjs';
import { FormatError } from '../check';
import { toTensor } from '../io';
import {
  byPlace,
  firstNonFinite,
  inOrder,
  PARTS,
  writeCheckpoint,
  type Checkpoint,
  type Part,
  type RunState,
} from './checkpoint';
import { optimizerTensors, restoreOptimizer } from './optimizer-state';
import type { WeightAverage } from './weight-average';
import { differences, loadModel, stateOfModel, trainableOf, type Model } from './weights';

/** All that holds tensors in a run; what is absent has none. */
export interface Holders {
  model: Model;
  state: Model;
  optimizer: tf.Optimizer | undefined;
  average: WeightAverage | undefined;
}

/**
 * A run as the bytes of a checkpoint.
 *
 * @returns the bytes; or a tensor, in words, that is not finite, so that they should not be kept. Buffers and frozen
 *   parameters may hold infinities (masks do), but no NaN
 */
export async function saveRun(
  { model, state, optimizer, average }: Holders,
  run: RunState,
): Promise<{ bytes: Uint8Array; nonFinite: string | undefined }> {
  const trained = trainableOf(model);
  const own = optimizer && (await optimizerTensors(optimizer, trained));
  const copies = await copiesOf({ model, state, average });
  try {
    const parts = { ...copies, optimizer: byPlace(own?.weights ?? []), 'optimizer.others': own?.others ?? {} };
    const { bytes, entries } = await writeCheckpoint(parts, run);
    const names = new Set(trained.map(([name]) => name));
    const mustBeFinite = (part: Part, name: string): boolean =>
      part === 'model' ? names.has(name) : part === 'optimizer' || part === 'optimizer.others';
    const faults = PARTS.flatMap((part) => {
      const name = firstNonFinite(entries[part], (own) => mustBeFinite(part, own));
      return name === undefined ? [] : [`the ${part} tensor ${name}`];
    });
    const [nonFinite] = faults;
    return { bytes, nonFinite };
  } finally {
    own?.dispose();
    tf.dispose(copies);
  }
}

/** What runs must have in common, from what they train and with what. */
export function settingsOf({ model, optimizer }: Pick<Holders, 'model' | 'optimizer'>): Record<string, string> {
  const names = trainableOf(model).map(([name]) => name);
  return { optimizer: optimizer?.getClassName() ?? 'none', 'trained variables': names.join(', ') };
}

/**
 * Sets a run to a checkpoint.
 *
 * @param settings  what both must have in common
 * @throws FormatError that lists every difference; nothing is changed then
 */
export async function restoreRun(
  where: string,
  { model, state, optimizer, average }: Holders,
  checkpoint: Checkpoint,
  settings: Record<string, string>,
): Promise<void> {
  const { parts } = checkpoint;
  const words = Object.entries(settings).flatMap(([name, value]) => {
    const before = checkpoint.settings[name] ?? 'nothing';
    return before === value ? [] : [`was made with the ${name} ${before} where it is ${value} now`];
  });
  const wanted = await copiesOf({ model, state, average });
  for (const part of ['model', 'state', 'average'] as const)
    words.push(...differences(part, wanted[part], parts[part]));
  tf.dispose(wanted);
  if (words.length > 0) {
    const fix = 'Give what the run was begun with, set resume: false to start anew, or take another store.';
    throw new FormatError(`${where}: the checkpoint must be one of this run, but it ${words.join('; it ')}. ${fix}`);
  }
  if (optimizer) {
    await restoreOptimizer(optimizer, trainableOf(model), inOrder(parts.optimizer), parts['optimizer.others']);
  }
  loadModel(model, parts.model);
  loadModel(state, parts.state);
  const averages = average ? checkpoint.average.map(({ name, entry }) => ({ name, tensor: toTensor(entry) })) : [];
  await average?.setWeights(averages);
  tf.dispose(averages);
}

/** Snapshots of what holds no gradients, the caller's to dispose. */
async function copiesOf({ model, state, average }: Omit<Holders, 'optimizer'>) {
  const averages = byPlace((await average?.getWeights()) ?? []);
  return { model: stateOfModel(model), state: stateOfModel(state), average: averages };
}
