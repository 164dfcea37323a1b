import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { requireTool } from '@tfsci/tooling';
import { onnx } from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, toOnnx } from '../src/index';

const python = requireTool('python-onnx');

beforeAll(async () => {
  await tf.setBackend('onnx');
});

afterEach(() => tf.disposeVariables());

/** What a plain session of ONNX Runtime computes from the file. */
async function run(file: Uint8Array, feeds: Record<string, tf.Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(file);
  expect([...session.inputNames].sort()).toEqual(Object.keys(feeds).sort());
  const entries = Object.entries(feeds).map(([name, x]) => {
    const type = x.dtype as 'float32';
    return [name, new Tensor(type, x.dataSync() as Float32Array, x.shape)] as const;
  });
  return await session.run(Object.fromEntries(entries));
}

function expectSame(result: Tensor | undefined, expected: tf.Tensor): void {
  expect(result?.dims).toEqual(expected.shape);
  const values = expected.dataSync();
  (result!.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(values[i]!, 5));
}

const domains = (file: Uint8Array): (string | null | undefined)[] =>
  onnx.ModelProto.decode(file).opsetImport.map(({ domain }) => domain);

describe('toOnnx', () => {
  it('writes a function with its variables as initializers, under their names', async () => {
    const w = tf.variable(tf.randomNormal([4, 3]), true, 'layer/weight');
    const b = tf.variable(tf.randomNormal([3]), true, 'layer/bias');
    const f = (x: tf.Tensor2D): tf.Tensor => x.matMul(w).add(b).softmax();
    const x = tf.randomNormal<tf.Rank.R2>([2, 4]);
    const file = toOnnx(f, [tf.zeros([2, 4])], { inputNames: ['x'], outputNames: ['probabilities'] });
    expectSame((await run(file, { x }))['probabilities'], f(x));
    const names = onnx.ModelProto.decode(file).graph!.initializer!.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['layer/weight', 'layer/bias']));
    expect(domains(file)).toEqual(['']);
  });

  it('writes standard operators for what is fused here', async () => {
    const f = jit((a: tf.Tensor3D, b: tf.Tensor3D) => ({
      first: tf.matMul(a, b, false, true),
      second: tf.matMul(a, b, true, false).mul(2).relu(),
    }));
    const [a, b] = [tf.randomNormal<tf.Rank.R3>([3, 2, 2]), tf.randomNormal<tf.Rank.R3>([3, 2, 2])];
    const file = toOnnx(f, [a, b]);
    expect(domains(file)).toEqual(['']);
    const { first, second } = await run(file, { input0: a, input1: b });
    expectSame(first, f(a, b).first);
    expectSame(second, f(a, b).second);
  });

  it('keeps inputs in their shape, those that are not used, and results that are alike', async () => {
    const f = (x: tf.Tensor, _unused: tf.Tensor): tf.Tensor[] => [
      x.reshape([6]),
      x.reshape([3, 2]).add(1),
      x.reshape([6]),
    ];
    const x = tf.range(0, 6).reshape([2, 3]);
    const file = toOnnx(f, [x, tf.scalar(1)]);
    const { output0, output1, output2 } = await run(file, { input0: x, input1: tf.scalar(5) });
    expectSame(output0, x.reshape([6]));
    expectSame(output1, x.reshape([3, 2]).add(1));
    expectSame(output2, x.reshape([6]));
  });

  it('writes integers and bools', async () => {
    const f = (x: tf.Tensor): tf.Tensor[] => [x.greater(2), x.add(tf.scalar(1, 'int32'))];
    const x = tf.tensor1d([1, 2, 3], 'int32');
    const { output0, output1 } = await run(toOnnx(f, [x]), { input0: x });
    expect([output0!.type, [...(output0!.data as Uint8Array)]]).toEqual(['bool', [0, 0, 1]]);
    expect([output1!.type, [...(output1!.data as Int32Array)]]).toEqual(['int32', [2, 3, 4]]);
  });

  it('writes a layers model in inference mode', async () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          inputShape: [8, 8, 16],
          filters: 16,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          activation: 'relu',
        }),
        tf.layers.batchNormalization(),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.dropout({ rate: 0.5 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, activation: 'softmax' }),
      ],
    });
    const x = tf.randomNormal([5, 8, 8, 16]);
    const file = toOnnx(model, [x]);
    const [input] = model.inputNames;
    const [output] = model.outputNames;
    expectSame((await run(file, { [input!]: x }))[output!], model.predict(x) as tf.Tensor);
  });

  it('leaves nothing behind', () => {
    const w = tf.variable(tf.ones([2]));
    const x = tf.ones([2]);
    const { numTensors } = tf.memory();
    toOnnx((y: tf.Tensor) => y.mul(w), [x]);
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  it.skipIf(python === undefined)('passes the checker of the Python package onnx', () => {
    const folder = mkdtempSync(join(tmpdir(), 'to-onnx-'));
    try {
      const path = join(folder, 'model.onnx');
      const w = tf.variable(tf.randomNormal([3, 4, 4]), true, 'w');
      writeFileSync(
        path,
        toOnnx((x: tf.Tensor) => tf.matMul(x, w, true).softmax().sum(-1), [tf.zeros([3, 4, 4])]),
      );
      // An old checker refuses a newer file format before it looks; what it knows of the format has not changed.
      const script =
        'import onnx, sys; m = onnx.load(sys.argv[1]); m.ir_version = min(m.ir_version, onnx.IR_VERSION); ' +
        'onnx.checker.check_model(m); print("valid")';
      expect(execFileSync(python!, ['-c', script, path], { encoding: 'utf8' })).toContain('valid');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('toOnnx refuses', () => {
  const x = (): tf.Tensor => tf.ones([2]);
  it.each<[string, () => unknown, string]>([
    [
      'assigning variables',
      () => {
        const w = tf.variable(tf.ones([2]));
        return toOnnx((y: tf.Tensor) => (w.assign(w.add(1)), y.add(w)), [x()]);
      },
      'backend-onnx.toOnnx: the function must not make or assign variables.',
    ],
    [
      'no result',
      () => toOnnx(() => undefined, [x()]),
      'backend-onnx.toOnnx: the function must give at least one tensor, got none.',
    ],
    [
      'an argument as result',
      () => toOnnx((y: tf.Tensor) => y, [x()]),
      'backend-onnx.toOnnx: the function must give real tensors that it computes',
    ],
    [
      'reading values',
      () => toOnnx((y: tf.Tensor) => y.add(y.dataSync()[0]!), [x()]),
      'the values of a tensor are read',
    ],
    [
      'a wrong target',
      () => toOnnx(3 as never, [x()]),
      'backend-onnx.toOnnx: target must be a tf.LayersModel or a function, got number.',
    ],
    [
      'too few names',
      () => toOnnx((y: tf.Tensor) => y.add(1), [x()], { inputNames: [] }),
      'backend-onnx.toOnnx: options.inputNames must be 1 different names, got [].',
    ],
    [
      'equal names',
      () => toOnnx((y: tf.Tensor) => [y.add(1), y.add(2)], [x()], { outputNames: ['a', 'a'] }),
      'options.outputNames must be 2 different names',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it('another backend', async () => {
    await tf.setBackend('cpu');
    expect(() => toOnnx((y: tf.Tensor) => y.add(1), [x()])).toThrow(
      "backend-onnx.toOnnx: the onnx backend must be active, got cpu. await tf.setBackend('onnx') first.",
    );
    await tf.setBackend('onnx');
  });
});
