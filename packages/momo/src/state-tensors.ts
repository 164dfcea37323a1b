import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { SavedSlot, SavedState } from './engine';

/** A tensor with its name, as tf.Optimizer saves its weights. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

const SCALARS = 'momo/scalars';

/**
 * The state as named tensors: `iter`, `momo/scalars` [3, 3] (fbar, gamma, lb, each as three float32
 * parts that add up to the float64 exactly), `momo/d/<i>`, then `momo/v/<i>` for MoMo-Adam.
 */
export function stateToTensors(state: SavedState): NamedTensor[] {
  const { step, lossAvg, gamma, lowerBound, slots } = state;
  const squares = slots.flatMap(({ v, shape }) => (v === null ? [] : [{ v, shape }]));
  return [
    { name: 'iter', tensor: tf.scalar(step, 'int32') },
    { name: SCALARS, tensor: tf.tensor2d([lossAvg, gamma, lowerBound].map(threeParts)) },
    ...slots.map(({ d, shape }, i) => ({ name: `momo/d/${i}`, tensor: tf.tensor(d, shape) })),
    ...squares.map(({ v, shape }, i) => ({ name: `momo/v/${i}`, tensor: tf.tensor(v, shape) })),
  ];
}

/**
 * The state back from named tensors, which stay the caller's.
 *
 * @param preconditioned  whether second averages (v) belong to the state
 * @throws FormatError when names, number or values are not those of such a state
 */
export async function stateFromTensors(
  where: string,
  weights: NamedTensor[],
  preconditioned: boolean,
): Promise<SavedState> {
  const bad = (what: string): check.FormatError =>
    new check.FormatError(`${where}: weights must be what getWeights of the same class gave, got ${what}.`);
  const [iter, scalars, ...averages] = weights;
  if (iter?.tensor.size !== 1 || scalars?.tensor.size !== 9) throw bad(`${weights.length} tensors without its scalars`);
  const step = (await iter.tensor.data())[0]!;
  const parts = await scalars.tensor.data();
  const [lossAvg, gamma, lowerBound] = [0, 3, 6].map((i) => parts[i]! + parts[i + 1]! + parts[i + 2]!);
  if (!Number.isInteger(step) || step < 0 || ![lossAvg, gamma, lowerBound].every(Number.isFinite)) {
    throw bad(`step ${step} and scalars ${lossAvg}, ${gamma}, ${lowerBound}`);
  }
  const rows = preconditioned ? averages.length / 2 : averages.length;
  if (!Number.isInteger(rows)) throw bad(`an odd number of averages (${averages.length})`);
  const slots = await Promise.all(
    averages.slice(0, rows).map(async ({ tensor }, i): Promise<SavedSlot> => {
      const second = preconditioned ? averages[rows + i]!.tensor : null;
      if (second && String(second.shape) !== String(tensor.shape)) {
        throw bad(`averages of shapes [${tensor.shape.join(', ')}] and [${second.shape.join(', ')}]`);
      }
      const d = Float32Array.from(await tensor.data());
      return { shape: tensor.shape, d, v: second && Float32Array.from(await second.data()) };
    }),
  );
  return { step, lossAvg: lossAvg!, gamma: gamma!, lowerBound: lowerBound!, slots };
}

/** Three float32 numbers whose sum is the float64 (24 bits each, where it has 53). */
function threeParts(value: number): [number, number, number] {
  const high = Math.fround(value);
  const middle = Math.fround(value - high);
  return [high, middle, Math.fround(value - high - middle)];
}
