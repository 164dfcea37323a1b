import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { nn, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { countingLoss, type PositionCode } from '../src';
import { modelOf, tensorOf } from './golden-model';

const golden = (name: string): Golden => loadGolden(new URL(`./golden/${name}.safetensors`, import.meta.url));

const CODES: Record<string, PositionCode> = {
  nope: { kind: 'none' },
  abs: { kind: 'absolute', maxLength: 25 },
  rope: { kind: 'rope' },
  alibi: { kind: 'alibi', slopes: [0.1] },
};
const CASES = Object.keys(CODES).flatMap((code) => ['causal', 'full'].map((sight) => [code, sight] as const));
const SIZE = { regions: 4, maxCount: 16, width: 16, feedForward: 32 };
/** float32 of another order of summation; gradients relative to the largest entry of each. */
const [LOGITS, ATTENTION, GRADIENT] = [1e-4, 1e-5, 1e-3];

describe.each(backendsUnderTest())('models on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const file = golden('models');

  it.each(CASES)('%s, %s: logits, attention, hidden states, loss and gradients', (code, sight) => {
    const before = tf.memory().numTensors;
    const model = modelOf(file, { ...SIZE, causal: sight === 'causal', positions: CODES[code]! });
    const own = `${code}.${sight}`;
    const near = (value: tf.Tensor, name: string, tolerance: number): void => {
      expect(value.dataSync()).toBeAllclose(file.get(`${own}.${name}`).data, { rtol: 0, atol: tolerance });
    };
    tf.tidy(() => {
      const tokens = tensorOf(file, 'tokens', 'int32');
      const counts = tensorOf(file, 'targets', 'int32');
      const seen: Record<string, tf.Tensor> = {};
      const observed = model.forward(tokens, { observe: (name, value) => (seen[name] = tf.keep(value)) });
      near(observed, 'logits', LOGITS);
      near(seen['hidden']!, 'hidden', LOGITS);
      near(seen['enc.attn.weights']!, 'enc_attn', ATTENTION);
      near(seen['dec.attn.weights']!, 'dec_attn', ATTENTION);
      Object.values(seen).forEach((value) => value.dispose());
      const { value, grads } = tf.variableGrads(() => countingLoss(model.forward(tokens), counts));
      near(model.forward(tokens), 'logits', LOGITS);
      expect(value.dataSync()[0]).toBeCloseTo(file.get(`${own}.loss`).data[0]!, 5);
      const names = file.names.filter((name) => name.startsWith(`${own}.g.`));
      const variables = new Map(model.namedParameters());
      for (const name of names) {
        const wanted = Float64Array.from(file.get(name).data);
        const largest = wanted.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
        const gradient = grads[variables.get(name.slice(own.length + 3))!.name]!.dataSync();
        // The bias of the keys has the gradient 0, of which rounding leaves something.
        expect(gradient).toBeAllclose(wanted, { rtol: 0, atol: Math.max(GRADIENT * largest, 1e-6) });
      }
      if (['nope.causal', 'rope.causal', 'abs.full'].includes(own)) expect(names.length).toBeGreaterThan(25);
    });
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe.each(backendsUnderTest())('attention on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const file = golden('attention');
  const tensor = (name: string): tf.Tensor => tensorOf(file, name);
  const near = (value: tf.Tensor, name: string): void => {
    expect(value.dataSync()).toBeAllclose(file.get(name).data, { rtol: 0, atol: ATTENTION });
  };
  const kinds = ['nope', 'rope.half', 'rope.interleaved', 'alibi.std', 'alibi.paper'];

  it.each(kinds.flatMap((kind) => ['causal', 'full'].map((sight) => [kind, sight] as const)))(
    '%s, %s',
    (kind, sight) => {
      tf.tidy(() => {
        const [family, variant] = kind.split('.') as [string, string?];
        const layout = (variant ?? 'half') as nn.PairLayout;
        const turned = (x: tf.Tensor): tf.Tensor => (family === 'rope' ? nn.rope(x, { layout }) : x);
        const [q, k, v] = [turned(tensor('q')), turned(tensor('k')), tensor('v')];
        if (family === 'rope') {
          near(q, `${kind}.q`);
          near(k, `${kind}.k`);
        }
        const slopes = family === 'alibi' ? Array.from(file.get(`${kind}.slopes`).data) : null;
        if (kind === 'alibi.std') expect(nn.alibiSlopes(3)).toBeAllclose(slopes!, { rtol: 1e-6, atol: 0 });
        const { out, weights } = nn.scaledDotProductAttention(q, k, v, {
          mask: sight === 'causal' ? 'causal' : undefined,
          bias: slopes === null ? undefined : nn.alibiBias(9, 9, slopes),
          weights: true,
        });
        near(out, `${kind}.${sight}.out`);
        near(weights!, `${kind}.${sight}.attn`);
      });
    },
  );

  it('turns by far positions as exactly as by near ones', () => {
    tf.tidy(() => {
      const positions = Array.from(file.get('rope.pos').data);
      expect(Math.max(...positions)).toBe(4096);
      near(nn.rope(tensor('q'), { positions }), 'rope.half.q_at_pos');
    });
  });
});
