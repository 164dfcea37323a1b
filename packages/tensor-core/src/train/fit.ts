import type * as tf from '@tensorflow/tfjs';
import type { FitOptions, FitResult } from './fit-options';
import { setUp } from './fit-setup';
import { TrainingRun } from './training-run';

/**
 * Trains: from data over compiled steps to logs, validations and checkpoints, and on from where a run was stopped.
 *
 * Two levels. With `loss`, `model` and `optimizer` a step is made of them and compiled as a whole where the backend can do
 * that; with `step` it is one's own. Nothing is read back in the middle of a step: values stay on the device until
 * `logEvery` of them are read while the next steps run.
 *
 * A run is a function of its options. All its randomness comes from `key` by the number of the step or batch, so a run that
 * was stopped, by `signal` or by the loss of its process, and is begun again with the same options and store goes on
 * from its newest checkpoint and ends with the same weights, bit for bit, and the same history.
 *
 * @returns how the run ended, its history and its best validation; the model holds the last weights, and
 *   `loadCheckpoint(store, 'best')` has the best
 * @throws TypeError, RangeError for bad options; RangeError naming the step when the loss or weights are not finite;
 *   FormatError that lists the differences when the checkpoint is of another run
 * @example
 * const { status, best } = await fit({
 *   model,
 *   loss: ({ x, y }) => tf.losses.meanSquaredError(y, model.forward(x)),
 *   optimizer: tf.train.adam(1e-3),
 *   data: arrays({ x, y }),
 *   batchSize: 32,
 *   epochs: 20,
 *   key: random.key(0),
 *   checkpoint: { store: directoryStore('runs/first'), every: { epochs: 1 } },
 *   progress: terminalProgress(),
 * });
 */
export async function fit<B extends tf.TensorContainer, V extends tf.TensorContainer = B>(
  options: FitOptions<B, V>,
): Promise<FitResult> {
  return new TrainingRun(setUp(options)).run();
}
