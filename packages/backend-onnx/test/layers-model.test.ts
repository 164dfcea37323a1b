import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxBackend } from '../src/backend';
import { backendInfo } from '../src/index';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

/** A small network with the usual layers, whose weights follow from seeds. */
function network(): tf.Sequential {
  const glorot = (seed: number) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: glorot(1),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.batchNormalization(),
      tf.layers.flatten(),
      tf.layers.dense({ units: 8, activation: 'tanh', kernelInitializer: glorot(2) }),
      tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: glorot(3) }),
    ],
  });
}

/** Images that are brighter on the left, or on the right. */
function images(): { xs: tf.Tensor; ys: tf.Tensor } {
  const count = 48;
  const pixels = Float32Array.from({ length: count * 64 }, (_, i) => {
    const [image, column] = [Math.floor(i / 64), i % 8];
    return Math.sin(i) * 0.3 + (column < 4 === (image % 2 === 0) ? 1 : 0);
  });
  const labels = tf.tensor1d(
    Array.from({ length: count }, (_, i) => i % 2),
    'int32',
  );
  return { xs: tf.tensor(pixels, [count, 8, 8, 1]), ys: tf.oneHot(labels, 2) };
}

async function train(
  backendName: string,
): Promise<{ history: number[]; predictions: number[]; compilations: number[] }> {
  await tf.setBackend(backendName);
  const model = network();
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const { xs, ys } = images();
  const compilations: number[] = [];
  const { history } = await model.fit(xs, ys, {
    epochs: 5,
    batchSize: 16,
    shuffle: false,
    verbose: 0,
    callbacks: { onEpochEnd: () => void compilations.push(backendInfo().compilations) },
  });
  const [loss, accuracy] = (model.evaluate(xs, ys, { batchSize: 16 }) as tf.Scalar[]).map((x) => x.dataSync()[0]!);
  const predictions = [...(model.predict(xs) as tf.Tensor).dataSync()];
  return { history: [...(history['loss'] as number[]), loss!, accuracy!], predictions, compilations };
}

describe('a tf.LayersModel', () => {
  it('is trained, evaluated and applied as on the cpu backend', async () => {
    const onCpu = await train('cpu');
    const onOnnx = await train('onnx');
    onOnnx.history.forEach((value, i) => expect(value).toBeCloseTo(onCpu.history[i]!, 3));
    onOnnx.predictions.forEach((value, i) => expect(value).toBeCloseTo(onCpu.predictions[i]!, 3));
    expect(onOnnx.history.at(-1)).toBe(1);
    expect(onOnnx.compilations.at(-1)).toBe(onOnnx.compilations[1]);
  });

  it('is saved and loaded', async () => {
    const model = network();
    const { xs } = images();
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler((artifacts) => {
        saved = artifacts;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    const apply = (one: tf.LayersModel): number[] => [...(one.predict(xs) as tf.Tensor).dataSync()];
    expect(apply(loaded)).toEqual(apply(model));
  });

  it('leaves nothing behind when it is disposed', async () => {
    const backend = tf.backend() as OnnxBackend;
    const live = (): number[] => [tf.memory().numTensors, tf.memory().numDataBuffers, backend.numDataIds()];
    const { xs, ys } = images();
    const before = live();
    const optimizer = tf.train.adam(0.01);
    const model = network();
    model.compile({ optimizer, loss: 'categoricalCrossentropy' });
    await model.fit(xs, ys, { epochs: 1, batchSize: 16, verbose: 0 });
    tf.dispose(model.predict(xs));
    model.dispose();
    optimizer.dispose();
    expect(live()).toEqual(before);
  });
});

describe('gradients', () => {
  const h = 1e-2;
  const functions: [string, (x: tf.Tensor) => tf.Tensor, number[]][] = [
    ['a product', (x) => x.reshape([3, 4]).matMul(x.reshape([4, 3])), [12]],
    ['softmax', (x) => x.reshape([3, 4]).softmax().mul(tf.range(0, 4)), [12]],
    [
      'a convolution',
      (x) =>
        tf.conv2d(x as tf.Tensor4D, tf.range(0, 18).div<tf.Tensor1D>(18).reshape<tf.Tensor4D>([3, 3, 1, 2]), 2, 'same'),
      [1, 5, 5, 1],
    ],
    ['normalisation', (x) => x.sub(x.mean(0)).div(x.square().mean(0).add(1).sqrt()), [4, 3]],
    ['gather', (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')).square(), [3, 2]],
    ['pooling', (x) => tf.avgPool(x as tf.Tensor4D, 2, 1, 'valid').exp(), [1, 4, 4, 1]],
  ];

  it.each(functions)('of %s are those of finite differences', (_, f, shape) => {
    const weights = (x: tf.Tensor): tf.Tensor =>
      tf
        .range(1, x.size + 1)
        .div(x.size)
        .reshape(x.shape);
    const loss = (x: tf.Tensor): tf.Scalar => {
      const y = f(x);
      return y.mul(weights(y)).sum();
    };
    const size = shape.reduce((product, length) => product * length, 1);
    const point = Float32Array.from({ length: size }, (__, i) => Math.sin(2 * i + 1));
    const at = (values: Float32Array): number => loss(tf.tensor(values, shape)).dataSync()[0]!;
    const gradient = tf.grad(loss)(tf.tensor(point, shape)).dataSync();
    point.forEach((value, i) => {
      const [above, below] = [value + h, value - h].map((moved) => at(point.map((old, j) => (j === i ? moved : old))));
      // The error of the difference is h^2 times a third derivative of about 1, and 1e-6 / h by rounding.
      expect(Math.abs(gradient[i]! - (above! - below!) / (2 * h))).toBeLessThan(5e-3);
    });
  });
});
