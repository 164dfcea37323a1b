import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, io, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseNetwork, MatrixFeedback, type DfaNetwork, type Feedback } from '../src/index';
import { networkFromLayersModel } from '../src/network/layers-model';
import { loadNetwork, saveNetwork } from '../src/network/saved-network';
import { drawn, gradientsOnHost, smallConvolutional, smallDense } from './networks';

const { FormatError, ShapeError } = check;
const window = { padding: [1, 0, 2, 0] as const, strides: [2, 1] as const };
const tail = [
  { kind: 'maxPool', size: [2, 1], strides: 1, padding: 'same' },
  { kind: 'activation', name: 'elu' },
  { kind: 'flatten' },
] as const;

describe.each(backendsUnderTest())('saved networks on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each<[string, () => DfaNetwork, number[]]>([
    ['dense', () => denseNetwork({ inputs: 4, hidden: [6, 5], outputs: 3, activation: 'softplus', key: 0 }), [4]],
    ['of PyTorch’s layout, without biases', () => smallDense({ isTransposed: true, hasBias: false }), [4]],
    ['with one matrix', () => denseNetwork({ inputs: 4, hidden: [6], outputs: 3, feedback: 'shared', key: 0 }), [4]],
    ['linear', () => denseNetwork({ inputs: 4, hidden: [], outputs: 3, key: 0 }), [4]],
    ['convolutional', () => smallConvolutional(window, tail), [7, 6, 2]],
    ['with an entrance', () => {
      const layers = [tf.layers.flatten({ inputShape: [2, 2] }), tf.layers.dense({ units: 5 }), tf.layers.dense({ units: 3, activation: 'softmax' as const })]; // prettier-ignore
      return networkFromLayersModel(tf.sequential({ layers }), { key: 0 });
    }, [2, 2]], // prettier-ignore
  ])('are the same again: %s', async (_, make, shape) => {
    const network = make();
    const again = loadNetwork(await saveNetwork(network));
    const [x, y] = [drawn(30, [5, ...shape]), tf.tensor1d([0, 1, 2, 0, 1], 'int32')];
    for (const mode of ['bp', 'dfa'] as const) {
      expect(gradientsOnHost(again, x, y, { mode })).toEqual(gradientsOnHost(network, x, y, { mode }));
    }
    expect(await saveNetwork(again)).toEqual(await saveNetwork(network));
    [network, again].forEach((each) => each.dispose());
    tf.dispose([x, y]);
  });

  it('leave nothing behind', async () => {
    const network = smallConvolutional(window, tail);
    const bytes = await saveNetwork(network);
    await expect(() => saveNetwork(network)).toLeakNothing();
    expect(() => loadNetwork(bytes).dispose()).toLeakNothing();
    network.dispose();
  });
});

