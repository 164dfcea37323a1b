import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { requireTool } from '@tfsci/tooling';
import { describe, expect, it } from 'vitest';
import { toTensor } from '../src/io';
import { readTorch, torchStateDict, viewAsReal, type ArrayEntry, type PickledObject } from '../src/io/torch/torch';
import { writeZip } from '../src/io/zip/write';
import * as p from './torch-pickles';

const folder = new URL('golden/io/torch/', import.meta.url);
/** Read into memory that begins at an address without any alignment, as a file may lie inside of another one. */
const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<string, p.Description>;
const python = requireTool('python-torch');

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

describe('readTorch', () => {
  it.each(Object.keys(expected))('reads %s bit for bit', (name) => {
    p.expectValue(readTorch(golden(name), { keepBits: true }).value, expected[name]!);
  });

  it.skipIf(python === undefined)('reads random checkpoints that PyTorch writes, bit for bit (python-torch)', () => {
    const target = mkdtempSync(join(tmpdir(), 'tensor-core-torch-'));
    try {
      execFileSync(python!, [fileURLToPath(new URL('generate.py', folder)), target, '11', '60']);
      const contents = JSON.parse(readFileSync(join(target, 'expected.json'), 'utf8')) as Record<string, p.Description>;
      expect(Object.keys(contents)).toHaveLength(60);
      for (const [name, one] of Object.entries(contents)) {
        p.expectValue(readTorch(readFileSync(join(target, name)), { keepBits: true }).value, one, name);
      }
    } finally {
      rmSync(target, { recursive: true });
    }
  });

  it('widens F16, BF16 and F8 to the float32 of the same value, transposed views too', () => {
    const contents = p.pickle(
      p.dict(
        [p.str('half'), p.tensor(p.storage('0', 4, 'HalfStorage'), 0, [2, 2], [1, 2])],
        [p.str('brain'), p.tensor(p.storage('1', 2, 'BFloat16Storage'), 1, [1], [1])],
      ),
    );
    const half = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x2e66, 0x8000).buffer);
    const brain = new Uint8Array(Uint16Array.of(0x3f80, 0xc040).buffer);
    const { value } = readTorch(torch({ 0: half, 1: brain }, contents));
    expect({ ...(value as object) }).toEqual({
      half: { dtype: 'F16', shape: [2, 2], data: Float32Array.of(1, 0.0999755859375, -2, -0) },
      brain: { dtype: 'BF16', shape: [1], data: Float32Array.of(-3) },
    });
  });

  const torch = (storages: Record<string, Uint8Array>, contents: Uint8Array): Uint8Array =>
    p.torchBytes(contents, storages);

  it('shares the memory of an aligned file, and that of one storage', () => {
    const bytes = golden('views.pt');
    const value = readTorch(bytes).value as Record<string, ArrayEntry>;
    const { base, row, same, transposed, column } = value;
    expect(base!.data.buffer).toBe(bytes.buffer);
    expect(row!.data.buffer).toBe(bytes.buffer);
    expect(row!.data.byteOffset).toBe(base!.data.byteOffset + 2 * 6 * 4);
    expect(same).toBe(base);
    expect(transposed!.data.buffer).not.toBe(bytes.buffer);
    expect(value['unit axes']!.data.buffer).toBe(bytes.buffer);
    expect([...column!.data]).toEqual([0, 1, 2, 3].map((i) => base!.data[6 * i + 1]));
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(readTorch(moved.subarray(1)).value).toEqual(value);
  });

  it('gives tensors that toTensor takes', () => {
    const state = torchStateDict(readTorch(golden('state-dict.pt')));
    const weight = toTensor(state['weight']);
    const described = expected['state-dict.pt'] as { record: Record<string, { bytes: string; shape: number[] }> };
    const { bytes, shape } = described.record['weight']!;
    const exact = new Float32Array(new Uint8Array(Buffer.from(bytes, 'hex')).buffer);
    expect(weight).toBeAllclose(tf.tensor(exact, shape), { rtol: 0, atol: 0 });
    tf.dispose(weight);
  });

  it('reads the tensors of PyTorch 2 that name their dtype, and those with attributes of their own', () => {
    const untyped = p.storage('0', 8, 'UntypedStorage', 'torch.storage');
    const v3 = (type: string, shape: number[]): number[] => {
      const args = [untyped, p.int(0), p.tuple(...shape.map(p.int)), p.tuple(...shape.map(() => p.int(1)))];
      return p.call(p.global('torch._utils', '_rebuild_tensor_v3'), ...args, [0x89], [0x7d], p.global('torch', type));
    };
    const typed = p.call(
      p.global('torch._tensor', '_rebuild_from_type_v2'),
      p.global('torch._utils', '_rebuild_tensor_v2'),
      p.global('torch', 'Tensor'),
      p.tuple(p.storage('1', 1), p.int(0), p.tuple(), p.tuple(), [0x89], [0x7d]),
      p.dict([p.str('note'), p.int(1)]),
    );
    const contents = p.pickle(p.list(v3('uint16', [4]), v3('float8_e4m3fn', [2]), typed, untyped));
    const { value } = readTorch(torch({ 0: Uint8Array.of(1, 0, 2, 1, 0, 0, 255, 255), 1: floats(7) }, contents));
    expect(value).toEqual([
      { dtype: 'U16', shape: [4], data: Uint16Array.of(1, 258, 0, 65535) },
      { dtype: 'F8_E4M3', shape: [2], data: Float32Array.of(2 ** -9, 0) },
      { dtype: 'F32', shape: [], data: Float32Array.of(7) },
      { dtype: 'U8', shape: [8], data: Uint8Array.of(1, 0, 2, 1, 0, 0, 255, 255) },
    ]);
  });

  it('reads what it does not know as data when asked, and names it otherwise', () => {
    const opcodes = p.dict(
      [
        p.str('config'),
        [...p.call(p.global('omegaconf.dictconfig', 'DictConfig'), p.int(1)), ...p.dict([p.str('a'), p.int(2)]), 0x62],
      ],
      [p.str('kind'), p.global('my.module', 'Kind')],
      [p.str('list'), [...p.call(p.global('my.module', 'List')), ...p.int(5), 0x61]],
      [p.str('dict'), [...p.call(p.global('my.module', 'Dict')), ...p.str('k'), ...p.int(6), 0x73]],
    );
    const value = p.valueOf(opcodes, { unknownClasses: 'describe' }) as Record<string, PickledObject>;
    expect({ ...value }).toEqual({
      config: { class: 'omegaconf.dictconfig.DictConfig', args: [1], state: { a: 2 } },
      kind: 'my.module.Kind',
      list: { class: 'my.module.List', args: [], state: null, items: [5] },
      dict: { class: 'my.module.Dict', args: [], state: null, entries: { k: 6 } },
    });
    expect(p.refusalOf(() => p.valueOf(opcodes)).message).toBe(
      'tensor-core.readTorch: the classes in the file must be known ones, got omegaconf.dictconfig.DictConfig. ' +
        'Its code is not run here: pass { unknownClasses: "describe" } to get its contents as data.',
    );
    expect(() => p.valueOf(opcodes, { unknownClasses: 'run' as 'refuse' })).toThrow(RangeError);
  });

  it.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['__builtin__', 'exec'],
    ['torch', 'load'],
    ['torch.storage', '_load_from_bytes'],
    ['constructor', 'prototype'],
  ])('runs nothing: %s.%s is refused, and inert when described', (module, name) => {
    const opcodes = p.call(p.global(module, name), p.str('echo'));
    const full = `${module === '__builtin__' ? 'builtins' : module}.${name}`;
    expect(p.refusalOf(() => p.valueOf(opcodes)).message).toContain(`got ${full}.`);
    const described = { class: full, args: ['echo'], state: null };
    expect(p.valueOf(opcodes, { unknownClasses: 'describe' })).toEqual(described);
  });

  it('says of each other kind of file what it is', () => {
    const zipped = (...names: string[]): Uint8Array =>
      writeZip(names.map((name) => ({ name, bytes: p.pickle([0x4e]) })));
    for (const [bytes, message] of [
      [golden('legacy.pt'), /It was written before PyTorch 1.6, or with _use_new_zip.*Save it again: torch.save\(/],
      [golden('script.pt'), /written by torch.save, got a TorchScript archive. In Python: torch.save\(torch.jit.load/],
      [p.pickle([0x4e]), /It is a bare pickle/],
      [Uint8Array.of(0x1f, 0x8b, 8), /It is compressed by gzip: await gunzip\(bytes\) first/],
      [new Uint8Array(0), /must be a zip archive written by torch.save, got another one. Is it truncated/],
      [zipped('a.npy'), /the archive must have one data.pkl, got 0. Is it a zip archive of something else\?/],
      [zipped('a/data.pkl', 'b/data.pkl'), /the archive must have one data.pkl, got 2/],
      [
        p.torchBytes(p.pickle([0x4e]), {}, { byteorder: 'middle' }),
        /the byte order must be little or big, got "middle"/,
      ],
    ] as const) {
      expect(p.refusalOf(() => readTorch(bytes)).message).toMatch(message);
    }
    expect(() => readTorch([] as unknown as Uint8Array)).toThrow(
      new TypeError('tensor-core.readTorch: bytes must be a Uint8Array, got []. Pass new Uint8Array(arrayBuffer).'),
    );
  });

  it('takes a pickle at the top of the archive, as some tools write it', () => {
    expect(readTorch(writeZip([{ name: 'data.pkl', bytes: p.pickle(p.int(-7)) }])).value).toBe(-7);
  });
});

describe('viewAsReal', () => {
  it('gives complex numbers a last axis of two, and returns all else as it is', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(viewAsReal({ dtype: 'C64', shape: [2, 1], data })).toEqual({ dtype: 'F32', shape: [2, 1, 2], data });
    expect(viewAsReal({ dtype: 'C64', shape: [2], data }).data).toBe(data);
    const wide = Float64Array.of(1, 2);
    expect(viewAsReal({ dtype: 'C128', shape: [], data: wide })).toEqual({ dtype: 'F64', shape: [2], data: wide });
    expect(viewAsReal({ dtype: 'F32', shape: [4], data })).toEqual({ dtype: 'F32', shape: [4], data });
    expect(() => viewAsReal(undefined)).toThrow(
      new TypeError('tensor-core.viewAsReal: entry must be an array of a file, got undefined. Is the name right?'),
    );
  });
});
