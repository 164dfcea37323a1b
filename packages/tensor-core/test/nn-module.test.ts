import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import * as fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { FormatError } from '../src/check';
import { readSafetensors, tensorsToSafetensors, type SafetensorsEntry } from '../src/io';
import { BatchNorm, Conv2d, Linear, Module } from '../src/nn';
import { key, split, type Key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { values } from './values';

/** A layer kept transposed, a buffer of integers, a part that is there twice. */
class Net extends Module {
  readonly scale: tf.Variable;
  readonly count: tf.Variable;
  readonly first: Linear;
  readonly second: Linear;
  readonly blocks: readonly Linear[];

  constructor(seed: Key = key(1)) {
    super();
    const keys = split(seed, 4);
    this.scale = this.parameter('scale', values([2, 3, 4]), { permutation: [1, 2, 0] });
    this.count = this.buffer('count', tf.scalar(7, 'int32'));
    this.first = this.child('first', new Linear(3, 2, { key: keys[0]! }));
    this.second = this.child('again.second', this.first);
    this.blocks = this.children('blocks', [new Linear(2, 2, { key: keys[1]! }), new Linear(2, 1, { key: keys[2]! })]);
  }

  forward(x: tf.Tensor): tf.Tensor {
    const hidden = this.first.forward(x);
    return tf.tidy(() => this.blocks.reduce((h, block) => tf.tanh(block.forward(h)), hidden).mul(this.scale.mean()));
  }
}

const NAMES = [
  'scale',
  'count',
  'first.weight',
  'first.bias',
  'again.second.weight',
  'again.second.bias',
  'blocks.0.weight',
  'blocks.0.bias',
  'blocks.1.weight',
  'blocks.1.bias',
];

const listed = (state: Record<string, tf.Tensor>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, [...tensor.dataSync()]]));

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('Module on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('names parameters and buffers by the way to them, in the order of registration', () => {
    const net = new Net();
    expect(net.namedSlots().map(([name]) => name)).toEqual(NAMES);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['count']);
    expect(net.namedParameters().map(([name]) => name)).toEqual(NAMES.filter((name) => name !== 'count'));
    expect(Object.keys(net.stateDict())).toEqual(NAMES);
  });

  it('trains and counts a part that is there twice once', () => {
    const net = new Net();
    expect(net.modules()).toHaveLength(4);
    expect(net.trainableVariables()).toHaveLength(7);
    expect(net.parameterCount()).toBe(2 * 3 * 4 + (3 * 2 + 2) + (2 * 2 + 2) + (2 + 1));
  });

  it('gives a state in PyTorch’s layouts: stored axis i is axis permutation[i] there', () => {
    const net = new Net();
    expect(net.scale.shape).toEqual([2, 3, 4]);
    const { scale } = net.stateDict();
    expect(scale!.shape).toEqual([4, 2, 3]);
    expect(scale!.transpose([1, 2, 0])).toBeAllclose(net.scale, { rtol: 0 });
    expect(scale!).toBeAllclose(net.scale.transpose([2, 0, 1]), { rtol: 0 });
  });

  it('gives snapshots, which later assignments leave as they are', () => {
    const net = new Net();
    const state = net.stateDict();
    const before = listed(state);
    for (const [, variable] of net.namedParameters()) variable.assign(tf.zerosLike(variable));
    net.dispose();
    expect(listed(state)).toEqual(before);
  });

  it('gives snapshots that compiled training leaves as they are', () => {
    const net = new Net();
    const optimizer = tf.train.sgd(0.1);
    const step = jit((x: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(() => net.forward(x).square().mean().asScalar());
      optimizer.applyGradients(grads);
      return value;
    });
    const x = values([4, 3]);
    step(x);
    const state = net.stateDict();
    const before = listed(state);
    for (let i = 0; i < 3; i++) step(x);
    expect(listed(state)).toEqual(before);
    expect(listed(net.stateDict())).not.toEqual(before);
  });

  it('takes the state of another, and leaves the source alone when it is trained after that', () => {
    const [one, other] = [new Net(key(1)), new Net(key(2))];
    const state = other.stateDict();
    const before = listed(state);
    const report = one.loadStateDict(state);
    expect(report).toEqual({ loaded: NAMES, missing: [], unexpected: [], misfits: [] });
    const x = values([5, 3]);
    expect(one.forward(x)).toBeAllclose(other.forward(x), { rtol: 0 });
    for (let i = 0; i < 2; i++) jit(() => one.scale.assign(one.scale.mul(2)))();
    expect(listed(state)).toEqual(before);
    expect(one.scale).toBeAllclose(other.scale.mul(4));
  });

  it('goes through a safetensors file and back', async () => {
    const [one, other] = [new Net(key(1)), new Net(key(2))];
    const bytes = await tensorsToSafetensors(one.stateDict());
    const { tensors } = readSafetensors(bytes);
    other.loadStateDict(tensors);
    expect(listed(other.stateDict())).toEqual(listed(one.stateDict()));
    jit(() => other.scale.assign(other.scale.add(1)))();
    expect([...tensors['scale']!.data]).toEqual([...one.stateDict()['scale']!.dataSync()]);
  });

  it('is read by a compiled function at each call, not as it was when that was recorded', () => {
    const net = new Net();
    const run = jit((x: tf.Tensor) => net.forward(x));
    const x = values([2, 3]);
    expect(run(x)).toBeAllclose(net.forward(x));
    net.loadStateDict(new Net(key(9)).stateDict());
    expect(run(x)).toBeAllclose(net.forward(x));
  });

  it('leaves nothing behind: parts, states, loading, refusals', () => {
    expect(() => new Net().dispose()).toLeakNothing();
    const net = new Net();
    const state = net.stateDict();
    expect(() => net.stateDict()).toLeakNothing();
    expect(() => net.loadStateDict(state)).toLeakNothing();
    expect(() => net.loadStateDict({}, { strict: false })).toLeakNothing();
    expect(() => {
      expect(() => net.loadStateDict({})).toThrow(FormatError);
    }).toLeakNothing();
  });

  it('is disposed of once, with all its parts', () => {
    const before = tf.memory().numTensors;
    const net = new Net();
    net.dispose();
    net.dispose();
    expect(net.blocks[1]!.weight.isDisposed).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
    const shared = new Net();
    shared.first.weight.dispose();
    shared.dispose();
    expect(shared.scale.isDisposed).toBe(true);
  });
});

