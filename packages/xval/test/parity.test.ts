import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { nn, optim, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { Numformer } from '../src/model/numformer';
import type { NumformerConfig } from '../src/model/numformer-config';
import { numformerLoss, type NumformerLoss } from '../src/model/loss';

/** float32 of another order of summation, relative to the largest entry. */
const OUTPUT = 2e-4;
const LOSS = 1e-5;
const GRADIENT = 1e-3;
/** Sums of rows whose entries reach 1e5, relative to the largest of each position. */
const WIDE = 1e-3;
/** Where a sum of terms of the size 1 cancels, their rounding is left. */
const CANCELLED = 2e-6;
/** Losses of float32 steps with Adam, which divides by the square root of tiny numbers. */
const TRAJECTORY = 1e-4;

const golden = (name: string): Golden => loadGolden(new URL(`./golden/${name}.safetensors`, import.meta.url));

const models: [string, Golden, NumformerConfig][] = [
  [
    'a, pre-norm',
    golden('numformer_a'),
    { vocabSize: 27, width: 48, heads: 3, layers: 2, feedForward: 96, context: 40, dropout: 0 },
  ],
  [
    'b, post-norm',
    golden('numformer_b'),
    {
      vocabSize: 19,
      width: 32,
      heads: 4,
      layers: 3,
      feedForward: 80,
      context: 24,
      dropout: 0,
      normFirst: false,
      tokenBias: true,
      numberBias: false,
    },
  ],
];

function tensorOf(file: Golden, name: string, dtype: 'float32' | 'int32' = 'float32'): tf.Tensor {
  const { data, shape } = file.get(name);
  return tf.tensor(dtype === 'int32' ? Int32Array.from(data) : Float32Array.from(data), shape, dtype);
}

/** The tensors whose names begin so, by the rest of the names. */
function tensorsOf(file: Golden, prefix: string): Record<string, tf.Tensor> {
  const names = file.names.filter((name) => name.startsWith(prefix));
  return Object.fromEntries(names.map((name) => [name.slice(prefix.length), tensorOf(file, name)]));
}

function loaded(file: Golden, config: NumformerConfig, prefix = 'w.'): Numformer {
  const model = new Numformer(config, null);
  model.loadStateDict(tensorsOf(file, prefix));
  return model;
}

function batchOf(
  file: Golden,
  prefix: string,
): { x: tf.Tensor; xNumbers: tf.Tensor; y: tf.Tensor; yNumbers: tf.Tensor } {
  return {
    x: tensorOf(file, `${prefix}x`, 'int32'),
    xNumbers: tensorOf(file, `${prefix}x_num`),
    y: tensorOf(file, `${prefix}y`, 'int32'),
    yNumbers: tensorOf(file, `${prefix}y_num`),
  };
}

function lossOf(model: Numformer, { x, xNumbers, y, yNumbers }: ReturnType<typeof batchOf>): NumformerLoss {
  return numformerLoss(model.forward(x, xNumbers), y, yNumbers, { numberId: 3 });
}

function expectClose(actual: tf.Tensor, file: Golden, name: string, tolerance: number): void {
  const { data } = file.get(name);
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(actual.dataSync(), name).toBeAllclose(data, { rtol: 0, atol: tolerance * largest });
}

describe.each(backendsUnderTest())('Numformer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(models)('%s', (_, file, config) => {
    it("has the reference's embeddings, layers, logits and numbers", () => {
      tf.tidy(() => {
        const model = loaded(file, config);
        const { x, xNumbers } = batchOf(file, 'in.');
        const embedded = model.embedTokens(x, xNumbers);
        expectClose(embedded, file, 'out.embed', OUTPUT);
        model.encoder.layers.reduce((h, layer, i) => {
          const next = layer.forward(h);
          expectClose(next, file, `out.layer${i}`, OUTPUT);
          return next;
        }, embedded);
        const { logits, numbers } = model.forward(x, xNumbers);
        expectClose(logits, file, 'out.logits', OUTPUT);
        expectClose(numbers!, file, 'out.nums', OUTPUT);
        model.dispose();
      });
    });

    it('reads values from 1e-5 to 1e5', () => {
      tf.tidy(() => {
        const model = loaded(file, config);
        const { x } = batchOf(file, 'in.');
        const { logits, numbers } = model.forward(x, tensorOf(file, 'wide.x_num'));
        for (const [name, tensor] of [
          ['logits', logits],
          ['nums', numbers!],
        ] as const) {
          const { data, shape } = file.get(`wide64.${name}`);
          const width = shape.at(-1)!;
          const actual = tensor.dataSync();
          for (let start = 0; start < data.length; start += width) {
            const row = data.subarray(start, start + width);
            const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
            const own = actual.subarray(start, start + width);
            expect(own, `${name} from ${start}`).toBeAllclose(row, {
              rtol: 0,
              atol: Math.max(WIDE * largest, CANCELLED),
            });
          }
        }
        model.dispose();
      });
    });

    it("has the reference's losses and gradients of every parameter", () => {
      tf.tidy(() => {
        const model = loaded(file, config);
        const batch = batchOf(file, 'in.');
        const { loss, tokens, numbers } = lossOf(model, batch);
        for (const [name, scalar] of [
          ['loss', loss],
          ['loss_mlm', tokens],
          ['loss_num', numbers],
        ] as const) {
          expect(scalar.dataSync(), name).toBeAllclose(file.get(`out.${name}`).data, { rtol: LOSS, atol: 0 });
        }
        const { grads } = tf.variableGrads(() => lossOf(model, batch).loss, model.trainableVariables());
        const slots = model.namedSlots().filter(([, { kind }]) => kind === 'parameter');
        expect(slots).toHaveLength(file.names.filter((name) => name.startsWith('g.')).length);
        for (const [name, { variable, permutation }] of slots) {
          const gradient = grads[variable.name]!;
          expectClose(
            permutation ? gradient.transpose([...permutation].map((__, i) => permutation.indexOf(i))) : gradient,
            file,
            `g.${name}`,
            GRADIENT,
          );
        }
        model.dispose();
      });
    });
  });

  it("takes the reference's six steps of AdamW", () => {
    tf.tidy(() => {
      const file = golden('adamw_trajectory');
      const model = loaded(
        file,
        { vocabSize: 12, width: 24, heads: 3, layers: 1, feedForward: 48, context: 16, dropout: 0 },
        'w0.',
      );
      const optimizer = new optim.AdamW({ learningRate: 1e-3, weightDecay: 0.01 });
      const expected = file.get('losses').data;
      for (let step = 0; step < 6; step++) {
        const batch = batchOf(file, `s${step}.`);
        const { tokens, numbers } = lossOf(model, batch);
        const pair = expected.subarray(2 * step, 2 * step + 2);
        expect([...tokens.dataSync(), ...numbers.dataSync()]).toBeAllclose([...pair], { rtol: TRAJECTORY, atol: 0 });
        optimizer.minimize(() => lossOf(model, batch).loss, false, model.trainableVariables());
      }
      for (const [name, tensor] of Object.entries(model.stateDict())) {
        const [actual, wanted] = [[...tensor.dataSync()], [...file.get(`w6.${name}`).data]];
        if (name.endsWith('in_proj_bias')) {
          // Softmax does not see what is added to all keys: their bias has the gradient 0, of which Adam makes whole steps of
          // rounding errors.
          const keys = [actual, wanted].map((values) => values.splice(24, 24));
          expect(keys[0]).toBeAllclose(keys[1]!, { rtol: 0, atol: 12 * 1e-3 });
        }
        expect(actual, name).toBeAllclose(wanted, { rtol: 0, atol: TRAJECTORY });
      }
      model.dispose();
      optimizer.dispose();
    });
  });
});

describe('layer norm of a number embedding', () => {
  it('saturates as the closed form says', () => {
    const file = golden('layernorm_saturation');
    tf.tidy(() => {
      const [u, p, x] = (['u', 'p', 'x'] as const).map((name) => tensorOf(file, name)) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const normal = nn.layerNorm(x.expandDims(1).mul(u).add(p));
      const projection = normal.mul(u).sum(-1).div(u.norm());
      const near = x.abs().lessEqual(20).toFloat();
      expect(near.sum().dataSync()[0]).toBeGreaterThan(40);
      expectClose(normal, file, 'ln', OUTPUT);
      const closed = tensorOf(file, 'closed');
      expect(projection.sub(closed).mul(near).dataSync()).toBeAllclose(new Float32Array(x.size), {
        rtol: 0,
        atol: 1e-4,
      });
    });
  });
});
