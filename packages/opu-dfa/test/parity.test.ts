import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  DenseMap,
  DfaNetwork,
  MatrixFeedback,
  SharedFeedback,
  ternarize,
  type ActivationName,
  type Feedback,
  type UpdateOptions,
} from '../src/index';

/** float32 against float64, relative to the largest entry. */
const FLOAT32 = 1e-5;

const files: [ActivationName, Golden][] = (['tanh', 'relu'] as const).map((name) => [
  name,
  loadGolden(new URL(`./golden/dfa_${name}.safetensors`, import.meta.url)),
]);

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(files)('with %s', (activation, golden) => {
    const has = (name: string): boolean => golden.names.includes(name);
    const layers = golden.names.filter((name) => /^W\d+$/.test(name)).length;
    const hidden = layers - 1;
    const tensor = (name: string): tf.Tensor => {
      const { data, shape } = golden.get(name);
      return tf.tensor(Float32Array.from(data), shape);
    };
    const batch = (): { x: tf.Tensor; y: tf.Tensor } => ({
      x: tensor('x'),
      y: tf.tensor1d(Int32Array.from(golden.get('labels').data), 'int32'),
    });

    function network(feedback: Feedback): DfaNetwork {
      const blocks = Array.from({ length: layers }, (_, l) => ({
        name: `layers.${l}`,
        map: new DenseMap(tf.variable(tensor(`W${l}`)), tf.variable(tensor(`b${l}`))),
        activation: l < hidden ? activation : ('linear' as const),
        tail: null,
      }));
      return new DfaNetwork({ blocks, loss: 'softmaxCrossEntropy', feedback });
    }
    const independent = (): Feedback => new MatrixFeedback(Array.from({ length: hidden }, (_, l) => tensor(`B${l}`)));

    const expectClose = (actual: tf.Tensor, name: string): void => {
      const { data } = golden.get(name);
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(actual.dataSync(), name).toBeAllclose(data, { rtol: 0, atol: FLOAT32 * largest });
    };

    /** Compares all gradients of a mode that the file has, and says how many. */
    function compare(feedback: Feedback, options: UpdateOptions, prefix: string): number {
      const own = network(feedback);
      const { x, y } = batch();
      const { gradients } = own.gradients(x, y, options);
      let count = 0;
      own.blocks.forEach(({ map }, l) => {
        for (const [kind, variable] of [
          ['gW', map.kernel],
          ['gb', map.bias!],
        ] as const) {
          if (!has(`${prefix}/${kind}${l}`)) continue;
          expectClose(gradients[variable.name]!, `${prefix}/${kind}${l}`);
          count++;
        }
      });
      own.dispose();
      return count;
    }

    it('predicts and errs as the reference', () => {
      const own = network(independent());
      const { x, y } = batch();
      expectClose(own.predict(x), 'probs');
      expect(own.losses(x, y).mean().dataSync()[0]).toBeCloseTo(golden.get('loss').data[0]!, 5);
      expect(own.gradients(x, y).loss.dataSync()[0]).toBeCloseTo(golden.get('loss').data[0]!, 5);
      own.dispose();
    });

    it('back-propagates', () => expect(compare(independent(), { mode: 'bp' }, 'bp')).toBe(2 * layers));

    it('feeds the error back', () => expect(compare(independent(), { mode: 'dfa' }, 'dfa')).toBe(2 * layers));

    it.each([0.05, 0.1])('feeds ternary errors back, t = %d', (threshold) => {
      expect(compare(independent(), { mode: 'ternary', threshold }, `ternary_t${threshold}`)).toBe(2 * layers);
    });

    it.each([0, 0.05, 0.1, 0.25])('codes errors, t = %d', (threshold) => {
      expect([...ternarize(tensor('error'), threshold).dataSync()]).toEqual([
        ...golden.get(`ternary_t${threshold}/errorTernary`).data,
      ]);
    });

    it('shares one matrix', () => {
      expect(compare(new SharedFeedback(tensor('Bshared')), { mode: 'dfa' }, 'shared')).toBeGreaterThan(0);
    });

    it('clips, projects and adds noise', () => {
      const { tauH, tauDeriv, tauProj, sigma } = JSON.parse(golden.metadata['photonic']!) as Record<string, number>;
      const noise = Array.from({ length: hidden }, (_, l) => tensor(`photonic/noise${l}`));
      const clip = { inputs: tauH!, slope: tauDeriv!, projection: tauProj! };
      expect(compare(independent(), { mode: 'dfa', sigma: sigma!, clip, noise }, 'photonic')).toBe(2 * hidden);
    });

    it('measures the alignment', async () => {
      const own = network(independent());
      const { x, y } = batch();
      const cosines = await own.alignment(x, y, { mode: 'dfa' });
      cosines.forEach((cosine, l) => expect(cosine).toBeCloseTo(golden.get(`dfa/cos${l}`).data[0]!, 5));
      expect(cosines).toHaveLength(hidden);
      own.dispose();
    });
  });
});
