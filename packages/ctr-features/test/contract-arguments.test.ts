import * as tf from '@tensorflow/tfjs';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  CountSketch,
  CraftSketch,
  featureMapFromJSON,
  HierarchicalSketch,
  PolynomialSketch,
  TensorSketch,
  type FeatureMap,
  type FeatureMapJson,
  type PolynomialSketchOptions,
  type Weights,
} from '../src/index';

const { FormatError, ShapeError } = check;
type ErrorClass = new (message: string) => Error;

const OPTIONS: PolynomialSketchOptions = { inputDim: 4, features: 8, degree: 2, key: 0 };
const product = (options: Record<string, unknown>): PolynomialSketch =>
  new PolynomialSketch({ ...OPTIONS, ...options });

beforeAll(() => useBackend('cpu'));

describe('options', () => {
  it.each<[Record<string, unknown>, ErrorClass, string]>([
    [{ degree: 0 }, RangeError, 'degree must be an integer >= 1, got 0.'],
    [{ degree: 1.5 }, RangeError, 'degree must be an integer >= 1, got 1.5.'],
    [{ degree: undefined }, TypeError, 'degree must be an integer >= 1, got undefined.'],
    [{ features: 7 }, RangeError, "features must be even for mode 'ctr' (as many real as imaginary parts), got 7."],
    [{ features: 0 }, RangeError, 'features must be an integer >= 1, got 0.'],
    [{ inputDim: 0 }, RangeError, 'inputDim must be an integer >= 1, got 0.'],
    [{ inputDim: '4' }, TypeError, 'inputDim must be an integer >= 1, got "4".'],
    [{ gamma: 0 }, RangeError, 'gamma must be a finite number > 0, got 0.'],
    [{ gamma: Infinity }, RangeError, 'gamma must be a finite number > 0, got Infinity.'],
    [{ coef0: -0.1 }, RangeError, 'coef0 must be a finite number >= 0, got -0.1.'],
    [{ variance: 0 }, RangeError, 'variance must be a finite number > 0, got 0.'],
    [{ mode: 'CtR' }, RangeError, 'mode must be one of "real", "complex", "ctr", got "CtR".'],
    [{ projection: 'normal' }, RangeError, 'projection must be one of "gaussian", "rademacher", "srht", got "normal".'],
    [{ srhtBlocks: 'both' }, RangeError, 'srhtBlocks must be one of "shared", "independent", got "both".'],
    [{ key: undefined }, TypeError, 'options must have either key or weights, got "neither". For a start take key: 0.'],
    [{ weights: {} }, TypeError, 'options must have either key or weights, got "both". For a start take key: 0.'],
    [{ key: '0' }, TypeError, 'key must be a Key or a number, got "0". For a start take key: 0.'],
    [
      { key: undefined, weights: null },
      TypeError,
      'weights must be tensors by name, as weights() gives them, got null.',
    ],
  ])('%o', (options, type, message) => {
    expect(() => product(options)).toThrow(new type(`ctr-features.PolynomialSketch: ${message}`));
  });

  it('of the other maps', () => {
    const hierarchy = 'list' as 'tree';
    expect(() => new HierarchicalSketch({ ...OPTIONS, hierarchy })).toThrow(
      new RangeError('ctr-features.HierarchicalSketch: hierarchy must be one of "tree", "sequential", got "list".'),
    );
    expect(() => new TensorSketch({ ...OPTIONS, degree: -1 })).toThrow(
      new RangeError('ctr-features.TensorSketch: degree must be an integer >= 1, got -1.'),
    );
    expect(() => new CountSketch({ ...OPTIONS, features: 0 })).toThrow(
      new RangeError('ctr-features.CountSketch: features must be an integer >= 1, got 0.'),
    );
    const up = product({});
    expect(() => new CraftSketch({ up, features: 9, key: 0 })).toThrow(
      new RangeError('ctr-features.CraftSketch: features must be an integer >= 1 and <= 8, got 9.'),
    );
    expect(() => new CraftSketch({ up: {} as FeatureMap, features: 4, key: 0 })).toThrow(
      new TypeError('ctr-features.CraftSketch: up must be a feature map, got an object.'),
    );
    expect(() => new CraftSketch({ up, features: 4 })).toThrow(
      new TypeError(
        'ctr-features.CraftSketch: options must have either key or weights, got "neither". For a start take key: 0.',
      ),
    );
  });
});

