// B pictures of a batch, P pixels, Z latent numbers
import * as tf from '@tensorflow/tfjs';
import { fitAdaptiveSlices, slicedWasserstein, type AxialFit } from '@tfsci/sliced-wasserstein';
import { nn, optim, random } from '@tfsci/tensor-core';
import type { ImageData } from '../../image-data';

/** How the slices of the loss are chosen: drawn anew, or fitted to each batch. */
export const TRAININGS = ['uniform', 'adaptive'] as const;
export type Training = (typeof TRAININGS)[number];

/** A generator of pictures, trained by a sliced distance to real ones. */
export interface Generated {
  training: Training;
  /** SW_2 between generated and test pictures, uniform slices, at these steps. */
  steps: number[];
  distance: number[];
  /** The same between training and test pictures: what cannot be beaten by learning. */
  floor: number;
  /** Some generated pictures, one after the other. */
  samples: number[];
  height: number;
  width: number;
}

export interface GeneratorOptions {
  training: Training;
  steps: number;
  batch: number;
  slices: number;
  /** Iterations that slices are fitted for, a batch. */
  innerIterations: number;
  /** Pictures at most. */
  limit: number;
  key: random.Key;
  signal: AbortSignal;
}

const LATENT = 16;
const HIDDEN = 128;
const LEARNING_RATE = 2e-3;
/** Evaluations of the test distance. */
const EVALUATIONS = 5;
const SHOWN = 48;

/** z -> 128 -> 128 -> pixels in 0..1 */
class Generator extends nn.Module {
  private readonly layers: readonly nn.Linear[];

  constructor(pixels: number, key: random.Key) {
    super();
    const widths = [LATENT, HIDDEN, HIDDEN, pixels];
    const keys = random.split(key, widths.length - 1);
    this.layers = this.children(
      'layers',
      keys.map((own, i) => new nn.Linear(widths[i]!, widths[i + 1]!, { key: own })),
    );
  }

  forward(z_BZ: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() =>
      this.layers.reduce<tf.Tensor>((x, layer, i) => {
        const out = layer.forward(x);
        return i < this.layers.length - 1 ? out.relu() : out.sigmoid();
      }, z_BZ),
    ) as tf.Tensor2D;
  }
}

/** Trains on batches of the training pictures with SW_2^2 as the loss. */
export async function generatorTrained(images: ImageData, options: GeneratorOptions): Promise<Generated> {
  const { training, steps, batch, slices, innerIterations, limit, key, signal } = options;
  const { height, width, size } = images.train;
  const [ofNet, ofBatches, ofNoise, ofSlices, ofTest, ofFit] = random.split(key, 6) as [random.Key, ...random.Key[]];
  const real = cloudOf(images.train.pixels, images.train.count, size, limit);
  const test = cloudOf(images.test.pixels, images.test.count, size, limit);
  const count = test.shape[0];
  const net = new Generator(size, ofNet);
  const optimizer = new optim.AdamW({ learningRate: LEARNING_RATE, beta1: 0.5, weightDecay: 0 });
  const distanceTo = async (cloud: tf.Tensor2D): Promise<number> => {
    const value = slicedWasserstein(cloud, test, { slices: 512, key: ofTest! });
    const [number] = await value.data();
    value.dispose();
    return number!;
  };
  const generated = (rows: number): tf.Tensor2D =>
    tf.tidy(() => net.forward(random.normal(ofTest!, [rows, LATENT]) as tf.Tensor2D));
  const measured = async (): Promise<number> => {
    const cloud = generated(count);
    const distance = await distanceTo(cloud);
    cloud.dispose();
    return distance;
  };
  const result: Generated = { training, steps: [], distance: [], floor: 0, samples: [], height, width };
  let fit: AxialFit | undefined;
  try {
    const part = tf.slice2d(real, [0, 0], [Math.min(count, real.shape[0]), size]);
    result.floor = await distanceTo(part);
    part.dispose();
    for (let step = 0; step < steps; step++) {
      signal.throwIfAborted();
      if (step % Math.ceil(steps / EVALUATIONS) === 0) {
        result.steps.push(step);
        result.distance.push(await measured());
      }
      const rows = random.permutation(random.foldIn(ofBatches!, step), real.shape[0]).subarray(0, batch);
      const x = tf.tidy(() => tf.gather(real, tf.tensor1d(rows, 'int32')));
      const z = random.normal(random.foldIn(ofNoise!, step), [rows.length, LATENT]) as tf.Tensor2D;
      if (training === 'adaptive') {
        const now = net.forward(z);
        fit = await fitAdaptiveSlices(x, now, {
          // From where the last batch has left it.
          ...(fit && { mu: fit.distribution.mu }),
          slices,
          iterations: innerIterations,
          finalSlices: 2,
          key: random.foldIn(ofFit!, step),
          signal,
        });
        now.dispose();
      }
      const drawn = { slices, root: false, key: random.foldIn(ofSlices!, step) };
      const loss = (): tf.Scalar => {
        const cloud = net.forward(z);
        const uniform = slicedWasserstein(cloud, x, drawn);
        return fit ? uniform.add(slicedWasserstein(cloud, x, { ...drawn, sampler: fit.distribution })) : uniform;
      };
      optimizer.minimize(loss, false, net.trainableVariables());
      tf.dispose([x, z]);
    }
    result.steps.push(steps);
    result.distance.push(await measured());
    const shown = generated(SHOWN);
    result.samples = Array.from(await shown.data());
    shown.dispose();
  } finally {
    tf.dispose([real, test]);
    net.dispose();
    optimizer.dispose();
  }
  return result;
}

function cloudOf(pixels: Float32Array, count: number, size: number, limit: number): tf.Tensor2D {
  const rows = Math.min(count, limit);
  return tf.tensor2d(pixels.slice(0, rows * size), [rows, size]);
}
