import { check, random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AxialFamily } from '../src/slices/axial-distribution';
import { axialFromJSON, makeAxial } from '../src/slices/axial-json';
import { distributionOf, FAMILIES } from './axial-support';

describe('axial distributions', () => {
  beforeAll(() => useBackend('cpu'));

  const where: Record<AxialFamily, string> = {
    vmf: 'sliced-wasserstein.VonMisesFisher',
    vmfSymmetric: 'sliced-wasserstein.SymmetricVonMisesFisher',
    powerSpherical: 'sliced-wasserstein.PowerSpherical',
  };
  it.each(FAMILIES)('%s refuses bad parameters', (family) => {
    const make = (mu: unknown, kappa: unknown) => () => makeAxial('test', family, mu as number[], kappa as number);
    const refused: [() => unknown, new (message?: string) => Error, string][] = [
      [make([1, 0], -1), RangeError, 'kappa must be a finite number >= 0, got -1.'],
      [make([1, 0], NaN), RangeError, 'kappa must be a finite number >= 0, got NaN.'],
      [make([1, 0], '1'), TypeError, 'kappa must be a finite number >= 0, got "1".'],
      [make([0, 0], 1), RangeError, 'mu must have an entry that is not 0, got [0, 0].'],
      [make([1, Infinity], 1), RangeError, 'mu[1] must be a finite number, got Infinity.'],
      [make([], 1), check.ShapeError, 'mu must have at least one number, got [].'],
      [make('north', 1), TypeError, 'mu must be an array of numbers, got "north".'],
      [make(null, 1), TypeError, 'mu must be an array of numbers, got null.'],
    ];
    for (const [call, error, message] of refused) {
      expect(call).toThrow(error);
      expect(call).toThrow(`${where[family]}: ${message}`);
    }
  });

  it('refuses an unknown family', () => {
    expect(() => makeAxial('test', 'watson' as never, [1, 0], 1)).toThrow(
      'test: family must be one of "vmf", "vmfSymmetric", "powerSpherical", got "watson".',
    );
  });

  it.each(FAMILIES)('%s refuses bad draws', (family) => {
    const distribution = distributionOf(family, 2, 1);
    for (const method of ['sample', 'draw', 'drawCosines', 'rsample'] as const) {
      const at = `${where[family]}.${method}`;
      expect(() => distribution[method](0, random.key(0))).toThrow(`${at}: count must be an integer >= 1, got 0.`);
      expect(() => distribution[method](3, '7' as never)).toThrow(`${at}: key must be a Key or a number, got "7".`);
    }
  });

  it.each(FAMILIES)('%s refuses slices that are none', (family) => {
    const distribution = distributionOf(family, 2, 1);
    const at = `${where[family]}.logProb`;
    const refused: [unknown, new (message?: string) => Error, string][] = [
      [
        [
          [1, 0],
          [0.6, 0.7],
        ],
        RangeError,
        'row 1 of theta must have norm 1, got',
      ],
      [[[1, 0, 0]], check.ShapeError, 'theta must have the shape [L, 2], got [1, 3].'],
      [[[1, NaN]], RangeError, 'row 0 of theta must have finite numbers, got NaN.'],
      [[], check.ShapeError, 'theta must have the shape [n, d] with n >= 1 and d >= 1, got'],
      [7, TypeError, 'theta must be a 2-D tensor or an array of rows, got 7.'],
    ];
    for (const [theta, error, message] of refused) {
      expect(() => distribution.logProb(theta as number[][])).toThrow(error);
      expect(() => distribution.logProb(theta as number[][])).toThrow(`${at}: ${message}`);
    }
    const fix = 'Divide each by its norm.';
    expect(() => distribution.logProb([[0, 2]])).toThrow(`${at}: row 0 of theta must have norm 1, got 2. ${fix}`);
  });

  it.each([
    null,
    {},
    'vmf',
    { family: 'vmf', mu: [1, 0] },
    { family: 'vmf', mu: 'x', kappa: 1 },
    { family: 'vmf', mu: [0], kappa: 1 },
    { family: 'vmf', mu: [1, '2'], kappa: 1 },
    { family: 'watson', mu: [1], kappa: 1 },
    { family: 'vmfSymmetric', mu: [1], kappa: -1 },
  ])('axialFromJSON refuses %j', (json) => {
    expect(() => axialFromJSON(json)).toThrow(check.FormatError);
    const families = "'vmf', 'vmfSymmetric' or 'powerSpherical'";
    expect(() => axialFromJSON(json)).toThrow(
      `sliced-wasserstein.axialFromJSON: json must be { family: ${families}, mu: numbers not all 0, kappa: a number >= 0 }, got `,
    );
  });
});
