import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  AdamW,
  isBiasOrNorm,
  isVectorLike,
  layerwiseGroups,
  noDecayOnBiasAndNorm,
  noDecayOnVectors,
  Sgd,
  vitLayer,
  type NamedVariable,
  type ParameterGroup,
} from '../src/optim';
import { loadGolden } from '../src/testing';

const dinov2 = loadGolden(new URL('golden/optim/dinov2-schedules.safetensors', import.meta.url));

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => tf.disposeVariables());

const ones = (...shape: number[]): tf.Variable => tf.tidy(() => tf.ones(shape).variable());

/** What one step with zero gradients and rate 1 takes from each variable: its weight decay times its rate. */
function decays(variables: readonly tf.Variable[], groups: ParameterGroup[], parameters?: NamedVariable[]): number[] {
  const optimizer = new Sgd({
    learningRate: 1,
    weightDecay: 0.125,
    decoupled: true,
    groups,
    ...(parameters && { parameters }),
  });
  optimizer.applyGradients(variables.map(({ name, shape }) => ({ name, tensor: tf.zeros(shape) })));
  return variables.map((variable) => 1 - variable.dataSync()[0]!);
}

describe('groups', () => {
  it('hold for their variables, the first one that has them, and the others keep the optimiser’s settings', () => {
    const variables = [ones(2), ones(2), ones(2), ones(2)];
    const [a, b, c] = variables as [tf.Variable, tf.Variable, tf.Variable];
    const groups: ParameterGroup[] = [
      { variables: [a, ['b', b]], weightDecay: 0 },
      { filter: (_, variable) => variable === c || variable === b, lrScale: 2 },
    ];
    expect(decays(variables, groups)).toEqual([0, 0, 0.25, 0.125]);
  });

  it('are filtered by the names of the model, of a group’s own list, else of tfjs', () => {
    const variables = [ones(2), ones(2), tf.tidy(() => tf.ones([2]).variable(true, 'tfjs/name'))];
    const seen: string[] = [];
    const filter = (name: string): boolean => {
      seen.push(name);
      return false;
    };
    const groups: ParameterGroup[] = [{ filter }, { variables: [['listed', variables[1]!]] }];
    decays(variables, groups, [['encoder.weight', variables[0]!]]);
    expect(seen).toEqual(['encoder.weight', 'listed', 'tfjs/name']);
  });

  it('noDecayOnVectors spares what has at most one long axis', () => {
    const variables = [ones(), ones(3), ones(1, 4, 1), ones(2, 2), ones(1, 3, 3, 1), ones(1, 1)];
    expect(variables.map((variable) => isVectorLike('', variable))).toEqual([true, true, true, false, false, true]);
    expect(decays(variables, [noDecayOnVectors])).toEqual([0, 0, 0, 0.125, 0.125, 0]);
  });

  it('noDecayOnBiasAndNorm spares biases, norms and layer scales by their names', () => {
    const names = [
      'mlp.bias',
      'norm1.weight',
      'layernorm.weight',
      'ls1.gamma',
      'mlp.weight',
      'bias.weight',
      'unbiased',
    ];
    expect(names.map((name) => isBiasOrNorm(name))).toEqual([true, true, true, true, false, false, false]);
    const parameters = names.map((name): NamedVariable => [name, ones(2)]);
    const variables = parameters.map(([, variable]) => variable);
    expect(decays(variables, [noDecayOnBiasAndNorm], parameters)).toEqual([0, 0, 0, 0, 0.125, 0.125, 0.125]);
  });

  it.each([
    [[{}], TypeError, 'tensor-core.AdamW: groups[0] must have either variables or a filter, got neither.'],
    [[{ filter: (): boolean => true, variables: [] }], TypeError, 'got both.'],
    [[{ filter: 'bias' }], TypeError, 'tensor-core.AdamW: groups[0].filter must be a function, got "bias".'],
    [
      [{ variables: [] }, { variables: ['bias'] }],
      TypeError,
      'tensor-core.AdamW: groups[1].variables must be tf.Variables or pairs [name, variable], got "bias".',
    ],
    [[{ variables: [['bias', 3]] }], TypeError, 'pairs [name, variable], got 3.'],
    [
      [{ filter: (): boolean => true, lrScale: -1 }],
      RangeError,
      'groups[0].lrScale must be a finite number >= 0, got -1.',
    ],
    [
      [{ filter: (): boolean => true, weightDecay: '0' }],
      TypeError,
      'groups[0].weightDecay must be a number or a function',
    ],
  ] as const)('are refused with a reason: %o', (groups, type, message) => {
    const make = () => new AdamW({ groups: groups as unknown as ParameterGroup[] });
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  it('name the schedule that gives a wrong number', () => {
    const variable = ones(2);
    const apply = (group: Partial<ParameterGroup>) => () =>
      new AdamW({ groups: [{ variables: [variable], ...group }] }).applyGradients({ [variable.name]: tf.zeros([2]) });
    expect(apply({ lrScale: () => NaN })).toThrow(
      'tensor-core.AdamW: lrScale at step 0 must be a finite number >= 0, got NaN',
    );
    expect(apply({ weightDecay: () => -1 })).toThrow('weightDecay at step 0 must be a finite number >= 0, got -1.');
  });
});

describe('layerwiseGroups', () => {
  it('gives each parameter of a chunked vision transformer the rate and decay of DINOv2', () => {
    const names = dinov2.metadata['layerwise_names']!.split(',');
    const parameters = names.map((name): NamedVariable => [name, ones(1)]);
    const groups = layerwiseGroups(parameters, { depth: 4 });
    const found = (name: string): ParameterGroup =>
      groups.find(({ variables }) => (variables as NamedVariable[]).some(([other]) => other === name))!;
    const scales = names.map((name) => found(name).lrScale as number);
    expect(scales).toBeAllclose([...dinov2.get('layerwise.lr_multiplier').data], { rtol: 1e-12 });
    const decays = names.map((name) => (found(name).weightDecay === 0 ? 0 : 1));
    expect(decays).toEqual([...dinov2.get('layerwise.wd_multiplier').data]);
    // Layers 0 (twice, as the patch embedding is slower still) to 5, with decay and without where both occur.
    expect(groups).toHaveLength(new Set(scales.map((scale, i) => `${scale} ${decays[i]}`)).size);
  });

  it('takes other layers, decays and masks', () => {
    const parameters: NamedVariable[] = [
      ['stem.bias', ones(1)],
      ['body.weight', ones(2, 2)],
      ['patch_embed.weight', ones(2, 2)],
    ];
    const groups = layerwiseGroups(parameters, {
      depth: 2,
      decay: 0.5,
      patchEmbedScale: 0.25,
      layerOf: (name) => (name.startsWith('body') ? 2 : 1),
      withoutDecay: isVectorLike,
    });
    expect(groups.map(({ lrScale, weightDecay }) => [lrScale, weightDecay])).toEqual([
      [0.25, 0],
      [0.5, undefined],
      [0.0625, undefined],
    ]);
  });

  it('vitLayer reads names with chunks, prefixes and without', () => {
    const layers = {
      cls_token: 0,
      'backbone.register_tokens': 0,
      mask_token: 0,
      pos_embed: 0,
      'patch_embed.proj.bias': 0,
      'blocks.0.norm1.weight': 1,
      'backbone.blocks.11.mlp.fc1.bias': 12,
      'blocks.2.9.ls1.gamma': 10,
      'norm.weight': 13,
      'head.weight': 13,
    };
    for (const [name, layer] of Object.entries(layers)) expect(vitLayer(name, 12)).toBe(layer);
  });

  it.each([
    [{ depth: 0 }, 'tensor-core.layerwiseGroups: depth must be an integer >= 1, got 0.'],
    [{ depth: 4, decay: 0 }, 'decay must be a finite number > 0 and <= 1, got 0.'],
    [{ depth: 4, patchEmbedScale: -1 }, 'patchEmbedScale'],
    [
      { depth: 4, layerOf: () => 6 },
      'tensor-core.layerwiseGroups: the layer of a must be a finite number >= 0 and <= 5',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => layerwiseGroups([['a', ones(1)]], options)).toThrow(RangeError);
    expect(() => layerwiseGroups([['a', ones(1)]], options)).toThrow(message);
    expect(() => layerwiseGroups([], { depth: 4 })).toThrow('parameters must not be empty, got [].');
  });
});
