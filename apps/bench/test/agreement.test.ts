import { describe, expect, it } from 'vitest';
import { digest, relativeDifference, TOLERANCE } from '../src/agreement';
import { rowOf } from '../src/row';
import { mlp } from '../src/workloads/mlp';
import { uniform } from '../src/values';
import { measuredSide } from './fakes';

describe('relativeDifference', () => {
  it('is relative to the largest expected value', () => {
    expect(relativeDifference([1, 2, 4], [1, 2, 4])).toBe(0);
    expect(relativeDifference([1, 2.04, 4], [1, 2, 4])).toBeCloseTo(0.01, 12);
    expect(relativeDifference([0, 0], [0, 0])).toBe(0);
  });

  it('is not a number where a value is not, or is missing', () => {
    expect(relativeDifference([1, NaN], [1, 2])).toBeNaN();
    expect(relativeDifference([Infinity], [Infinity])).toBeNaN();
    expect(relativeDifference([1], [1, 2])).toBeNaN();
  });
});

describe('digest', () => {
  const output = uniform('output', 1000, 3);
  const difference = (change: (values: Float32Array) => void): number => {
    const changed = output.slice();
    change(changed);
    return relativeDifference(digest(changed), digest(output));
  };

  it('begins with the root mean square', () => {
    expect(digest([3, 4])[0]).toBeCloseTo(Math.sqrt(12.5), 12);
    expect(digest(output)).toHaveLength(5);
  });

  it('tells outputs apart that are scaled, permuted, negated or wrong in a tenth of the values', () => {
    expect(difference((values) => values.forEach((value, i) => (values[i] = value * 1.01)))).toBeGreaterThan(TOLERANCE);
    expect(difference((values) => values.reverse())).toBeGreaterThan(TOLERANCE);
    expect(difference((values) => values.forEach((value, i) => (values[i] = -value)))).toBeGreaterThan(TOLERANCE);
    expect(difference((values) => values.fill(0, 900))).toBeGreaterThan(TOLERANCE);
  });

  it('is about the same for outputs that differ by rounding', () => {
    expect(difference((values) => values.forEach((value, i) => (values[i] = value * (1 + 1e-6))))).toBeLessThan(1e-5);
  });
});

describe('rowOf', () => {
  const torch = measuredSide({});
  const onnx = measuredSide({ side: 'onnx', label: 'onnx, 1 thread', checks: [3, 2, 1 + 1e-4] });

  it('agrees when all computed the same', () => {
    const row = rowOf(mlp, 'tiny', [onnx, torch], []);
    expect(row).toMatchObject({ workload: 'mlp', status: 'agrees', reasons: [], reference: torch.label });
    expect(row.sides).toEqual([
      { ...onnx, difference: expect.closeTo(1e-4 / 3, 10) as number },
      { ...torch, difference: 0 },
    ]);
  });

  it('fails with both results when one differs', () => {
    const wrong = { ...onnx, checks: [3, 2, 1.01] };
    const { status, reasons } = rowOf(mlp, 'tiny', [wrong, torch], []);
    const got = 'got 3.00000, 2.00000, 1.01000 for 3.00000, 2.00000, 1.00000';
    expect([status, reasons]).toEqual(['failed', [`onnx, 1 thread must agree with ${torch.label} to 0.001, ${got}`]]);
    expect(rowOf(mlp, 'tiny', [{ ...onnx, checks: [3, NaN, 1] }, torch], []).status).toBe('failed');
  });

  it('fails when a side did, with its reason', () => {
    const failed = { side: 'wasm', label: 'wasm', threads: 1, failure: 'wasm: out of memory' } as const;
    const { status, reasons } = rowOf(mlp, 'tiny', [torch, failed, onnx], []);
    expect([status, reasons]).toEqual(['failed', ['wasm: out of memory']]);
    expect(rowOf(mlp, 'tiny', [failed], [])).toMatchObject({ status: 'failed', reference: null });
  });

  it('is unchecked with one side, unless its own results are no numbers', () => {
    expect(rowOf(mlp, 'tiny', [onnx], []).status).toBe('unchecked');
    expect(rowOf(mlp, 'tiny', [{ ...onnx, checks: [NaN] }], []).status).toBe('failed');
  });
});
