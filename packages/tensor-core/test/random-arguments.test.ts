import { describe, expect, it } from 'vitest';
import {
  bernoulli,
  exponential,
  fillBernoulli,
  fillExponential,
  fillGamma,
  fillIntegers,
  fillNormal,
  fillTruncatedNormal,
  fillUniform,
  gamma,
  integers,
  key,
  normal,
  permutation,
  truncatedNormal,
  uniform,
} from '../src/random';

const k = key(42);

describe('bad arguments', () => {
  const f32 = new Float32Array(4);
  const f64 = new Float64Array(4);
  const i32 = new Int32Array(4);
  const u8 = new Uint8Array(4);
  const no = undefined as never;

  it.each<[string, () => unknown]>([
    ['uniform: key must be a Key, got 42. Make one', () => uniform(42 as never, [2])],
    ['normal: key must be a Key, got undefined.', () => normal(no, [2])],
    ['truncatedNormal: key must', () => truncatedNormal(no, [2])],
    ['gamma: key must', () => gamma(no, [2], { alpha: 1 })],
    ['exponential: key must', () => exponential(no, [2])],
    ['integers: key must', () => integers(no, [2], 0, 1)],
    ['bernoulli: key must', () => bernoulli(no, [2])],
    ['permutation: key must', () => permutation(no, 2)],
    ['normal: shape must be an array of lengths, got 3. Write [n] for n values.', () => normal(k, 3 as never)],
    ['normal: shape must be an integer >= 0, got "2"', () => normal(k, ['2'] as never)],
    ['normal: std must be a finite number >= 0, got "1"', () => normal(k, [1], { std: '1' as never })],
    ['gamma: alpha must be a finite number > 0, got undefined', () => gamma(k, [1], {} as never)],
    ['integers: high must be an integer > 0 and <= 2147483648, got undefined', () => integers(k, [1], 0, no)],
    ['truncatedNormal: upper must be a number, got "2"', () => truncatedNormal(k, [1], { upper: '2' as never })],
    ['fillUniform: out must be a Float32Array or Float64Array, got Int32Array(4)', () => fillUniform(k, i32 as never)],
    ['fillNormal: out must be', () => fillNormal(k, [1, 2] as never)],
    ['fillExponential: out must be', () => fillExponential(k, u8 as never)],
    ['fillGamma: out must be', () => fillGamma(k, no, { alpha: 1 })],
    ['fillTruncatedNormal: out must be', () => fillTruncatedNormal(k, i32 as never)],
    ['fillIntegers: out must be an Int32Array', () => fillIntegers(k, f32 as never, { low: 0, high: 2 })],
    ['fillBernoulli: out must be a Uint8Array', () => fillBernoulli(k, i32 as never)],
    ['fillNormal: offset must be an integer', () => fillNormal(k, f32, { offset: '0' as never })],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['normal: shape must be an integer >= 0, got -1', () => normal(k, [2, -1])],
    ['uniform: shape must be an integer >= 0, got 1.5', () => uniform(k, [1.5])],
    ['gamma: shape must be an integer >= 0, got NaN', () => gamma(k, [NaN], { alpha: 1 })],
    ['bernoulli: shape must have at most 2^32 elements', () => bernoulli(k, [65536, 65537])],
    ['exponential: shape must have fewer than 2^53', () => exponential(k, [2 ** 30, 2 ** 30])],
    ['uniform: low must be a finite number', () => uniform(k, [1], { low: NaN })],
    ['uniform: high must be a finite number > 1', () => uniform(k, [1], { low: 1, high: 1 })],
    ['uniform: high must be a finite number > 0', () => uniform(k, [1], { high: Infinity })],
    ['uniform: low must be', () => uniform(k, [1], { low: -1e39 })],
    ['uniform: [low, high) must contain a float32 number', () => uniform(k, [1], { low: 0.7, high: 0.70000001 })],
    ['uniform: low must be an integer', () => uniform(k, [1], { low: 0.5, high: 3, dtype: 'int32' })],
    ['uniform: dtype must be one of "float32", "int32", got "bool"', () => uniform(k, [1], { dtype: 'bool' as never })],
    ['fillUniform: high - low must keep every draw finite', () => fillUniform(k, f64, { low: -1e308, high: 1e308 })],
    ['normal: std must be a finite number >= 0, got -1', () => normal(k, [1], { std: -1 })],
    ['normal: mean must be a finite number, got NaN', () => normal(k, [1], { mean: NaN })],
    ['normal: |mean| + 9 std must keep every draw finite in float32', () => normal(k, [1], { std: 1e38 })],
    ['truncatedNormal: std must be a finite number > 0, got 0', () => truncatedNormal(k, [1], { std: 0 })],
    ['truncatedNormal: mean must be', () => truncatedNormal(k, [1], { mean: Infinity })],
    ['truncatedNormal: lower must be < upper (2), got 2', () => truncatedNormal(k, [1], { lower: 2 })],
    ['truncatedNormal: lower must be < upper (2), got Infinity', () => truncatedNormal(k, [1], { lower: Infinity })],
    ['truncatedNormal: upper must not be NaN, got NaN', () => truncatedNormal(k, [1], { upper: NaN })],
    [
      'truncatedNormal: [lower, upper] must contain a float32 number',
      () => truncatedNormal(k, [1], { lower: 0.7, upper: 0.70000001 }),
    ],
    [
      'truncatedNormal: |mean|, |lower|, |upper| + 40 std must keep every draw finite in float32',
      () => truncatedNormal(k, [1], { lower: 1e39, upper: 2e39 }),
    ],
    ['gamma: alpha must be a finite number > 0, got 0', () => gamma(k, [1], { alpha: 0 })],
    ['gamma: alpha must be', () => gamma(k, [1], { alpha: Infinity })],
    ['gamma: rate must be a finite number > 0', () => gamma(k, [1], { alpha: 1, rate: 0 })],
    ['gamma: alpha / rate must keep every draw finite in float32', () => gamma(k, [1], { alpha: 1, rate: 1e-38 })],
    ['exponential: rate must be a finite number > 0, got -2', () => exponential(k, [1], { rate: -2 })],
    ['exponential: 37 / rate must keep every draw finite', () => exponential(k, [1], { rate: 1e-38 })],
    ['integers: low must be an integer', () => integers(k, [1], 0.5, 3)],
    ['integers: low must be an integer >= -2147483648', () => integers(k, [1], -(2 ** 31) - 1, 3)],
    ['integers: high must be an integer > 3 and <= 2147483648, got 3', () => integers(k, [1], 3, 3)],
    ['integers: high must be', () => integers(k, [1], 0, 2 ** 31 + 1)],
    ['bernoulli: p must be a finite number >= 0 and <= 1, got 1.1', () => bernoulli(k, [1], 1.1)],
    ['bernoulli: p must be', () => bernoulli(k, [1], NaN)],
    ['permutation: n must be an integer >= 0', () => permutation(k, -1)],
    ['permutation: n must be', () => permutation(k, 2.5)],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it('allows a standard deviation of zero', () => {
    expect([...fillNormal(k, f32, { mean: 3, std: 0 })]).toEqual([3, 3, 3, 3]);
  });
});