describe('loadStateDict', () => {
  beforeAll(() => useBackend('cpu'));
  const where = 'Linear.loadStateDict: the state dict';
  const fix = 'Pass { strict: false } to load what fits, or { rename } to translate names.';
  const layer = (): Linear => new Linear(2, 1, { key: key(3) });
  const [weight, bias] = [(): tf.Tensor => tf.tensor2d([[5, 6]]), (): tf.Tensor => tf.tensor1d([7])];

  it('lists all that is missing, unknown and of another shape or dtype, and changes nothing', () => {
    const linear = layer();
    const before = listed(linear.stateDict());
    const refuse = (state: Record<string, tf.Tensor>, faults: string): void => {
      expect(() => linear.loadStateDict(state)).toThrow(new FormatError(`${where} ${faults}. ${fix}`));
      expect(listed(linear.stateDict())).toEqual(before);
    };
    refuse({ weight: weight() }, 'misses bias');
    refuse({ weight: weight(), bias: bias(), extra: bias() }, 'has the unknown extra');
    refuse({ weight: weight(), bias: weight() }, 'has bias: [1, 2] where [1] is wanted');
    refuse({ weight: weight(), bias: bias().toInt() }, 'has bias: int32 [1] where float32 [1] is wanted');
    refuse({}, 'misses weight, bias');
    refuse(
      { b: bias(), weight: bias() },
      'misses bias; it has the unknown b; it has weight: [1] where [1, 2] is wanted',
    );
  });

  it('takes complex entries of files as pairs of real and imaginary parts', () => {
    const [linear, entry] = [layer(), { dtype: 'C64' as const, shape: [1], data: Float32Array.of(3, -4) }];
    linear.loadStateDict({ weight: entry, bias: bias() });
    expect(linear.weight).toBeAllclose([[3, -4]]);
    expect(() => linear.loadStateDict({ weight: { ...entry, shape: [] }, bias: bias() })).toThrow(
      'has weight: [2] where [1, 2] is wanted',
    );
  });

  it('names the shape in PyTorch’s layout that a kept layout wants', () => {
    const conv = new Conv2d(3, 4, [2, 5], { key: key(1), bias: false });
    expect(() => conv.loadStateDict({ weight: tf.zeros([2, 5, 3, 4]) })).toThrow(
      'weight: [2, 5, 3, 4] where [4, 3, 2, 5] is wanted',
    );
  });

  it('loads what fits and reports the rest if it is not strict', () => {
    const linear = layer();
    const before = listed(linear.stateDict());
    const report = linear.loadStateDict({ weight: bias(), bias: bias(), extra: bias() }, { strict: false });
    expect(report).toEqual({
      loaded: ['bias'],
      missing: [],
      unexpected: ['extra'],
      misfits: ['weight: [1] where [1, 2] is wanted'],
    });
    expect(listed(linear.stateDict())).toEqual({ weight: before['weight'], bias: [7] });
    expect(linear.loadStateDict({}, { strict: false }).missing).toEqual(['weight', 'bias']);
  });

  it('renames, passes names over, and refuses two tensors for one name', () => {
    const linear = layer();
    const source = { 'model.weight': weight(), 'model.bias': bias(), 'optimizer.step': bias() };
    const rename = (name: string): string | null => (name.startsWith('model.') ? name.slice(6) : null);
    expect(linear.loadStateDict(source, { rename }).loaded).toEqual(['weight', 'bias']);
    expect(listed(linear.stateDict())).toEqual({ weight: [5, 6], bias: [7] });
    expect(() => linear.loadStateDict(source, { rename: () => 'bias' })).toThrow(
      new FormatError('Linear.loadStateDict: rename gives two tensors the name bias.'),
    );
  });

  it('sets nothing when one of the values cannot be had', () => {
    const linear = layer();
    const before = listed(linear.stateDict());
    const tooLarge: SafetensorsEntry = { dtype: 'F64', shape: [1], data: Float64Array.of(1e300) };
    expect(() => linear.loadStateDict({ weight: weight(), bias: tooLarge })).toThrow(RangeError);
    const gone = bias();
    gone.dispose();
    expect(() => linear.loadStateDict({ weight: weight(), bias: gone })).toThrow(/disposed/);
    for (const value of [undefined, null, 3, [1, 2]]) {
      expect(() => linear.loadStateDict({ weight: weight(), bias: value as never })).toThrow(
        'Linear.loadStateDict: the value of bias must be a tensor or an entry of a file, got ',
      );
    }
    expect(listed(linear.stateDict())).toEqual(before);
  });

  it('takes every dtype that gives the wanted one', () => {
    const linear = layer();
    const half: SafetensorsEntry = { dtype: 'F64', shape: [1, 2], data: Float64Array.of(0.5, 2) };
    linear.loadStateDict({ weight: half, bias: { dtype: 'F32', shape: [1], data: Float32Array.of(3) } });
    expect(listed(linear.stateDict())).toEqual({ weight: [0.5, 2], bias: [3] });
    const norm = new BatchNorm(1);
    const counted: SafetensorsEntry = { dtype: 'I64', shape: [], data: BigInt64Array.of(12n) };
    norm.loadStateDict({ num_batches_tracked: counted }, { strict: false });
    expect([...norm.batchesTracked.dataSync()]).toEqual([12]);
    const truth: SafetensorsEntry = { dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) };
    expect(linear.loadStateDict({ bias: truth }, { strict: false }).misfits).toEqual([
      'bias: bool [1] where float32 [1] is wanted',
    ]);
  });

  it('returns what stateDict gave, for any layout that is kept', () => {
    class Kept extends Module {
      readonly value: tf.Variable;
      constructor(value: tf.Tensor, permutation: number[]) {
        super();
        this.value = this.parameter('value', value, { permutation });
      }
    }
    const layouts = fc.integer({ min: 1, max: 5 }).chain((rank) =>
      fc.record({
        shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: rank, maxLength: rank }),
        permutation: fc.shuffledSubarray([...Array(rank).keys()], { minLength: rank, maxLength: rank }),
      }),
    );
    fc.assert(
      fc.property(layouts, ({ shape, permutation }) => {
        const [one, other] = [new Kept(values(shape, 1), permutation), new Kept(values(shape, 2), permutation)];
        const state = one.stateDict();
        expect(permutation.map((axis) => state['value']!.shape[axis])).toEqual(shape);
        other.loadStateDict(state);
        expect(other.value).toBeAllclose(one.value, { rtol: 0 });
        tf.dispose([one.value, other.value, state]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('freeze and unfreeze', () => {
  beforeAll(() => useBackend('cpu'));
  const trained = (net: Net): string[] =>
    net.namedParameters().flatMap(([name, { trainable }]) => (trainable ? [name] : []));

  it('take all, beginnings of names up to a dot, or what passes a test', () => {
    const net = new Net();
    expect(trained(net.freeze())).toEqual([]);
    expect(net.trainableVariables()).toEqual([]);
    expect(net.parameterCount({ trainableOnly: true })).toBe(0);
    expect(net.parameterCount()).toBe(41);
    expect(trained(net.unfreeze(['blocks.0', 'scale']))).toEqual(['scale', 'blocks.0.weight', 'blocks.0.bias']);
    expect(net.parameterCount({ trainableOnly: true })).toBe(24 + 6);
    expect(trained(net.freeze((name) => name.endsWith('bias')))).toEqual(['scale', 'blocks.0.weight']);
    expect(trained(net.unfreeze())).toEqual(NAMES.filter((name) => name !== 'count'));
    expect(net.count.trainable).toBe(false);
  });

  it('refuse names that fit nothing, beginnings within a word as well', () => {
    const net = new Net();
    const known = NAMES.filter((name) => name !== 'count').join(', ');
    expect(() => net.freeze(['scale', 'block'])).toThrow(
      new RangeError(`tensor-core.Module.freeze: names must name parameters, got "block". It has ${known}.`),
    );
    expect(() => net.unfreeze(['count'])).toThrow(
      'tensor-core.Module.unfreeze: names must name parameters, got "count".',
    );
    expect(trained(net)).toHaveLength(9);
  });

  it('keep a frozen parameter out of the gradients of an optimiser', () => {
    const net = new Net();
    net.freeze(['blocks']);
    const before = listed(net.stateDict());
    tf.train.sgd(0.1).minimize(
      () =>
        net
          .forward(values([3, 3]))
          .mean()
          .asScalar(),
      false,
      net.trainableVariables(),
    );
    const after = listed(net.stateDict());
    expect(after['blocks.0.weight']).toEqual(before['blocks.0.weight']);
    expect(after['first.weight']).not.toEqual(before['first.weight']);
  });
});

describe('train and eval', () => {
  it('reach all parts, and training is where a module starts', () => {
    const net = new Net();
    const modes = (): boolean[] => net.modules().map(({ training }) => training);
    expect(modes()).toEqual([true, true, true, true]);
    expect(net.eval()).toBe(net);
    expect(modes()).toEqual([false, false, false, false]);
    net.blocks[0]!.train();
    expect(modes()).toEqual([false, false, true, false]);
    expect(net.train()).toBe(net);
    expect(modes()).toEqual([true, true, true, true]);
    net.train(false);
    expect(net.training).toBe(false);
  });
});

describe('a name', () => {
  class Naming extends Module {
    constructor(...names: string[]) {
      super();
      names.forEach((name, i) => {
        if (i % 2 === 0) this.buffer(name, tf.scalar(0));
        else this.child(name, new Linear(1, 1, { key: null }));
      });
    }
  }

  it.each([[['']], [['a', 'a']], [['a', 'b', 'a']], [['a', 'b', 'c', 'b']], [['a', '']]])(
    'must be new and not empty: %j',
    (names) => {
      const last = JSON.stringify(names.at(-1));
      const message = `Naming.constructor: name must be new to the module and not empty, got ${last}.`;
      expect(() => new Naming(...names)).toThrow(new RangeError(message));
    },
  );
});
