import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { FFResUNet, NormConv, ResUNet, type ResUNetOptions } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest, loadGolden, type Golden } from '../src/testing';
import { channelsFirst, channelsLast, compiling, goldenState, goldenTensor, parameterGradients } from './nn-parity';
import { numbers, values } from './values';

// Tolerances of the authors' code in float32 against itself in another order of summation: a batch normalisation
// divides by the spread of the last layer, and there are some twenty layers.
const OUTPUT = { rtol: 1e-4, atol: 1e-4 };
const GRADIENT = { rtol: 1e-3, atol: 1e-4 };
// Against float64.
const EXACT = { rtol: 5e-5, atol: 5e-5 };

const AUTHORS = [
  {
    file: 'res-unet-phi',
    create: () =>
      new ResUNet({ key: null, firstChannels: 4, sizes: [32, 16, 8], time: 'fourier', phiLength: 2 }) as
        ResUNet | FFResUNet,
    parameters: 16499,
  },
  {
    file: 'res-unet-discrete',
    create: () => new ResUNet({ key: null, firstChannels: 4, sizes: [32, 16, 8], steps: 20 }),
    parameters: 13924,
  },
  {
    file: 'ff-res-unet',
    create: () => new FFResUNet({ key: null, firstChannels: 4, sizes: [16, 8], time: 'fourier', powers: [0, 2] }),
    parameters: 4220,
  },
];

const VARIANTS: Record<string, Omit<ResUNetOptions, 'key'>> = {
  discrete: { sizes: [8, 4, 2], firstChannels: 4, time: 'discrete', steps: 7 },
  layer: {
    sizes: [8, 4],
    firstChannels: 2,
    normalisation: 'LN',
    paddingMode: 'zeros',
    time: 'forward',
    phiLength: 3,
    skipRescale: false,
  },
  batch: {
    sizes: [8, 4],
    firstChannels: 4,
    normalisation: 'BN',
    time: 'fourier',
    phiLength: 1,
    inChannels: 2,
    outChannels: 3,
  },
  none: { sizes: [8, 4], firstChannels: 2, normalisation: null, time: 'fourier', skipRescale: false },
};

