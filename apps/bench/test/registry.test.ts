import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { chooseWorkloads, WORKLOADS } from '../src/registry';

const here = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

describe('the registry', () => {
  it('has every workload once', () => {
    expect(WORKLOADS.map(({ name }) => name)).toEqual([
      ...['transformer-small', 'transformer-large', 'convolutions', 'unet', 'vit-small', 'mlp'],
      ...['matmul', 'elementwise', 'softmax', 'layernorm'],
    ]);
    // One file holds both transformers.
    expect(readdirSync(here('../src/workloads'))).toHaveLength(WORKLOADS.length - 1);
  });

  it.each(WORKLOADS.map((workload) => [workload.name, workload] as const))('%s has a twin and two sizes', (_, one) => {
    expect(existsSync(here(`../peers/${one.peer}.py`))).toBe(true);
    expect(Object.keys(one.sizes.tiny)).toEqual(Object.keys(one.sizes.full));
    expect(one.description('full')).not.toBe(one.description('tiny'));
    expect(one.description('full')).not.toMatch(/undefined|NaN|object/);
    expect(new Set(one.peerVariants).size).toBe(one.peerVariants.length);
  });
});

describe('chooseWorkloads', () => {
  it('takes all for no name, and keeps their order', () => {
    expect(chooseWorkloads([])).toEqual(WORKLOADS);
    expect(chooseWorkloads(['matmul', 'mlp', 'matmul']).map(({ name }) => name)).toEqual(['mlp', 'matmul']);
  });

  it('names those that there are not', () => {
    const known = WORKLOADS.map(({ name }) => name).join(', ');
    expect(() => chooseWorkloads(['mlp', 'mpl', 'no'])).toThrow(
      `bench: a workload must be one of ${known}, got mpl, no.`,
    );
  });
});
