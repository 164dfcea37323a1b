import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTorch, torchStateDict, type ArrayEntry, type TorchFile } from '../src/io/torch/torch';
import { refusalOf } from './torch-pickles';

const golden = (name: string): TorchFile =>
  readTorch(new Uint8Array(readFileSync(new URL(`golden/io/torch/${name}`, import.meta.url))));

const tensor = (value: number): ArrayEntry => ({ dtype: 'F32', shape: [], data: Float32Array.of(value) });

/** A file whose value has the given entries, as readTorch makes records: without prototype, at every depth. */
function fileOf(value: Record<string, unknown>): TorchFile {
  const record = (source: Record<string, unknown>): Record<string, unknown> =>
    Object.entries(source).reduce(
      (made, [key, one]) => {
        const nested = typeof one === 'object' && one !== null && !('dtype' in one);
        made[key] = nested ? record(one as Record<string, unknown>) : one;
        return made;
      },
      Object.create(null) as Record<string, unknown>,
    );
  return { value: record(value) };
}

const valuesOf = (tensors: Record<string, ArrayEntry>): Record<string, number> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Number(data[0])]));

describe('torchStateDict', () => {
  it('finds the weights of files that PyTorch and Lightning wrote', () => {
    expect(Object.keys(torchStateDict(golden('state-dict.pt')))).toEqual(['weight', 'bias']);
    expect(Object.keys(torchStateDict(golden('lightning.ckpt'))).sort()).toEqual(
      ['0.bias', '0.weight', '1.bias', '1.num_batches_tracked', '1.running_mean', '1.running_var', '1.weight'].sort(),
    );
  });

  it.each(['state_dict', 'model_state_dict', 'model_state', 'model', 'teacher'])('finds them under %s', (key) => {
    const tensors = torchStateDict(
      fileOf({ epoch: 3, [key]: { w: tensor(1) }, optimizer: { state: { 0: tensor(2) } } }),
    );
    expect(valuesOf(tensors)).toEqual({ w: 1 });
    expect(Object.getPrototypeOf(tensors)).toBe(null);
  });

  it('leaves out what is no tensor, and keeps the memory of the file', () => {
    const w = tensor(1);
    const tensors = torchStateDict(fileOf({ w, _extra_state: null, version: 2 }));
    expect(Object.keys(tensors)).toEqual(['w']);
    expect(tensors['w']!.data).toBe(w.data);
  });

  it('gives complex weights a last axis of two', () => {
    const state = torchStateDict({
      value: fileOf({ c: { dtype: 'C64', shape: [1], data: Float32Array.of(1, 2) } }).value,
    });
    expect(state['c']).toEqual({ dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) });
  });

  it('takes the wrappers out of the names, at the front and after dots, as often as they stand there', () => {
    const file = fileOf({
      'module.module.a.weight': tensor(1),
      'module.b._fsdp_wrapped_module.weight': tensor(2),
      'b.submodule.weight': tensor(3),
      'module.': tensor(4),
    });
    const strip = ['module.', '_fsdp_wrapped_module.'];
    expect(valuesOf(torchStateDict(file, { strip }))).toEqual({
      'a.weight': 1,
      'b.weight': 2,
      'b.submodule.weight': 3,
      '': 4,
    });
    expect(Object.keys(torchStateDict(file, { strip: [''] }))).toEqual(Object.keys(torchStateDict(file)));
  });

  it('keeps the names with a prefix, after stripping, without it', () => {
    const file = fileOf({
      teacher: {
        'module.backbone._fsdp_wrapped_module.blocks.0.weight': tensor(1),
        'module.backbone.cls_token': tensor(2),
        'module.dino_head.weight': tensor(3),
      },
    });
    const options = { key: 'teacher', strip: ['module.', '_fsdp_wrapped_module.'], prefix: 'backbone.' };
    expect(valuesOf(torchStateDict(file, options))).toEqual({ 'blocks.0.weight': 1, cls_token: 2 });
    expect(refusalOf(() => torchStateDict(file, { ...options, prefix: 'head.' })).message).toBe(
      'tensor-core.torchStateDict: some name must begin with "head.", got "backbone.", "dino_head.".',
    );
  });

  it('says what there is when the weights are not there or are in several places', () => {
    const two = fileOf({ model: { a: tensor(1) }, teacher: { a: tensor(2) }, epoch: 1 });
    expect(refusalOf(() => torchStateDict(two)).message).toBe(
      'tensor-core.torchStateDict: the file must have one state dict, got keys "model", "teacher", "epoch"; ' +
        'with tensors in them: "model", "teacher". Say which one by { key }.',
    );
    expect(valuesOf(torchStateDict(two, { key: 'teacher' }))).toEqual({ a: 2 });
    expect(refusalOf(() => torchStateDict(two, { key: 'epoch' })).message).toContain(
      '"epoch" must be a dictionary with tensors, got keys "model", "teacher", "epoch"; with tensors in them: "model"',
    );
    expect(refusalOf(() => torchStateDict(fileOf({ net: { a: tensor(1) }, __proto__x: 1 }))).message).toBe(
      'tensor-core.torchStateDict: the file must have a state dict, got keys "net", "__proto__x"; ' +
        'with tensors in them: "net". Say which one by { key }.',
    );
    expect(refusalOf(() => torchStateDict(fileOf({ a: tensor(1), model: { b: tensor(2) } }))).message).toContain(
      'one state dict',
    );
    expect(refusalOf(() => torchStateDict(fileOf({ model: {} }))).message).toContain('with tensors in them: none.');
    const many = fileOf(Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`k${i}`, i])));
    expect(refusalOf(() => torchStateDict(many)).message).toContain('"k11" and 2 more; with');
    expect(refusalOf(() => torchStateDict({ value: [1] })).message).toBe(
      'tensor-core.torchStateDict: the file must hold a dictionary, got [1].',
    );
    expect(() => torchStateDict(two, { key: 'constructor' })).toThrow(
      /"constructor" must be a dictionary with tensors/,
    );
  });

  it('refuses names that stripping makes the same', () => {
    const file = fileOf({ 'module.w': tensor(1), w: tensor(2) });
    expect(refusalOf(() => torchStateDict(file, { strip: ['module.'] })).message).toBe(
      'tensor-core.torchStateDict: the names must differ after stripping, got "w". Strip fewer prefixes.',
    );
  });
});
