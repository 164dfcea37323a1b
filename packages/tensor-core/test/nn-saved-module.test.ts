import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src';
import { FormatError } from '../src/check';
import { readSafetensors, writeSafetensors } from '../src/io';
import { Linear, readSavedModule, savedConfig, saveModule, withState } from '../src/nn';
import { key } from '../src/random';

beforeAll(() => useBackend('cpu'));

describe('saveModule, readSavedModule and withState', () => {
  it('bring a module back bit for bit, with what describes it', async () => {
    const before = tf.memory().numTensors;
    const module = new Linear(3, 2, { key: key(0) });
    const bytes = await saveModule('here', module, { config: '{"a":1}' });
    const { tensors, metadata } = readSavedModule('here', bytes);
    expect(metadata).toEqual({ config: '{"a":1}' });
    const again = withState(new Linear(3, 2, { key: null }), tensors);
    expect(again.weight.dataSync()).toEqual(module.weight.dataSync());
    expect(again.bias!.dataSync()).toEqual(module.bias!.dataSync());
    module.dispose();
    again.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuse what is not finite, cut or of another module, and lose nothing', async () => {
    const before = tf.memory().numTensors;
    const module = new Linear(3, 2, { key: key(0) });
    const bytes = await saveModule('here', module, {});
    expect(() => readSavedModule('here', bytes.slice(0, 40))).toThrow(FormatError);
    const { tensors } = readSafetensors(bytes);
    (tensors['bias']!.data as Float32Array)[1] = NaN;
    expect(() => readSavedModule('here', writeSafetensors(tensors))).toThrow('here: tensor bias must be finite');
    expect(() => withState(new Linear(3, 3, { key: null }), readSafetensors(bytes).tensors)).toThrow(FormatError);
    tf.tidy(() => void module.weight.assign(tf.fill([2, 3], Infinity)));
    await expect(saveModule('here', module, {})).rejects.toThrow('here: weight must be finite, and is not.');
    module.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('savedConfig', () => {
  const read = (text: string | undefined): unknown =>
    savedConfig('here', text, 'saveIt', (parsed) => {
      if (typeof parsed !== 'object') throw new RangeError('it is no object');
      return parsed;
    });

  it('gives what is accepted, and says why something is not', () => {
    expect(read('{"a":1}')).toEqual({ a: 1 });
    expect(() => read(undefined)).toThrow('here: the file must be one that saveIt wrote. It has no config.');
    expect(() => read('{')).toThrow(/one that saveIt wrote/);
    expect(() => read('3')).toThrow(/it is no object/);
    expect(() => read('3')).toThrow(FormatError);
  });
});
