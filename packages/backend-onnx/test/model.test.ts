import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { float, type Elements } from '../src/graph/value';
import { encodeModel, type Model } from '../src/onnx/model';
import { createSession, loadRuntime, writesInPlace } from '../src/runtime/ort';
import type { SessionSettings } from '../src/runtime/session';

const BYTES = new Float32Array([1, -0, Number.NaN, Infinity]);

const MODEL: Model = {
  name: 'all of it',
  inputs: [{ name: 'x', type: 'float32', shape: [2, 2] }],
  outputs: [{ name: 'y', type: 'float32', shape: [2, 2] }],
  initializers: [
    { name: 'c', type: 'float32', shape: [2, 2], elements: BYTES },
    { name: 'i', type: 'int64', shape: [2], elements: new BigInt64Array([-5n, 2n ** 40n]) },
    { name: 'b', type: 'bool', shape: [], elements: new Uint8Array([1]) },
    { name: 'n', type: 'int32', shape: [1], elements: new Int32Array([-7]) },
  ],
  nodes: [
    {
      op: 'Gemm',
      domain: '',
      attributes: { transB: 1, alpha: float(-1.5) },
      inputs: ['x', 'c', ''],
      outputs: ['between'],
    },
    {
      op: 'Odd',
      domain: 'com.microsoft',
      attributes: { mode: 'reflect', axes: [-1, 3, 2 ** 33], factors: { floats: [0.5, -2] } },
      inputs: ['between'],
      outputs: ['y', 'z'],
    },
  ],
};

const PORTS = { inputs: ['x'], outputs: ['y'] };
const SETTINGS: SessionSettings = {
  threads: 1,
  isParallel: true,
  spinning: false,
  executionProvider: 'cpu',
  graphOptimization: 'all',
};

describe('encodeModel', () => {
  it('writes what another reader of ONNX reads', () => {
    const model = onnx.ModelProto.toObject(onnx.ModelProto.decode(encodeModel(MODEL)), {
      longs: Number,
      enums: String,
    });
    expect(model).toMatchObject({
      irVersion: 10,
      opsetImport: [
        { domain: '', version: 21 },
        { domain: 'com.microsoft', version: 1 },
      ],
    });
    const { graph } = model as { graph: Record<string, Record<string, unknown>[]> };
    expect(graph['name']).toBe('all of it');
    const dims = [{ dimValue: 2 }, { dimValue: 2 }];
    const port = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: dims } } } });
    expect(graph['input']).toEqual([port('x')]);
    expect(graph['output']).toEqual([port('y')]);
    expect(graph['node']).toEqual([
      {
        input: ['x', 'c', ''],
        output: ['between'],
        opType: 'Gemm',
        attribute: [
          { name: 'transB', type: 'INT', i: 1 },
          { name: 'alpha', type: 'FLOAT', f: -1.5 },
        ],
      },
      {
        input: ['between'],
        output: ['y', 'z'],
        opType: 'Odd',
        domain: 'com.microsoft',
        attribute: [
          { name: 'mode', type: 'STRING', s: expect.anything() as unknown },
          { name: 'axes', type: 'INTS', ints: [-1, 3, 2 ** 33] },
          { name: 'factors', type: 'FLOATS', floats: [0.5, -2] },
        ],
      },
    ]);
    const tensors = graph['initializer'] as { name: string; dims?: number[]; dataType: number; rawData: Uint8Array }[];
    expect(tensors.map(({ name, dims: d, dataType }) => [name, d ?? [], dataType])).toEqual([
      ['c', [2, 2], 1],
      ['i', [2], 7],
      ['b', [], 9],
      ['n', [1], 6],
    ]);
    const raw = (elements: Elements): number[] => [...new Uint8Array(elements.buffer)];
    tensors.forEach(({ rawData }, i) => expect([...rawData]).toEqual(raw(MODEL.initializers[i]!.elements)));
  });

  // The C interface, and onnxruntime-node's binding.
  it.each([undefined, join(tmpdir(), 'model-test')])('writes what ONNX Runtime runs (profile %s)', (profile) => {
    const [gemm] = MODEL.nodes;
    const nodes = [{ ...gemm!, outputs: ['y'] }];
    const initializers = [{ ...MODEL.initializers[0]!, elements: new Float32Array([1, 2, 3, 4]) }];
    const session = createSession(encodeModel({ ...MODEL, nodes, initializers }), PORTS, {
      ...SETTINGS,
      ...(profile === undefined ? {} : { profile }),
    });
    const elements = new Float32Array(4);
    const x = { type: 'float32' as const, elements: new Float32Array([1, 0, 0, 1]), shape: [2, 2] };
    session.run([x], [{ type: 'float32', elements, shape: [2, 2] }]);
    expect([...elements]).toEqual([-1.5, -4.5, -3, -6]);
    expect(() => session.run([{ ...x, shape: [4, 1] }], [{ type: 'float32', elements, shape: [2, 2] }])).toThrow(
      /^backend-onnx: ONNX Runtime must run a graph, got its error: .*invalid dimensions/,
    );
    session.endProfiling();
    session.release();
    const profiles = readdirSync(tmpdir()).filter((name) => name.startsWith('model-test'));
    expect(profiles.length).toBe(profile === undefined ? 0 : 1);
    profiles.forEach((name) => rmSync(join(tmpdir(), name)));
  });

  it('refuses constants of more than 2 GiB', () => {
    const elements = { byteLength: 2 ** 31 } as Float32Array;
    const initializers = [{ name: 'c', type: 'float32' as const, shape: [2 ** 29], elements }];
    expect(() => encodeModel({ ...MODEL, initializers })).toThrow(
      /^backend-onnx: the constants of a model must take less than 2 GiB .* got 2147483648 bytes\. Pass large tensors as inputs\.$/,
    );
  });
});