const ours = loadGolden(new URL('./golden/nn/res-unets.safetensors', import.meta.url));
const image = (golden: Golden, name: string): tf.Tensor => channelsLast(goldenTensor(golden, name));
const small = (options: Partial<ResUNetOptions> = {}): ResUNet =>
  new ResUNet({ key: key(1), sizes: [8, 4], firstChannels: 2, steps: 5, ...options });

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(AUTHORS)('the network of $file', ({ file, create, parameters }) => {
    const golden = loadGolden(new URL(`./golden/nn/${file}.safetensors`, import.meta.url));
    const optional = (name: string): tf.Tensor | undefined =>
      golden.names.includes(name) ? goldenTensor(golden, name) : undefined;
    const tail = file === 'ff-res-unet' ? 'resunet.tail.1' : 'tail.1';
    /** The file's running statistics are those of afterwards; these are from its description. */
    const loaded = (): ResUNet | FFResUNet => {
      const [net, state] = [create(), goldenState(golden, 'state.')];
      state[`${tail}.running_mean`] = tf.tensor1d([0.1]);
      state[`${tail}.running_var`] = tf.tensor1d([0.7]);
      net.loadStateDict(state);
      return net;
    };
    const forward = (net: ResUNet | FFResUNet, x: tf.Tensor): tf.Tensor =>
      net.forward(x, goldenTensor(golden, 't'), optional('phi'));

    it('has as many parameters as the reference', () => {
      expect(create().parameterCount()).toBe(parameters);
    });

    it.each(compiling(backend))('gives what the authors’ code gives in evaluation, compiled %s', (compiled) => {
      const net = loaded().eval();
      const run = (x: tf.Tensor): tf.Tensor => forward(net, x);
      const y = (compiled ? jit(run) : run)(image(golden, 'x'));
      expect(channelsFirst(y)).toBeAllclose(golden.get('out_eval'), OUTPUT);
    });

    it.each(compiling(backend))(
      'gives its loss, gradients and running statistics in training, compiled %s',
      (compiled) => {
        const net = loaded();
        const step = (x: tf.Tensor, noise: tf.Tensor): { value: tf.Tensor; grads: tf.NamedTensorMap } =>
          tf.variableGrads(() => forward(net, x).sub(noise).square().mean().asScalar(), net.trainableVariables());
        const { value, grads } = (compiled ? jit(step) : step)(image(golden, 'x'), image(golden, 'eps'));
        expect(value.reshape([1])).toBeAllclose(golden.get('loss'), OUTPUT);
        const gradients = parameterGradients(net, grads);
        const recorded = golden.names.filter((name) => name.startsWith('grad.'));
        expect(recorded.length).toBeGreaterThan(10);
        for (const name of recorded) expect(gradients[name.slice(5)]).toBeAllclose(golden.get(name), GRADIENT);
        const state = net.stateDict();
        expect(state[`${tail}.running_mean`]).toBeAllclose(golden.get('running_mean_after'), OUTPUT);
        expect(state[`${tail}.running_var`]).toBeAllclose(golden.get('running_var_after'), OUTPUT);
        expect(state[`${tail}.num_batches_tracked`]).toBeAllclose(tf.scalar(1), { rtol: 0 });
      },
    );
  });

  it.each(compiling(backend))('gives what the network of Gibbs diffusion gives, compiled %s', (compiled) => {
    const golden = loadGolden(new URL('./golden/nn/res-unet-gdiff.safetensors', import.meta.url));
    const net = new ResUNet({ key: null, firstChannels: 4, sizes: [16, 8, 4], time: 'fourier', phiLength: 2 }).eval();
    // The file has no counter of batches.
    const { missing } = net.loadStateDict(goldenState(golden, 'w.'), { strict: false });
    expect(missing).toEqual(['tail.1.num_batches_tracked']);
    const run = (x: tf.Tensor): tf.Tensor => net.forward(x, goldenTensor(golden, 't'), goldenTensor(golden, 'phi'));
    const y = (compiled ? jit(run) : run)(image(golden, 'x'));
    expect(channelsFirst(y)).toBeAllclose(golden.get('out'), OUTPUT);
  });

  describe.each(Object.entries(VARIANTS))('the variant %s', (variant, options) => {
    const golden = (name: string): tf.Tensor => goldenTensor(ours, `${variant}/${name}`);
    /** The weights of the generator. */
    const create = (): ResUNet => {
      const net = new ResUNet({ key: null, ...options }).unfreeze();
      const shapes = JSON.parse(ours.metadata['shapes']!) as Record<string, Record<string, number[]>>;
      const state = net.stateDict();
      const found = Object.entries(state).map(([name, { shape }]) => [name, shape]);
      expect(Object.fromEntries(found)).toEqual(shapes[variant]);
      sorted(net).forEach(([name], k) => {
        const { shape } = state[name]!;
        const offset = /(norm|tail\.1)\.weight$/.test(name) ? 1 : 0;
        const sines = numbers(tf.util.sizeFromShape(shape), k).map((value) => 0.4 * value);
        state[name] = tf.tensor(Float32Array.from(sines), shape).add(offset);
      });
      net.loadStateDict(state);
      return net;
    };
    const sorted = (net: ResUNet): [string, tf.Variable][] =>
      net.namedParameters().sort(([a], [b]) => (a < b ? -1 : 1));
    const phi = options.phiLength ? golden('phi') : undefined;

    it('gives results, slopes along every parameter and running statistics of PyTorch', () => {
      const net = create();
      const input = tf.variable(channelsLast(golden('x')));
      const dy = channelsLast(golden('dy'));
      const { grads } = tf.variableGrads(
        () => net.forward(input, golden('t'), phi).mul(dy).sum().asScalar(),
        [input, ...net.trainableVariables()],
      );
      expect(channelsFirst(grads[input.name]!)).toBeAllclose(ours.get(`${variant}/dx`), EXACT);
      const slopes = sorted(net).map(([, variable]) => grads[variable.name]!.mul(variable).sum());
      expect(tf.stack(slopes)).toBeAllclose(ours.get(`${variant}/slopes`), { rtol: 1e-4, atol: 2e-4 });
      net.eval();
      expect(channelsFirst(net.forward(input, golden('t'), phi))).toBeAllclose(ours.get(`${variant}/eval`), EXACT);
      net.train();
      expect(channelsFirst(net.forward(input, golden('t'), phi))).toBeAllclose(ours.get(`${variant}/y`), EXACT);
    });
  });

  it('commutes with shifts of the image by whole pixels of its coarsest level, on the torus of circular padding', () => {
    // The samplers pad with zeros, so this holds for one level of blocks alone.
    const block = new NormConv(3, 2, {
      key: key(4),
      normalisation: 'GN',
      groupSize: 1,
      size: 6,
      epsilon: 1e-5,
      paddingMode: 'circular',
      skipRescale: true,
      hasPhi: false,
    });
    const shifted = (x: tf.Tensor): tf.Tensor =>
      tf.concat([x.slice([0, 2, 0, 0], [1, 4, 6, -1]), x.slice([0, 0, 0, 0], [1, 2, 6, -1])], 1);
    const x = values([1, 6, 6, 3]);
    expect(block.forward(shifted(x))).toBeAllclose(shifted(block.forward(x)), { atol: 1e-6 });
  });

  it('leaves nothing behind', () => {
    const net = small({ time: 'fourier', phiLength: 2 });
    const [x, t, phi] = [values([2, 8, 8, 1]), tf.tensor1d([0.1, 0.9]), values([2, 2])];
    expect(() => net.forward(x, t, phi)).toLeakNothing();
    expect(() => small().dispose()).toLeakNothing();
    const ff = new FFResUNet({ key: key(1), sizes: [8, 4], firstChannels: 2, steps: 3 });
    const steps = tf.tensor1d([0, 2], 'int32');
    expect(() => ff.forward(x, steps)).toLeakNothing();
  });
});