describe('files of networks', () => {
  beforeAll(() => useBackend('cpu'));

  it('leave devices out, which are given again', async () => {
    const matrices = MatrixFeedback.draw(random.key(1), 3, [6, 5]);
    const device: Feedback = {
      ...{ outputs: 3, compiles: false, variables: {}, dispose: () => matrices.dispose() },
      signals: (e, widths) => Promise.resolve(matrices.signals(e, widths)),
    };
    const network = smallDense({ feedback: device });
    const bytes = await saveNetwork(network);
    expect(loadNetwork(bytes, { feedback: device }).feedback).toBe(device);
    expect(() => loadNetwork(bytes)).toThrow(
      new TypeError(
        'opu-dfa.loadNetwork: feedback must be given, got undefined. It was a device, which the file does not hold.',
      ),
    );
    const other = MatrixFeedback.draw(random.key(1), 2, [6, 5]);
    expect(() => loadNetwork(bytes, { feedback: other })).toThrow(ShapeError);
    const replaced = loadNetwork(await saveNetwork(smallDense()), { feedback: matrices });
    replaced.dispose();
    expect(matrices.variables['feedback.0']!.isDisposed).toBe(false);
    network.dispose();
  });

  it('cannot hold functions of one’s own, or what is not finite', async () => {
    const network = smallConvolutional(window, [(h) => h.mean([1, 2])]);
    await expect(saveNetwork(network)).rejects.toThrow(
      new RangeError('opu-dfa.saveNetwork: block images must have no function of your own in its tail, got null.'),
    );
    const broken = smallDense();
    broken.blocks[1]!.map.bias!.assign(tf.tensor1d([0, NaN, 0, 0, 0]));
    await expect(saveNetwork(broken)).rejects.toThrow(
      new RangeError('opu-dfa.saveNetwork: layers.1.bias must be finite, and is not.'),
    );
    const own = smallDense({ sizes: [4, 3] });
    (own.blocks[0] as { map: unknown }).map = { ...own.blocks[0]!.map };
    await expect(saveNetwork(own)).rejects.toThrow(
      new RangeError('opu-dfa.saveNetwork: block layers.0 must be dense or a convolution, got an object.'),
    );
    [network, broken].forEach((each) => each.dispose());
  });

  describe('that are hostile', () => {
    type File = { tensors: Record<string, io.SafetensorsEntry>; metadata: Record<string, string> };
    type Json = { loss: unknown; feedback: unknown; blocks: Record<string, unknown>[] };

    async function damaged(change: (file: File, network: Json) => void, image = false): Promise<Uint8Array> {
      const network = image ? smallConvolutional(window, tail) : smallDense();
      const { tensors, metadata } = io.readSafetensors(await saveNetwork(network));
      network.dispose();
      const file = { tensors: { ...tensors }, metadata: { ...metadata } };
      const description = JSON.parse(metadata['network']!) as Json;
      change(file, description);
      if (file.metadata['network'] === metadata['network']) file.metadata['network'] = JSON.stringify(description);
      return io.writeSafetensors(file.tensors, file.metadata);
    }

    it.each<[string, (file: File, network: Json) => void, string]>([
      ['another format', ({ metadata }) => (metadata['format'] = 'x'), ': the format in the metadata must be opu-dfa network 1, got "x".'], // prettier-ignore
      ['no format', ({ metadata }) => delete metadata['format'], ': the format in the metadata must be opu-dfa network 1, got undefined.'], // prettier-ignore
      ['no JSON', ({ metadata }) => (metadata['network'] = '{'), ': the network in the metadata must be JSON. '],
      ['no object', ({ metadata }) => (metadata['network'] = '[]'), ': the network must be an object, got [].'],
      ['a loss', (_, json) => (json.loss = 'x'), ': loss must be one of "softmaxCrossEntropy"'],
      ['feedback', (_, json) => (json.feedback = 'x'), ': feedback must be one of "independent", "shared", "device", got "x".'], // prettier-ignore
      ['other feedback', (_, json) => (json.feedback = 'shared'), ': the file must have the tensor feedback, and has not.'], // prettier-ignore
      ['no feedback', (_, json) => (json.feedback = null), ': the file must have no other tensors, and has feedback.0.'], // prettier-ignore
      ['blocks', (_, json) => (json.blocks = {} as never), ': blocks must be an array, got an object.'],
      ['no blocks', (_, json) => (json.blocks = []), ': the file must have no other tensors, and has '],
      ['a block', (_, json) => (json.blocks[0] = 7 as never), ': a block must be an object, got 7.'],
      ['a name', (_, json) => (json.blocks[0]!['name'] = 7), ': the name of a block must be text, got 7.'],
      ['another name', (_, json) => (json.blocks[0]!['name'] = '__proto__'), ': the file must have the tensor __proto__.weight, and has not.'], // prettier-ignore
      ['a name twice', (_, json) => (json.blocks[1]!['name'] = 'layers.0'), ': the file must have the tensor layers.0.weight, and has not.'], // prettier-ignore
      ['an activation', (_, json) => (json.blocks[0]!['activation'] = 'x'), ': the activation of layers.0 must be one of "tanh"'], // prettier-ignore
      ['an activation at the end', (_, json) => (json.blocks[2]!['activation'] = 'tanh'), ': the file must describe a network. opu-dfa.DfaNetwork: the last block must be linear'], // prettier-ignore
      ['a flag', (_, json) => (json.blocks[0]!['hasBias'] = 1), ': hasBias and isTransposed of layers.0 must be booleans, got 1.'], // prettier-ignore
      ['a bias', (_, json) => (json.blocks[0]!['hasBias'] = false), ': the file must have no other tensors, and has layers.0.bias.'], // prettier-ignore
      ['an orientation', (_, json) => (json.blocks[0]!['isTransposed'] = true), ': layers.0.bias must have the shape [4], got [6].'], // prettier-ignore
      ['an entrance', (_, json) => (json.blocks[1]!['entrance'] = [{ kind: 'flatten' }]), ': block layers.1 must have no entrance, as the first may.'], // prettier-ignore
      ['a tail', (_, json) => (json.blocks[0]!['tail'] = 'x'), ': the tail of layers.0 must be an array, got "x".'],
      ['a part', (_, json) => (json.blocks[0]!['tail'] = [null]), ': a part must be an object, got null.'],
      ['a kind', (_, json) => (json.blocks[0]!['tail'] = [{ kind: 'eval' }]), ': kind must be one of "flatten"'],
      ['a size', (_, json) => (json.blocks[0]!['tail'] = [{ kind: 'maxPool', size: -1 }]), ': size must be an integer >= 1, got -1.'], // prettier-ignore
      ['no tensor', ({ tensors }) => delete tensors['layers.0.weight'], ': the file must have the tensor layers.0.weight, and has not.'], // prettier-ignore
      ['a rank', ({ tensors }) => (tensors['layers.0.bias'] = { dtype: 'F32', shape: [], data: Float32Array.of(1) }), ': tensor layers.0.bias must be F32 of 1 dimensions, got "F32 []".'], // prettier-ignore
      ['a dtype', ({ tensors }) => (tensors['layers.2.bias'] = { dtype: 'I32', shape: [3], data: Int32Array.of(1, 2, 3) }), ': tensor layers.2.bias must be F32 of 1 dimensions, got "I32 [3]".'], // prettier-ignore
      ['nothing', ({ tensors }) => (tensors['layers.0.weight'] = { dtype: 'F32', shape: [0, 6], data: new Float32Array(0) }), ': tensor layers.0.weight must be F32 of 2 dimensions, got "F32 [0, 6]".'], // prettier-ignore
      ['infinities', ({ tensors }) => (tensors['layers.2.bias'] = { dtype: 'F32', shape: [3], data: Float32Array.of(1, Infinity, 3) }), ': tensor layers.2.bias must be finite, and is not.'], // prettier-ignore
      ['rows', ({ tensors }) => (tensors['feedback.1'] = { dtype: 'F32', shape: [1, 2], data: new Float32Array(2) }), ': all feedback matrices must have 3 rows, got [1, 2].'], // prettier-ignore
      ['outputs', ({ tensors }) => { for (const i of [0, 1]) tensors[`feedback.${i}`] = { dtype: 'F32', shape: [1, 2], data: new Float32Array(2) }; }, ': the file must describe a network. opu-dfa.DfaNetwork: feedback.outputs must be 3, as the network has, got 1.'], // prettier-ignore
    ])('are refused: %s', async (_, change, message) => {
      const bytes = await damaged((file, network) => void change(file, network));
      expect(() => loadNetwork(bytes)).toThrow(FormatError);
      expect(() => loadNetwork(bytes)).toThrow(`opu-dfa.loadNetwork${message}`);
      expect(() => {
        expect(() => loadNetwork(bytes)).toThrow();
      }).toLeakNothing();
    });

    it.each<[unknown, string]>([
      [7, ': the window of images must be an object, got 7.'],
      [{ strides: [1], padding: 'same' }, ': the strides of images must have 2 numbers, got [1].'],
      [{ strides: [0, 1], padding: 'same' }, ': the strides of images must be an integer >= 1, got 0.'],
      [{ strides: [1, 1], padding: 'full' }, ': the padding of images must be an array, got "full".'],
      [{ strides: [1, 1], padding: [0, 0, 0] }, ': the padding of images must have 4 numbers, got [0, 0, 0].'],
      [null, ': tensor images.weight must be F32 of 2 dimensions, got "F32 [3, 2, 2, 3]".'],
    ])('have no such window: %o', async (value, message) => {
      const bytes = await damaged((_, { blocks }) => (blocks[0]!['window'] = value), true);
      expect(() => loadNetwork(bytes)).toThrow(FormatError);
      expect(() => loadNetwork(bytes)).toThrow(`opu-dfa.loadNetwork${message}`);
    });

    it('never give anything but a network or a FormatError', async () => {
      const bytes = await saveNetwork(smallDense());
      const property = fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
        const broken = cut ? bytes.slice(0, at) : Uint8Array.from(bytes).fill(value, at, at + 1);
        try {
          loadNetwork(broken).dispose();
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      });
      fc.assert(property, { numRuns: 300 });
    });
  });
});