describe('createSession', () => {
  it('says what ONNX Runtime has against a model', () => {
    expect(() => createSession(encodeModel(MODEL), PORTS, SETTINGS)).toThrow(
      /^backend-onnx: ONNX Runtime must compile a graph for 'cpu', got its error: .*Odd/,
    );
    expect(() => createSession(new Uint8Array([1, 2, 3]), PORTS, SETTINGS)).toThrow(
      /^backend-onnx: ONNX Runtime must compile/,
    );
  });

  it.each([
    ['as the first', {}],
    ['of other settings', { threads: 3 }],
    ['that wait actively', { spinning: true }],
    ['of its own caller alone', { isParallel: false }],
  ])('runs a session on threads %s', (_, settings) => {
    const length = 2 ** 18;
    const nodes = [{ op: 'Sqrt', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }];
    const port = (name: string) => ({ name, type: 'float32' as const, shape: [length] });
    const graph = { ...MODEL, inputs: [port('x')], outputs: [port('y')], initializers: [], nodes };
    const sessions = [{}, settings].map((own) => createSession(encodeModel(graph), PORTS, { ...SETTINGS, threads: 2, ...own })); // prettier-ignore
    const x = { ...port('x'), elements: Float32Array.from({ length }, (_, i) => i) };
    for (const session of sessions) {
      const elements = new Float32Array(length);
      session.run([x], [{ ...port('y'), elements }]);
      expect(elements.every((value, i) => value === Math.fround(Math.sqrt(i)))).toBe(true);
      session.release();
    }
  });

  it('names an execution provider that is not there', () => {
    expect(() => createSession(encodeModel(MODEL), PORTS, { ...SETTINGS, executionProvider: 'tpu' })).toThrow(
      /^backend-onnx: ONNX Runtime must compile a graph for 'tpu', got its error:/,
    );
  });

  it('calls the C interface here, whose functions are where they were', () => {
    loadRuntime();
    expect(writesInPlace()).toBe(true);
  });
});