describe('given weights', () => {
  const broken = (projection: 'gaussian' | 'srht', name: string, entry: Weights[string] | undefined) => () => {
    const weights = { ...product({ projection }).weights() };
    if (entry === undefined) delete weights[name];
    else weights[name] = entry;
    return product({ projection, key: undefined, weights });
  };
  const rows = (...first: number[]): Weights[string] => {
    return { dtype: 'I32', shape: [4], data: Float64Array.from([...first, 0, 0, 0].slice(0, 4)) };
  };
  const signs = (length: number, value = 1): Weights[string] => {
    return { dtype: 'F32', shape: [1, 1, 4], data: new Float32Array(length).fill(value) };
  };

  it.each<[string, () => unknown, ErrorClass, string]>([
    [
      'none',
      broken('gaussian', 'w.1.im', undefined),
      ShapeError,
      '["w.1.im"] must have the shape [4, 4], got undefined.',
    ],
    [
      'of another shape',
      broken('gaussian', 'w.0.re', { dtype: 'F32', shape: [16], data: new Float32Array(16) }),
      ShapeError,
      '["w.0.re"] must have the shape [4, 4], got [16].',
    ],
    [
      'of too few numbers',
      broken('srht', 'rad.0.re', signs(3)),
      ShapeError,
      '["rad.0.re"] must have 4 numbers, got 3.',
    ],
    [
      'that are NaN',
      broken('srht', 'rad.0.im', signs(4, NaN)),
      RangeError,
      '["rad.0.im"] must have finite numbers, got NaN.',
    ],
    [
      'above the last row',
      broken('srht', 'perm.1', rows(0, 4)),
      RangeError,
      '["perm.1"] must have integers from 0 to 3, got 4.',
    ],
    [
      'below the first row',
      broken('srht', 'perm.0', rows(-1)),
      RangeError,
      '["perm.0"] must have integers from 0 to 3, got -1.',
    ],
    [
      'between rows',
      broken('srht', 'perm.0', rows(0.5)),
      RangeError,
      '["perm.0"] must have integers from 0 to 3, got 0.5.',
    ],
    [
      'beyond 32 bits',
      broken('srht', 'perm.0', rows(2 ** 32)),
      RangeError,
      '["perm.0"] must have integers from 0 to 3, got 4294967296.',
    ],
  ])('%s', (_what, make, type, message) => {
    expect(make).toThrow(new type(`ctr-features.PolynomialSketch: weights${message}`));
  });

  it('of TensorSketch are hashes to its buckets', () => {
    const options = { inputDim: 2, features: 4, degree: 1 };
    const make = (buckets: number[], signs: number[]) => () =>
      new TensorSketch({
        ...options,
        weights: {
          'ihash.0': { dtype: 'I32', shape: [2], data: Int32Array.from(buckets) },
          'shash.0': { dtype: 'F32', shape: [2], data: Float32Array.from(signs) },
        },
      });
    expect(make([0, 4], [1, 1])).toThrow(
      new RangeError('ctr-features.TensorSketch: weights["ihash.0"] must have integers from 0 to 3, got 4.'),
    );
    expect(make([0, 3], [1, NaN])).toThrow(
      new RangeError('ctr-features.TensorSketch: weights["shash.0"] must have finite numbers, got NaN.'),
    );
    expect(make([0, 3], [1])).toThrow(
      new ShapeError('ctr-features.TensorSketch: weights["shash.0"] must have 2 numbers, got 1.'),
    );
  });

  it('of CRAFT are named with their prefix', () => {
    expect(() => new CraftSketch({ up: product({}), features: 4, weights: {} })).toThrow(
      new ShapeError('ctr-features.CraftSketch: weights["down.rad.0"] must have the shape [1, 1, 8], got undefined.'),
    );
  });

  it('are copied', () => {
    const weights = product({ projection: 'rademacher' }).weights();
    const copy = product({ projection: 'rademacher', key: undefined, weights });
    const before = copy.weights()['w.0.re']!.data.slice();
    (weights['w.0.re']!.data as Float32Array).fill(9);
    expect(copy.weights()['w.0.re']!.data).toEqual(before);
  });
});