describe('ResUNet', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([
    { sizes: [256, 128, 64, 32], firstChannels: 10, parameters: 323848 },
    { sizes: [256, 128, 64, 32, 16], firstChannels: 6, parameters: 420832 },
    { sizes: [256, 128, 64, 32, 16], firstChannels: 10, parameters: 957848 },
  ])('has the $parameters parameters of the published network', ({ parameters, ...options }) => {
    expect(new ResUNet({ key: null, ...options }).parameterCount()).toBe(parameters);
  });

  it('keeps its codes of time fixed, unless they are learnt', () => {
    const trained = (time: 'discrete' | 'fourier' | 'forward'): boolean => {
      const net = small({ time });
      const variables = new Set(net.trainableVariables());
      return net.namedParameters().some(([name, variable]) => name.startsWith('time_embed') && variables.has(variable));
    };
    expect([trained('discrete'), trained('fourier'), trained('forward')]).toEqual([false, false, true]);
  });

  it('starts from other weights with another key, from the same with the same', () => {
    const weights = (seed: number): number[] => {
      const state = small({ key: key(seed) }).stateDict();
      return [...state['tail.0.weight']!.dataSync()];
    };
    expect(weights(1)).toEqual(weights(1));
    expect(weights(1)).not.toEqual(weights(2));
  });

  it('has the reference’s table of times on demand, the usual one by default', () => {
    const table = (timeTable: 'standard' | 'reference'): number[] => [
      ...small({ timeTable }).stateDict()['time_embed.weight']!.dataSync(),
    ];
    expect(table('standard').slice(100, 102)).toEqual([
      Math.fround(Math.sin(1)),
      Math.fround(Math.sin(10000 ** -0.02)),
    ]);
    expect(table('reference').slice(100, 102)).toEqual([1, 1]);
  });

  it('takes times as a vector or a column', () => {
    const net = small({ time: 'fourier' }).eval();
    const x = values([2, 8, 8, 1]);
    expect(net.forward(x, tf.tensor1d([0.2, 0.7]))).toBeAllclose(net.forward(x, tf.tensor2d([[0.2], [0.7]])), {
      rtol: 0,
    });
  });

  it.each<[Partial<ResUNetOptions>, string]>([
    [{ firstChannels: 3 }, 'tensor-core.ResUNet: firstChannels must be even, got 3.'],
    [{ firstChannels: 0 }, 'tensor-core.ResUNet: firstChannels must be an integer >= 1, got 0.'],
    [{ sizes: [8] }, 'tensor-core.ResUNet: sizes must be two or more integers, each half the one before, got [8].'],
    [{ sizes: [8, 5] }, 'sizes must be two or more integers, each half the one before, got [8, 5].'],
    [{ sizes: [3, 1.5] }, 'sizes must be two or more integers'],
    [{ phiLength: -1 }, 'tensor-core.ResUNet: phiLength must be an integer >= 0, got -1.'],
    [
      { time: 'cosine' as never },
      'tensor-core.ResUNet: time must be one of "discrete", "fourier", "forward", got "cosine".',
    ],
    [{ steps: 1 }, 'tensor-core.ResUNet: steps must be an integer >= 2, got 1.'],
    [{ timeTable: 'x' as never }, 'tensor-core.ResUNet: timeTable must be one of "standard", "reference", got "x".'],
    [
      { normalisation: 'default' as never },
      'tensor-core.NormConv: normalisation must be one of "GN", "BN", "LN", "none", got "default".',
    ],
    [{ paddingMode: 'reflect' as never }, 'paddingMode must be one of "zeros", "circular", got "reflect".'],
  ])('refuses %o', (options, message) => {
    expect(() => small(options)).toThrow(message);
    expect(() => small(options)).toThrow(RangeError);
  });

  it('names what does not fit its inputs', () => {
    const [net, conditioned] = [small(), small({ phiLength: 2, time: 'fourier' })];
    const [x, t] = [values([2, 8, 8, 1]), tf.tensor1d([0, 4], 'int32')];
    const where = 'tensor-core.ResUNet.forward';
    expect(() => net.forward(values([2, 8, 8, 2]), t)).toThrow(`${where}: x must have shape [*, *, *, 1], got`);
    expect(() => net.forward(values([2, 8, 7, 1]), t)).toThrow(`${where}: x must have sides that 2 divides, got`);
    expect(() => net.forward(values([2, 7, 8, 1]), t)).toThrow(`${where}: x must have sides that 2 divides, got`);
    expect(() => net.forward(x, tf.tensor1d([1], 'int32'))).toThrow(
      `${where}: t must have one time for each of 2 images`,
    );
    expect(() => net.forward(x, t.toFloat())).toThrow('tensor-core.TimeTable.forward: t must be int32 steps, got');
    expect(() => net.forward(x, t, values([2, 2]))).toThrow(
      `${where}: phi must be left out: the network has no parameters phi, got`,
    );
    expect(() => conditioned.forward(x, t)).toThrow(`${where}: phi must have shape [2, 2], got undefined.`);
    expect(() => conditioned.forward(x, t, values([2, 3]))).toThrow(`${where}: phi must have shape [2, 2], got`);
  });

  it('refuses broken frequencies of FFResUNet', () => {
    const ff = (powers: [number, number]): FFResUNet => new FFResUNet({ key: null, powers });
    expect(() => ff([8, 6])).toThrow('tensor-core.FFResUNet: powers[1] must be an integer >= 8, got 6.');
    expect(() => ff([0.5, 6])).toThrow('tensor-core.FFResUNet: powers[0] must be an integer, got 0.5.');
  });
});
