import { denseNetwork, trainNetwork, type DfaNetwork } from '@tfsci/opu-dfa';
import { optim, random } from '@tfsci/tensor-core';
import type { ImageData, LabelledImages } from '../../image-data';
import { BP, LAST, type Method, type Plan } from './plan';

/** How a method has learned with one seed. */
export interface Training {
  method: string;
  seed: number;
  /** On the test pictures, after each epoch. */
  accuracy: number[];
  loss: number[];
  /** Cosine of each hidden layer's update with its gradient on the first batch of each epoch; none for back-propagation. */
  alignment: number[][];
}

/** Pictures as columns of a data set. */
export interface Columns {
  x: { data: Float32Array; shape: [number, number] };
  y: { data: Int32Array; shape: [number] };
}

/** The first pictures of a set, at most `limit`. */
export function columnsOf({ pixels, labels, count, size }: LabelledImages, limit: number): Columns {
  const rows = Math.min(count, limit);
  return {
    x: { data: pixels.subarray(0, rows * size), shape: [rows, size] },
    y: { data: Int32Array.from(labels.subarray(0, rows)), shape: [rows] },
  };
}

/** The network of a seed: the same weights and feedback for each method. */
export function networkOf(images: ImageData, { hidden }: Plan, seed: number): DfaNetwork {
  return denseNetwork({ inputs: images.train.size, hidden, outputs: images.classes, key: seed });
}

/** Trains once, without privacy. */
export async function trainingOf(
  images: ImageData,
  plan: Plan,
  { name, update }: Method,
  seed: number,
  signal: AbortSignal,
): Promise<Training> {
  const { learningRate, epochs, batchSize, rowLimit } = plan;
  const [train, test] = [columnsOf(images.train, rowLimit), columnsOf(images.test, rowLimit)];
  const batches = Math.ceil(train.y.shape[0] / batchSize);
  const isFedBack = name !== BP && name !== LAST;
  const network = networkOf(images, plan, seed);
  const optimizer = new optim.Sgd({ learningRate, momentum: 0.9 });
  try {
    const { history } = await trainNetwork(network, {
      ...train,
      optimizer,
      update,
      batchSize,
      epochs,
      key: random.foldIn(random.key(seed), 1),
      // One record an epoch.
      logEvery: batches,
      ...(isFedBack && { trackAlignment: batches }),
      validate: { ...test, every: { epochs: 1 } },
      signal,
    });
    const column = (key: string): number[] => history.flatMap(({ values }) => values[key] ?? []);
    const aligned = network.blocks.slice(0, -1).map(({ name: layer }) => column(`alignment/${layer}`));
    return {
      method: name,
      seed,
      accuracy: column('validation/accuracy'),
      loss: column('validation/loss'),
      alignment: (aligned[0] ?? []).map((_, epoch) => aligned.map((cosines) => cosines[epoch]!)),
    };
  } finally {
    network.dispose();
    optimizer.dispose();
  }
}