describe('featureMapFromJSON', () => {
  const where = 'ctr-features.featureMapFromJSON';
  const kinds =
    'PolynomialSketch, HierarchicalSketch, TensorSketch, CountSketch, CraftSketch, MaclaurinFeatures, RandomFourierFeatures, SphericalFeatures';
  const form = `${where}: json must be { kind, options } with a kind among ${kinds}`;
  const good = product({}).toJSON();
  const given = product({ key: undefined, weights: product({}).weights() }).toJSON();
  const keyForm =
    "tensor-core.keyFromJSON: json must be { algorithm: 'threefry2x32', words: [two 32-bit integers] }, got";

  it.each<[string, unknown, ErrorClass, string]>([
    ['null', null, FormatError, `${form}, got null.`],
    ['a number', 5, FormatError, `${form}, got 5.`],
    ['no kind', { options: {} }, FormatError, `${form}, got an object.`],
    ['no options', { kind: 'TensorSketch' }, FormatError, `${form}, got "TensorSketch".`],
    ['another kind', { kind: 'toString', options: {} }, FormatError, `${form}, got "toString".`],
    ['the prototype', { kind: '__proto__', options: {} }, FormatError, `${form}, got "__proto__".`],
    ['no key', { ...good, options: { ...OPTIONS, key: undefined } }, FormatError, `${keyForm} undefined.`],
    ['no key of ours', { ...good, options: { ...OPTIONS, key: [1, 2] } }, FormatError, `${keyForm} [1, 2].`],
    [
      'weights that are no text',
      { ...given, weights: 5 },
      FormatError,
      `${where}: json.weights must be a safetensors file in base64, got 5.`,
    ],
    [
      'weights in no base64',
      { ...given, weights: 'weights!' },
      FormatError,
      `${where}: json.weights must be a safetensors file in base64, got "weights!".`,
    ],
    [
      'another degree than the weights',
      { ...given, options: { ...given.options, degree: 3 } },
      ShapeError,
      'ctr-features.PolynomialSketch: weights["rad.2.re"] must have the shape [1, 1, 4], got undefined.',
    ],
    [
      'options outside their ranges',
      { ...good, options: { ...good.options, features: 3 } },
      RangeError,
      "ctr-features.PolynomialSketch: features must be even for mode 'ctr' (as many real as imaginary parts), got 3.",
    ],
    [
      'CRAFT of nothing',
      { kind: 'CraftSketch', options: { features: 4, key: 0 } },
      FormatError,
      `${form}, got undefined.`,
    ],
  ])('%s', (_what, json, type, message) => {
    expect(() => featureMapFromJSON(json as FeatureMapJson)).toThrow(new type(message));
  });

  it('refuses weights cut off anywhere', () => {
    const { weights } = given as { weights: string };
    for (const length of [0, 4, 12, 100, weights.length - 4]) {
      const cut = { ...given, weights: weights.slice(0, length) };
      expect(() => featureMapFromJSON(cut)).toThrow(FormatError);
    }
  });

  it('keeps large weights whole', () => {
    const large = new PolynomialSketch({ inputDim: 100, features: 200, degree: 1, projection: 'gaussian', key: random.key(1) }); // prettier-ignore
    const weights = large.weights();
    const options = { inputDim: 100, features: 200, degree: 1, projection: 'gaussian', weights } as const;
    const copy = featureMapFromJSON(new PolynomialSketch(options).toJSON());
    expect(copy.weights()).toEqual(weights);
  });
});

describe('kernel', () => {
  it('names the one of its arguments that has other columns', () => {
    const map = product({});
    tf.tidy(() => {
      expect(() => map.kernel(tf.zeros([2, 4]), tf.zeros([2, 3]))).toThrow(
        new ShapeError(
          'ctr-features.PolynomialSketch.kernel: y must have shape [*, 4], got a float32 tensor of shape [2, 3].',
        ),
      );
      expect(() => map.kernel(tf.zeros([2, 5]), tf.zeros([2, 4]))).toThrow('x must have 4 columns');
    });
    map.dispose();
  });
});

describe('transformChunks', () => {
  it.each([[undefined], [null], [3], [{ data: [1, 2, 3, 4], shape: [1, 4] }]])(
    'refuses the source %o',
    async (source) => {
      const pieces = product({}).transformChunks(source as never);
      await expect(pieces.next()).rejects.toThrow(
        new TypeError(
          check.argumentMessage(
            'ctr-features.PolynomialSketch.transformChunks',
            'source',
            'be an iterable of pieces of rows',
            source,
          ),
        ),
      );
    },
  );
});

describe('rows of a tensor', () => {
  it('are fetched from the backend once, and not for their shape alone', () => {
    const map = product({ projection: 'gaussian' });
    const x = tf.ones<tf.Rank.R2>([3000, 4]);
    const fetch = vi.spyOn(x, 'dataSync');
    map.fit(x);
    expect(fetch).toHaveBeenCalledTimes(0);
    map.transform(x).dispose();
    expect(fetch).toHaveBeenCalledTimes(1);
    x.dispose();
    map.dispose();
  });
});
